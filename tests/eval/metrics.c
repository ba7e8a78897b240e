/* Metrics of a condition: golden values of numpy and scipy, invariants and edge cases. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "eval/golden_file.h"
#include "eval/metrics.h"
#include "eval/stats.h"
#include "tap.h"

static int64_t overlap_k[] = { 50, 100, 200, 1000 };

static scp_metric_settings settings(double pseudo, int64_t deg_k)
{
    return (scp_metric_settings){
        .pseudo = pseudo, .deg_k = deg_k, .overlap_k = { overlap_k, 4 }, .pds = true, .block = 64
    };
}

/* All metrics of one condition. */
static bool score(size_t G, double pseudo, int64_t deg_k, const float *post, const float *pre,
                  const float *pred, double *out)
{
    scp_metric_settings s = settings(pseudo, deg_k);
    scp_pair *p = NULL;
    if (scp_pair_create(G, &pseudo, 1, &s, &p) != SCP_OK) return false;
    scp_pair_truth(p, post, pre);
    bool finite = scp_pair_score(p, pred, out);
    scp_pair_destroy(&p);
    return finite;
}

static void test_golden(void)
{
    golden_file f;
    if (!tap_ok(golden_open(&f, "metrics_pairs.tsv"), "golden file of conditions opens")) return;
    scp_metric_columns cols;
    double got[SCP_METRIC_MAX];
    char name[64] = "";
    size_t G = 0;
    int64_t deg_k = 0;
    double pseudo = 0;
    float *v[3] = { NULL, NULL, NULL };
    static const char *const part[] = { "post", "pre", "pred" };
    while (golden_next(&f)) {
        if (golden_is(&f, "case")) {
            snprintf(name, sizeof name, "%s", f.field[1]);
            G = strtoul(f.field[2], NULL, 10);
            deg_k = strtol(f.field[3], NULL, 10);
            pseudo = strtod(f.field[4], NULL);
            scp_metric_settings s = settings(pseudo, deg_k);
            scp_metric_columns_init(&s, G, &cols);
        } else if (golden_is(&f, "metric")) {
            int c = scp_metric_columns_find(&cols, f.field[1]);
            tap_near(c < 0 ? 99 : got[c], strtod(f.field[2], NULL), 1e-9, "%s: %s", name,
                     f.field[1]);
        }
        for (int k = 0; k < 3; k++) {
            if (!golden_is(&f, part[k])) continue;
            free(v[k]);
            v[k] = golden_floats(&f, 1);
            tap_ok(f.n - 1 == G, "%s: %s has every gene", name, part[k]);
            if (k == 2) score(G, pseudo, deg_k, v[0], v[1], v[2], got);
        }
    }
    for (int k = 0; k < 3; k++) free(v[k]);
    golden_close(&f);
}

static void test_stats(void)
{
    const double v[] = { 3, -0.0, 2, 0.0, -5, 2, INFINITY, -1e-300 };
    enum { N = sizeof v / sizeof v[0] };
    uint64_t key[2 * N];
    uint32_t index[2 * N], order[N], where[N];
    double rank[N];
    scp_sort_scratch scratch = { key, index };
    scp_argsort(v, N, scratch, order);
    const uint32_t ascending[] = { 4, 7, 1, 3, 2, 5, 0, 6 };
    tap_ok(memcmp(order, ascending, sizeof order) == 0, "sort: ascending, stable, -0 equals 0");
    const uint32_t magnitude[] = { 6, 4, 0, 2, 5, 7, 1, 3 };
    for (size_t top = 0; top <= N; top++) {
        memset(order, 0xFF, sizeof order);
        scp_top_magnitude(v, N, top, scratch, order);
        tap_ok(memcmp(order, magnitude, top * sizeof *order) == 0 &&
                   (top == N || order[top] == UINT32_MAX),
               "top %zu: |v| descending, then gene order", top);
    }
    scp_average_ranks(v, N, scratch, order, rank);
    const double ranks[] = { 7, 3.5, 5.5, 3.5, 1, 5.5, 8, 2 };
    tap_ok(memcmp(rank, ranks, sizeof rank) == 0, "ties share the mean of their ranks");

    const uint32_t a[] = { 0, 1, 2, 3, 4, 5 }, b[] = { 1, 0, 5, 4, 3, 2 };
    const int64_t k[] = { 1, 2, 3, 6 };
    double overlap[4];
    scp_top_overlap(a, b, 6, k, 4, where, overlap);
    tap_ok(overlap[0] == 0 && overlap[1] == 1 && overlap[3] == 1, "overlap of top sets");
    tap_near(overlap[2], 2.0 / 3, 1e-15, "overlap of the top 3");
}

