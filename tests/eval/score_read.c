/* Result files read back: quoting, what is refused, conditions lined up by key; and the truth of a
 * synthetic screen from its file. */
#include "eval/score_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "eval/screen.h"
#include "eval/synth_truth.h"
#include "io/array_file.h"
#include "tap.h"

static char path[SCP_PATH_MAX];

static scp_status write_and_read(const char *text, scp_score_rows *out)
{
    SCP_TRY(scp_fs_write_text(path, text, strlen(text)));
    return scp_score_rows_read(path, out);
}

static void refuses(const char *text, const char *part, const char *what)
{
    scp_score_rows r;
    tap_fails(write_and_read(text, &r), SCP_EDATA, part, "%s", what);
}

static const char head[] =
    "perturbation,cell_line,drug,dose_uM,plate,label_group_n,mse,ev,ev_nan0,pds_l1,effect\n";

static void test_read(void)
{
    scp_score_rows r;
    char text[1024];
    snprintf(text, sizeof text,
             "%s\"[(\"\"O'Drug, B\"\", 0.05, 'uM')]\",L1,\"O'Drug, B\",0.05,p1,6,0.5,,0,1,7\r\n"
             "\"[('A', 5.0, 'uM')]\",L1,A,5,p2,6,-1e-3,0.25,0.25,0.5,7\n",
             head);
    if (tap_st(write_and_read(text, &r), "a file of ours, one line with CRLF")) {
        tap_ok(r.n == 2 && r.n_cols == 3, "metrics without twins, keys and sizes");
        tap_text(r.key[0], "[(\"O'Drug, B\", 0.05, 'uM')]\tL1\tp1", "a quoted label");
        tap_text(r.name[2], "pds_l1", "names");
        tap_ok(r.v[0] == 0.5 && isnan(r.v[1]) && r.v[2] == 1 && r.v[3] == -1e-3 && r.v[5] == 0.5,
               "values; an empty field is NaN");
        scp_score_rows_fini(&r);
    }
    if (tap_st(write_and_read("perturbation,mse\na,1\nb,2", &r),
               "a file of cell-eval, no end of line")) {
        tap_text(r.key[1], "b\t\t", "its key");
        scp_score_rows_fini(&r);
    }
    refuses("label,mse\na,1\n", "perturbation", "no key");
    refuses("perturbation,mse\n", "no condition", "no row");
    refuses("perturbation,mse\na,1,2\n", "line 2 has 3 fields", "a field too many");
    refuses("perturbation,mse\na,x1\n", "column mse: 'x1'", "a text for a number");
    refuses("perturbation,mse\n\"a,1\n", "line 2, field 1: a quote", "an open quote");
    refuses("perturbation,mse\n\"a\"b,1\n", "after the closing quote", "text after a quote");
    refuses("", "no condition", "an empty file");
    tap_fails(scp_score_rows_read("/nonexistent.csv", &r), SCP_ENOINPUT, "nonexistent",
              "a missing file");
}

