/* Matrices: structure check on opening, hyperslab reads of row blocks, values checked as they come.
 *
 * HDF5 converts to int32 and float on the way in. Values beyond int32 are clipped, so that an index
 * out of range stays out of range (n_cols <= INT32_MAX), and a double beyond float becomes
 * infinite: both are then refused by the checks below. */
#include "io/h5ad_matrix.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "io/h5_sound.h"

enum {
    DENSE_BLOCK = 1 << 24, /* elements of a dense matrix, or entries of a CSC, read at a time */
    START_BLOCK = 1 << 18  /* row starts checked at a time                                    */
};

static scp_status dataset_length(hid_t dset, size_t *n)
{
    int rank = 0;
    size_t dims[SCP_H5_MAX_RANK];
    char where[1024];
    SCP_TRY(scp_h5_extent(dset, &rank, dims));
    if (rank != 1)
        SCP_FAIL(SCP_EDATA, "%s: %d dimensions, a sparse matrix has 1-D parts",
                 scp_h5_where(dset, NULL, where, sizeof where), rank);
    *n = dims[0];
    return SCP_OK;
}

static scp_status sparse_format(hid_t group, scp_matrix *m)
{
    scp_status st = SCP_OK;
    bool old =
        !scp_h5_has_attr(group, "encoding-type") && scp_h5_has_attr(group, "h5sparse_format");
    char *format = NULL;
    int64_t shape[2];
    SCP_GOTO(done, scp_h5_attr_text(group, old ? "h5sparse_format" : "encoding-type", &format));
    if (strncmp(format, "csr", 3) == 0)
        m->kind = SCP_H5AD_CSR;
    else if (strncmp(format, "csc", 3) == 0)
        m->kind = SCP_H5AD_CSC;
    else
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s: encoding \"%s\" is not a matrix; csr_matrix, csc_matrix "
                      "and dense arrays are understood",
                      m->where, format);
    SCP_GOTO(done, scp_h5_attr_i64(group, old ? "h5sparse_shape" : "shape", 2, shape));
    if (shape[0] < 0 || shape[1] < 0 || (size_t)shape[0] != m->n_rows ||
        (size_t)shape[1] != m->n_cols)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s: the shape is [%" PRId64 ", %" PRId64
                      "], but obs and var have %zu and %zu rows",
                      m->where, shape[0], shape[1], m->n_rows, m->n_cols);
done:
    free(format);
    return st;
}

/* Row or column starts of a block: they rise from *last, the start before it. */
static scp_status check_starts(scp_matrix *m, const int64_t *start, size_t first, size_t n,
                               int64_t *last)
{
    if (first == 0 && start[0] != 0)
        SCP_FAIL(SCP_EDATA, "%s: indptr does not begin at 0", m->where);
    for (size_t i = 0; i < n; i++) {
        if (start[i] < *last)
            SCP_FAIL(SCP_EDATA, "%s: indptr falls after %s %zu", m->where,
                     m->kind == SCP_H5AD_CSR ? "row" : "column", first + i - 1);
        if ((size_t)(start[i] - *last) > m->longest) m->longest = (size_t)(start[i] - *last);
        *last = start[i];
    }
    return SCP_OK;
}

/* Check all n + 1 starts, block by block: those of a CSR are read again when they are needed. */
static scp_status check_indptr(scp_matrix *m, size_t n)
{
    scp_status st = SCP_OK;
    int64_t *block = NULL, last = 0;
    size_t step = n + 1 < START_BLOCK ? n + 1 : START_BLOCK;
    SCP_GOTO(done, scp_alloc(step, sizeof *block, &block));
    for (size_t at = 0; at <= n; at += step) {
        size_t some = n + 1 - at < step ? n + 1 - at : step;
        SCP_GOTO(done, scp_starts_read(m->indptr_reader, at, some, block));
        SCP_GOTO(done, check_starts(m, block, at, some, &last));
        m->starts = scp_hash_bytes(block, some * sizeof *block, m->starts);
    }
    if ((size_t)last != m->nnz)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: indptr ends at %" PRId64 ", but there are %zu values",
                      m->where, last, m->nnz);