/* Values of the specification of the metrics. */
static void test_explained_variance(void)
{
    const double y[] = { 1, 2, 3, 4 }, p[] = { 1.5, 1.8, 3.4, 3.1 };
    double offset[4], half[4], minus[4], r = scp_pearson(y, p, 4);
    for (int i = 0; i < 4; i++) {
        offset[i] = y[i] + 7;
        half[i] = y[i] / 2;
        minus[i] = -y[i];
    }
    tap_near(scp_explained_variance(y, p, 4), 0.75, 1e-12, "EV of the worked example");
    tap_near(r * r, 0.77283, 5e-6, "squared correlation of the worked example");
    tap_near(scp_explained_variance(y, offset, 4), 1, 1e-12, "EV does not see an offset");
    tap_near(scp_explained_variance(y, half, 4), 0.75, 1e-12, "EV of half the truth");
    tap_near(scp_explained_variance(y, minus, 4), -3, 1e-12, "EV of the opposite");
    const double flat[] = { 0.1, 0.1, 0.1, 0.1 };
    tap_ok(isnan(scp_explained_variance(flat, y, 4)), "EV of a constant truth is NaN");
    tap_near(scp_explained_variance(y, flat, 4), 0, 1e-12, "EV of a constant prediction is 0");
    tap_ok(isnan(scp_pearson(flat, y, 4)) && isnan(scp_pearson(y, flat, 4)),
           "a correlation with a constant is NaN, although 0.1 is not exact");
    tap_ok(isnan(scp_pearson(y, p, 1)), "one gene has no correlation");
    double worst = -INFINITY;
    for (unsigned seed = 1; seed < 400; seed++) {
        double a[9], b[9];
        for (unsigned i = 0; i < 9; i++) {
            a[i] = (double)(seed * 2654435761u * (i + 3) % 1009) / 100;
            b[i] = (double)(seed * 40503u * (i + 11) % 977) / 70;
        }
        r = scp_pearson(a, b, 9);
        worst = fmax(worst, scp_explained_variance(a, b, 9) - r * r);
    }
    tap_ok(worst <= 1e-12, "EV is never above the squared correlation");
}

enum { GENES = 60 };
static float post[GENES], pre[GENES], pred[GENES];

static void make_condition(void)
{
    for (unsigned g = 0; g < GENES; g++) {
        pre[g] = (float)(g * 37 % 61) / 16;
        post[g] = pre[g] + (float)((int)(g * 23 % 17) - 6) / 8;
        if (post[g] < 0) post[g] = 0;
        pred[g] = pre[g] + 0.75f * (post[g] - pre[g]) + (float)((int)(g * 29 % 7) - 3) / 16;
        if (pred[g] < 0) pred[g] = 0;
    }
}

static bool all_nan(const double *v, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++)
        if (!isnan(v[i])) return false;
    return true;
}

