/* AnnData reader on matrices: every storage and number type, unsorted and repeated entries, and
 * what must be refused with file and row. Files are made here with HDF5 itself. Frames:
 * h5ad_frame.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "io/h5.h"
#include "io/h5ad.h"
#include "tap.h"

enum { OBS = 13, VARS = 6, MAX = OBS * VARS + OBS };

static char path[SCP_PATH_MAX];

/* A matrix as it will lie in the file. Edited by the tests of bad files before it is written. */
typedef struct sparse {
    double data[MAX];
    int64_t indices[MAX], indptr[OBS + 1];
    size_t n_data, n_indices, n_indptr;
    int64_t shape[2];
    const char *encoding;
} sparse;

static double value(size_t i, size_t j)
{
    return (i + 2 * j) % 3 == 0 ? (double)(i * 10 + j + 1) : 0;
}

/* Rows (CSR) or columns (CSC) of the matrix, each with its entries in falling order and, in every
 * third one, its first entry split into two: unsorted and repeated indices are legal. */
static sparse make_sparse(bool csc)
{
    sparse s = { .shape = { OBS, VARS }, .encoding = csc ? "csc_matrix" : "csr_matrix" };
    size_t major = csc ? VARS : OBS, minor = csc ? OBS : VARS, k = 0;
    for (size_t a = 0; a < major; a++) {
        for (size_t b = minor; b-- > 0;) {
            double v = csc ? value(b, a) : value(a, b);
            bool split = v > 1 && a % 3 == 0 && k == (size_t)s.indptr[a];
            if (v == 0) continue;
            s.indices[k] = (int64_t)b;
            s.data[k++] = split ? v - 1 : v;
            if (!split) continue;
            s.indices[k] = (int64_t)b;
            s.data[k++] = 1;
        }
        s.indptr[a + 1] = (int64_t)k;
    }
    s.n_data = s.n_indices = k;
    s.n_indptr = major + 1;
    return s;
}

/* ---- writing by hand ---- */

static scp_status encode(hid_t loc, const char *name, const char *type)
{
    hid_t object = H5Oopen(loc, name, H5P_DEFAULT);
    SCP_TRY(scp_h5_set_text(object, "encoding-type", type));
    SCP_H5(H5Oclose(object));
    return SCP_OK;
}

/* Numbers stored as `type`, whatever they are in memory. */
static scp_status put(hid_t loc, const char *name, hid_t type, int rank, const size_t *dims,
                      hid_t memory, const void *data)
{
    hid_t dset;
    const scp_h5_layout layout = { .chunk = { 7, 3 }, .deflate = 1 };
    SCP_TRY(scp_h5_dataset_create(loc, name, type, rank, dims, &layout, &dset));
    SCP_TRY(scp_h5_write_slab(dset, memory, 0, dims[0], data));
    SCP_H5(H5Dclose(dset));
    return SCP_OK;
}

static scp_status put_frame(hid_t file, const char *name, size_t n)
{
    hid_t group;
    char text[OBS][16];
    const char *names[OBS];
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(text[i], sizeof text[i], "%s%zu", name, i);
        names[i] = text[i];
    }
    SCP_TRY(scp_h5_group_create(file, name, &group));
    SCP_TRY(scp_h5_set_text(group, "encoding-type", "dataframe"));
    SCP_TRY(scp_h5_set_text(group, "_index", "_index"));
    SCP_TRY(scp_h5_set_texts(group, "column-order", NULL, 0));
    SCP_TRY(scp_h5_write_texts(group, "_index", names, n, NULL));
    SCP_H5(H5Gclose(group));
    return SCP_OK;
}

static scp_status put_sparse(hid_t file, const sparse *s, hid_t data, hid_t indices, hid_t indptr)
{
    hid_t group;
    SCP_TRY(scp_h5_group_create(file, "X", &group));
    SCP_TRY(scp_h5_set_text(group, "encoding-type", s->encoding));
    SCP_TRY(scp_h5_set_i64(group, "shape", 2, s->shape));
    SCP_TRY(put(group, "data", data, 1, &s->n_data, H5T_NATIVE_DOUBLE, s->data));
    SCP_TRY(put(group, "indices", indices, 1, &s->n_indices, H5T_NATIVE_INT64, s->indices));
    SCP_TRY(put(group, "indptr", indptr, 1, &s->n_indptr, H5T_NATIVE_INT64, s->indptr));
    SCP_H5(H5Gclose(group));
    return SCP_OK;
}

static scp_status begin(hid_t *file)
{
    SCP_TRY(scp_h5_create(path, file));
    SCP_TRY(scp_h5_set_text(*file, "encoding-type", "anndata"));
    SCP_TRY(put_frame(*file, "obs", OBS));
    SCP_TRY(put_frame(*file, "var", VARS));
    return SCP_OK;
}

