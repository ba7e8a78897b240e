/* AnnData reader on frames: every encoding of a column and of an index, in files of all eras, and
 * columns that must be refused. Files are made here with HDF5 itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "io/h5.h"
#include "io/h5ad.h"
#include "tap.h"

enum { N = 5 };

static char path[SCP_PATH_MAX];
static const char *const drugs[] = { "DMSO_TF", "γ-Oryzanol", "unused" };
static const int32_t codes[N] = { 1, 0, -1, 1, 0 };
static const char *const words[N] = { "0.5", "5", "", "0.05", "1e1" };
static const int8_t mask[N] = { 0, 0, 1, 0, 0 };
static const char *const cells[N] = { "c0", "c1", "c2", "c3", "c4" };

/* ---- writing by hand ---- */

static scp_status put(hid_t loc, const char *name, hid_t type, hid_t memory, const void *data,
                      size_t n)
{
    hid_t dset;
    SCP_TRY(scp_h5_dataset_create(loc, name, type, 1, &n, NULL, &dset));
    SCP_TRY(scp_h5_write_slab(dset, memory, 0, n, data));
    SCP_H5(H5Dclose(dset));
    return SCP_OK;
}

static scp_status put_bools(hid_t loc, const char *name, const int8_t *v, size_t n)
{
    hid_t type;
    SCP_TRY(scp_h5_bool_type(&type));
    scp_status st = scp_h5_write(loc, name, type, 1, &n, NULL, v);
    H5Tclose(type);
    return st;
}

static scp_status put_fixed(hid_t loc, const char *name, const char *const *v, size_t n)
{
    enum { WIDTH = 8 };
    char block[N][WIDTH] = { { 0 } };
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, WIDTH);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    for (size_t i = 0; i < n; i++) memcpy(block[i], v[i], strlen(v[i]));
    scp_status st = scp_h5_write(loc, name, type, 1, &n, NULL, block);
    H5Tclose(type);
    return st;
}

static scp_status put_nullable(hid_t loc, const char *name, const char *encoding, hid_t *group)
{
    SCP_TRY(scp_h5_group_create(loc, name, group));
    SCP_TRY(scp_h5_set_text(*group, "encoding-type", encoding));
    SCP_TRY(put_bools(*group, "mask", mask, N));
    return SCP_OK;
}

/* A categorical column with codes of the given type and text categories. */
static scp_status put_categorical(hid_t loc, const char *name, hid_t type, const int32_t *v)
{
    hid_t group;
    SCP_TRY(scp_h5_group_create(loc, name, &group));
    SCP_TRY(scp_h5_set_text(group, "encoding-type", "categorical"));
    SCP_TRY(put(group, "codes", type, H5T_NATIVE_INT32, v, N));
    SCP_TRY(scp_h5_write_texts(group, "categories", drugs, 3, NULL));
    SCP_H5(H5Gclose(group));
    return SCP_OK;
}

/* Categories that are numbers, a nullable text group, or fixed-length texts. */
static scp_status put_odd_categories(hid_t obs)
{
    const double doses[2] = { 0.05, 5 };
    const char *const dose_text[2] = { "0.05", "5" };
    hid_t group;
    SCP_TRY(put(obs, "cat_real/codes", H5T_STD_I8LE, H5T_NATIVE_INT32, codes, N));
    SCP_TRY(put(obs, "cat_real/categories", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, doses, 2));
    SCP_TRY(put(obs, "cat_fixed/codes", H5T_STD_I16LE, H5T_NATIVE_INT32, codes, N));
    SCP_TRY(put_fixed(obs, "cat_fixed/categories", dose_text, 2));
    SCP_TRY(put(obs, "cat_null/codes", H5T_STD_I8LE, H5T_NATIVE_INT32, codes, N));
    SCP_TRY(put_nullable(obs, "cat_null/categories", "nullable-string-array", &group));
    SCP_TRY(scp_h5_write_texts(group, "values", cells, N, NULL));
    SCP_H5(H5Gclose(group));
    return SCP_OK;
}