static void test_edges(void)
{
    double m[SCP_METRIC_MAX], other[SCP_METRIC_MAX];
    float x[GENES];
    make_condition();
    tap_ok(score(GENES, 0.1, 20, post, pre, post, m), "the truth can be scored");
    for (int c = SCP_METRIC_LFC_PEARSON; c <= SCP_METRIC_EV_DELTA_DEG; c++)
        tap_near(m[c], 1, 1e-12, "the truth as prediction: column %d is 1", c);
    tap_ok(m[SCP_METRIC_MSE] == 0 && m[SCP_METRIC_MAE] == 0 && m[SCP_METRIC_NORM_RATIO] == 1,
           "the truth has no error");
    tap_ok(m[SCP_METRIC_OVERLAP] == 1 && m[SCP_METRIC_OVERLAP + 3] == 1,
           "the truth overlaps itself");
    tap_ok(all_nan(m, SCP_METRIC_PDS_L1, SCP_METRIC_PDS_COSINE_MID + 1),
           "PDS is not a matter of one condition");

    score(GENES, 0.1, 20, post, pre, pre, m);
    tap_ok(all_nan(m, 0, SCP_METRIC_DELTA_SPEARMAN_DEG + 1), "no change: correlations are NaN");
    tap_ok(m[SCP_METRIC_EV_DELTA] == 0 && m[SCP_METRIC_NORM_RATIO] == 0,
           "no change: EV of Delta is 0");
    score(GENES, 0.1, 20, pre, pre, pred, m);
    tap_ok(all_nan(m, 0, SCP_METRIC_DELTA_SPEARMAN_DEG + 1) && isnan(m[SCP_METRIC_EV_DELTA]) &&
               isnan(m[SCP_METRIC_NORM_RATIO]) && isfinite(m[SCP_METRIC_EV]),
           "no effect in the truth: correlations, EV of Delta and norm ratio are NaN, EV is not");

    const float bad[] = { NAN, INFINITY, -INFINITY };
    for (int i = 0; i < 3; i++) {
        memcpy(x, pred, sizeof x);
        x[17] = bad[i];
        bool finite = score(GENES, 0.1, 20, post, pre, x, m);
        tap_ok(!finite && all_nan(m, 0, SCP_METRIC_OVERLAP + 4),
               "%g in the prediction: every column is NaN", (double)bad[i]);
    }

    memcpy(x, pred, sizeof x);
    x[3] = -1, x[9] = -0.25f, x[11] = -0.0f;
    score(GENES, 0.1, 20, post, pre, x, m);
    tap_near(m[SCP_METRIC_CLIPPED], 2.0 / GENES, 1e-15, "share of negative entries; -0 is none");
    x[3] = x[9] = x[11] = 0;
    score(GENES, 0.1, 20, post, pre, x, other);
    other[SCP_METRIC_CLIPPED] = m[SCP_METRIC_CLIPPED];
    tap_ok(memcmp(m, other, sizeof(double) * SCP_METRIC_PDS_L1) == 0,
           "negative entries count as 0");
}

/* What scaling the predicted change does. */
static void test_scaling(void)
{
    double m[SCP_METRIC_MAX], scaled[SCP_METRIC_MAX];
    float base[GENES], up[GENES], p1[GENES], p2[GENES];
    make_condition();
    for (unsigned g = 0; g < GENES; g++) {
        base[g] = pre[g] + 8; /* far from 0: nothing is cut */
        up[g] = post[g] + 8;
        p1[g] = base[g] + (pred[g] - pre[g]);
        p2[g] = base[g] + 4 * (p1[g] - base[g]);
    }
    score(GENES, 0.1, 20, up, base, p1, m);
    score(GENES, 0.1, 20, up, base, p2, scaled);
    for (int c = SCP_METRIC_DELTA_PEARSON; c <= SCP_METRIC_DELTA_SPEARMAN_DEG; c++)
        tap_near(scaled[c], m[c], 1e-12, "4 x the change leaves Delta correlation %d", c);
    tap_near(scaled[SCP_METRIC_NORM_RATIO], 4 * m[SCP_METRIC_NORM_RATIO], 1e-12,
             "norm ratio is 4 x");
    tap_ok(fabs(scaled[SCP_METRIC_EV] - m[SCP_METRIC_EV]) > 1e-3 &&
               fabs(scaled[SCP_METRIC_LFC_PEARSON] - m[SCP_METRIC_LFC_PEARSON]) > 1e-6,
           "and changes EV and logFC correlation");
}

/* Scores at random find K / G of the top K; sorting keys that differ in their lowest bits only. */
static void test_chance(void)
{
    enum { RANDOM = 300, K = 30, TRIALS = 400 };
    static double v[2][RANDOM];
    static uint64_t key[2 * RANDOM];
    static uint32_t index[2 * RANDOM], top[2][RANDOM], where[RANDOM];
    const scp_sort_scratch scratch = { key, index };
    const int64_t k = K;
    double sum = 0, one;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        for (uint64_t side = 0; side < 2; side++) {
            scp_rng_fill_normal(trial, SCP_RNG_SYNTH, side, 0, RANDOM, v[side]);
            scp_top_magnitude(v[side], RANDOM, K, scratch, top[side]);
        }
        scp_top_overlap(top[0], top[1], RANDOM, &k, 1, where, &one);
        sum += one / TRIALS;
    }
    tap_near(sum, (double)K / RANDOM, 0.01, "two random rankings share K / G of their top K");
    for (int i = 0; i < RANDOM; i++) v[0][i] = 1 + (RANDOM - i) * 0x1p-52;
    scp_argsort(v[0], RANDOM, scratch, top[0]);
    bool reversed = true;
    for (uint32_t i = 0; i < RANDOM; i++) reversed &= top[0][i] == RANDOM - 1 - i;
    tap_ok(reversed, "values that differ in their last bits, all in the wrong order, are sorted");
}

