/* AnnData writer: the matrix X, dense or CSR. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/h5ad_writer.h"

scp_pack_format scp_h5ad_pack_format(const scp_h5ad_write_options *opt, scp_h5ad_part part)
{
    bool wide = part == SCP_H5AD_COLUMNS && opt->index64;
    return (scp_pack_format){ opt->deflate, opt->shuffle, wide ? 8 : 4, true };
}

static scp_status open_csr(scp_h5ad_writer *w, hid_t group)
{
    const int64_t shape[2] = { (int64_t)w->n_obs, (int64_t)w->n_vars }, start = 0;
    hid_t index = w->opt.index64 ? H5T_NATIVE_INT64 : H5T_NATIVE_INT32;
    scp_h5_layout fixed = scp_out_layout(w), grown = fixed;
    size_t none = 0, starts = w->n_obs + 1;
    grown.grows = grown.sparse = true;
    SCP_TRY(scp_h5_set_i64(group, "shape", 2, shape));
    SCP_TRY(scp_h5_out_create(group, "data", H5T_NATIVE_FLOAT, 1, &none, &grown, w->opt.threads,
                              &w->data));
    SCP_TRY(
        scp_h5_out_create(group, "indices", index, 1, &none, &grown, w->opt.threads, &w->indices));
    SCP_TRY(
        scp_h5_out_create(group, "indptr", H5T_NATIVE_INT64, 1, &starts, &fixed, 1, &w->indptr));
    return scp_h5_out_append(w->indptr, 1, &start);
}

scp_status scp_out_open_x(scp_h5ad_writer *w)
{
    scp_status st = SCP_OK;
    hid_t group = H5I_INVALID_HID;
    scp_h5_layout dense = scp_out_dense_layout(w);
    size_t dims[2] = { w->n_obs, w->n_vars };
    if (w->opt.csr) {
        SCP_GOTO(done, scp_out_group(w->file, "X", "csr_matrix", "0.1.0", &group));
        SCP_GOTO(done, open_csr(w, group));
    } else {
        SCP_GOTO(done, scp_h5_out_create(w->file, "X", H5T_NATIVE_FLOAT, 2, dims, &dense,
                                         w->opt.threads, &w->data));
        SCP_GOTO(done, scp_out_encoding(scp_h5_out_dataset(w->data), "array", "0.2.0"));
    }
done:
    if (group >= 0) SCP_H5_KEEP(st, H5Gclose(group));
    return st;
}

void scp_out_drop_x(scp_h5ad_writer *w)
{
    scp_h5_out_drop(&w->data);
    scp_h5_out_drop(&w->indices);
    scp_h5_out_drop(&w->indptr);
}

static scp_status need_rows(const scp_h5ad_writer *w, size_t n)
{
    SCP_ARG(n <= w->n_obs - w->rows, "%s: %zu rows on top of %zu, the file has %zu", w->path, n,
            w->rows, w->n_obs);
    return SCP_OK;
}

/* ---- CSR ---- */

scp_status scp_h5ad_write_packed(scp_h5ad_writer *w, scp_h5ad_part part, const void *bytes,
                                 size_t n)
{
    SCP_ARG(w->opt.csr, "%s: only CSR comes in packed parts", w->path);
    if (part == SCP_H5AD_VALUES) w->stored += (int64_t)scp_h5ad_pack_chunk(&w->opt);
    SCP_TRY(scp_h5_out_packed(part == SCP_H5AD_VALUES ? w->data : w->indices, bytes, n));
    return SCP_OK;
}

scp_status scp_h5ad_write_entries(scp_h5ad_writer *w, const int32_t *column, const float *value,
                                  size_t n)
{
    SCP_ARG(w->opt.csr, "%s: only CSR has entries", w->path);
    for (size_t k = 0; k < n; k++)
        SCP_ARG(column[k] >= 0 && (size_t)column[k] < w->n_vars,
                "%s: entry %zu is in column %d of %zu", w->path, k, column[k], w->n_vars);
    SCP_TRY(scp_h5_out_append(w->data, n, value));
    if (w->opt.index64) {
        SCP_TRY(scp_grow(&w->wide, &w->cap_wide, n, sizeof *w->wide));
        for (size_t k = 0; k < n; k++) w->wide[k] = column[k];
        SCP_TRY(scp_h5_out_append(w->indices, n, w->wide));
    } else {
        SCP_TRY(scp_h5_out_append(w->indices, n, column));
    }
    w->stored += (int64_t)n;
    return SCP_OK;
}

