/* Evaluation over ranks: golden values of a screen, the same bits on any number of ranks and with
 * any block size, missing and failing predictions. */
#include "eval/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/world.h"
#include "eval/screen.h"
#include "tap_ranks.h"

static scp_comm *world, *self;
static int64_t overlap_k[] = { 50, 100, 200, 1000 };
static double study[] = { 1e-5, 1e-2, 1e-1 };

static scp_metric_settings settings(const screen *s, int64_t block)
{
    return (scp_metric_settings){ .pseudo = s->pseudo,
                                  .deg_k = s->deg_k,
                                  .overlap_k = { overlap_k, 4 },
                                  .pseudo_study = { study, 3 },
                                  .pds = true,
                                  .block = block };
}

static scp_status evaluate(scp_comm *comm, screen *s, int64_t block, scp_scores *out)
{
    const scp_predictor model = { .name = "table", .fill = screen_fill, .ctx = s };
    scp_metric_settings set = settings(s, block);
    int32_t *rows = NULL;
    size_t n;
    SCP_TRY(scp_dataset_rows(&s->d, SCP_SPLIT_UC, &rows, &n));
    scp_status st = scp_evaluate(comm, &s->d, rows, n, "uc", &model, 1, &set, out);
    free(rows);
    return st;
}

static void test_golden(screen *s, const scp_scores *got)
{
    for (size_t m = 0; m < s->n_metrics; m++) {
        int c = scp_metric_columns_find(&got->cols, s->metric[m]);
        double worst = 0;
        for (size_t i = 0; i < got->n && c >= 0; i++) {
            double want = s->golden[(size_t)got->row[i] * s->n_metrics + m];
            worst = fmax(worst, fabs(scp_scores_value(got, 0, i, (size_t)c) - want));
        }
        tap_ok(tap_everywhere(world, c >= 0 && worst <= 1e-9),
               "%s of every condition is numpy's: %g", s->metric[m], worst);
    }
}

static bool in_order(const screen *s, const scp_scores *got)
{
    for (size_t i = 1; i < got->n; i++) {
        int32_t a = s->d.post[got->row[i - 1]], b = s->d.post[got->row[i]];
        if (s->d.p_line[a] > s->d.p_line[b] || got->label[i] < got->label[i - 1]) return false;
        if (got->label[i] == got->label[i - 1] && s->d.p_plate[a] >= s->d.p_plate[b]) return false;
    }
    return true;
}

static bool same_scores(const scp_scores *a, const scp_scores *b)
{
    size_t values = a->n_pseudo * a->n * a->cols.n;
    return a->n == b->n && a->n_pseudo == b->n_pseudo && a->cols.n == b->cols.n &&
           memcmp(a->row, b->row, a->n * sizeof *a->row) == 0 &&
           memcmp(a->value, b->value, values * sizeof *a->value) == 0 &&
           memcmp(a->all, b->all, a->n_pseudo * a->cols.n * sizeof *a->all) == 0 &&
           memcmp(a->by_drug, b->by_drug, a->cols.n * sizeof *a->by_drug) == 0 &&
           memcmp(a->by_line, b->by_line, a->cols.n * sizeof *a->by_line) == 0;
}

static void test_same_bits(screen *s, const scp_scores *got)
{
    static const int64_t block[] = { 1, 2, 5, 1000 };
    scp_scores other;
    if (tap_st(evaluate(self, s, 64, &other), "evaluation on one rank"))
        tap_ok(tap_everywhere(world, same_scores(got, &other)),
               "all ranks give the bits of one rank");
    scp_scores_fini(&other);
    for (size_t b = 0; b < sizeof block / sizeof block[0]; b++) {
        if (!tap_st(evaluate(world, s, block[b], &other), "blocks of %d", (int)block[b])) continue;
        tap_ok(tap_everywhere(world, same_scores(got, &other)), "blocks of %d give the same bits",
               (int)block[b]);
        scp_scores_fini(&other);
    }
}

static double mean_over_labels(const scp_scores *s, size_t c)
{
    double sum = 0;
    for (size_t i = 0; i < s->n; i++)
        if (i == 0 || s->label[i] != s->label[i - 1]) sum += scp_scores_value(s, 0, i, c);
    return sum / (double)s->n_labels;
}

static void test_reductions(const scp_scores *s)
{
    double sum = 0, drug[3] = { 0 }, members[3] = { 0 };
    const size_t c = SCP_METRIC_DELTA_PEARSON;
    for (size_t i = 0; i < s->n; i++) {
        double v = scp_scores_value(s, 0, i, c);
        sum += v;
        drug[s->drug[i]] += v;
        members[s->drug[i]]++;
    }
    tap_near(s->all[c].mean, sum / (double)s->n, 1e-12, "mean over conditions");
    tap_near(s->by_drug[c].mean,
             (drug[0] / members[0] + drug[1] / members[1] + drug[2] / members[2]) / 3, 1e-12,
             "macro average by drug");
    tap_ok(s->n == 16 && s->n_labels == 12 && s->all[SCP_METRIC_PDS_L1].n == 12 &&
               s->all[c].n == 16,
           "a discrimination score counts once a label");
    tap_near(s->all[SCP_METRIC_PDS_L2].mean, mean_over_labels(s, SCP_METRIC_PDS_L2), 1e-12,
             "mean over labels");
    tap_ok(s->group[0] == 6, "six labels in a line");
    tap_ok(s->n_pseudo == 3 && s->pseudo[0] == 0.1 && s->pseudo[1] == 1e-5,
           "the study leaves out what is the setting");
    tap_ok(s->all[s->cols.n + SCP_METRIC_LFC_PEARSON].mean != s->all[SCP_METRIC_LFC_PEARSON].mean &&
               s->all[s->cols.n + SCP_METRIC_MSE].mean == s->all[SCP_METRIC_MSE].mean,
           "another pseudo-count changes logFC, not the error");
    scp_reduction part[SCP_METRIC_MAX];
    uint8_t keep[16] = { 0, 0, 1, 0, 1 };
    if (!tap_st(scp_scores_reduce(s, keep, part), "reduction over some conditions")) return;
    tap_near(part[c].mean, (scp_scores_value(s, 0, 2, c) + scp_scores_value(s, 0, 4, c)) / 2, 1e-15,
             "is the mean of those");
}