static scp_status write_sparse(const sparse *s, hid_t data, hid_t indices, hid_t indptr)
{
    hid_t file;
    SCP_TRY(begin(&file));
    SCP_TRY(put_sparse(file, s, data, indices, indptr));
    SCP_TRY(scp_h5_close(&file));
    return SCP_OK;
}

static scp_status write_dense(hid_t type, double bad_value, size_t n_cols)
{
    hid_t file;
    double x[OBS][VARS];
    size_t dims[2] = { OBS, n_cols };
    for (size_t i = 0; i < OBS; i++)
        for (size_t j = 0; j < VARS; j++) x[i][j] = value(i, j);
    if (bad_value != 0) x[9][4] = bad_value;
    SCP_TRY(begin(&file));
    SCP_TRY(put(file, "X", type, 2, dims, H5T_NATIVE_DOUBLE, x));
    SCP_TRY(encode(file, "X", "array"));
    SCP_TRY(scp_h5_close(&file));
    return SCP_OK;
}

/* ---- what must be read ---- */

static bool equal_in_blocks(scp_h5ad *f, size_t block)
{
    scp_h5ad_rows rows = { 0 };
    bool same = true;
    for (size_t first = 0; first < OBS; first += block) {
        size_t n = OBS - first < block ? OBS - first : block;
        if (scp_h5ad_read_rows(f, first, n, &rows) != SCP_OK) {
            tap_diag("%s", scp_err_chain());
            same = false;
            break;
        }
        same &= rows.n_rows == n && rows.indptr[0] == 0;
        for (size_t i = 0; i < n; i++) {
            double x[VARS] = { 0 };
            for (int64_t k = rows.indptr[i]; k < rows.indptr[i + 1]; k++)
                x[rows.column[k]] += (double)rows.value[k];
            for (size_t j = 0; j < VARS; j++) same &= x[j] == value(first + i, j);
        }
    }
    scp_h5ad_rows_fini(&rows);
    return same;
}

static void check_file(scp_status written, scp_h5ad_kind kind, const char *what)
{
    scp_h5ad *f = NULL;
    if (!tap_st(written, "%s: written", what) ||
        !tap_st(scp_h5ad_open(path, &f), "%s: opens", what))
        return;
    tap_ok(scp_h5ad_matrix_kind(f) == kind && scp_h5ad_n_obs(f) == OBS &&
               scp_h5ad_n_vars(f) == VARS,
           "%s: kind and shape", what);
    tap_ok(equal_in_blocks(f, 1) && equal_in_blocks(f, 4) && equal_in_blocks(f, OBS),
           "%s: values in blocks of 1, 4 and all rows", what);
    scp_h5ad_close(&f);
}

static void number_types(void)
{
    const hid_t data[] = { H5T_STD_U16LE,  H5T_STD_I32LE,  H5T_STD_I64LE, H5T_IEEE_F32LE,
                           H5T_IEEE_F64LE, H5T_IEEE_F32BE, H5T_STD_U8LE };
    const hid_t index[] = { H5T_STD_I32LE, H5T_STD_I64LE, H5T_STD_U16LE, H5T_STD_U32LE,
                            H5T_STD_I64BE };
    const char *const data_name[] = { "u2", "i4", "i8", "f4", "f8", "big-endian f4", "u1" };
    const char *const index_name[] = { "i4", "i8", "u2", "u4", "big-endian i8" };
    char what[96];
    for (int csc = 0; csc < 2; csc++) {
        sparse s = make_sparse(csc);
        for (size_t d = 0; d < 7; d++)
            for (size_t k = 0; k < 5; k += 1 + (d % 2)) {
                snprintf(what, sizeof what, "%s %s with %s indices", csc ? "CSC" : "CSR",
                         data_name[d], index_name[k]);
                check_file(write_sparse(&s, data[d], index[k], index[(k + d) % 5]),
                           csc ? SCP_H5AD_CSC : SCP_H5AD_CSR, what);
            }
    }
    for (size_t d = 0; d < 7; d++) {
        snprintf(what, sizeof what, "dense %s", data_name[d]);
        check_file(write_dense(data[d], 0, VARS), SCP_H5AD_DENSE, what);
    }
}

