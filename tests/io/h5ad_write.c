/* AnnData writer: what is written comes back, in every storage; an unfinished file never appears.
 * With a folder as argument it only writes the samples there, for tests/io/anndata_opens.sh. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "io/h5.h"
#include "io/h5ad.h"
#include "tap.h"

enum { OBS = 37, VARS = 11 };

static const char *const labels[] = { "DMSO_TF", "γ-Oryzanol" };

static const struct sample {
    const char *name;
    scp_h5ad_write_options opt;
    bool rows; /* written as CSR blocks, else as dense rows */
} samples[] = {
    { "csr32.h5ad", { .csr = true, .deflate = 4, .shuffle = true, .chunk = 16 }, true },
    { "csr64.h5ad", { .csr = true, .index64 = true, .deflate = 1 }, true },
    { "csr64_parts.h5ad",
      { .csr = true, .index64 = true, .deflate = 4, .chunk = 8, .threads = 3 },
      true },
    { "csr_from_dense.h5ad", { .csr = true, .chunk = 7 }, false },
    { "dense.h5ad", { .deflate = 4, .shuffle = true, .threads = 2 }, false },
    { "dense_from_csr.h5ad", { .chunk = 5 }, true },
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static float value(size_t i, size_t j)
{
    return (i * 7 + j * 3) % 5 == 0 ? (float)(i + 1) * 0.5f + (float)j : 0;
}

/* Rows [first, first + n) as a CSR block. */
static void fill_rows(size_t first, size_t n, scp_h5ad_rows *rows)
{
    static int64_t indptr[OBS + 1];
    static int32_t column[OBS * VARS];
    static float entry[OBS * VARS];
    int64_t k = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = VARS; j-- > 0;) { /* columns in falling order: legal */
            if (value(first + i, j) == 0) continue;
            column[k] = (int32_t)j;
            entry[k++] = value(first + i, j);
        }
        indptr[i + 1] = k;
    }
    *rows = (scp_h5ad_rows){ .n_rows = n, .indptr = indptr, .column = column, .value = entry };
}

static scp_status write_x(scp_h5ad_writer *w, bool as_rows, size_t n)
{
    for (size_t first = 0; first < n; first += 10) {
        size_t some = n - first < 10 ? n - first : 10;
        scp_h5ad_rows rows;
        float x[10][VARS];
        fill_rows(first, some, &rows);
        for (size_t i = 0; i < some; i++)
            for (size_t j = 0; j < VARS; j++) x[i][j] = value(first + i, j);
        if (as_rows)
            SCP_TRY(scp_h5ad_write_rows(w, &rows));
        else
            SCP_TRY(scp_h5ad_write_dense(w, x[0], some));
    }
    return SCP_OK;
}

static scp_status write_obs(scp_h5ad_writer *w)
{
    char text[OBS][32];
    const char *names[OBS];
    int32_t codes[OBS];
    double dose[OBS];
    float mito[OBS];
    int64_t count[OBS];
    for (size_t i = 0; i < OBS; i++) {
        snprintf(text[i], sizeof text[i], "cell-%zu", i);
        names[i] = text[i];
        codes[i] = (int32_t)(i % 3) - 1;
        dose[i] = i == 5 ? NAN : 0.05 * (double)i;
        mito[i] = 0.1f * (float)i;
        count[i] = INT64_C(1000000000000) + (int64_t)i;
    }
    SCP_TRY(scp_h5ad_write_index(w, "obs", "BARCODE_SUB_LIB_ID", names));
    SCP_TRY(scp_h5ad_write_categorical(w, "obs", "drug", codes, labels, 2));
    SCP_TRY(scp_h5ad_write_real(w, "obs", "dose", dose));
    SCP_TRY(scp_h5ad_write_f32(w, "obs", "pcnt_mito", mito));
    SCP_TRY(scp_h5ad_write_int(w, "obs", "mread_count", count));
    SCP_TRY(scp_h5ad_write_text(w, "obs", "BARCODE", names));
    return SCP_OK;
}

static scp_status write_var(scp_h5ad_writer *w)
{
    static const char *const genes[VARS] = { "A1BG", "TP53", "MT-CO1", "g3", "g4", "g5",
                                             "g6",   "g7",   "g8",     "g9", "g10" };
    SCP_TRY(scp_h5ad_write_index(w, "var", "gene_name", genes));
    return SCP_OK;
}

