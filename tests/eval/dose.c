/* Dose behaviour against figures found by hand: one gene changes, so the size of an effect is its
 * change. */
#include "eval/dose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "eval/screen.h"
#include "tap.h"

enum { G = 2 };

/* Truth and prediction as sizes; the control is 1 in both genes. */
static const struct {
    const char *drug, *plate;
    double dose, truth, pred;
} row[] = {
    { NULL, "p", 0, 0, 0 }, { NULL, "q", 0, 0, 0 },  { "W", "p", 5, 3, 3 }, /* one dose: no group */
    { "X", "p", 10, 4, 4 }, /* four doses, the middle two swapped in the prediction */
    { "X", "p", 1, 3, 2 },  { "X", "p", 0.1, 2, 3 }, { "X", "p", 0.01, 1, 1 },
    { "Y", "p", 1, 1, 1 }, /* two plates at one dose, their mean is the size at the other */
    { "Y", "q", 1, 3, 1 },  { "Y", "p", 2, 2, 2 },   { "Z", "p", 1, 1, NAN },
    { "Z", "p", 2, 2, 1 },
};
enum { N_ROWS = sizeof row / sizeof row[0], N_PAIRS = N_ROWS - 2 };

static scp_status fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        out[i * G] = (float)(1 + row[rows[i] + 2].pred);
        out[i * G + 1] = 1;
    }
    return SCP_OK;
}

static scp_status make(scp_dataset *d, scp_scores *s)
{
    static const scp_option_group groups[] = { { scp_metric_options, 0, "metrics" }, { 0 } };
    static float x[N_ROWS][G];
    screen_row rows[N_ROWS];
    int32_t pair[N_PAIRS];
    scp_metric_settings set = { 0 };
    scp_comm *self = NULL;
    const scp_predictor p = { .name = "ours", .fill = fill };
    for (size_t i = 0; i < N_ROWS; i++) {
        x[i][0] = (float)(1 + row[i].truth);
        x[i][1] = 1;
        rows[i] = (screen_row){ "L", row[i].drug, row[i].plate, row[i].dose, SCP_SPLIT_UC, x[i] };
    }
    for (int i = 0; i < N_PAIRS; i++) pair[i] = i;
    SCP_TRY(screen_make(G, rows, N_ROWS, d));
    SCP_TRY(scp_conf_defaults(groups, &set));
    SCP_TRY(scp_comm_create_self(&self));
    scp_status st = scp_evaluate(self, d, pair, N_PAIRS, "uc", &p, 1, &set, s);
    scp_comm_destroy(&self);
    scp_conf_fini(groups, &set);
    return st;
}

static void expect(const scp_dose_group *g, const char *what, size_t doses, const double want[5])
{
    const double got[5] = { g->spearman, g->spearman_true, g->rising, g->rising_true, g->order };
    static const char *const name[5] = { "spearman", "spearman of the truth", "rising",
                                         "rising of the truth", "order" };
    tap_ok(g->n_doses == doses, "%s: %zu doses", what, doses);
    for (int i = 0; i < 5; i++) tap_near(got[i], want[i], 1e-12, "%s: %s", what, name[i]);
}

static void test_file(const scp_scores *s, const scp_dataset *d)
{
    char path[SCP_PATH_MAX], *text = NULL;
    size_t len;
    if (tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "dose.tsv"), "a path") &&
        tap_st(scp_scores_write_dose(s, 1, d, path), "written") &&
        tap_st(scp_fs_read_text(path, &text, &len), "read"))
        tap_ok(strstr(text, "\nours\tuc\tL\tX\t4\t") != NULL, "a line a group");
    free(text);
}

int main(void)
{
    scp_dataset d;
    scp_scores s = { 0 };
    scp_dose_group *g = NULL;
    size_t n = 0;
    if (tap_st(make(&d, &s), "a scored screen") &&
        tap_st(scp_dose_groups(&s, &d, &g, &n), "its groups") &&
        tap_ok(n == 3, "a drug at one dose is no group")) {
        expect(&g[0], "two doses swapped of four", 4, (double[]){ 0.8, 1, 2.0 / 3, 1, 5.0 / 6 });
        expect(&g[1], "plates averaged, a tie in the truth", 2, (double[]){ 1, NAN, 1, 0.5, 0.5 });
        expect(&g[2], "a prediction that is not finite", 2, (double[]){ NAN, NAN, NAN, NAN, NAN });
        tap_ok(s.dose.n == 3, "three groups in the summary");
        tap_near(s.dose.spearman, 0.9, 1e-12, "means leave out what is not a number");
        tap_near(s.dose.spearman_true, 1, 1e-12, "of the truth as well");
        tap_near(s.dose.rising, 5.0 / 6, 1e-12, "mean share of rising steps");
        tap_near(s.dose.rising_true, 0.75, 1e-12, "and of the truth");
        tap_near(s.dose.order, 2.0 / 3, 1e-12, "mean agreement of order");
        test_file(&s, &d);
    }
    free(g);
    scp_scores_fini(&s);
    scp_dataset_fini(&d);
    return tap_done();
}