static void test_match(void)
{
    scp_score_rows a, b;
    scp_score_match m;
    char text[2][1024];
    snprintf(text[0], sizeof text[0],
             "%sA,L,A,1,p1,2,1,0,0,0.5,1\nA,L,A,1,p2,2,2,0,0,0.5,1\nB,L,B,1,p1,2,3,0,0,1,1\n",
             head);
    snprintf(text[1], sizeof text[1],
             "perturbation,cell_line,plate,pds_l1,mse,other\nB,L,p1,0.25,2,9\nA,L,p2,0.5,1,9\nA,L,"
             "p1,0.5,0,9\nC,L,p1,1,1,9\n");
    if (!tap_st(write_and_read(text[0], &a), "one file") ||
        !tap_st(write_and_read(text[1], &b), "another, in another order"))
        return;
    if (tap_st(scp_score_rows_compare(&a, &b, 10, 1, &m), "compared")) {
        tap_ok(m.n == 3 && m.only_a == 0 && m.only_b == 1, "conditions of both and of one");
        tap_ok(m.n_cols == 2 && strcmp(m.name[0], "mse") == 0, "metrics of both");
        tap_ok(m.comparison[0].n == 3 && m.comparison[0].difference == 1,
               "rows are matched by key");
        tap_ok(m.comparison[1].n == 2 && m.comparison[1].mean_a == 0.75,
               "discrimination counts once a label");
        scp_score_match_fini(&m);
    }
    scp_score_rows_fini(&b);
    tap_st(write_and_read("perturbation,mse\nZ,1\n", &b), "a file of other conditions");
    tap_fails(scp_score_rows_compare(&a, &b, 10, 1, &m), SCP_EDATA, "share no condition",
              "is refused");
    scp_score_rows_fini(&b);
    tap_st(write_and_read("perturbation,cell_line,plate,mse\nA,L,p1,1\nA,L,p1,2\n", &b),
           "a condition twice");
    tap_fails(scp_score_rows_compare(&a, &b, 10, 1, &m), SCP_EDATA, "L, p1 occurs twice in the s",
              "is refused in the second");
    tap_fails(scp_score_rows_compare(&b, &a, 10, 1, &m), SCP_EDATA, "L, p1 occurs twice in the f",
              "and in the first");
    scp_score_rows_fini(&a);
    tap_st(write_and_read("perturbation,cell_line,mse\nA,L,1\n", &a), "one without plates");
    tap_fails(scp_score_rows_compare(&b, &a, 10, 1, &m), SCP_EDATA, "occurs twice",
              "is not averaged over the two either");
    scp_score_rows_fini(&b);
    scp_score_rows_fini(&a);
}

/* Commas in plates and lines do not part a key. */
static void test_commas(void)
{
    scp_score_rows a, b;
    scp_score_match m;
    if (!tap_st(write_and_read("perturbation,cell_line,plate,mse\nA,\"L, x\",\"p, 1\",1\n"
                               "A,\"M, x\",\"p, 1\",5\nA,\"M, x\",\"p, 2\",7\n",
                               &a),
                "lines and plates with commas") ||
        !tap_st(write_and_read("perturbation,cell_line,mse\nA,\"L, x\",1\nA,\"M, x\",4\n", &b),
                "the same lines without plates"))
        return;
    if (tap_st(scp_score_rows_compare(&a, &b, 10, 1, &m), "compared")) {
        tap_ok(m.n == 2 && m.only_a == 0 && m.only_b == 0, "a key for each line");
        tap_ok(m.comparison[0].mean_a == (1 + 6) / 2.0, "plates of a line are averaged");
        scp_score_match_fini(&m);
    }
    scp_score_rows_fini(&b);
    tap_st(write_and_read("perturbation,mse\nA,1\n", &b), "a file without lines");
    tap_fails(scp_score_rows_compare(&a, &b, 10, 1, &m), SCP_EDATA, "several cell lines",
              "lines that end alike are two");
    scp_score_rows_fini(&b);
    scp_score_rows_fini(&a);
}

static scp_status put(const char *dir, const char *name, const char *text)
{
    char file[SCP_PATH_MAX];
    SCP_TRY(scp_fs_join(file, sizeof file, dir, name));
    return scp_fs_write_text(file, text, strlen(text));
}

/* What cell-eval writes of two lines, against ours with plates. */
static void test_cell_eval_folder(void)
{
    scp_score_rows a, b;
    scp_score_match m;
    char dir[SCP_PATH_MAX - 16], empty[SCP_PATH_MAX], text[1024];
    snprintf(text, sizeof text,
             "%sA,L,A,1,p1,2,1,0,0,0.5,1\nA,L,A,1,p2,2,4,0,0,0.5,1\nA,M,B,1,p1,2,7,0,0,1,1\n", head);
    snprintf(dir, sizeof dir, "%s/cell-eval", tap_tmpdir());
    if (!tap_st(scp_fs_mkdirs(dir), "a folder") ||
        !tap_st(put(dir, "L_results.csv", "perturbation,mse\nA,2\nB,5\n"), "results of a line") ||
        !tap_st(put(dir, "M_results.csv", "perturbation,mse\nA,3\n"), "of another") ||
        !tap_st(put(dir, "L_agg_results.csv", "statistic,mse\nmean,2\n"), "statistics") ||
        !tap_st(write_and_read(text, &a), "ours, of two lines and plates"))
        return;
    if (tap_st(scp_score_rows_read_folder(dir, &b), "the folder is read")) {
        tap_ok(b.n == 3 && b.has_line && !b.has_plate, "lines by the names of the files");
        if (tap_st(scp_score_rows_compare(&a, &b, 10, 1, &m), "compared with ours")) {
            tap_ok(m.n == 2 && m.only_b == 1 && m.n_cols == 1 && strcmp(m.name[0], "mse") == 0,
                   "conditions of both");
            tap_ok(m.comparison[0].mean_a == (2.5 + 7) / 2 && m.comparison[0].mean_b == 2.5,
                   "our plates are averaged");
            scp_score_match_fini(&m);
        }
    }
    scp_score_rows_fini(&b);
    tap_st(write_and_read("perturbation,mse\nA,1\n", &b), "a file without lines");
    tap_fails(scp_score_rows_compare(&a, &b, 10, 1, &m), SCP_EDATA, "--celltype-col",
              "is not compared with one of several");
    scp_score_rows_fini(&b);
    scp_score_rows_fini(&a);
    snprintf(empty, sizeof empty, "%s/empty", dir);
    if (tap_st(scp_fs_mkdirs(empty), "an empty folder"))
        tap_fails(scp_score_rows_read_folder(empty, &b), SCP_ENOINPUT, "no results.csv",
                  "is said to be none");
}

