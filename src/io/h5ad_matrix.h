/* A matrix of an AnnData file, read in blocks of rows: CSR, CSC or dense. Private to src/io. */
#ifndef SCP_IO_H5AD_MATRIX_H
#define SCP_IO_H5AD_MATRIX_H

#include "io/h5.h"
#include "io/h5ad.h"
#include "io/h5ad_starts.h"

typedef struct scp_matrix {
    scp_h5ad_kind kind;
    size_t n_rows, n_cols;
    hid_t data, indices, indptr; /* datasets; dense: data only */
    scp_starts *indptr_reader;
    size_t nnz, longest;         /* sparse: entries; those of the longest row (CSC: column) */
    uint64_t starts;             /* sparse: XXH3 of indptr as 64-bit numbers; dense: 0 */
    int64_t *column_start;       /* CSC: [n_cols + 1] */
    int64_t *row_start;          /* [n_rows + 1] of a CSC after its transposition */
    int32_t *column;             /* CSC after its transposition: whole matrix in CSR form */
    float *value;
    float *dense; /* rows of a dense matrix, [cap_dense] */
    size_t cap_dense;
    char where[1024]; /* "file:/X" for messages */
} scp_matrix;

#define SCP_MATRIX_NONE                                                                            \
    {                                                                                              \
        .data = H5I_INVALID_HID, .indices = H5I_INVALID_HID, .indptr = H5I_INVALID_HID             \
    }

/** Open the matrix at `path` and check its structure: shape, lengths, row starts from 0, rising,
 * and ending at the number of entries. SCP_EDATA. m: scp_matrix_close, also after an error. */
scp_status scp_matrix_open(hid_t file, const char *path, size_t n_rows, size_t n_cols,
                           scp_matrix *m) SCP_MUST_USE;
void scp_matrix_close(scp_matrix *m);

/** CSR: where rows [first, first + n] begin; start [n + 1]. */
scp_status scp_matrix_row_starts(const scp_matrix *m, size_t first, size_t n,
                                 int64_t *start) SCP_MUST_USE;

/** Rows [first, first + n), as scp_h5ad_read_rows. */
scp_status scp_matrix_rows(scp_matrix *m, size_t first, size_t n, scp_h5ad_rows *rows) SCP_MUST_USE;

/** As scp_h5ad_look_csc. */
scp_status scp_matrix_look_csc(const scp_matrix *m, int64_t *entries, size_t cap, float *value,
                               size_t *n) SCP_MUST_USE;

/** CSC only: build the rows in memory, once (8 bytes an entry). */
scp_status scp_matrix_transpose(scp_matrix *m) SCP_MUST_USE;

/** The selected matrix of a reader, borrowed; SCP_EDATA when the file has none. */
scp_status scp_h5ad_matrix(scp_h5ad *f, scp_matrix **m) SCP_MUST_USE;

#endif