done:
    free(block);
    return st;
}

static scp_status open_sparse(hid_t file, const char *path, scp_matrix *m)
{
    scp_status st = SCP_OK;
    hid_t group = H5I_INVALID_HID;
    size_t n_indices = 0, n_starts = 0;
    SCP_GOTO(done, scp_h5_group_open(file, path, &group));
    SCP_GOTO(done, sparse_format(group, m));
    SCP_GOTO(done, scp_h5_dataset_open_cached(group, "data", &m->data));
    SCP_GOTO(done, scp_h5_dataset_open_cached(group, "indices", &m->indices));
    SCP_GOTO(done, scp_h5_check_number(m->data, false));
    SCP_GOTO(done, scp_h5_check_number(m->indices, true));
    SCP_GOTO(done, scp_h5_dataset_open(group, "indptr", &m->indptr));
    SCP_GOTO(done, scp_h5_check_number(m->indptr, true));
    SCP_GOTO(done, scp_h5_check_stored(m->indptr, m->where));
    SCP_GOTO(done, dataset_length(m->data, &m->nnz));
    SCP_GOTO(done, dataset_length(m->indices, &n_indices));
    SCP_GOTO(done, dataset_length(m->indptr, &n_starts));
    if (m->nnz != n_indices)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: %zu values, but %zu indices", m->where, m->nnz,
                      n_indices);
    size_t n = m->kind == SCP_H5AD_CSR ? m->n_rows : m->n_cols;
    if (n_starts != n + 1)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s/indptr: the shape is [%zu], expected [%zu]", m->where,
                      n_starts, n + 1);
    SCP_GOTO(done, scp_starts_open(m->indptr, &m->indptr_reader));
    SCP_GOTO(done, check_indptr(m, n));
    if (m->kind == SCP_H5AD_CSR) goto done;
    SCP_GOTO(done, scp_alloc(n_starts, sizeof *m->column_start, &m->column_start));
    SCP_GOTO(done, scp_starts_read(m->indptr_reader, 0, n_starts, m->column_start));
    scp_starts_close(&m->indptr_reader); /* they are all here */
done:
    if (group >= 0) H5Gclose(group);
    return st;
}

static scp_status open_dense(hid_t file, const char *path, scp_matrix *m)
{
    int rank = 0;
    size_t dims[SCP_H5_MAX_RANK];
    m->kind = SCP_H5AD_DENSE;
    SCP_TRY(scp_h5_dataset_open_cached(file, path, &m->data));
    SCP_TRY(scp_h5_extent(m->data, &rank, dims));
    if (rank != 2 || dims[0] != m->n_rows || dims[1] != m->n_cols)
        SCP_FAIL(SCP_EDATA, "%s: %d dimensions [%zu, %zu], but obs and var have %zu and %zu rows",
                 m->where, rank, dims[0], dims[1], m->n_rows, m->n_cols);
    SCP_TRY(scp_h5_check_number(m->data, false));
    return SCP_OK;
}

scp_status scp_matrix_open(hid_t file, const char *path, size_t n_rows, size_t n_cols,
                           scp_matrix *m)
{
    *m = (scp_matrix)SCP_MATRIX_NONE;
    m->n_rows = n_rows;
    m->n_cols = n_cols;
    scp_h5_where(file, path, m->where, sizeof m->where);
    if (n_cols > INT32_MAX)
        SCP_FAIL(SCP_EDATA, "%s: %zu columns are more than this program counts", m->where, n_cols);
    if (scp_h5_is_group(file, path))
        SCP_TRY(open_sparse(file, path, m));
    else if (scp_h5_is_dataset(file, path))
        SCP_TRY(open_dense(file, path, m));
    else
        SCP_FAIL(SCP_EDATA, "%s: there is no such matrix in the file", m->where);
    return SCP_OK;
}