scp_status scp_h5ad_write_lengths(scp_h5ad_writer *w, const int32_t *length, size_t n)
{
    SCP_ARG(w->opt.csr, "%s: only CSR has row starts", w->path);
    SCP_TRY(need_rows(w, n));
    SCP_TRY(scp_grow(&w->wide, &w->cap_wide, n, sizeof *w->wide));
    for (size_t i = 0; i < n; i++) w->wide[i] = w->entries += length[i];
    SCP_TRY(scp_h5_out_append(w->indptr, n, w->wide));
    w->rows += n;
    return SCP_OK;
}

static scp_status append_csr(scp_h5ad_writer *w, const scp_h5ad_rows *rows)
{
    SCP_TRY(
        scp_h5ad_write_entries(w, rows->column, rows->value, (size_t)rows->indptr[rows->n_rows]));
    SCP_TRY(scp_grow(&w->wide, &w->cap_wide, rows->n_rows, sizeof *w->wide));
    for (size_t i = 0; i < rows->n_rows; i++) w->wide[i] = w->entries + rows->indptr[i + 1];
    SCP_TRY(scp_h5_out_append(w->indptr, rows->n_rows, w->wide));
    w->entries += rows->indptr[rows->n_rows];
    w->rows += rows->n_rows;
    return SCP_OK;
}

/* ---- rows ---- */

scp_status scp_h5ad_write_rows(scp_h5ad_writer *w, const scp_h5ad_rows *rows)
{
    SCP_TRY(need_rows(w, rows->n_rows));
    if (rows->n_rows == 0) return SCP_OK;
    if (w->opt.csr) {
        SCP_TRY(append_csr(w, rows));
        return SCP_OK;
    }
    SCP_TRY(scp_grow(&w->dense, &w->cap_dense, w->n_vars, sizeof *w->dense));
    for (size_t i = 0; i < rows->n_rows; i++) {
        memset(w->dense, 0, w->n_vars * sizeof *w->dense);
        for (int64_t k = rows->indptr[i]; k < rows->indptr[i + 1]; k++) {
            SCP_ARG(rows->column[k] >= 0 && (size_t)rows->column[k] < w->n_vars,
                    "%s: entry %lld is in column %d of %zu", w->path, (long long)k, rows->column[k],
                    w->n_vars);
            w->dense[rows->column[k]] += rows->value[k];
        }
        SCP_TRY(scp_h5ad_write_dense(w, w->dense, 1));
    }
    return SCP_OK;
}

/* The non-zeros of one dense row, as a block of one row that borrows from its arguments. */
static scp_status append_dense_row(scp_h5ad_writer *w, const float *x, int32_t *column,
                                   float *value)
{
    int64_t indptr[2] = { 0, 0 };
    for (size_t j = 0; j < w->n_vars; j++) {
        column[indptr[1]] = (int32_t)j;
        value[indptr[1]] = x[j];
        indptr[1] += x[j] != 0;
    }
    scp_h5ad_rows row = { .n_rows = 1, .indptr = indptr, .column = column, .value = value };
    SCP_TRY(append_csr(w, &row));
    return SCP_OK;
}

scp_status scp_h5ad_write_dense(scp_h5ad_writer *w, const float *x, size_t n)
{
    scp_status st = SCP_OK;
    int32_t *column = NULL;
    float *value = NULL;
    SCP_TRY(need_rows(w, n));
    if (!w->opt.csr) {
        SCP_TRY(scp_h5_out_append(w->data, n, x));
        w->rows += n;
        return SCP_OK;
    }
    SCP_GOTO(done, scp_alloc(w->n_vars + 1, sizeof *column, &column));
    SCP_GOTO(done, scp_alloc(w->n_vars + 1, sizeof *value, &value));
    for (size_t i = 0; i < n; i++)
        SCP_GOTO(done, append_dense_row(w, x + i * w->n_vars, column, value));
done:
    free(column);
    free(value);
    return st;
}

scp_status scp_out_finish_x(scp_h5ad_writer *w)
{
    SCP_ARG(w->rows == w->n_obs, "%s: %zu of %zu rows of X were written", w->path, w->rows,
            w->n_obs);
    SCP_ARG(w->entries == w->stored, "%s: rows with %lld entries, %lld were written", w->path,
            (long long)w->entries, (long long)w->stored);
    SCP_TRY(scp_h5_out_close(&w->data));
    if (!w->opt.csr) return SCP_OK;
    SCP_TRY(scp_h5_out_close(&w->indices));
    SCP_TRY(scp_h5_out_close(&w->indptr));
    return SCP_OK;
}
