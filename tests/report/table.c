/* Tables: alignment, best marks, reference rows, formats, and the table of scores. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/means.h"
#include "report/score_table.h"
#include "tap.h"

static void print_is(const scp_table *t, scp_table_format format, bool transpose, const char *want,
                     const char *what)
{
    scp_strbuf out = { 0 };
    if (tap_st(scp_table_print(t, format, transpose, &out), "%s", what))
        tap_text(out.text, want, "%s: the text", what);
    scp_strbuf_fini(&out);
}

static void test_formats(void)
{
    scp_table t;
    tap_st(scp_table_init(&t, "uc"), "a table");
    tap_st(scp_table_add_column(&t, "Pearson", 1, 2), "a column whose best is 1");
    tap_st(scp_table_add_column(&t, "MSE", 0, 3), "a column whose best is 0");
    tap_st(scp_table_add_column(&t, "n", NAN, -1), "a column without a best");
    tap_st(scp_table_add_row(&t, "ours", (double[]){ 0.5, 0.25, 12 }, true), "a row");
    tap_st(scp_table_add_row(&t, "\xce\xb3-mean", (double[]){ 0.25, 0.125, 7 }, true), "a row");
    tap_st(scp_table_add_row(&t, "oracle", (double[]){ 1, 0, 12 }, false), "a reference row");
    tap_st(scp_table_add_row(&t, "none", (double[]){ NAN, NAN, 0 }, true), "a row of NaN");
    tap_st(scp_table_note(&t, "%d genes", 80), "a note");
    print_is(&t, SCP_TABLE_TEXT, false,
             "uc      Pearson     MSE   n\n"
             "---------------------------\n"
             "ours      0.50*   0.250  12\n"
             "\xce\xb3-mean     0.25  0.125*   7\n"
             "oracle     1.00   0.000  12\n"
             "none          -       -   0\n"
             "80 genes\n",
             "text");
    print_is(&t, SCP_TABLE_MARKDOWN, true,
             "| uc      |         ours |      \xce\xb3-mean | oracle | none |\n"
             "| --- | ---: | ---: | ---: | ---: |\n"
             "| Pearson |     **0.50** | <u>0.25</u> |   1.00 |    - |\n"
             "| MSE     | <u>0.250</u> |   **0.125** |  0.000 |    - |\n"
             "| n       |           12 |           7 |     12 |    0 |\n"
             "\n80 genes\n",
             "Markdown, metrics down");
    print_is(&t, SCP_TABLE_TSV, false,
             "uc\tPearson\tMSE\tn\nours\t0.5\t0.25\t12\n\xce\xb3-mean\t0.25\t0.125\t7\n"
             "oracle\t1\t0\t12\nnone\tnan\tnan\t0\n# 80 genes\n",
             "TSV");
    for (size_t r = 0; r < t.n_rows; r++) t.value[r * t.n_cols] = 0.5;
    print_is(&t, SCP_TABLE_TEXT, false,
             "uc      Pearson     MSE   n\n"
             "---------------------------\n"
             "ours       0.50   0.250  12\n"
             "\xce\xb3-mean     0.50  0.125*   7\n"
             "oracle     0.50   0.000  12\n"
             "none       0.50       -   0\n"
             "80 genes\n",
             "a column of equal figures has no best");
    tap_fails(scp_table_add_column(&t, "late", 1, 2), SCP_EINTERNAL, "before rows",
              "a column after rows");
    scp_table_fini(&t);
    for (int i = 0; i < 20; i++) {
        double v[2] = { i, -i };
        if (i == 0 && (scp_table_init(&t, "many") != SCP_OK ||
                       scp_table_add_column(&t, "up", NAN, -1) != SCP_OK ||
                       scp_table_add_column(&t, "down", NAN, -1) != SCP_OK))
            return;
        if (scp_table_add_row(&t, "r", v, true) != SCP_OK) return;
    }
    tap_ok(t.n_rows == 20 && t.value[2 * 19] == 19 && t.value[1] == 0 && t.value[2 * 7 + 1] == -7,
           "many rows keep their values");
    scp_table_fini(&t);
}

/* Scores of one condition, as an evaluation leaves them. */
static scp_status make_scores(const char *model, double value, size_t G, scp_scores *s)
{
    static int64_t overlap_k[] = { 50, 1000 };
    const scp_metric_settings set = { .pseudo = 0.1, .deg_k = 200, .overlap_k = { overlap_k, 2 } };
    *s = (scp_scores){ .model = strdup(model),
                       .split = strdup("ud"),
                       .G = G,
                       .n = 1,
                       .n_labels = 1,
                       .deg_k = 200,
                       .n_pseudo = 2,
                       .pseudo = { 0.1, 1e-5 } };
    scp_metric_columns_init(&set, G, &s->cols);
    s->row = calloc(1, sizeof *s->row);
    s->label = calloc(1, sizeof *s->label);
    s->line = calloc(1, sizeof *s->line);
    s->drug = calloc(1, sizeof *s->drug);
    s->value = calloc(2 * s->cols.n, sizeof *s->value);
    s->all = calloc(2 * s->cols.n, sizeof *s->all);
    s->by_drug = calloc(s->cols.n, sizeof *s->by_drug);
    s->by_line = calloc(s->cols.n, sizeof *s->by_line);
    for (size_t c = 0; c < 2 * s->cols.n; c++) s->value[c] = c < s->cols.n ? value : value / 2;
    return scp_scores_reduce_all(s);
}