void scp_matrix_close(scp_matrix *m)
{
    scp_starts_close(&m->indptr_reader);
    if (m->data >= 0) H5Dclose(m->data);
    if (m->indices >= 0) H5Dclose(m->indices);
    if (m->indptr >= 0) H5Dclose(m->indptr);
    free(m->column_start);
    free(m->row_start);
    free(m->column);
    free(m->value);
    free(m->dense);
    *m = (scp_matrix)SCP_MATRIX_NONE;
}

/* ---- reading ---- */

static scp_status rows_reserve(scp_h5ad_rows *rows, size_t n, size_t nnz)
{
    size_t cap_values = rows->cap_nnz;
    SCP_TRY(scp_grow(&rows->indptr, &rows->cap_rows, n + 1, sizeof *rows->indptr));
    SCP_TRY(scp_grow(&rows->value, &cap_values, nnz, sizeof *rows->value));
    SCP_TRY(scp_grow(&rows->column, &rows->cap_nnz, nnz, sizeof *rows->column));
    return SCP_OK;
}

/* Row of entry k, for messages. */
static size_t row_of(const scp_h5ad_rows *rows, size_t k)
{
    size_t i = 0;
    while (i + 1 < rows->n_rows && rows->indptr[i + 1] <= (int64_t)k) i++;
    return i;
}

static scp_status check_entries(const scp_matrix *m, size_t first, const scp_h5ad_rows *rows)
{
    size_t nnz = (size_t)rows->indptr[rows->n_rows], bad = nnz;
    const uint32_t n_cols = (uint32_t)m->n_cols;
    bool fine = true;
    for (size_t k = 0; k < nnz; k++)
        fine &= ((uint32_t)rows->column[k] < n_cols) & (isfinite(rows->value[k]) != 0);
    if (fine) return SCP_OK;
    for (size_t k = 0; k < nnz && bad == nnz; k++)
        if ((uint32_t)rows->column[k] >= n_cols || !isfinite(rows->value[k])) bad = k;
    size_t row = first + row_of(rows, bad);
    if ((uint32_t)rows->column[bad] >= n_cols)
        SCP_FAIL(SCP_EDATA, "%s: row %zu: column index %d, but there are %zu columns", m->where,
                 row, rows->column[bad], m->n_cols);
    SCP_FAIL(SCP_EDATA, "%s: row %zu, column %d: the value is not finite", m->where, row,
             rows->column[bad]);
}

scp_status scp_matrix_row_starts(const scp_matrix *m, size_t first, size_t n, int64_t *start)
{
    if (m->row_start)
        memcpy(start, m->row_start + first, (n + 1) * sizeof *start);
    else
        SCP_TRY(scp_starts_read(m->indptr_reader, first, n + 1, start));
    return SCP_OK;
}

static scp_status csr_rows(const scp_matrix *m, size_t first, size_t n, scp_h5ad_rows *rows)
{
    SCP_TRY(rows_reserve(rows, n, 0));
    SCP_TRY(scp_matrix_row_starts(m, first, n, rows->indptr));
    size_t start = (size_t)rows->indptr[0], nnz = (size_t)rows->indptr[n] - start;
    SCP_TRY(rows_reserve(rows, n, nnz));
    rows->n_rows = n;
    for (size_t i = 0; i <= n; i++) rows->indptr[i] -= (int64_t)start;
    if (m->column) { /* a transposed CSC */
        memcpy(rows->column, m->column + start, nnz * sizeof *rows->column);
        memcpy(rows->value, m->value + start, nnz * sizeof *rows->value);
        return SCP_OK;
    }
    SCP_TRY(scp_h5_read_slab(m->indices, H5T_NATIVE_INT32, start, nnz, rows->column));
    SCP_TRY(scp_h5_read_slab(m->data, H5T_NATIVE_FLOAT, start, nnz, rows->value));
    SCP_TRY(check_entries(m, first, rows));
    return SCP_OK;
}

