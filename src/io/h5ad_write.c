/* AnnData writer: encodings of AnnData 0.8 and later, under a temporary name until commit.
 *
 * CSR entries are gathered until they fill whole chunks, so that each chunk is compressed once. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/h5ad_writer.h"

enum { TAHOE_CHUNK = 96077, DENSE_CHUNK = 1 << 18 }; /* elements */

/* ---- small parts ---- */

scp_status scp_out_encoding(hid_t object, const char *type, const char *version)
{
    SCP_TRY(scp_h5_set_text(object, "encoding-type", type));
    SCP_TRY(scp_h5_set_text(object, "encoding-version", version));
    return SCP_OK;
}

scp_status scp_out_group(hid_t loc, const char *name, const char *type, const char *version,
                         hid_t *group)
{
    scp_status st = SCP_OK;
    hid_t g = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_group_create(loc, name, &g));
    SCP_GOTO(done, scp_out_encoding(g, type, version));
done:
    if (group && st == SCP_OK)
        *group = g;
    else if (g >= 0)
        SCP_H5_KEEP(st, H5Gclose(g));
    return st;
}

scp_h5_layout scp_out_layout(const scp_h5ad_writer *w)
{
    return (scp_h5_layout){ .chunk = { w->opt.chunk },
                            .shuffle = w->opt.shuffle,
                            .deflate = w->opt.deflate };
}

/* Chunks of a dense matrix: whole rows of about a mebibyte. */
scp_h5_layout scp_out_dense_layout(const scp_h5ad_writer *w)
{
    scp_h5_layout layout = scp_out_layout(w);
    layout.chunk[1] = w->n_vars < DENSE_CHUNK ? w->n_vars : DENSE_CHUNK;
    layout.chunk[0] = layout.chunk[1] ? DENSE_CHUNK / layout.chunk[1] : 1;
    return layout;
}

/* ---- life ---- */

static scp_status open_x(scp_h5ad_writer *w)
{
    scp_status st = SCP_OK;
    hid_t group = H5I_INVALID_HID;
    const int64_t shape[2] = { (int64_t)w->n_obs, (int64_t)w->n_vars };
    scp_h5_layout grown = scp_out_layout(w), dense = scp_out_dense_layout(w);
    size_t none = 0, dims[2] = { w->n_obs, w->n_vars };
    grown.grows = true;
    if (!w->opt.csr) {
        SCP_GOTO(done,
                 scp_h5_dataset_create(w->file, "X", H5T_IEEE_F32LE, 2, dims, &dense, &w->data));
        SCP_GOTO(done, scp_out_encoding(w->data, "array", "0.2.0"));
        goto done;
    }
    SCP_GOTO(done, scp_out_group(w->file, "X", "csr_matrix", "0.1.0", &group));
    SCP_GOTO(done, scp_h5_set_i64(group, "shape", 2, shape));
    SCP_GOTO(done,
             scp_h5_dataset_create(group, "data", H5T_IEEE_F32LE, 1, &none, &grown, &w->data));
    SCP_GOTO(done,
             scp_h5_dataset_create(group, "indices", w->opt.index64 ? H5T_STD_I64LE : H5T_STD_I32LE,
                                   1, &none, &grown, &w->indices));
    SCP_GOTO(done, scp_alloc(w->n_obs + 1, sizeof *w->indptr, &w->indptr));
done:
    if (group >= 0) SCP_H5_KEEP(st, H5Gclose(group));
    return st;
}

static scp_status begin_file(scp_h5ad_writer *w)
{
    static const char *const dicts[] = { "layers", "obsm", "obsp", "uns", "varm", "varp" };
    SCP_TRY(scp_h5_create(w->tmp, &w->file));
    SCP_TRY(scp_out_encoding(w->file, "anndata", "0.1.0"));
    SCP_TRY(scp_out_group(w->file, "obs", "dataframe", "0.2.0", NULL));
    SCP_TRY(scp_out_group(w->file, "var", "dataframe", "0.2.0", NULL));
    for (size_t i = 0; i < sizeof dicts / sizeof dicts[0]; i++)
        SCP_TRY(scp_out_group(w->file, dicts[i], "dict", "0.1.0", NULL));
    SCP_TRY(open_x(w));
    return SCP_OK;
}

scp_status scp_h5ad_writer_create(const char *path, size_t n_obs, size_t n_vars,
                                  const scp_h5ad_write_options *opt, scp_h5ad_writer **out)
{
    scp_status st = SCP_OK;
    scp_h5ad_writer *w = NULL;
    char tmp[SCP_PATH_MAX];
    SCP_ARG(path && opt && out, "path, options and writer are required");
    *out = NULL;
    SCP_ARG(n_vars <= INT32_MAX, "%s: at most %d variables", path, INT32_MAX);
    SCP_TRY(scp_alloc(1, sizeof *w, &w));
    w->file = w->data = w->indices = H5I_INVALID_HID;
    w->n_obs = n_obs;
    w->n_vars = n_vars;
    w->opt = *opt;
    if (!w->opt.chunk) w->opt.chunk = TAHOE_CHUNK;
    w->obs = (scp_out_frame){ .group = "obs", .n = n_obs };
    w->var = (scp_out_frame){ .group = "var", .n = n_vars };
    SCP_GOTO(done, scp_strdup(path, &w->path));
    SCP_GOTO(done, scp_fs_tmp_name(tmp, sizeof tmp, path));
    SCP_GOTO(done, scp_strdup(tmp, &w->tmp));
    SCP_GOTO(done, scp_names_create(&w->obs.columns));
    SCP_GOTO(done, scp_names_create(&w->var.columns));
    SCP_GOTO(done, begin_file(w));
done:
    if (st != SCP_OK) scp_h5ad_writer_abort(&w);
    *out = w;
    return st;
}