/* A split's folder of ours: its files are models, not lines. */
static void test_own_folder(void)
{
    scp_score_rows r;
    char dir[SCP_PATH_MAX - 16], text[1024];
    snprintf(text, sizeof text, "%sA,L,A,1,p1,2,1,0,0,0.5,1\n", head);
    snprintf(dir, sizeof dir, "%s/uc", tap_tmpdir());
    if (!tap_st(scp_fs_mkdirs(dir), "a folder") ||
        !tap_st(put(dir, "results.csv", text), "the first model") ||
        !tap_st(put(dir, "agg_results.csv", "statistic,mse\nmean,1\n"), "its statistics") ||
        !tap_st(scp_score_rows_read_folder(dir, &r), "alone it is read"))
        return;
    tap_ok(r.n == 1 && r.own_line, "with the line of its column");
    scp_score_rows_fini(&r);
    tap_st(put(dir, "no_change_results.csv", text), "a second model");
    tap_fails(scp_score_rows_read_folder(dir, &r), SCP_EDATA, "several models", "two are refused");
    tap_ok(!r.n && !r.key, "and nothing is left of them");
}

/* ---- truth ---- */

enum { G = 3, K = 2 };

static scp_status write_truth(const char *file)
{
    const char *const gene[] = { "GENE2", "OTHER", "GENE0", "GENE1" },
                      *const id[] = { "id0", "id1" }, *const name[] = { "LX", "L" },
                      *const drug[] = { "B", "A" };
    const float V[K * 4] = { 0.5f, 9, -1, 0, 0, 9, 0.25f, 1 };
    const double e[2 * K] = { 7, 7, 1, 2 }, own[4 * K] = { 0, 0, 0, 0, 0, 0, 1, -1 };
    const int32_t line[] = { 0, 1 }, of[] = { 1, 1 };
    const double dose[] = { 5, 5 }, magnitude[] = { 3, 0.5 };
    scp_array_file *f = NULL;
    SCP_TRY(scp_array_file_create(file, &f));
    SCP_TRY(scp_array_file_put_texts(f, "gene/name", gene, 4));
    SCP_TRY(scp_array_file_put_texts(f, "line/id", id, 2));
    SCP_TRY(scp_array_file_put_texts(f, "line/name", name, 2));
    SCP_TRY(scp_array_file_put_texts(f, "drug/name", drug, 2));
    SCP_TRY(scp_array_file_put(f, "gene/V", SCP_ARRAY_F32, 2, (size_t[]){ K, 4 }, V));
    SCP_TRY(scp_array_file_put(f, "drug/e", SCP_ARRAY_F64, 2, (size_t[]){ 2, K }, e));
    SCP_TRY(scp_array_file_put(f, "pair/own", SCP_ARRAY_F64, 2, (size_t[]){ 4, K }, own));
    SCP_TRY(scp_array_file_put(f, "key/line", SCP_ARRAY_I32, 1, (size_t[]){ 2 }, line));
    SCP_TRY(scp_array_file_put(f, "key/drug", SCP_ARRAY_I32, 1, (size_t[]){ 2 }, of));
    SCP_TRY(scp_array_file_put(f, "key/dose", SCP_ARRAY_F64, 1, (size_t[]){ 2 }, dose));
    SCP_TRY(scp_array_file_put(f, "key/magnitude", SCP_ARRAY_F64, 1, (size_t[]){ 2 }, magnitude));
    return scp_array_file_commit(&f);
}