static void test_scores(void)
{
    scp_scores s[2];
    scp_table t = { 0 };
    static const char *const some[] = { "delta_pearson", "mse", "de_overlap_1000", NULL };
    static const char *const wrong[] = { "delta_person", NULL };
    if (!tap_st(make_scores("ours", 0.5, 120, &s[0]), "scores") ||
        !tap_st(make_scores(scp_means_name(SCP_MEANS_ORACLE), 1, 120, &s[1]), "scores"))
        return;
    if (tap_st(scp_score_table(s, 2, SCP_FIGURE_MEDIAN, some, &t), "table of scores")) {
        tap_ok(t.n_cols == 5 && t.n_rows == 2 && t.value[0] == 0.5 && t.value[3] == 1,
               "metrics, n and NaN");
        tap_ok(t.unranked[1] && !t.unranked[0], "the oracle is a reference row");
        tap_ok(strstr(t.notes.text, "pseudo-count 0.1") && strstr(t.notes.text, "120 genes"),
               "pseudo-count and genes are said");
        tap_ok(strstr(t.notes.text, "fewer genes than the DEG set of 200") &&
                   strstr(t.notes.text, "DE-overlap@1000 uses all 120 genes"),
               "and what was cut to the number of genes");
    }
    scp_table_fini(&t);
    tap_fails(scp_score_table(s, 2, SCP_FIGURE_MEAN, wrong, &t), SCP_EUSAGE, "'delta_person'",
              "a metric that does not exist");
    scp_table_fini(&t);
    s[0].dose = (scp_dose_summary){ .n = 7, .spearman = 0.5, .order = 0.75 };
    if (tap_st(scp_dose_table(s, 2, &t), "table of dose behaviour")) {
        tap_ok(t.n_rows == 2 && t.n_cols == 5 && t.value[0] == 0.5 && t.value[4] == 0.75,
               "a row a model, a column a measure");
        tap_ok(strstr(t.notes.text, "over 7 (line, drug)") != NULL, "and over how many");
    }
    scp_table_fini(&t);
    if (tap_st(scp_pseudo_table(s, 2, SCP_FIGURE_MEAN, &t), "table of the pseudo-count study")) {
        tap_ok(t.n_rows == 4 && t.n_cols == 10 && t.value[t.n_cols] == 0.25, "by pseudo-count");
        tap_text(t.row[1], "ours, e = 1e-05", "its rows");
    }
    scp_table_fini(&t);
    tap_fails(scp_pseudo_table(s, 2, SCP_FIGURE_MACRO_DRUG, &t), SCP_EUSAGE, "macro",
              "no macro average of the study");
    for (int i = 0; i < 2; i++) scp_scores_fini(&s[i]);
}

int main(void)
{
    test_formats();
    test_scores();
    return tap_done();
}