static scp_status close_file(scp_h5ad_writer *w)
{
    scp_status st = SCP_OK;
    if (w->data >= 0) SCP_H5_KEEP(st, H5Dclose(w->data));
    if (w->indices >= 0) SCP_H5_KEEP(st, H5Dclose(w->indices));
    w->data = w->indices = H5I_INVALID_HID;
    SCP_KEEP(st, scp_h5_close(&w->file));
    return st;
}

void scp_h5ad_writer_abort(scp_h5ad_writer **out)
{
    scp_h5ad_writer *w = out ? *out : NULL;
    if (!w) return;
    if (w->data >= 0) H5Dclose(w->data);
    if (w->indices >= 0) H5Dclose(w->indices);
    if (w->file >= 0) H5Fclose(w->file);
    if (w->tmp) scp_fs_remove(w->tmp);
    scp_names_destroy(&w->obs.columns);
    scp_names_destroy(&w->var.columns);
    free(w->path);
    free(w->tmp);
    free(w->indptr);
    free(w->column);
    free(w->value);
    free(w->dense);
    free(w);
    *out = NULL;
}

/* ---- X ---- */

static scp_status need_rows(const scp_h5ad_writer *w, size_t n)
{
    SCP_ARG(n <= w->n_obs - w->rows, "%s: %zu rows on top of %zu, the file has %zu", w->path, n,
            w->rows, w->n_obs);
    return SCP_OK;
}

/* Write the first n pending entries and move the rest to the front. */
static scp_status flush(scp_h5ad_writer *w, size_t n)
{
    if (n == 0) return SCP_OK;
    SCP_TRY(scp_h5_append(w->data, H5T_NATIVE_FLOAT, n, w->value));
    SCP_TRY(scp_h5_append(w->indices, H5T_NATIVE_INT32, n, w->column));
    w->pending -= n;
    memmove(w->value, w->value + n, w->pending * sizeof *w->value);
    memmove(w->column, w->column + n, w->pending * sizeof *w->column);
    return SCP_OK;
}

static scp_status append_csr(scp_h5ad_writer *w, const scp_h5ad_rows *rows)
{
    size_t nnz = (size_t)rows->indptr[rows->n_rows], need = w->pending + nnz;
    SCP_TRY(scp_grow(&w->column, &w->cap_column, need, sizeof *w->column));
    SCP_TRY(scp_grow(&w->value, &w->cap_value, need, sizeof *w->value));
    memcpy(w->column + w->pending, rows->column, nnz * sizeof *w->column);
    memcpy(w->value + w->pending, rows->value, nnz * sizeof *w->value);
    w->pending = need;
    for (size_t i = 0; i < rows->n_rows; i++)
        w->indptr[w->rows + i + 1] = w->indptr[w->rows] + rows->indptr[i + 1];
    w->rows += rows->n_rows;
    SCP_TRY(flush(w, w->pending / w->opt.chunk * w->opt.chunk));
    return SCP_OK;
}

scp_status scp_h5ad_write_rows(scp_h5ad_writer *w, const scp_h5ad_rows *rows)
{
    SCP_TRY(need_rows(w, rows->n_rows));
    if (rows->n_rows == 0) return SCP_OK;
    for (int64_t k = 0; k < rows->indptr[rows->n_rows]; k++)
        SCP_ARG(rows->column[k] >= 0 && (size_t)rows->column[k] < w->n_vars,
                "%s: entry %lld is in column %d of %zu", w->path, (long long)k, rows->column[k],
                w->n_vars);
    if (w->opt.csr) {
        SCP_TRY(append_csr(w, rows));
        return SCP_OK;
    }
    SCP_TRY(scp_grow(&w->dense, &w->cap_dense, w->n_vars, sizeof *w->dense));
    for (size_t i = 0; i < rows->n_rows; i++) {
        memset(w->dense, 0, w->n_vars * sizeof *w->dense);
        for (int64_t k = rows->indptr[i]; k < rows->indptr[i + 1]; k++)
            w->dense[rows->column[k]] += rows->value[k];
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
        SCP_TRY(scp_h5_write_slab(w->data, H5T_NATIVE_FLOAT, w->rows, n, x));
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

static scp_status finish_x(scp_h5ad_writer *w)
{
    const scp_h5_layout layout = scp_out_layout(w);
    size_t n = w->n_obs + 1;
    SCP_ARG(w->rows == w->n_obs, "%s: %zu of %zu rows of X were written", w->path, w->rows,
            w->n_obs);
    if (!w->opt.csr) return SCP_OK;
    SCP_TRY(flush(w, w->pending));
    SCP_TRY(scp_h5_write(w->file, "X/indptr", H5T_NATIVE_INT64, 1, &n, &layout, w->indptr));
    return SCP_OK;
}

scp_status scp_h5ad_writer_commit(scp_h5ad_writer **w)
{
    scp_status st = SCP_OK;
    SCP_GOTO(done, finish_x(*w));
    SCP_GOTO(done, scp_out_finish_frame(*w, &(*w)->obs));
    SCP_GOTO(done, scp_out_finish_frame(*w, &(*w)->var));
    SCP_GOTO(done, close_file(*w));
    SCP_GOTO(done, scp_fs_commit((*w)->tmp, (*w)->path));
done:
    scp_h5ad_writer_abort(w);
    return st;
}