static void test_truth(const char *dir)
{
    const float pre[G] = { 1, 0.5f, 2 }, post[G] = { 1, 1, 1 };
    const screen_row row[] = { { "L", NULL, "p1", 0, SCP_SPLIT_UC, pre },
                               { "L", "A", "p1", 5, SCP_SPLIT_UC, post },
                               { "L", "A", "p1", 0.5, SCP_SPLIT_UC, post } };
    const int32_t rows[] = { 0, 1 };
    scp_dataset d;
    scp_synth_truth *t = NULL;
    double lfc[G], total[2] = { 0, 0 };
    float out[G];
    size_t n = 0;
    char file[SCP_PATH_MAX], found[SCP_PATH_MAX];
    snprintf(file, sizeof file, "%s/truth.h5", dir);
    if (!tap_st(screen_make(G, row, 3, &d), "a screen") || !tap_st(write_truth(file), "its truth"))
        return;
    if (tap_st(scp_synth_truth_open(file, &d, SCP_SYNTH_EXACT, rows, 2, &t), "is read")) {
        const int32_t *known = scp_synth_truth_rows(t, &n);
        tap_ok(n == 1 && known[0] == 0, "a condition that the file does not have is left out");
        /* magnitude 0.5, direction e + own = (2, 1): V of GENE0 (-1, 0.25), GENE1 (0, 1), GENE2
         * (0.5, 0) */
        tap_st(scp_synth_truth_lfc(t, 0, lfc), "log fold changes");
        tap_near(lfc[0], 0.5 * (2 * -1 + 0.25), 1e-12, "by the formula of the screen");
        tap_near(lfc[1], 0.5, 1e-12, "genes are matched by name");
        tap_near(lfc[2], 0.5, 1e-12, "in any order");
        tap_st(scp_synth_truth_fill(t, rows, 1, out), "profiles");
        for (int g = 0; g < G; g++) {
            total[0] += expm1(pre[g]);
            total[1] += expm1(out[g]);
        }
        tap_near(total[1], total[0], 1e-5, "shares add up to what they were");
        tap_near(log(expm1(out[1]) / expm1(out[0])) - log(expm1(pre[1]) / expm1(pre[0])),
                 lfc[1] - lfc[0], 1e-5, "and change by the fold changes");
        tap_fails(scp_synth_truth_fill(t, rows + 1, 1, out), SCP_EINTERNAL, "no truth",
                  "a pair without one");
    }
    scp_synth_truth_close(&t);
    free(d.gene[1]);
    d.gene[1] = strdup("ALIEN");
    tap_fails(scp_synth_truth_open(file, &d, SCP_SYNTH_EXACT, rows, 2, &t), SCP_EDATA, "ALIEN",
              "a gene of another screen");
    tap_fails(scp_synth_truth_open("/nonexistent.h5", &d, SCP_SYNTH_EXACT, rows, 2, &t),
              SCP_ENOINPUT, "nonexistent", "no file");
    char manifest[SCP_PATH_MAX + 64];
    snprintf(manifest, sizeof manifest, "{\"inputs\": {\"%s/plate1.h5ad\": {\"cells\": 1}}}", dir);
    d.manifest = strdup(manifest);
    tap_ok(scp_synth_truth_find(&d, found, sizeof found) == SCP_OK && strcmp(found, file) == 0,
           "found beside the plates of the manifest");
    free(d.manifest);
    d.manifest = strdup("{\"inputs\": {\"plate1.h5ad\": {}}}");
    tap_ok(scp_synth_truth_find(&d, found, sizeof found) == SCP_OK && !found[0], "or not");
    scp_dataset_fini(&d);
}

int main(void)
{
    const char *dir = tap_tmpdir();
    snprintf(path, sizeof path, "%s/results.csv", dir);
    test_read();
    test_match();
    test_commas();
    test_cell_eval_folder();
    test_own_folder();
    test_truth(dir);
    return tap_done();
}