/* Append the entries of one dense row that are not zero. */
static scp_status gather_row(const scp_matrix *m, const float *x, size_t row, scp_h5ad_rows *rows)
{
    size_t nnz = (size_t)rows->indptr[rows->n_rows];
    SCP_TRY(rows_reserve(rows, rows->n_rows + 1, nnz + m->n_cols));
    for (size_t j = 0; j < m->n_cols; j++) {
        if (!isfinite(x[j]))
            SCP_FAIL(SCP_EDATA, "%s: row %zu, column %zu: the value is not finite", m->where, row,
                     j);
        rows->column[nnz] = (int32_t)j;
        rows->value[nnz] = x[j];
        nnz += x[j] != 0;
    }
    rows->indptr[++rows->n_rows] = (int64_t)nnz;
    return SCP_OK;
}

static scp_status dense_rows(scp_matrix *m, size_t first, size_t n, scp_h5ad_rows *rows)
{
    size_t step = m->n_cols && m->n_cols < DENSE_BLOCK ? DENSE_BLOCK / m->n_cols : 1;
    if (step > n) step = n;
    SCP_TRY(rows_reserve(rows, n, 0));
    SCP_TRY(scp_grow(&m->dense, &m->cap_dense, step * m->n_cols, sizeof *m->dense));
    rows->n_rows = 0;
    rows->indptr[0] = 0;
    for (size_t at = 0; at < n; at += step) {
        size_t some = n - at < step ? n - at : step;
        SCP_TRY(scp_h5_read_slab(m->data, H5T_NATIVE_FLOAT, first + at, some, m->dense));
        for (size_t i = 0; i < some; i++)
            SCP_TRY(gather_row(m, m->dense + i * m->n_cols, first + at + i, rows));
    }
    return SCP_OK;
}

scp_status scp_matrix_rows(scp_matrix *m, size_t first, size_t n, scp_h5ad_rows *rows)
{
    SCP_ARG(first <= m->n_rows && n <= m->n_rows - first, "rows [%zu, %zu) of %zu", first,
            first + n, m->n_rows);
    if (m->kind == SCP_H5AD_DENSE) {
        SCP_TRY(dense_rows(m, first, n, rows));
        return SCP_OK;
    }
    if (m->kind == SCP_H5AD_CSC) SCP_TRY(scp_matrix_transpose(m));
    SCP_TRY(csr_rows(m, first, n, rows));
    return SCP_OK;
}

/* ---- CSC ---- */

scp_status scp_matrix_look_csc(const scp_matrix *m, int64_t *entries, size_t cap, float *value,
                               size_t *n)
{
    enum { PLACES = 16 };
    SCP_ARG(m->kind == SCP_H5AD_CSC && !m->column, "%s: a CSC matrix that was not transposed",
            m->where);
    size_t all = (size_t)m->column_start[m->n_cols], each = cap / PLACES;
    for (size_t j = 0; j < m->n_cols; j++) entries[j] = m->column_start[j + 1] - m->column_start[j];
    *n = 0;
    for (size_t i = 0; i < PLACES; i++) {
        size_t first = all / PLACES * i + all % PLACES * i / PLACES,
               end = all / PLACES * (i + 1) + all % PLACES * (i + 1) / PLACES;
        size_t some = end - first < each ? end - first : each;
        SCP_TRY(scp_h5_read_slab(m->data, H5T_NATIVE_FLOAT, first, some, value + *n));
        *n += some;
    }
    return SCP_OK;
}

/* Entries of columns in blocks: whole columns of at most DENSE_BLOCK entries (or one longer
 * column). */
