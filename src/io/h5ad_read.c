/* AnnData reader: the frames obs and var, one matrix at a time. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/h5ad_frame.h"
#include "io/h5ad_matrix.h"

struct scp_h5ad {
    char *path;
    hid_t file;
    scp_frame obs, var; /* var belongs to the selected matrix */
    scp_matrix matrix;
    char *matrix_name;
    bool has_matrix; /* a file may come without X          */
};

/* Path in the file of "raw/X" and "raw/var": files of the 0.5 era have them at the root. */
static const char *old_name(hid_t file, const char *name)
{
    if (strcmp(name, "raw/X") == 0 && !scp_h5_exists(file, name)) return "raw.X";
    if (strcmp(name, "raw/var") == 0 && !scp_h5_exists(file, name)) return "raw.var";
    return name;
}

static bool is_raw(const char *name)
{
    return strcmp(name, "raw/X") == 0;
}

/* An absent X may be written as an element of type null. */
static bool is_null(hid_t file, const char *name)
{
    char *type = NULL;
    hid_t object = H5Oopen(file, name, H5P_DEFAULT);
    bool null = object >= 0 && scp_h5_has_attr(object, "encoding-type") &&
                scp_h5_attr_text(object, "encoding-type", &type) == SCP_OK &&
                strcmp(type, "null") == 0;
    if (!type) scp_err_clear();
    free(type);
    if (object >= 0) H5Oclose(object);
    return null;
}

static scp_status check_root(const scp_h5ad *f)
{
    char *type = NULL;
    if (!scp_h5_exists(f->file, "obs") || !scp_h5_exists(f->file, "var"))
        SCP_FAIL(SCP_EDATA, "%s: not an AnnData file: it has no obs or no var", f->path);
    if (!scp_h5_has_attr(f->file, "encoding-type")) return SCP_OK; /* before 0.8 */
    SCP_TRY(scp_h5_attr_text(f->file, "encoding-type", &type));
    bool fine = strcmp(type, "anndata") == 0 || strcmp(type, "raw") == 0;
    scp_status st = SCP_OK;
    if (!fine)
        st = scp_err_raise(SCP_EDATA, __FILE__, __LINE__, NULL,
                           "%s: encoding \"%s\" is not an AnnData file", f->path, type);
    free(type);
    return st;
}

scp_status scp_h5ad_open(const char *path, scp_h5ad **out)
{
    scp_status st = SCP_OK;
    scp_h5ad *f = NULL;
    SCP_ARG(path && out, "path and reader are required");
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *f, &f));
    f->file = H5I_INVALID_HID;
    f->matrix = (scp_matrix)SCP_MATRIX_NONE;
    SCP_GOTO(done, scp_strdup(path, &f->path));
    SCP_GOTO(done, scp_h5_open(path, &f->file));
    SCP_GOTO(done, check_root(f));
    SCP_GOTO(done, scp_frame_open(f->file, "obs", &f->obs));
    SCP_GOTO(done, scp_frame_open(f->file, "var", &f->var));
    if (scp_h5_exists(f->file, "X") && !is_null(f->file, "X"))
        SCP_GOTO(done, scp_h5ad_select_matrix(f, "X"));
done:
    if (st != SCP_OK) scp_h5ad_close(&f);
    *out = f;
    return st;
}

void scp_h5ad_close(scp_h5ad **f)
{
    if (!f || !*f) return;
    scp_matrix_close(&(*f)->matrix);
    scp_frame_fini(&(*f)->obs);
    scp_frame_fini(&(*f)->var);
    if ((*f)->file >= 0 && H5Fclose((*f)->file) < 0) H5Eclear2(H5E_DEFAULT);
    free((*f)->matrix_name);
    free((*f)->path);
    free(*f);
    *f = NULL;
}

const char *scp_h5ad_path(const scp_h5ad *f)
{
    return f->path;
}

size_t scp_h5ad_n_obs(const scp_h5ad *f)
{
    return f->obs.n;
}

size_t scp_h5ad_n_vars(const scp_h5ad *f)
{
    return f->var.n;
}

bool scp_h5ad_has_matrix(const scp_h5ad *f)
{
    return f->has_matrix;
}

scp_h5ad_kind scp_h5ad_matrix_kind(const scp_h5ad *f)
{
    return f->matrix.kind;
}

