/* Adding the cells of a file to accumulators by several threads: the part of pseudobulk that one
 * rank does alone. */
#ifndef SCP_DATA_BULK_READ_H
#define SCP_DATA_BULK_READ_H

#include "base/fs.h"
#include "base/progress.h"
#include "data/bulk_sums.h"
#include "data/layout.h"

/* What one thread counts, and its buffers. */
typedef struct scp_bulk_worker scp_bulk_worker;

/* Cells of a run, for all ranks. What the other ranks have done of the file in work is taken to be
 * in proportion to their shares, which hold equal numbers of stored values. */
typedef struct scp_bulk_progress {
    scp_progress *show;  /* on rank 0; NULL: silent               */
    int64_t before;      /* cells of all ranks before this file   */
    int64_t here, share; /* of this file: of all ranks, of rank 0 */
    int64_t done;        /* of rank 0, so far                     */
} scp_bulk_progress;

/* The slots in work, and what is added to. Zero-initialise, set the first members; open allocates
 * the rest, fini frees it. */
typedef struct scp_bulk_sink {
    scp_values values;
    int threads;
    const uint8_t *slot_train; /* [all slots] borrowed                    */
    scp_sums *sums;            /* of slots [first, end); borrowed         */
    int32_t first, end;
    int64_t *slot_cells;      /* [all slots] borrowed                    */
    scp_bulk_worker **worker; /* [threads]                               */
    scp_bulk_progress progress;
} scp_bulk_sink;

/** Threads' counters. SCP_ENOMEM. */
scp_status scp_bulk_sink_open(scp_bulk_sink *s) SCP_MUST_USE;
void scp_bulk_sink_fini(scp_bulk_sink *s);

/** Bytes of the threads' counters and buffers, for so many slots at a time. */
size_t scp_bulk_sink_bytes(int threads, size_t G, size_t slots);

/** Before the files of a batch: buffers, ready for slots [first, end), whatever another left.
 *  SCP_ENOMEM. */
scp_status scp_bulk_sink_begin(scp_bulk_sink *s) SCP_MUST_USE;

/** After them: add what the threads have kept back, and free their buffers. Add to detected [G], by
 *  column of the file, and to the numbers of training cells and of cells without any molecule what
 *  was counted since the last call, and forget it. SCP_ENOMEM. */
scp_status scp_bulk_sink_finish(scp_bulk_sink *s, int64_t *detected, int64_t *train_cells,
                                int64_t *empty_cells) SCP_MUST_USE;

/* Rows of one file for one rank. */
typedef struct scp_bulk_rows {
    const char *path, *matrix;
    size_t cells, genes; /* of the whole file, as planned                              */
    scp_fs_stamp stamp;  /* of the file, as planned                                    */
    size_t first, n;     /* rows [first, first + n)                                    */
    const int32_t *slot; /* [n]; rows of slots outside of the batch are skipped        */
    int rank, size;      /* the share of this rank                                     */
} scp_bulk_rows;

/** Add this rank's share of the rows. `digest` (may be NULL) becomes that of the stored bytes of
 *  the share, see scp_h5ad_stream: it needs all chunks, wanted or not. SCP_EDATA with file and row,
 *  or when the file is not, or no longer, the one that was planned; SCP_EREQUEUE when a signal
 * asked to stop. Not collective. */
scp_status scp_bulk_read(const scp_bulk_rows *r, scp_bulk_sink *sink,
                         uint64_t *digest) SCP_MUST_USE;

#endif
