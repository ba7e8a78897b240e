/* Files of scores: their layout, and agreement of the shared metrics with cell-eval itself. */
#include "eval/score_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "comm/comm.h"
#include "eval/golden_file.h"
#include "eval/pred_file.h"
#include "eval/screen.h"
#include "tap.h"

enum { N_MODELS = 2 };
static int64_t overlap_k[] = { 50, 100 };
static double study[] = { 1e-5, 1e-2 };

/* x_pre for every pair: its correlations are NaN. */
static scp_status no_change_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    const screen *s = ctx;
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * s->d.G, s->d.x + (size_t)s->d.pre[rows[i]] * s->d.G, s->d.G * sizeof *out);
    return SCP_OK;
}

static scp_status evaluate(screen *s, scp_scores *out)
{
    const scp_metric_settings set = { .pseudo = s->pseudo,
                                      .deg_k = s->deg_k,
                                      .overlap_k = { overlap_k, 2 },
                                      .pseudo_study = { study, 2 },
                                      .pds = true,
                                      .block = 64 };
    const scp_predictor model[N_MODELS] = {
        { .name = "table", .fill = screen_fill, .ctx = s },
        { .name = "no/change", .fill = no_change_fill, .ctx = s },
    };
    scp_comm *self = NULL;
    int32_t *rows = NULL;
    size_t n;
    SCP_TRY(scp_comm_create_self(&self));
    scp_status st = scp_dataset_rows(&s->d, SCP_SPLIT_UC, &rows, &n);
    if (st == SCP_OK) st = scp_evaluate(self, &s->d, rows, n, "uc", model, N_MODELS, &set, out);
    free(rows);
    scp_comm_destroy(&self);
    return st;
}

/* Condition of this line and label. */
static size_t find_condition(const screen *s, const scp_scores *got, const char *line,
                             const char *label)
{
    for (size_t i = 0; i < got->n; i++) {
        char *own = NULL;
        if (scp_pred_label(s->d.drug[got->drug[i]], s->d.p_dose[s->d.post[got->row[i]]], &own) !=
            SCP_OK)
            continue;
        bool same = strcmp(own, label) == 0 && strcmp(s->d.line[got->line[i]], line) == 0;
        free(own);
        if (same) return i;
    }
    return got->n;
}

static void test_cell_eval(const screen *s, const scp_scores *got)
{
    golden_file f;
    if (!tap_ok(golden_open(&f, "cell_eval.tsv"), "values of cell-eval")) return;
    while (golden_next(&f)) {
        size_t i = find_condition(s, got, f.field[0], f.field[1]);
        int c = scp_metric_columns_find(&got->cols, f.field[2]);
        double v = i < got->n && c >= 0 ? scp_scores_value(got, 0, i, (size_t)c) : NAN;
        tap_near(v, strtod(f.field[3], NULL), 1e-5, "%s, %s: %s is cell-eval's", f.field[0],
                 f.field[1], f.field[2]);
    }
    golden_close(&f);
}

/* The n-th line of a file, from 0; "" when there is none. Caller frees. */
static char *line_of(const char *dir, const char *name, size_t n)
{
    char path[SCP_PATH_MAX], *text = NULL;
    size_t len;
    if (scp_fs_join(path, sizeof path, dir, name) != SCP_OK ||
        scp_fs_read_text(path, &text, &len) != SCP_OK)
        return strdup("");
    char *line = text;
    while (n-- && line) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    char *copy = strndup(line ? line : "", line ? strcspn(line, "\n") : 0);
    free(text);
    return copy;
}

static void line_is(const char *dir, const char *name, size_t n, const char *start,
                    const char *what)
{
    char *line = line_of(dir, name, n);
    bool same = strncmp(line, start, strlen(start)) == 0;
    tap_ok(same, "%s", what);
    if (!same) tap_diag("%s, line %zu: %s", name, n + 1, line);
    free(line);
}