scp_status scp_h5ad_select_matrix(scp_h5ad *f, const char *name)
{
    scp_status st = SCP_OK;
    scp_frame var = { .file = H5I_INVALID_HID };
    scp_matrix matrix = SCP_MATRIX_NONE;
    char *copy = NULL;
    if (f->matrix_name && strcmp(f->matrix_name, name) == 0) return SCP_OK;
    bool was_raw = f->matrix_name && is_raw(f->matrix_name), other_var = is_raw(name) != was_raw;
    SCP_GOTO(done, scp_strdup(name, &copy));
    if (other_var)
        SCP_GOTO(done, scp_frame_open(f->file, old_name(f->file, is_raw(name) ? "raw/var" : "var"),
                                      &var));
    SCP_GOTO(done, scp_matrix_open(f->file, old_name(f->file, name), f->obs.n,
                                   other_var ? var.n : f->var.n, &matrix));
    scp_matrix_close(&f->matrix);
    f->matrix = matrix;
    matrix = (scp_matrix)SCP_MATRIX_NONE;
    free(f->matrix_name);
    f->matrix_name = copy;
    copy = NULL;
    f->has_matrix = true;
    if (other_var) {
        scp_frame_fini(&f->var);
        f->var = var;
        var = (scp_frame){ .file = H5I_INVALID_HID };
    }
done:
    free(copy);
    scp_matrix_close(&matrix);
    scp_frame_fini(&var);
    return st;
}

bool scp_h5ad_has_obs(const scp_h5ad *f, const char *column)
{
    return scp_frame_has(&f->obs, column);
}

scp_status scp_h5ad_obs_text(scp_h5ad *f, const char *column, scp_h5ad_text *col)
{
    SCP_TRY(scp_frame_text(&f->obs, column, col));
    return SCP_OK;
}

scp_status scp_h5ad_obs_real(scp_h5ad *f, const char *column, double **out)
{
    SCP_TRY(scp_frame_real(&f->obs, column, out));
    return SCP_OK;
}

void scp_h5ad_text_fini(scp_h5ad_text *col)
{
    scp_fs_list_free(col->label, col->n_labels);
    free(col->code);
    *col = (scp_h5ad_text){ 0 };
}

scp_status scp_h5ad_var_names(scp_h5ad *f, char ***out)
{
    SCP_TRY(scp_frame_index(&f->var, out));
    return SCP_OK;
}

scp_status scp_h5ad_var_text(scp_h5ad *f, const char *column, scp_h5ad_text *col)
{
    SCP_TRY(scp_frame_text(&f->var, column, col));
    return SCP_OK;
}

scp_status scp_h5ad_obs_names(scp_h5ad *f, char ***out)
{
    SCP_TRY(scp_frame_index(&f->obs, out));
    return SCP_OK;
}

static scp_status need_matrix(const scp_h5ad *f)
{
    if (!f->has_matrix)
        SCP_FAIL(SCP_EDATA, "%s: the file has no X; choose another matrix, such as layers/counts",
                 f->path);
    return SCP_OK;
}

scp_status scp_h5ad_matrix(scp_h5ad *f, scp_matrix **m)
{
    SCP_TRY(need_matrix(f));
    *m = &f->matrix;
    return SCP_OK;
}

scp_status scp_h5ad_read_rows(scp_h5ad *f, size_t first, size_t n, scp_h5ad_rows *rows)
{
    SCP_TRY(need_matrix(f));
    SCP_TRY(scp_matrix_rows(&f->matrix, first, n, rows));
    return SCP_OK;
}

scp_status scp_h5ad_look_csc(scp_h5ad *f, int64_t *entries, size_t cap, float *value, size_t *n)
{
    SCP_TRY(need_matrix(f));
    return scp_matrix_look_csc(&f->matrix, entries, cap, value, n);
}

void scp_h5ad_rows_fini(scp_h5ad_rows *rows)
{
    free(rows->indptr);
    free(rows->column);
    free(rows->value);
    *rows = (scp_h5ad_rows){ 0 };
}

scp_status scp_h5ad_starts_digest(scp_h5ad *f, uint64_t *digest)
{
    SCP_TRY(need_matrix(f));
    *digest = f->matrix.starts;
    return SCP_OK;
}

scp_status scp_h5ad_row_starts(scp_h5ad *f, size_t first, size_t n, int64_t *start)
{
    SCP_TRY(need_matrix(f));
    SCP_ARG(f->matrix.kind == SCP_H5AD_CSR, "%s: only a CSR matrix has row starts", f->path);
    SCP_TRY(scp_matrix_row_starts(&f->matrix, first, n, start));
    return SCP_OK;
}