/* Repeated entries come as they are: the reader does not sum. */
static void repeated_entries(void)
{
    sparse s = make_sparse(false);
    scp_h5ad *f = NULL;
    scp_h5ad_rows rows = { 0 };
    tap_st(write_sparse(&s, H5T_IEEE_F32LE, H5T_STD_I32LE, H5T_STD_I32LE), "CSR written");
    if (!tap_st(scp_h5ad_open(path, &f), "opens")) return;
    tap_st(scp_h5ad_read_rows(f, 3, 1, &rows), "row 3 read");
    tap_ok(rows.indptr[1] == 3 && rows.column[0] == rows.column[1] &&
               rows.column[1] > rows.column[2] && (double)rows.value[1] == 1,
           "both halves of the split entry, in the order of the file");
    tap_st(scp_h5ad_read_rows(f, OBS, 0, &rows), "no rows at the end");
    tap_ok(rows.n_rows == 0 && rows.indptr[0] == 0, "is an empty block");
    tap_fails(scp_h5ad_read_rows(f, 10, 4, &rows), SCP_EINTERNAL, "[10, 14) of 13", "rows beyond");
    scp_h5ad_rows_fini(&rows);
    scp_h5ad_close(&f);
}

static void other_matrices(void)
{
    hid_t file;
    double layer[OBS][VARS], raw[OBS][8];
    size_t dims[2] = { OBS, VARS }, raw_dims[2] = { OBS, 8 };
    scp_h5ad *f = NULL;
    scp_h5ad_rows rows = { 0 };
    char **names = NULL;
    for (size_t i = 0; i < OBS; i++)
        for (size_t j = 0; j < 8; j++) {
            raw[i][j] = (double)(i + j);
            if (j < VARS) layer[i][j] = value(i, j);
        }
    tap_st(begin(&file), "file without X");
    tap_st(put(file, "layers/counts", H5T_STD_I32LE, 2, dims, H5T_NATIVE_DOUBLE, layer), "layer");
    tap_st(put(file, "raw/X", H5T_STD_I32LE, 2, raw_dims, H5T_NATIVE_DOUBLE, raw), "raw/X");
    tap_st(put_frame(file, "raw/var", 8), "raw/var");
    tap_st(scp_h5_close(&file), "closed");
    if (!tap_st(scp_h5ad_open(path, &f), "a file without X opens")) return;
    tap_ok(!scp_h5ad_has_matrix(f) && scp_h5ad_n_vars(f) == VARS, "and says so");
    tap_fails(scp_h5ad_read_rows(f, 0, 1, &rows), SCP_EDATA, "no X", "its rows cannot be read");
    tap_fails(scp_h5ad_select_matrix(f, "layers/none"), SCP_EDATA, ":/layers/none",
              "a layer that is not there");
    tap_st(scp_h5ad_select_matrix(f, "layers/counts"), "layer selected");
    tap_ok(equal_in_blocks(f, 5), "layer read");
    tap_st(scp_h5ad_select_matrix(f, "raw/X"), "raw selected");
    tap_st(scp_h5ad_var_names(f, &names), "its variables");
    tap_ok(scp_h5ad_n_vars(f) == 8 && strcmp(names[7], "raw/var7") == 0, "are those of raw/var");
    scp_fs_list_free(names, 8);
    tap_st(scp_h5ad_select_matrix(f, "layers/counts"), "layer again");
    tap_ok(scp_h5ad_n_vars(f) == VARS && equal_in_blocks(f, 5), "with the variables of var");
    scp_h5ad_rows_fini(&rows);
    scp_h5ad_close(&f);
}

/* ---- what must be refused ---- */

static void refused_at_open(const sparse *s, const char *part, const char *what)
{
    scp_h5ad *f = NULL;
    tap_st(write_sparse(s, H5T_IEEE_F64LE, H5T_STD_I64LE, H5T_STD_I64LE), "written");
    scp_status st = scp_h5ad_open(path, &f);
    tap_ok(!f && strstr(scp_err_message(), path) != NULL, "%s: the file is named", what);
    tap_fails(st, SCP_EDATA, part, "%s", what);
}

static void refused_at_row(scp_status written, size_t row, const char *part, const char *what)
{
    scp_h5ad *f = NULL;
    scp_h5ad_rows rows = { 0 };
    if (!tap_st(written, "written") || !tap_st(scp_h5ad_open(path, &f), "%s: opens", what)) return;
    if (scp_h5ad_matrix_kind(f) != SCP_H5AD_CSC)
        tap_st(scp_h5ad_read_rows(f, 0, row, &rows), "%s: the rows before are read", what);
    scp_status st = scp_h5ad_read_rows(f, 2, OBS - 2, &rows);
    tap_ok(strstr(scp_err_message(), path) != NULL, "%s: the file is named", what);
    tap_fails(st, SCP_EDATA, part, "%s", what);
    scp_h5ad_rows_fini(&rows);
    scp_h5ad_close(&f);
}

