/* Pseudobulk: from the cells of all files to one mean profile per key, by all ranks together.
 *
 * Work is done in batches of profiles whose fp64 accumulators fit in a given memory; a batch is one
 * plate or more where that is possible. For every batch each rank reads its share of the rows of
 * the files concerned (dealt by non-zeros) in blocks of fixed size, and adds cells to its
 * accumulators. Then each profile is summed on one rank, divided, and written by it. Nothing grows
 * with cells x genes. Sums are exact (data/normalize.h), so the result is the same on any number of
 * ranks and for any batch size.
 *
 * A slot is what cells are added to: a profile has one, a held-out profile has several, whose cells
 * are its disjoint sub-bulks; their sum is the profile. */
#ifndef SCP_DATA_PSEUDOBULK_H
#define SCP_DATA_PSEUDOBULK_H

#include "comm/comm.h"
#include "data/layout.h"
#include "io/shard.h"

/* What rank 0 plans. Zero-initialise; scp_bulk_plan_fini frees what is not borrowed. */
typedef struct scp_bulk_plan {
    scp_values values;
    size_t G;             /* genes of the files                                             */
    size_t P, R;          /* profiles, sub-bulks                                            */
    int32_t *first_slot;  /* [P + 1] slots of profile p: [first_slot[p], first_slot[p + 1]) */
    int32_t *plate;       /* [P] batches end where it changes, if they can                  */
    uint8_t *train;       /* [P] 1: takes part in training, so its cells count for detection */
    size_t n_files;
    size_t memory;        /* bytes of accumulators on a rank                                */
    int threads;          /* of a rank                                                      */
    size_t hot;           /* genes that a sample of cells has                               */
    int32_t *place;       /* [G] of every gene in the accumulators: data/bulk_sums.h        */
    int32_t **cell_slot;  /* [n_files][cells] slot of every cell, -1: left out. Rank 0 only */
    size_t *file_cells;   /* [n_files] rank 0 only                                          */
    char *const *path;    /* [n_files] borrowed, the same on every rank                     */
    const char *matrix;   /* "X", "raw/X", "layers/counts"; borrowed                        */
} scp_bulk_plan;

/* What came out; the same on every rank. Zero-initialise, scp_bulk_result_fini. */
typedef struct scp_bulk_result {
    int64_t *slot_cells; /* [slots] cells that count: those with any molecule */
    int64_t *detected;   /* [G] training cells with a value above 0           */
    int64_t train_cells;
    int64_t empty_cells; /* cells of the plan without any molecule: left out  */
} scp_bulk_result;

/** Give all ranks what rank 0 planned (but the cells, which follow file by file). Collective. */
scp_status scp_bulk_plan_share(scp_comm *comm, scp_bulk_plan *plan) SCP_MUST_USE;
void scp_bulk_plan_fini(scp_bulk_plan *plan);

/** Read, sum, divide and put all profiles and sub-bulks, all genes, into `to` (created with P, R,
 *  G). SCP_EDATA with file and row for a bad value. Collective. */
scp_status scp_bulk_run(scp_comm *comm, const scp_bulk_plan *plan, scp_shard_writer *to,
                        scp_bulk_result *out) SCP_MUST_USE;
void scp_bulk_result_fini(scp_bulk_result *r);

/** Sums and sums of squares over the profiles with train = 1, for every gene, on every rank; exact
 *  like the sums of cells. sum, square: [G] owned by the caller. Collective. */
scp_status scp_bulk_moments(scp_comm *comm, const scp_bulk_plan *plan, scp_shard_writer *from,
                            double *sum, double *square) SCP_MUST_USE;

/** Copy a matrix of `rows` rows over plan->G genes to one of the n given columns. Collective. */
scp_status scp_bulk_select(scp_comm *comm, const scp_bulk_plan *plan, scp_shard_matrix m,
                           scp_shard_writer *from, const int32_t *column, size_t n,
                           scp_shard_writer *to) SCP_MUST_USE;

#endif
