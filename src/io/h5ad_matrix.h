/* A matrix of an AnnData file, read in blocks of rows: CSR, CSC or dense. Private to src/io. */
#ifndef SCP_IO_H5AD_MATRIX_H
#define SCP_IO_H5AD_MATRIX_H

#include "io/h5.h"
#include "io/h5ad.h"

typedef struct scp_matrix {
    scp_h5ad_kind kind;
    size_t n_rows, n_cols;
    hid_t data, indices; /* datasets; dense: data only */
    int64_t *indptr;     /* sparse: [n_rows + 1]; CSC: [n_cols + 1] until transposed */
    int32_t *column;     /* CSC after its transposition: whole matrix in CSR form */
    float *value;
    float *dense; /* rows of a dense matrix, [cap_dense] */
    size_t cap_dense;
    char where[1024]; /* "file:/X" for messages */
} scp_matrix;

/** Open the matrix at `path` and check its structure: shape, lengths, row starts from 0, rising,
 * and ending at the number of entries. SCP_EDATA. m: scp_matrix_close, also after an error. */
scp_status scp_matrix_open(hid_t file, const char *path, size_t n_rows, size_t n_cols,
                           scp_matrix *m) SCP_MUST_USE;
void scp_matrix_close(scp_matrix *m);

/** Rows [first, first + n), as scp_h5ad_read_rows. */
scp_status scp_matrix_rows(scp_matrix *m, size_t first, size_t n, scp_h5ad_rows *rows) SCP_MUST_USE;

/** CSC only: build the rows in memory, once (8 bytes an entry). */
scp_status scp_matrix_transpose(scp_matrix *m) SCP_MUST_USE;

#endif