static void test_reuse(void)
{
    double first[2][SCP_METRIC_MAX], again[2][SCP_METRIC_MAX];
    scp_metric_settings s = settings(0.1, 20);
    scp_pair *p = NULL;
    make_condition();
    score(GENES, 0.1, 20, post, pre, pred, first[0]);
    score(GENES, 0.1, 20, pred, pre, post, first[1]);
    if (!tap_st(scp_pair_create(GENES, &s.pseudo, 1, &s, &p), "scratch memory for conditions"))
        return;
    for (int i = 0; i < 2; i++) {
        scp_pair_truth(p, post, pre);
        scp_pair_score(p, pred, again[0]);
        scp_pair_score(p, post, again[1]);
        scp_pair_score(p, pred, again[0]);
    }
    tap_ok(memcmp(first[0], again[0], sizeof(double) * SCP_METRIC_PDS_L1) == 0,
           "a workspace forgets earlier conditions and predictions");
    scp_pair_destroy(&p);
}

static void test_columns(void)
{
    scp_metric_settings s = settings(0.1, 200);
    scp_metric_columns c;
    scp_metric_columns_init(&s, 120, &c);
    tap_ok(c.n == SCP_METRIC_OVERLAP + 4, "a column for every overlap");
    tap_ok(c.col[SCP_METRIC_EV_DEG].k == 120 && c.col[SCP_METRIC_OVERLAP].k == 50 &&
               c.col[SCP_METRIC_OVERLAP + 3].k == 120,
           "a K above the number of genes is the number of genes");
    tap_text(c.col[SCP_METRIC_OVERLAP + 3].name, "de_overlap_1000",
             "the name keeps the K asked for");
    tap_ok(scp_metric_columns_find(&c, "pearson_delta") == SCP_METRIC_DELTA_PEARSON &&
               scp_metric_columns_find(&c, "delta_pearson") == SCP_METRIC_DELTA_PEARSON &&
               scp_metric_columns_find(&c, "nothing") == -1,
           "columns are found by either name");
    for (size_t i = 0; i < c.n; i++)
        if (!c.col[i].name[0] || !c.col[i].title[0]) tap_ok(false, "column %zu has no name", i);

    tap_st(scp_metric_settings_check(&s), "settings of the paper");
    s.pseudo = 0;
    tap_fails(scp_metric_settings_check(&s), SCP_EUSAGE, "eval.pseudo", "pseudo-count 0");
    s = settings(0.1, 0);
    tap_fails(scp_metric_settings_check(&s), SCP_EUSAGE, "eval.deg_k", "empty DEG set");
    int64_t decreasing[] = { 100, 50 };
    s = settings(0.1, 10);
    s.overlap_k.v = decreasing;
    s.overlap_k.n = 2;
    tap_fails(scp_metric_settings_check(&s), SCP_EUSAGE, "increasing",
              "overlap sizes must increase");
}

static void test_options(void)
{
    const scp_option_group groups[] = { { scp_metric_options, 0, "scores" }, { NULL, 0, NULL } };
    scp_metric_settings s = { 0 };
    if (!tap_st(scp_conf_defaults(groups, &s), "option table gives the defaults")) return;
    tap_ok(s.pseudo == 0.1 && s.deg_k == 200 && s.overlap_k.n == 4 && s.overlap_k.v[3] == 1000 &&
               s.pseudo_study.n == 3 && s.pseudo_study.v[0] == 1e-5 && s.pds && s.block == 64,
           "defaults are those of the decisions");
    tap_st(scp_metric_settings_check(&s), "and pass the check");
    scp_conf_fini(groups, &s);
}

int main(void)
{
    test_golden();
    test_stats();
    test_explained_variance();
    test_edges();
    test_scaling();
    test_chance();
    test_reuse();
    test_columns();
    test_options();
    return tap_done();
}