static void test_not_finite(screen *s, float value)
{
    scp_scores got;
    float before = s->pred[5 * s->d.G + 3];
    s->pred[5 * s->d.G + 3] = value;
    if (tap_st(evaluate(world, s, 2, &got), "a prediction with %g is scored", (double)value)) {
        const scp_reduction *r = &got.all[SCP_METRIC_LFC_SPEARMAN];
        tap_ok(tap_everywhere(world, got.n_bad == 1 && r->n == 15 && r->n_nan == 1),
               "it is NaN, and counted");
        tap_near(r->mean_nan0, r->mean * 15 / 16, 1e-12, "and is 0 in the nan0 mean");
        tap_ok(got.all[SCP_METRIC_PDS_COSINE].n_nan == 1, "its label has no discrimination score");
        scp_scores_fini(&got);
    }
    s->pred[5 * s->d.G + 3] = before;
}

/* The same profile for every condition. */
static scp_status constant_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    const screen *s = ctx;
    (void)rows;
    for (size_t i = 0; i < n; i++) memcpy(out + i * s->d.G, s->d.x, s->d.G * sizeof *out);
    return SCP_OK;
}

/* On one plate a prediction that ignores drug and dose has the same effect for all N labels. */
static void test_constant(screen *s)
{
    const scp_predictor model = { .name = "constant", .fill = constant_fill, .ctx = s };
    scp_metric_settings set = settings(s, 2);
    scp_scores got;
    int32_t rows[16];
    size_t n = 0;
    for (size_t i = 0; i < s->d.N; i++)
        if (strcmp(s->d.line[s->d.p_line[s->d.post[i]]], "CVCL_B") == 0) rows[n++] = (int32_t)i;
    if (!tap_st(scp_evaluate(world, &s->d, rows, n, "uc", &model, 1, &set, &got), "one line"))
        return;
    for (int c = SCP_METRIC_PDS_L1; c <= SCP_METRIC_PDS_COSINE; c++)
        tap_near(got.all[c].mean, 7.0 / 12, 1e-12, "a constant prediction: %s is (N + 1)/(2N)",
                 got.cols.col[c].title);
    tap_near(got.all[SCP_METRIC_PDS_COSINE_MID].mean, 0.5, 1e-12, "and 0.5 by 1 - k/(N - 1)");
    scp_scores_fini(&got);
}

static scp_status failing_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i] == 7) SCP_FAIL(SCP_EDATA, "no prediction for pair 7");
    return screen_fill(ctx, rows, n, out);
}

static void test_failures(screen *s)
{
    scp_predictor model[2] = { { .name = "table", .fill = screen_fill, .ctx = s },
                               { .name = "broken", .fill = failing_fill, .ctx = s } };
    scp_metric_settings set = settings(s, 2);
    scp_scores got[2];
    int32_t rows[] = { 0, 7, 3, 9, 15 }, beyond[] = { 0, 16 };
    scp_status st = scp_evaluate(world, &s->d, rows, 5, "part", model, 2, &set, got);
    tap_ok(tap_everywhere(world, st != SCP_OK && !got[0].value),
           "a failing model fails on every rank");
    tap_ok(tap_everywhere(world, strstr(scp_err_message(), "pair 7") != NULL), "with its message");
    st = scp_evaluate(world, &s->d, beyond, 2, "part", model, 1, &set, got);
    tap_ok(tap_everywhere(world, st == SCP_EUSAGE || st == SCP_EPEER),
           "a pair that does not exist");
    st = scp_evaluate(world, &s->d, rows, 0, "part", model, 1, &set, got);
    tap_ok(tap_everywhere(world, st == SCP_EUSAGE || st == SCP_EPEER), "no pair at all");
    float *x = s->d.x + (size_t)s->d.post[9] * s->d.G, before = *x;
    *x = -1;
    st = scp_evaluate(world, &s->d, rows, 5, "part", model, 1, &set, got);
    tap_ok(tap_everywhere(world, st != SCP_OK && strstr(scp_err_message(), "below 0")),
           "a true profile below 0 is named");
    *x = before;
    scp_err_clear();
}

int main(int argc, char **argv)
{
    screen s;
    scp_scores got;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 70;
    if (scp_comm_create_self(&self) != SCP_OK) return 70;
    tap_set_silent(scp_comm_rank(world) != 0);
    if (tap_st(screen_read(&s), "golden screen") &&
        tap_st(evaluate(world, &s, 64, &got), "evaluation")) {
        tap_ok(tap_everywhere(world, in_order(&s, &got)),
               "conditions by line, drug, dose and plate");
        test_golden(&s, &got);
        test_reductions(&got);
        test_same_bits(&s, &got);
        test_not_finite(&s, NAN);
        test_not_finite(&s, INFINITY);
        test_not_finite(&s, -INFINITY);
        test_constant(&s);
        test_failures(&s);
        scp_scores_fini(&got);
    }
    screen_fini(&s);
    scp_comm_destroy(&self);
    int rc = tap_done();
    if (scp_world_end(&world) != SCP_OK) return 70;
    return rc;
}