static scp_status put_columns(hid_t obs)
{
    const int64_t big[N] = { 1, -2, 3, INT64_C(9007199254740993), 5 };
    const double dose[N] = { 0.1, NAN, 3, -4, 1e-30 };
    const int32_t small[N] = { 3, 2, 1, 0, 1 };
    const int8_t flags[N] = { 1, 0, 1, 1, 0 };
    hid_t group;
    SCP_TRY(put_categorical(obs, "cat8", H5T_STD_I8LE, codes));
    SCP_TRY(put_categorical(obs, "cat16", H5T_STD_I16LE, codes));
    SCP_TRY(put_categorical(obs, "cat32", H5T_STD_I32LE, codes));
    SCP_TRY(put_categorical(obs, "cat_unsigned", H5T_STD_U8LE, (int32_t[N]){ 1, 0, 2, 1, 0 }));
    SCP_TRY(put_odd_categories(obs));
    SCP_TRY(scp_h5_write_texts(obs, "text", words, N, NULL));
    SCP_TRY(put_fixed(obs, "fixed", words, N));
    SCP_TRY(put(obs, "big", H5T_STD_I64LE, H5T_NATIVE_INT64, big, N));
    SCP_TRY(put(obs, "real", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, dose, N));
    SCP_TRY(put(obs, "single", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, dose, N));
    SCP_TRY(put(obs, "u1", H5T_STD_U8LE, H5T_NATIVE_INT32, small, N));
    SCP_TRY(put_bools(obs, "flag", flags, N));
    SCP_TRY(put_nullable(obs, "null_int", "nullable-integer", &group));
    SCP_TRY(put(group, "values", H5T_STD_I64LE, H5T_NATIVE_INT64, big, N));
    SCP_H5(H5Gclose(group));
    SCP_TRY(put_nullable(obs, "null_flag", "nullable-boolean", &group));
    SCP_TRY(put_bools(group, "values", flags, N));
    SCP_H5(H5Gclose(group));
    SCP_TRY(put_nullable(obs, "null_text", "nullable-string-array", &group));
    SCP_TRY(scp_h5_write_texts(group, "values", words, N, NULL));
    SCP_H5(H5Gclose(group));
    return SCP_OK;
}

static scp_status put_bad_columns(hid_t obs)
{
    const char *const doses[N] = { "1", "2", "3", "4 uM", "5" };
    const char *const latin[N] = { "uM", "uM", "\xb5M", "uM", "uM" };
    SCP_TRY(put_categorical(obs, "code_high", H5T_STD_I8LE, (int32_t[N]){ 0, 1, 2, 3, 0 }));
    SCP_TRY(put_categorical(obs, "code_low", H5T_STD_I8LE, (int32_t[N]){ 0, -2, 2, 2, 0 }));
    SCP_TRY(scp_h5_write_texts(obs, "no_number", doses, N, NULL));
    SCP_TRY(scp_h5_write_texts(obs, "latin", latin, N, NULL));
    SCP_TRY(put_fixed(obs, "fixed_latin", latin, N));
    SCP_TRY(scp_h5_write_texts(obs, "short", doses, N - 1, NULL));
    SCP_TRY(scp_h5_group_create(obs, "strange", NULL));
    SCP_TRY(put(obs, "real_codes/codes", H5T_IEEE_F32LE, H5T_NATIVE_INT32, codes, N));
    SCP_TRY(scp_h5_write_texts(obs, "real_codes/categories", drugs, 3, NULL));
    return SCP_OK;
}

static const char *const columns[] = {
    "cat8",        "cat16",     "cat32",     "cat_unsigned", "cat_real", "cat_fixed", "cat_null",
    "text",        "fixed",     "big",       "real",         "single",   "u1",        "flag",
    "null_int",    "null_flag", "null_text", "code_high",    "code_low", "no_number", "latin",
    "fixed_latin", "short",     "strange",   "real_codes",   "absent",
};

