/* What the files of pseudobulk share. Only src/data. */
#ifndef SCP_DATA_BULK_IMPL_H
#define SCP_DATA_BULK_IMPL_H

#include "data/bulk_parts.h"
#include "data/bulk_read.h"
#include "data/pseudobulk.h"

/* A run on one rank: the batch in work, and buffers that serve all batches. */
struct scp_bulk_work {
    scp_comm *comm;
    const scp_bulk_plan *plan;
    scp_bulk_parts *parts;
    scp_sums sums;
    scp_bulk_sink sink;
    int64_t *slot_cells; /* [slots]                                                 */
    uint8_t *slot_train; /* [slots]                                                 */
    uint8_t *known;      /* [n_files] 1: some part has the file's digest            */
    uint64_t *digest;    /* [n_files] taken by the batch in work, of all ranks      */
    uint8_t *took;       /* [n_files] 1: it is                                      */
    scp_part part;       /* of the batch in work                                    */
    int64_t planned;     /* cells of the batch in work, by the plan                 */
    size_t K;            /* columns of the rows that are made: of the part, or of a shard  */
    int32_t *place;      /* [K] in the accumulators; -1: no cell has the gene              */
    double *pack;        /* [pack_slots, K] sums on their way to their owner        */
    float *x, *reps;     /* the same, profiles and sub-bulks of this rank           */
    size_t pack_slots;
    int64_t *detected; /* [G] of the batch                                        */
};

/** Frees it and *w. */
void scp_bulk_work_destroy(scp_bulk_work **w);

/** Slots of one piece of an exchange of rows: 16 MiB of sums, at least the largest profile. */
size_t scp_bulk_pack_slots(const scp_bulk_plan *p, size_t columns);
/** Bytes of the buffers of a piece, at most: its sums, and as many in the rows made of them. */
size_t scp_bulk_pack_bytes(const scp_bulk_plan *p);

/** Sum the accumulators of a batch over ranks, divide, and store them as a part. Collective. */
scp_status scp_bulk_finish(scp_bulk_work *w, scp_bulk_range batch) SCP_MUST_USE;

/** The same of the batch that is all there is to do: its tables become a part without a file, and
 *  the accumulators stay until the rows are written. Collective. */
scp_status scp_bulk_finish_only(scp_bulk_work *w, scp_bulk_range batch) SCP_MUST_USE;
/** Rows of that batch into a shard, as scp_bulk_merge. Collective. */
scp_status scp_bulk_write_only(scp_bulk_work *w, const int32_t *column, size_t n,
                               scp_shard_writer *to) SCP_MUST_USE;

/** Totals over all parts. The same on every rank. */
scp_status scp_bulk_totals(const scp_bulk_plan *p, scp_bulk_result *out) SCP_MUST_USE;

#endif
