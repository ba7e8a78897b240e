/* Pseudobulk: from the cells of all files to one mean profile per key, by all ranks together.
 *
 * Work is done in batches of profiles whose fp64 accumulators fit in a given memory; where that is
 * possible a batch is the plates of one file, or of files that share plates. For every batch each
 * rank streams its share of the rows of the files concerned with its threads, which add cells to
 * the rank's accumulators. Then each profile is summed over ranks on one of them, divided, and
 * written by it. Nothing grows with cells x genes. Sums are exact (data/normalize.h), so the result
 * is the same on any number of ranks and threads and for any batch size.
 *
 * A finished batch is a part: a file in a folder of its own (io/part.h). A run that was stopped
 * takes over the parts that belong to its plan and does what is missing. In the end the parts are
 * merged, with the chosen genes, into the shard. When one batch is all that there is to do, it
 * makes no part, unless parts are wanted: its rows go from the accumulators into the shard.
 *
 * A slot is what cells are added to: a profile has one; a held-out profile and its control have
 * several, whose cells are its disjoint sub-bulks; their sum is the profile. */
#ifndef SCP_DATA_PSEUDOBULK_H
#define SCP_DATA_PSEUDOBULK_H

#include "base/fs.h"
#include "comm/comm.h"
#include "data/layout.h"
#include "io/shard.h"

/* What rank 0 plans. Zero-initialise; scp_bulk_plan_fini frees what is not borrowed. */
typedef struct scp_bulk_plan {
    scp_values values;
    uint64_t hash;       /* of all that decides the content of parts                       */
    size_t G;            /* genes of the files                                             */
    size_t P, R;         /* profiles, sub-bulks                                            */
    int32_t *first_slot; /* [P + 1] slots of profile p: [first_slot[p], first_slot[p + 1]) */
    int32_t *plate;      /* [P] batches end where it changes, if they can                  */
    uint8_t *seam;       /* [P] 1: a plate begins, and no file has cells on both sides     */
    uint8_t *train;      /* [P] 1: takes part in training, so its cells count for detection */
    size_t n_files;
    size_t memory;           /* bytes of accumulators on a rank                                */
    int threads;             /* of a rank                                                      */
    bool single_writer;      /* rank 0 alone writes                                            */
    bool keep_parts;         /* parts are wanted, even of a run of one batch                   */
    bool moments;            /* so are the moments of genes                                    */
    size_t hot;              /* genes that a sample of cells has                               */
    int32_t *place;          /* [G] of every gene in the accumulators: data/bulk_sums.h        */
    int32_t **cell_slot;     /* [n_files][cells] slot of every cell, -1: left out. Rank 0 only */
    size_t *file_cells;      /* [n_files] rank 0 only                                          */
    scp_fs_stamp *stamp;     /* [n_files] of the files as planned. Rank 0 only                 */
    char *const *plate_name; /* [plates] rank 0 only, borrowed                              */
    char *const *path;       /* [n_files] borrowed, the same on every rank                     */
    const char *matrix;      /* "X", "raw/X", "layers/counts"; borrowed                        */
} scp_bulk_plan;

/** Give all ranks what rank 0 planned (but the cells, which follow file by file). Collective. */
scp_status scp_bulk_plan_share(scp_comm *comm, scp_bulk_plan *plan) SCP_MUST_USE;
void scp_bulk_plan_fini(scp_bulk_plan *plan);

/* Profiles [first, end). */
typedef struct scp_bulk_range {
    size_t first, end;
} scp_bulk_range;

/** Slots of a range, and how many of them are sub-bulks. */
size_t scp_bulk_slots(const scp_bulk_plan *p, scp_bulk_range r);
size_t scp_bulk_sub_bulks(const scp_bulk_plan *p, scp_bulk_range r);

/** The batch that begins at `first` and ends before `limit`: whole plates up to the next seam while
 *  they fit, so that no file is read twice for want of anything but memory, and what is finished
 *  stays finished; a plate that is too large for the memory is cut, a profile that is too large is
 *  a batch of its own. */
scp_bulk_range scp_bulk_batch(const scp_bulk_plan *p, size_t first, size_t limit);

/** Bytes of the buffers of fixed size that a rank has while it sums, beside those of the reader. */
size_t scp_bulk_buffers(const scp_comm *comm, const scp_bulk_plan *p);

/* Parts of a run, see bulk_parts.h; accumulators, see bulk_impl.h. */
typedef struct scp_bulk_parts scp_bulk_parts;
typedef struct scp_bulk_work scp_bulk_work;

/* What came out; the same on every rank. Zero-initialise, scp_bulk_result_fini. */
typedef struct scp_bulk_result {
    int64_t *slot_cells; /* [slots] cells that count: those with any molecule               */
    int64_t *detected;   /* [G] training cells with a value above 0                         */
    int64_t train_cells;
    int64_t empty_cells;  /* cells of the plan without any molecule: left out                */
    int64_t profiles;     /* training profiles, vehicle included                             */
    double *sum, *square; /* [G] moments of the training profiles, summed exactly; zeros
                           * unless the plan asks for them or there are parts                */
    uint64_t *digest;     /* [n_files] of the stored bytes of the matrix                     */
    uint8_t *has_digest;  /* [n_files] 0: no cell of the file was wanted                     */
    scp_bulk_parts *parts;
    scp_bulk_work *only; /* of a run of one batch: where its rows are; else NULL            */
} scp_bulk_result;

/** Read, sum, divide and store all profiles and sub-bulks, all genes, as parts in folder `dir`,
 *  which is made; or read and sum them, when one batch is all. Parts of the same plan that are
 *  there already are taken over, others are removed;
 *  each is said. own (rank 0): no other run can write to it. SCP_EDATA with file and row for a bad
 * value; SCP_EREQUEUE when a signal asked to stop. Finished parts stay on failure. Collective. */
scp_status scp_bulk_run(scp_comm *comm, const scp_bulk_plan *plan, const char *dir, bool own,
                        scp_bulk_result *out) SCP_MUST_USE;
/** `keep`: the parts stay on disk, else rank 0 removes them. */
void scp_bulk_result_fini(scp_comm *comm, scp_bulk_result *r, bool keep);

/** Bring the n given columns of all profiles and sub-bulks from the parts into a shard; column -1
 *  is a gene that the files do not have: 0. Collective. */
scp_status scp_bulk_merge(scp_comm *comm, const scp_bulk_plan *plan, const scp_bulk_result *from,
                          const int32_t *column, size_t n, scp_shard_writer *to) SCP_MUST_USE;

#endif
