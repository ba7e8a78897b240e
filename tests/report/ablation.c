/* The ablation table: found in run folders, mean and standard error by hand, what is missing left
 * out. */
#include "report/ablation.h"

#include <math.h>
#include <string.h>

#include "base/fs.h"
#include "tap.h"

/* A summary with one metric and one dose figure. */
static scp_status put(const char *dir, const char *run, const char *folder, const char *model,
                      double pearson, const char *spearman)
{
    char path[SCP_PATH_MAX], text[512];
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s/%s", dir, run, folder));
    SCP_TRY(scp_fs_mkdirs(path));
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s/%s/summary.json", dir, run, folder));
    SCP_TRY(scp_str_format(text, sizeof text,
                           "{\"models\": {\"%s\": {\"uc\": {\"metrics\": {\"pearson_delta\": "
                           "{\"mean\": %g, \"median\": 9}, \"ev\": {\"mean\": 9, \"median\": "
                           "0.25}}, \"dose\": {\"spearman\": %s}}}}}",
                           model, pearson, spearman));
    return scp_fs_write_text(path, text, strlen(text));
}

static int column(const scp_table *t, const char *title)
{
    for (size_t c = 0; c < t->n_cols; c++)
        if (strcmp(t->col[c].title, title) == 0) return (int)c;
    return 0;
}

static void test_table(const char *dir)
{
    scp_table t = { 0 };
    bool found;
    if (!tap_st(scp_ablation_table(dir, "uc", &t, &found), "a table of three runs")) return;
    int pearson = column(&t, "Delta-Pearson"), ev = column(&t, "EV, median"),
        dose = column(&t, "dose-Spearman"), lfc = column(&t, "logFC-Pearson");
    tap_ok(found && t.n_rows == 2, "rows of what was found");
    if (t.n_rows == 2) {
        const double *full = t.value, *e = t.value + t.n_cols;
        tap_text(t.row[0], "full", "the full model comes first");
        tap_text(t.row[1], "E", "then the ablation");
        tap_near(full[pearson], 0.6, 1e-12, "mean of 0.5, 0.6, 0.7");
        tap_near(full[pearson + 1], 0.1 / sqrt(3), 1e-12, "and its standard error");
        tap_near(full[ev], 0.25, 1e-12, "EV is the median over conditions");
        tap_near(full[dose], 0.75, 1e-12, "a figure that is null in one run is left out there");
        tap_ok(isnan(full[lfc]), "a metric that no run has is not a number");
        tap_near(e[pearson], 0.3, 1e-12, "one run of E");
        tap_ok(isnan(e[pearson + 1]), "has no standard error");
        tap_ok(full[t.n_cols - 1] == 3 && e[t.n_cols - 1] == 1, "the numbers of runs");
    }
    tap_ok(strstr(t.notes.text, "E: constant drug guidance") != NULL, "what the letter means");
    scp_table_fini(&t);
    tap_ok(scp_ablation_table(dir, "ud", &t, &found) == SCP_OK && !found, "another split: nothing");
    scp_table_fini(&t);
}

static void test_one_run(const char *dir)
{
    char run[SCP_PATH_MAX];
    scp_table t = { 0 };
    bool found = false;
    if (tap_st(scp_fs_join(run, sizeof run, dir, "seed-2"), "a run folder") &&
        tap_st(scp_ablation_table(run, "uc", &t, &found), "as the folder itself"))
        tap_ok(found && t.n_rows == 2 && t.value[t.n_cols - 1] == 1, "one run of two rows");
    scp_table_fini(&t);
}

int main(void)
{
    const char *dir = tap_tmpdir();
    scp_table t = { 0 };
    bool found;
    if (tap_st(put(dir, "seed-1", "eval", "scppdm", 0.5, "0.5"), "seed 1") &&
        tap_st(put(dir, "seed-2", "eval", "scppdm", 0.6, "1"), "seed 2") &&
        tap_st(put(dir, "seed-3", "eval", "scppdm", 0.7, "null"), "seed 3") &&
        tap_st(put(dir, "seed-2", "eval-ablation-E", "ablation-E", 0.3, "0"), "an ablation")) {
        test_table(dir);
        test_one_run(dir);
    }
    tap_fails(scp_ablation_table("/nonexistent/scppdm", "uc", &t, &found), SCP_ENOINPUT,
              "nonexistent", "no such folder");
    scp_table_fini(&t);
    return tap_done();
}