/* obs in the layout of 0.8 and later, its index a nullable text group; an empty var. */
static scp_status write_modern(void)
{
    hid_t file, obs, group;
    SCP_TRY(scp_h5_create(path, &file));
    SCP_TRY(scp_h5_group_create(file, "obs", &obs));
    SCP_TRY(scp_h5_set_text(obs, "encoding-type", "dataframe"));
    SCP_TRY(scp_h5_set_text(obs, "_index", "BARCODE_SUB_LIB_ID"));
    SCP_TRY(scp_h5_set_texts(obs, "column-order", columns, sizeof columns / sizeof columns[0]));
    SCP_TRY(put_nullable(obs, "BARCODE_SUB_LIB_ID", "nullable-string-array", &group));
    SCP_TRY(scp_h5_write_texts(group, "values", cells, N, NULL));
    SCP_H5(H5Gclose(group));
    SCP_TRY(put_columns(obs));
    SCP_TRY(put_bad_columns(obs));
    SCP_H5(H5Gclose(obs));
    SCP_TRY(scp_h5_group_create(file, "var", &group));
    SCP_TRY(scp_h5_set_text(group, "_index", "_index"));
    SCP_TRY(scp_h5_write_texts(group, "_index", NULL, 0, NULL));
    hsize_t none = 0; /* what h5py writes for an empty list of columns */
    hid_t space = H5Screate_simple(1, &none, NULL);
    hid_t attr = H5Acreate2(group, "column-order", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    SCP_H5(H5Aclose(attr));
    SCP_H5(H5Sclose(space));
    SCP_H5(H5Gclose(group));
    SCP_TRY(scp_h5_close(&file));
    return SCP_OK;
}

/* ---- checks ---- */

/* The column as one text, rows separated by '|', missing as '-'. */
static void is_text(scp_h5ad *f, const char *column, const char *want)
{
    scp_h5ad_text t;
    char all[512] = "";
    if (!tap_st(scp_h5ad_obs_text(f, column, &t), "%s as text", column)) return;
    for (size_t i = 0; i < t.n; i++) {
        strcat(all, i ? "|" : "");
        strcat(all, t.code[i] < 0 ? "-" : t.label[t.code[i]]);
    }
    tap_text(all, want, "%s: texts", column);
    scp_h5ad_text_fini(&t);
}

static void is_real(scp_h5ad *f, const char *column, const double want[N])
{
    double *x = NULL;
    bool same = true;
    if (!tap_st(scp_h5ad_obs_real(f, column, &x), "%s as numbers", column)) return;
    for (size_t i = 0; i < N; i++) same &= x[i] == want[i] || (isnan(x[i]) && isnan(want[i]));
    tap_ok(same, "%s: numbers", column);
    free(x);
}

static void modern(void)
{
    static const char *const same[] = { "cat8", "cat16", "cat32" };
    scp_h5ad *f = NULL;
    char **names = NULL;
    tap_st(write_modern(), "written");
    if (!tap_st(scp_h5ad_open(path, &f), "opens without X and without variables")) return;
    tap_ok(scp_h5ad_n_obs(f) == N && scp_h5ad_n_vars(f) == 0, "5 x 0");
    tap_st(scp_h5ad_obs_names(f, &names), "index, a nullable text group");
    tap_ok(!strcmp(names[1], "c1") && !strcmp(names[2], "") && !strcmp(names[4], "c4"),
           "its texts");
    scp_fs_list_free(names, N);
    for (size_t k = 0; k < 3; k++) is_text(f, same[k], "γ-Oryzanol|DMSO_TF|-|γ-Oryzanol|DMSO_TF");
    is_text(f, "cat_unsigned", "γ-Oryzanol|DMSO_TF|unused|γ-Oryzanol|DMSO_TF");
    is_text(f, "cat_real", "5|0.05|-|5|0.05");
    is_text(f, "cat_null", "c1|c0|-|c1|c0");
    is_text(f, "text", "0.5|5||0.05|1e1");
    is_text(f, "fixed", "0.5|5||0.05|1e1");
    is_text(f, "big", "1|-2|3|9007199254740993|5");
    is_text(f, "real", "0.1|-|3|-4|1e-30");
    is_text(f, "single", "0.1|-|3|-4|1e-30");
    is_text(f, "flag", "True|False|True|True|False");
    is_text(f, "null_int", "1|-2|-|9007199254740993|5");
    is_text(f, "null_flag", "True|False|-|True|False");
    is_text(f, "null_text", "0.5|5|-|0.05|1e1");
    is_text(f, "BARCODE_SUB_LIB_ID", "c0|c1|-|c3|c4");
    is_real(f, "cat_real", (double[N]){ 5, 0.05, NAN, 5, 0.05 });
    is_real(f, "cat_fixed", (double[N]){ 5, 0.05, NAN, 5, 0.05 });
    is_real(f, "text", (double[N]){ 0.5, 5, NAN, 0.05, 10 });
    is_real(f, "null_text", (double[N]){ 0.5, 5, NAN, 0.05, 10 });
    is_real(f, "real", (double[N]){ 0.1, NAN, 3, -4, 1e-30 });
    is_real(f, "single", (double[N]){ 0.1f, NAN, 3, -4, 1e-30f });
    is_real(f, "u1", (double[N]){ 3, 2, 1, 0, 1 });
    is_real(f, "flag", (double[N]){ 1, 0, 1, 1, 0 });
    is_real(f, "null_int", (double[N]){ 1, -2, NAN, 9007199254740992.0, 5 });
    scp_h5ad_close(&f);
}

static void refused(void)
{
    scp_h5ad *f = NULL;
    scp_h5ad_text t;
    double *x = NULL;
    if (!tap_st(scp_h5ad_open(path, &f), "opens")) return;
    tap_ok(scp_h5ad_has_obs(f, "drug") == false && scp_h5ad_has_obs(f, "cat8"), "what is there");
    tap_fails(scp_h5ad_obs_text(f, "drug", &t), SCP_EDATA,
              "no column \"drug\"; there are: cat8, cat16",
              "an unknown column lists those that exist");
    tap_fails(scp_h5ad_obs_text(f, "absent", &t), SCP_EDATA, "absent",
              "listed, but not in the file");
    tap_fails(scp_h5ad_obs_text(f, "code_high", &t), SCP_EDATA,
              "row 3: category 3, but there are 3", "a code without a label");
    tap_fails(scp_h5ad_obs_real(f, "code_low", &x), SCP_EDATA, "row 1: category -2",
              "a code below -1");
    tap_fails(scp_h5ad_obs_real(f, "no_number", &x), SCP_EDATA, "row 3: \"4 uM\" is not a number",
              "a text that is no number");
    tap_fails(scp_h5ad_obs_real(f, "cat8", &x), SCP_EDATA, "row 0: \"γ-Oryzanol\" is not a number",
              "a label that is no number");
    tap_fails(scp_h5ad_obs_text(f, "latin", &t), SCP_EDATA, "/obs/latin: text 2 is not UTF-8",
              "Latin-1");
    tap_fails(scp_h5ad_obs_text(f, "fixed_latin", &t), SCP_EDATA,
              "/obs/fixed_latin: text 2 is not UTF-8", "Latin-1 of fixed length");
    tap_fails(scp_h5ad_obs_text(f, "short", &t), SCP_EDATA, "4 values, but the frame has 5 rows",
              "a column too short");
    tap_fails(scp_h5ad_obs_text(f, "strange", &t), SCP_EDATA, "neither categorical nor nullable",
              "an unknown kind of group");
    tap_fails(scp_h5ad_obs_text(f, "real_codes", &t), SCP_EDATA, "integers were expected",
              "codes that are reals");
    tap_ok(!x && !t.label, "nothing is returned");
    scp_h5ad_close(&f);
}

/* Files of 0.7: codes with a reference to their labels. */
static scp_status write_referenced(void)
{
    hid_t file, obs, dset;
    hobj_ref_t ref;
    SCP_TRY(scp_h5_create(path, &file));
    SCP_TRY(scp_h5_group_create(file, "obs", &obs));
    SCP_TRY(scp_h5_set_text(obs, "_index", "index"));
    SCP_TRY(scp_h5_write_texts(obs, "index", cells, N, NULL));
    SCP_TRY(put(obs, "drug", H5T_STD_I8LE, H5T_NATIVE_INT32, codes, N));
    SCP_TRY(put(obs, "plain", H5T_STD_I8LE, H5T_NATIVE_INT32, codes, N));
    SCP_TRY(put(obs, "unreferenced", H5T_STD_I8LE, H5T_NATIVE_INT32, codes, N));
    SCP_TRY(scp_h5_write_texts(obs, "__categories/drug", drugs, 3, NULL));
    SCP_TRY(scp_h5_write_texts(obs, "__categories/unreferenced", drugs, 3, NULL));
    SCP_H5(H5Rcreate(&ref, obs, "__categories/drug", H5R_OBJECT, -1));
    SCP_TRY(scp_h5_dataset_open(obs, "drug", &dset));
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate2(dset, "categories", H5T_STD_REF_OBJ, space, H5P_DEFAULT, H5P_DEFAULT);
    SCP_H5(H5Awrite(attr, H5T_STD_REF_OBJ, &ref));
    SCP_H5(H5Aclose(attr));
    SCP_H5(H5Sclose(space));
    SCP_H5(H5Dclose(dset));
    SCP_H5(H5Gclose(obs));
    SCP_TRY(scp_h5_write_texts(file, "var/_index", cells, 2, NULL));
    SCP_TRY(scp_h5_close(&file));
    return SCP_OK;
}

static void referenced(void)
{
    scp_h5ad *f = NULL;
    scp_h5ad_text t;
    tap_st(write_referenced(), "0.7 file written");
    if (!tap_st(scp_h5ad_open(path, &f), "opens, without column-order")) return;
    tap_ok(scp_h5ad_n_obs(f) == N && scp_h5ad_n_vars(f) == 2, "5 x 2");
    is_text(f, "drug", "γ-Oryzanol|DMSO_TF|-|γ-Oryzanol|DMSO_TF");
    is_text(f, "unreferenced", "γ-Oryzanol|DMSO_TF|-|γ-Oryzanol|DMSO_TF");
    is_text(f, "plain", "1|0|-1|1|0");
    tap_fails(scp_h5ad_obs_text(f, "x", &t), SCP_EDATA, "there are: drug, plain, unreferenced",
              "__categories and the index are not columns");
    scp_h5ad_close(&f);
}

/* Files of 0.5 and 0.6: compound frames, labels in uns, a lone label as a scalar. */
static scp_status write_compound(void)
{
    struct row {
        char index[4];
        int8_t drug, lone;
        float dose;
    } rows[N] = { { "c0", 1, 0, 0.5f },
                  { "c1", 0, 0, 5 },
                  { "c2", -1, 0, NAN },
                  { "c3", 1, 0, 1 },
                  { "c4", 0, -1, 2 } };
    size_t n = N;
    hid_t file, text = H5Tcopy(H5T_C_S1), type = H5Tcreate(H5T_COMPOUND, sizeof rows[0]);
    H5Tset_size(text, sizeof rows[0].index);
    SCP_H5(H5Tinsert(type, "index", offsetof(struct row, index), text));
    SCP_H5(H5Tinsert(type, "drug", offsetof(struct row, drug), H5T_NATIVE_INT8));
    SCP_H5(H5Tinsert(type, "lone", offsetof(struct row, lone), H5T_NATIVE_INT8));
    SCP_H5(H5Tinsert(type, "dose", offsetof(struct row, dose), H5T_NATIVE_FLOAT));
    SCP_TRY(scp_h5_create(path, &file));
    SCP_TRY(scp_h5_write(file, "obs", type, 1, &n, NULL, rows));
    SCP_TRY(scp_h5_write(file, "var", type, 1, &n, NULL, rows));
    SCP_TRY(scp_h5_group_create(file, "uns", NULL));
    SCP_TRY(scp_h5_write_texts(file, "uns/drug_categories", drugs, 3, NULL));
    SCP_TRY(scp_h5_write_text(file, "uns/lone_categories", "only"));
    SCP_TRY(scp_h5_close(&file));
    SCP_H5(H5Tclose(type));
    SCP_H5(H5Tclose(text));
    return SCP_OK;
}

static void compound(void)
{
    scp_h5ad *f = NULL;
    scp_h5ad_text t;
    tap_st(write_compound(), "0.5 file written");
    if (!tap_st(scp_h5ad_open(path, &f), "opens")) return;
    is_text(f, "index", "c0|c1|c2|c3|c4");
    is_text(f, "drug", "γ-Oryzanol|DMSO_TF|-|γ-Oryzanol|DMSO_TF");
    is_text(f, "lone", "only|only|only|only|-");
    is_real(f, "dose", (double[N]){ 0.5, 5, NAN, 1, 2 });
    tap_fails(scp_h5ad_obs_text(f, "x", &t), SCP_EDATA, "there are: drug, lone, dose", "columns");
    scp_h5ad_close(&f);
}

int main(void)
{
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "f.h5ad"), "name");
    tap_st(scp_h5_init(), "HDF5 starts");
    modern();
    refused();
    referenced();
    compound();
    return tap_done();
}
