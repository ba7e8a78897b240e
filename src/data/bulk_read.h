/* Adding the cells of a file to accumulators: the part of pseudobulk that one rank does alone. */
#ifndef SCP_DATA_BULK_READ_H
#define SCP_DATA_BULK_READ_H

#include "base/progress.h"
#include "data/pseudobulk.h"
#include "io/h5ad.h"

/* The slots in work, and what is added to. Accumulators are borrowed. */
typedef struct scp_bulk_sink {
    scp_values values;
    size_t G;
    int32_t first, end;      /* slots of the batch                                     */
    double *sum;             /* [end - first, G]                                       */
    int64_t *slot_cells;     /* [all slots]                                            */
    int64_t *detected;       /* [G]                                                    */
    const uint8_t *slot_train; /* [all slots]                                          */
    int64_t train_cells, empty_cells, cells_done;
    scp_progress *progress;  /* told of cells_done after every block                   */
} scp_bulk_sink;

/** Add rank `rank` of `size`'s share of rows [first, first + n) of a file; slot [n] is that of
 *  every row, rows of other batches are skipped. Shares hold about equal numbers of non-zeros.
 *  SCP_EDATA with file and row. Not collective. */
scp_status scp_bulk_read(const char *path, const char *matrix, size_t first, size_t n,
                         const int32_t *slot, int rank, int size, scp_bulk_sink *sink) SCP_MUST_USE;

#endif