static scp_status write_sample(const char *dir, const struct sample *s, char *path)
{
    scp_h5ad_writer *w = NULL;
    float spread[OBS][VARS];
    scp_status st = SCP_OK;
    for (size_t i = 0; i < OBS; i++)
        for (size_t j = 0; j < VARS; j++) spread[i][j] = value(i, j) + 1;
    SCP_TRY(scp_fs_join(path, SCP_PATH_MAX, dir, s->name));
    SCP_TRY(scp_h5ad_writer_create(path, OBS, VARS, &s->opt, &w));
    SCP_GOTO(done, write_var(w));
    SCP_GOTO(done, write_x(w, s->rows, OBS));
    SCP_GOTO(done, write_obs(w));
    SCP_GOTO(done, scp_h5ad_write_layer(w, "spread", spread[0]));
    SCP_GOTO(done, scp_h5ad_write_uns_text(w, "config", "seed: 1\n"));
    SCP_GOTO(done, scp_h5ad_writer_commit(&w));
done:
    scp_h5ad_writer_abort(&w);
    return st;
}

/* ---- reading back ---- */

static void check_x(scp_h5ad *f, float offset, const char *name)
{
    scp_h5ad_rows rows = { 0 };
    bool same = true;
    for (size_t first = 0; first < OBS && same; first += 8) {
        size_t n = OBS - first < 8 ? OBS - first : 8;
        if (!tap_st(scp_h5ad_read_rows(f, first, n, &rows), "%s: rows %zu.. read", name, first))
            return;
        for (size_t i = 0; i < n; i++) {
            float x[VARS] = { 0 };
            for (int64_t k = rows.indptr[i]; k < rows.indptr[i + 1]; k++)
                x[rows.column[k]] += rows.value[k];
            for (size_t j = 0; j < VARS; j++) same &= x[j] == value(first + i, j) + offset;
        }
    }
    tap_ok(same, "%s: every value comes back", name);
    scp_h5ad_rows_fini(&rows);
}

static void check_text(scp_h5ad *f, const char *column, size_t row, const char *want)
{
    scp_h5ad_text t;
    if (!tap_st(scp_h5ad_obs_text(f, column, &t), "column %s as text", column)) return;
    tap_text(t.code[row] < 0 ? "(missing)" : t.label[t.code[row]], want, "%s of row %zu", column,
             row);
    scp_h5ad_text_fini(&t);
}

static void check_frames(scp_h5ad *f)
{
    double *x = NULL;
    char **names = NULL;
    tap_st(scp_h5ad_obs_names(f, &names), "obs names");
    tap_text(names[36], "cell-36", "last obs name");
    scp_fs_list_free(names, OBS);
    tap_st(scp_h5ad_var_names(f, &names), "var names");
    tap_text(names[2], "MT-CO1", "a var name");
    scp_fs_list_free(names, VARS);
    check_text(f, "drug", 0, "(missing)");
    check_text(f, "drug", 2, "γ-Oryzanol");
    check_text(f, "BARCODE", 7, "cell-7");
    check_text(f, "BARCODE_SUB_LIB_ID", 7, "cell-7");
    check_text(f, "mread_count", 3, "1000000000003");
    check_text(f, "dose", 5, "(missing)");
    check_text(f, "dose", 1, "0.05");
    check_text(f, "pcnt_mito", 3, "0.3");
    tap_st(scp_h5ad_obs_real(f, "dose", &x), "dose as numbers");
    tap_ok(isnan(x[5]) && x[6] == 0.05 * 6, "NaN stays missing, doubles are exact");
    free(x);
    tap_st(scp_h5ad_obs_real(f, "pcnt_mito", &x), "single precision as numbers");
    tap_near(x[3], (double)(0.1f * 3.0f), 0, "singles are exact");
    free(x);
}

static void round_trip(const struct sample *s)
{
    char path[SCP_PATH_MAX];
    scp_h5ad *f = NULL;
    int64_t start[OBS + 1];
    if (!tap_st(write_sample(tap_tmpdir(), s, path), "%s written", s->name)) return;
    if (!tap_st(scp_h5ad_open(path, &f), "%s opens", s->name)) return;
    ssize_t open_objects = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);
    tap_ok(scp_h5ad_n_obs(f) == OBS && scp_h5ad_n_vars(f) == VARS, "shape");
    tap_ok(scp_h5ad_matrix_kind(f) == (s->opt.csr ? SCP_H5AD_CSR : SCP_H5AD_DENSE), "storage");
    check_x(f, 0, s->name);
    if (s->opt.csr) {
        tap_st(scp_h5ad_row_starts(f, 0, OBS, start), "row starts");
        tap_ok(start[0] == 0 && start[OBS] > OBS, "row starts are there");
    } else {
        tap_fails(scp_h5ad_row_starts(f, 0, OBS, start), SCP_EINTERNAL, "CSR",
                  "no row starts in a dense matrix");
    }
    check_frames(f);
    tap_ok(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == open_objects,
           "nothing is left open");
    tap_st(scp_h5ad_select_matrix(f, "layers/spread"), "layer");
    check_x(f, 1, "layer");
    scp_h5ad_close(&f);
}