static size_t columns_end(const scp_matrix *m, size_t begin)
{
    size_t end = begin + 1;
    while (end < m->n_cols && m->column_start[end + 1] - m->column_start[begin] <= DENSE_BLOCK)
        end++;
    return end;
}

typedef struct csc_block {
    int32_t *row;
    float *value;
    size_t cap_row, cap_value, n;
} csc_block;

static scp_status read_columns(const scp_matrix *m, size_t begin, size_t end, bool values,
                               csc_block *b)
{
    size_t start = (size_t)m->column_start[begin];
    b->n = (size_t)m->column_start[end] - start;
    SCP_TRY(scp_grow(&b->row, &b->cap_row, b->n, sizeof *b->row));
    SCP_TRY(scp_h5_read_slab(m->indices, H5T_NATIVE_INT32, start, b->n, b->row));
    if (!values) return SCP_OK;
    SCP_TRY(scp_grow(&b->value, &b->cap_value, b->n, sizeof *b->value));
    SCP_TRY(scp_h5_read_slab(m->data, H5T_NATIVE_FLOAT, start, b->n, b->value));
    return SCP_OK;
}

/* First pass: entries of each row, as row starts shifted by one place. */
static scp_status count_rows(const scp_matrix *m, csc_block *b, int64_t *start)
{
    for (size_t j = 0, end; j < m->n_cols; j = end) {
        end = columns_end(m, j);
        SCP_TRY(read_columns(m, j, end, false, b));
        for (size_t k = 0; k < b->n; k++) {
            if (b->row[k] < 0 || (size_t)b->row[k] >= m->n_rows)
                SCP_FAIL(SCP_EDATA, "%s: row index %d, but there are %zu rows", m->where, b->row[k],
                         m->n_rows);
            start[b->row[k] + 1]++;
        }
    }
    for (size_t i = 0; i < m->n_rows; i++) start[i + 1] += start[i];
    return SCP_OK;
}

/* Second pass: each entry to the next free place of its row; next [n_rows] moves from start to end.
 */
static scp_status scatter(scp_matrix *m, csc_block *b, int64_t *next)
{
    for (size_t j = 0, end; j < m->n_cols; j = end) {
        end = columns_end(m, j);
        SCP_TRY(read_columns(m, j, end, true, b));
        for (size_t k = 0, col = j; k < b->n; k++) {
            while (m->column_start[col + 1] - m->column_start[j] <= (int64_t)k) col++;
            if (!isfinite(b->value[k]))
                SCP_FAIL(SCP_EDATA, "%s: row %d, column %zu: the value is not finite", m->where,
                         b->row[k], col);
            int64_t at = next[b->row[k]]++;
            m->column[at] = (int32_t)col;
            m->value[at] = b->value[k];
        }
    }
    return SCP_OK;
}

scp_status scp_matrix_transpose(scp_matrix *m)
{
    scp_status st = SCP_OK;
    csc_block block = { 0 };
    int64_t *start = NULL, *next = NULL;
    if (m->column) return SCP_OK;
    SCP_GOTO(done, scp_alloc(m->n_rows + 1, sizeof *start, &start));
    SCP_GOTO(done, scp_alloc(m->n_rows + 1, sizeof *next, &next));
    SCP_GOTO(done, count_rows(m, &block, start));
    memcpy(next, start, (m->n_rows + 1) * sizeof *next);
    SCP_GOTO(done, scp_alloc(m->nnz, sizeof *m->value, &m->value));
    SCP_GOTO(done, scp_alloc(m->nnz, sizeof *m->column, &m->column));
    SCP_GOTO(done, scatter(m, &block, next));
    m->row_start = start;
    start = NULL;
done:
    if (st != SCP_OK) { /* stay untransposed */
        free(m->column);
        free(m->value);
        m->column = NULL;
        m->value = NULL;
    }
    free(block.row);
    free(block.value);
    free(start);
    free(next);
    return st;
}