static size_t commas(const char *dir, const char *name, size_t n)
{
    char *line = line_of(dir, name, n);
    size_t count = 0;
    for (const char *c = line; *c; c++) count += *c == ',';
    free(line);
    return count;
}

static void test_csv(const screen *s, const scp_scores *got, const char *dir)
{
    scp_comm *self = NULL;
    if (!tap_st(scp_comm_create_self(&self), "a communicator")) return;
    tap_st(scp_scores_write_split(self, got, N_MODELS, &s->d, dir), "files of two models");
    scp_comm_destroy(&self);
    line_is(dir, "results.csv", 0,
            "perturbation,cell_line,drug,dose_uM,plate,label_group_n,logfc_pearson,"
            "logfc_pearson_nan0,logfc_spearman,",
            "header: key, then metrics with their twins");
    char *header = line_of(dir, "results.csv", 0);
    tap_ok(strstr(header, ",pearson_delta,pearson_delta_nan0,") &&
               strstr(header, ",mse,mae,mse_delta,mae_delta,") &&
               strstr(header, ",discrimination_score_l1,discrimination_score_l2,") &&
               !strstr(header, "mse_nan0"),
           "shared metrics have cell-eval's names");
    free(header);
    line_is(dir, "results.csv", 1, "\"[('Drug A', 0.05, 'uM')]\",CVCL_A,Drug A,0.05,plate1,6,0.",
            "a condition");
    line_is(dir, "results.csv", 5,
            "\"[(\"\"O'Drug, B\"\", 0.05, 'uM')]\",CVCL_A,\"O'Drug, B\",0.05,plate1,6,",
            "commas and quotes are quoted");
    line_is(dir, "no-change_results.csv", 1,
            "\"[('Drug A', 0.05, 'uM')]\",CVCL_A,Drug A,0.05,plate1,6,,0,,0,",
            "NaN is an empty field, its twin 0");
    tap_ok(commas(dir, "results.csv", 0) + 2 == commas(dir, "results.csv", 1),
           "as many fields as names (the label has two commas)");
    static const char *const statistic[] = { "count,16,16,16,",
                                             "null_count,0,0,0,",
                                             "mean,",
                                             "std,",
                                             "min,",
                                             "25%,",
                                             "50%,",
                                             "75%,",
                                             "max," };
    line_is(dir, "agg_results.csv", 0, "statistic,logfc_pearson,logfc_pearson_nan0,", "statistics");
    for (size_t k = 0; k < 9; k++)
        line_is(dir, "agg_results.csv", k + 1, statistic[k], statistic[k]);
    line_is(dir, "no-change_agg_results.csv", 1, "count,0,16,0,16,",
            "no finite value, and its twin");
    line_is(dir, "no-change_agg_results.csv", 3, "mean,,0,,0,", "its mean is empty, the twin's 0");
}