/* ---- what must not happen ---- */

static void nothing_left(const char *path, const char *what)
{
    char **names = NULL;
    size_t n = 0;
    tap_st(scp_fs_list(tap_tmpdir(), "", &names, &n), "folder listed");
    bool clean = !scp_fs_exists(path);
    for (size_t i = 0; i < n; i++) clean &= strstr(names[i], ".tmp.") == NULL;
    tap_ok(clean, "%s: neither the file nor a temporary is left", what);
    scp_fs_list_free(names, n);
}

static void refusals(void)
{
    const scp_h5ad_write_options opt = { .csr = true };
    const int32_t bad_code[OBS] = { [3] = 2 };
    char path[SCP_PATH_MAX];
    scp_h5ad_writer *w = NULL;
    scp_h5ad_rows rows;
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "never.h5ad"), "name");
    tap_st(scp_h5ad_writer_create(path, OBS, VARS, &opt, &w), "writer");
    scp_h5ad_writer_abort(&w);
    nothing_left(path, "abort");

    tap_st(scp_h5ad_writer_create(path, OBS, VARS, &opt, &w), "writer");
    tap_st(write_x(w, true, 20), "20 rows");
    tap_fails(scp_h5ad_writer_commit(&w), SCP_EINTERNAL, "20 of 37 rows", "rows are missing");
    nothing_left(path, "incomplete X");

    tap_st(scp_h5ad_writer_create(path, OBS, VARS, &opt, &w), "writer");
    tap_st(write_x(w, true, OBS), "rows");
    fill_rows(0, 1, &rows);
    tap_fails(scp_h5ad_write_rows(w, &rows), SCP_EINTERNAL, "1 rows on top of 37",
              "one row too many");
    tap_st(write_obs(w), "obs");
    tap_fails(write_obs(w), SCP_EINTERNAL, "twice", "a column twice");
    tap_fails(scp_h5ad_write_categorical(w, "obs", "c", bad_code, labels, 2), SCP_EINTERNAL,
              "row 3", "a code without a label");
    tap_fails(scp_h5ad_write_real(w, "obsm", "c", NULL), SCP_EINTERNAL, "obsm", "an unknown frame");
    tap_fails(scp_h5ad_write_real(w, "obs", "a/b", NULL), SCP_EINTERNAL, "a/b",
              "a slash in a name");
    tap_fails(scp_h5ad_writer_commit(&w), SCP_EINTERNAL, "index of var",
              "the var index is missing");
    nothing_left(path, "no var index");

    tap_st(scp_h5ad_writer_create(path, OBS, VARS, &opt, &w), "writer");
    fill_rows(0, 2, &rows);
    rows.column[1] = VARS;
    tap_fails(scp_h5ad_write_rows(w, &rows), SCP_EINTERNAL, "column 11 of 11",
              "a column out of range");
    scp_h5ad_writer_abort(&w);
    tap_fails(scp_h5ad_writer_create("/nonexistent/a.h5ad", 1, 1, &opt, &w), SCP_EIO,
              "/nonexistent", "a folder that does not exist");
}

/* Equal content gives equal bytes: no time of writing in the file. */
static void reproducible(void)
{
    char a[SCP_PATH_MAX], b[SCP_PATH_MAX], *text[2] = { NULL, NULL };
    size_t len[2] = { 0, 1 };
    tap_st(write_sample(tap_tmpdir(), &samples[0], a), "written once");
    tap_st(scp_fs_read_text(a, &text[0], &len[0]), "bytes");
    tap_st(write_sample(tap_tmpdir(), &samples[0], b), "written again");
    tap_st(scp_fs_read_text(b, &text[1], &len[1]), "bytes");
    tap_ok(len[0] == len[1] && memcmp(text[0], text[1], len[0]) == 0, "the same bytes");
    free(text[0]);
    free(text[1]);
}