static void bad_structure(void)
{
    const sparse good = make_sparse(false);
    sparse s = good;
    s.shape[0] = OBS + 1;
    refused_at_open(&s, "obs and var have 13 and 6", "a shape that is not that of obs");
    s = good;
    s.shape[1] = -6;
    refused_at_open(&s, "obs and var have 13 and 6", "a negative shape");
    s = good;
    s.encoding = "awkward-array";
    refused_at_open(&s, "awkward-array", "an encoding that is no matrix");
    s = good;
    s.indptr[4] = s.indptr[5] + 1;
    refused_at_open(&s, "falls after row 4", "row starts that fall");
    s = good;
    s.indptr[0] = 1;
    refused_at_open(&s, "does not begin at 0", "row starts that begin late");
    s = good;
    s.indptr[OBS]++;
    refused_at_open(&s, "indptr ends at", "row starts beyond the values");
    s = good;
    s.n_indptr--;
    refused_at_open(&s, "the shape is [13], expected [14]", "a row start too few");
    s = good;
    s.n_indices--;
    refused_at_open(&s, "31 values, but 30 indices", "fewer indices than values");
    tap_st(write_sparse(&good, H5T_IEEE_F32LE, H5T_IEEE_F32LE, H5T_STD_I32LE), "written");
    scp_h5ad *f = NULL;
    tap_fails(scp_h5ad_open(path, &f), SCP_EDATA, "integers were expected",
              "indices that are reals");
    tap_st(write_dense(H5T_IEEE_F32LE, 0, VARS - 1), "written");
    tap_fails(scp_h5ad_open(path, &f), SCP_EDATA, "obs and var have 13 and 6",
              "a dense X too narrow");
}

static void bad_entries(void)
{
    const hid_t f8 = H5T_IEEE_F64LE, i8 = H5T_STD_I64LE;
    const sparse good = make_sparse(false), good_csc = make_sparse(true);
    const int64_t bad_index[] = { VARS, -1, INT64_C(4294967297), INT64_MIN, INT64_MAX };
    const double bad_value[] = { NAN, INFINITY, -INFINITY, 1e300 };
    size_t at = (size_t)good.indptr[9];
    sparse s;
    for (size_t k = 0; k < sizeof bad_index / sizeof bad_index[0]; k++) {
        s = good;
        s.indices[at] = bad_index[k];
        refused_at_row(write_sparse(&s, f8, i8, i8), 9, "row 9: column index",
                       "column out of range");
        s = good_csc;
        s.indices[4] = bad_index[k] == VARS ? OBS : bad_index[k];
        refused_at_row(write_sparse(&s, f8, i8, i8), 0, "row index", "CSC row out of range");
    }
    for (size_t k = 0; k < sizeof bad_value / sizeof bad_value[0]; k++) {
        s = good;
        s.data[at] = bad_value[k];
        refused_at_row(write_sparse(&s, f8, i8, i8), 9, "row 9, column", "value not finite");
        s = good_csc;
        s.data[4] = bad_value[k];
        refused_at_row(write_sparse(&s, f8, i8, i8), 0, "not finite", "CSC value not finite");
        refused_at_row(write_dense(f8, bad_value[k], VARS), 9, "row 9, column 4",
                       "dense not finite");
    }
}

static void not_anndata(void)
{
    scp_h5ad *f = NULL;
    hid_t file;
    tap_fails(scp_h5ad_open("/nonexistent/p.h5ad", &f), SCP_ENOINPUT, "/nonexistent/p.h5ad",
              "missing");
    tap_st(scp_fs_write_text(path, "barcode,gene\n", 13), "a text file");
    tap_fails(scp_h5ad_open(path, &f), SCP_EDATA, path, "is no AnnData file");
    tap_st(scp_h5_create(path, &file), "an HDF5 file");
    tap_st(scp_h5_write_i64(file, "x", 1), "with other content");
    tap_st(scp_h5_close(&file), "closed");
    tap_fails(scp_h5ad_open(path, &f), SCP_EDATA, "no obs or no var", "is no AnnData file");
    tap_st(scp_h5_create(path, &file), "an HDF5 file");
    tap_st(scp_h5_set_text(file, "encoding-type", "MuData"), "of another program");
    tap_st(put_frame(file, "obs", OBS), "obs");
    tap_st(put_frame(file, "var", VARS), "var");
    tap_st(scp_h5_close(&file), "closed");
    tap_fails(scp_h5ad_open(path, &f), SCP_EDATA, "MuData", "says what it is");
}

int main(void)
{
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "m.h5ad"), "name");
    tap_st(scp_h5_init(), "HDF5 starts");
    number_types();
    repeated_entries();
    other_matrices();
    bad_structure();
    bad_entries();
    not_anndata();
    return tap_done();
}