/* A number at a path of keys; NaN when it is not there. */
static double number_at(const scp_json *j, const char *const *key)
{
    double v = NAN;
    const char *last = *key;
    for (; j && *key; key++) j = scp_json_get(j, last = *key);
    return j && scp_json_as_real(j, last, &v) == SCP_OK ? v : NAN;
}
#define AT(...)                                                                                    \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void test_summary(const scp_scores *got, const char *dir)
{
    char path[SCP_PATH_MAX];
    scp_json *j = NULL;
    if (!tap_st(scp_fs_join(path, sizeof path, dir, "summary.json"), "its name")) return;
    tap_st(scp_scores_write_summary(got, N_MODELS, NULL, 0, path), "summary");
    if (tap_st(scp_json_load(path, &j), "it is JSON")) {
        tap_near(number_at(j, AT("settings", "pseudo")), 0.1, 0, "pseudo-count");
        tap_near(number_at(j, AT("settings", "genes")), 80, 0, "genes");
        tap_near(number_at(j, AT("models", "table", "uc", "metrics", "pearson_delta", "mean")),
                 got[0].all[SCP_METRIC_DELTA_PEARSON].mean, 0, "mean, to the last bit");
        tap_ok(
            isnan(number_at(j, AT("models", "table", "uc", "metrics", "delta_pearson", "mean"))) &&
                number_at(j, AT("models", "table", "uc", "metrics", "discrimination_score_l1",
                                "mean")) == got[0].all[SCP_METRIC_PDS_L1].mean,
            "shared metrics have cell-eval's names, and no other");
        tap_near(number_at(j, AT("models", "table", "uc", "metrics", "ev", "by_line", "groups")), 2,
                 0, "macro average over two lines");
        tap_near(number_at(j, AT("models", "no/change", "uc", "metrics", "pearson_delta", "n_nan")),
                 16, 0, "NaN are counted");
        tap_near(
            number_at(j, AT("models", "no/change", "uc", "metrics", "pearson_delta", "mean_nan0")),
            0, 0, "and are 0 in the nan0 mean");
        tap_near(number_at(j, AT("models", "table", "uc", "metrics", "de_overlap_100", "k_used")),
                 80, 0, "K in use");
        tap_near(number_at(j, AT("models", "table", "uc", "pseudo_study", "0.01", "logfc_pearson",
                                 "median")),
                 got[0].all[2 * got[0].cols.n + SCP_METRIC_LFC_PEARSON].median, 0,
                 "pseudo-count study");
    }
    scp_json_destroy(&j);
}

static void test_pseudo(const scp_scores *got, const char *dir)
{
    char path[SCP_PATH_MAX];
    if (!tap_st(scp_fs_join(path, sizeof path, dir, "pseudo_sensitivity.tsv"), "its name")) return;
    tap_st(scp_scores_write_pseudo(got, N_MODELS, path), "sensitivity table");
    line_is(dir, "pseudo_sensitivity.tsv", 0,
            "model\tsplit\tpseudo\tmetric\tmean\tmedian\tn\tn_nan", "its header");
    line_is(dir, "pseudo_sensitivity.tsv", 1, "table\tuc\t0.1\tlogfc_pearson\t0.", "its first row");
}

static void test_strata(const screen *s, const scp_scores *got, const char *dir)
{
    char path[SCP_PATH_MAX];
    if (!tap_st(scp_fs_join(path, sizeof path, dir, "strata.tsv"), "its name")) return;
    tap_st(scp_scores_write_strata(got, N_MODELS, &s->d, path), "means by line and dose level");
    line_is(dir, "strata.tsv", 0, "model\tsplit\tcell_line\tdose_level\tn\tlogfc_pearson\t",
            "their header");
    line_is(dir, "strata.tsv", 1, "table\tuc\tCVCL_A\t0\t5\t0.", "the highest dose comes first");
    line_is(dir, "strata.tsv", 2, "table\tuc\tCVCL_A\t1\t5\t0.", "then the next");
    line_is(dir, "strata.tsv", 3, "table\tuc\tCVCL_B\t0\t3\t0.", "then the next line");
    line_is(dir, "strata.tsv", 5, "no/change\tuc\tCVCL_A\t0\t5\tnan\tnan\t", "the next model");
}

int main(void)
{
    screen s;
    scp_scores got[N_MODELS] = { { 0 } };
    char dir[SCP_PATH_MAX];
    snprintf(dir, sizeof dir, "%s/eval/uc", tap_tmpdir());
    if (tap_st(screen_read(&s), "golden screen") && tap_st(evaluate(&s, got), "evaluation")) {
        test_cell_eval(&s, &got[0]);
        test_csv(&s, got, dir);
        test_summary(got, dir);
        test_pseudo(got, dir);
        test_strata(&s, got, dir);
        tap_ok(scp_scores_write_agg(got, "/nonexistent/agg.csv") == SCP_EIO,
               "a folder that does not exist");
        for (int m = 0; m < N_MODELS; m++) scp_scores_fini(&got[m]);
    }
    screen_fini(&s);
    return tap_done();
}