/* Columns in pieces, several at once, are the columns as a whole. */
static scp_status write_pieces(const char *path)
{
    static const char *const names[OBS] = { "a", "b", "c", "d", "e" };
    scp_status st = SCP_OK;
    scp_h5ad_writer *w = NULL;
    scp_h5ad_column *number = NULL, *code = NULL, *index = NULL;
    const scp_h5ad_write_options opt = { .csr = true, .chunk = 2 };
    const int64_t x[5] = { 7, -1, INT64_C(1) << 40, 3, 4 };
    const int32_t c[5] = { 1, 0, -1, 1, 1 }, none[5] = { 0 };
    SCP_GOTO(done, scp_h5ad_writer_create(path, 5, 2, &opt, &w));
    SCP_GOTO(done, scp_h5ad_column_begin(w, "obs", "n", SCP_H5AD_INT, &number));
    SCP_GOTO(done, scp_h5ad_column_begin_categorical(w, "obs", "drug", labels, 2, &code));
    SCP_GOTO(done, scp_h5ad_column_begin(w, "obs", "cell", SCP_H5AD_INDEX, &index));
    for (size_t at = 0, n = 1; at < 5; at += n, n = 2) {
        SCP_GOTO(done, scp_h5ad_column_append(code, n, c + at));
        SCP_GOTO(done, scp_h5ad_column_append(index, n, names + at));
        SCP_GOTO(done, scp_h5ad_column_append(number, n, x + at));
    }
    tap_fails(scp_h5ad_column_append(number, 1, x), SCP_EINTERNAL, "1 rows on top of 5",
              "one row too many in a column");
    SCP_GOTO(done, scp_h5ad_column_end(&index));
    SCP_GOTO(done, scp_h5ad_column_end(&code));
    SCP_GOTO(done, scp_h5ad_column_end(&number));
    SCP_GOTO(done, scp_h5ad_column_begin(w, "obs", "short", SCP_H5AD_F32, &number));
    tap_fails(scp_h5ad_column_end(&number), SCP_EINTERNAL, "short: 0 of 5", "a column too short");
    SCP_GOTO(done, scp_h5ad_write_lengths(w, none, 5));
    SCP_GOTO(done, scp_h5ad_write_index(w, "var", "gene", names));
    SCP_GOTO(done, scp_h5ad_writer_commit(&w));
done:
    scp_h5ad_column_drop(&number);
    scp_h5ad_column_drop(&code);
    scp_h5ad_column_drop(&index);
    scp_h5ad_writer_abort(&w);
    return st;
}

static void pieces(void)
{
    char path[SCP_PATH_MAX], **names = NULL;
    scp_h5ad *f = NULL;
    double *x = NULL;
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "pieces.h5ad"), "name");
    if (!tap_st(write_pieces(path), "columns written in pieces") ||
        !tap_st(scp_h5ad_open(path, &f), "and opened"))
        return;
    check_text(f, "drug", 0, "γ-Oryzanol");
    check_text(f, "drug", 2, "(missing)");
    tap_st(scp_h5ad_obs_real(f, "n", &x), "numbers");
    tap_ok(x[0] == 7 && x[1] == -1 && x[2] == 1099511627776.0 && x[4] == 4, "in their order");
    tap_st(scp_h5ad_obs_names(f, &names), "index");
    tap_text(names[4], "e", "the last name");
    scp_fs_list_free(names, 5);
    free(x);
    scp_h5ad_close(&f);
}

/* Rows by their lengths and entries without their rows do not pass. */
static void lengths(void)
{
    const scp_h5ad_write_options opt = { .csr = true, .index64 = true };
    const int32_t length[2] = { 1, 2 }, column[2] = { 0, 1 };
    const float x[2] = { 1, 2 };
    char path[SCP_PATH_MAX];
    scp_h5ad_writer *w = NULL;
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "lengths.h5ad"), "name");
    tap_st(scp_h5ad_writer_create(path, 2, 2, &opt, &w), "writer");
    tap_st(scp_h5ad_write_lengths(w, length, 2), "two rows of three entries");
    tap_st(scp_h5ad_write_entries(w, column, x, 2), "two entries");
    tap_fails(scp_h5ad_writer_commit(&w), SCP_EINTERNAL, "3 entries, 2 were written",
              "an entry is missing");
    nothing_left(path, "missing entries");
}

int main(int argc, char **argv)
{
    char path[SCP_PATH_MAX];
    for (size_t k = 0; k < SAMPLES; k++) {
        if (argc == 2 && write_sample(argv[1], &samples[k], path) != SCP_OK) return 1;
        if (argc < 2) round_trip(&samples[k]);
    }
    if (argc == 2) return 0;
    refusals();
    reproducible();
    pieces();
    lengths();
    return tap_done();
}
