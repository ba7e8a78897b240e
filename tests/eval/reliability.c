/* Ceilings, tests of DEG sets, resampled intervals, comparisons: closed forms on a small screen. */
#include "eval/replicates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/bootstrap.h"
#include "eval/screen.h"
#include "tap.h"

enum { G = 40, EFFECTS = 10, DEG = 20, N = 3, P = 5, SUB = 4 };

static int64_t overlap_k[] = { 5 };
static scp_comm *self;
static scp_dataset d;
static float x[P][G];

static scp_metric_settings settings(void)
{
    return (scp_metric_settings){
        .pseudo = 0.1, .deg_k = DEG, .overlap_k = { overlap_k, 1 }, .pds = true, .block = 2
    };
}

/* Two plates; drug A on both, drug B on the first. EFFECTS genes change. */
static scp_status make_screen(void)
{
    for (int p = 0; p < P; p++)
        for (int g = 0; g < G; g++) {
            const float base = 1 + 0.1f * (float)(g * 7 % 13) + (p == 1 || p == 3 ? 0.25f : 0);
            x[p][g] = base;
            if (p >= 2 && g < EFFECTS) x[p][g] += p == 4 ? -0.75f : 1 + 0.125f * (float)(g % 3);
        }
    const screen_row row[P] = {
        { "L", NULL, "p1", 0, SCP_SPLIT_UC, x[0] }, { "L", NULL, "p2", 0, SCP_SPLIT_UC, x[1] },
        { "L", "A", "p1", 5, SCP_SPLIT_UC, x[2] },  { "L", "A", "p2", 5, SCP_SPLIT_UC, x[3] },
        { "L", "B", "p1", 5, SCP_SPLIT_UC, x[4] },
    };
    return screen_make(G, row, P, &d);
}

/* SUB sub-bulks of profiles 0 and 2 (drug A on the first plate and its control). Differences of the
 * genes without an effect alternate, so that their mean is 0. */
static scp_status add_sub_bulks(void)
{
    d.R = 2 * SUB;
    SCP_TRY(scp_alloc(d.R * G, sizeof *d.r_x, &d.r_x));
    SCP_TRY(scp_alloc(d.R, sizeof *d.r_profile, &d.r_profile));
    SCP_TRY(scp_alloc(d.R, sizeof *d.r_cells, &d.r_cells));
    for (size_t r = 0; r < d.R; r++) {
        const int of = r < SUB ? 0 : 2, k = (int)(r % SUB);
        d.r_profile[r] = of;
        d.r_cells[r] = k == 2 ? 30 : 10;
        for (int g = 0; g < G; g++)
            d.r_x[r * G + (size_t)g] =
                x[of][g] + (of ? (k % 2 ? -0.0625f : 0.0625f) * (g < EFFECTS ? 0.25f : 1) : 0);
    }
    return SCP_OK;
}

static scp_status half_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        for (size_t g = 0; g < G; g++)
            out[i * G + g] = 0.5f * (x[d.post[rows[i]]][g] + x[d.pre[rows[i]]][g]);
    return SCP_OK;
}

static scp_status evaluate(scp_scores *out)
{
    const int32_t rows[N] = { 0, 1, 2 };
    const scp_predictor model = { .name = "half", .fill = half_fill };
    const scp_metric_settings s = settings();
    return scp_evaluate(self, &d, rows, N, "uc", &model, 1, &s, out);
}

static void test_deg(const scp_scores *s)
{
    scp_deg_tests t;
    if (!tap_st(scp_deg_tests_run(self, &d, s, 0.05, &t), "tests of the DEG sets")) return;
    tap_ok(t.n == N && t.n_tested == 1, "conditions with sub-bulks of both sides are tested");
    tap_ok(t.pairs[0] == SUB && t.pairs[1] == 0 && t.pairs[2] == 0, "pairs of sub-bulks");
    tap_ok(t.genes[0] == EFFECTS, "the genes that change, and no other, are significant");
    tap_near(t.share[0], (double)EFFECTS / DEG, 1e-15, "half of the DEG set is");
    tap_ok(isnan(t.share[1]) && t.reduction[0].n == 1 && t.reduction[0].n_nan == 2,
           "no test: no share");
    tap_text(t.split, "uc", "name of the set");
    scp_deg_tests_fini(&t);
}

static void test_well(const scp_scores *s)
{
    const int32_t rows[N] = { 0, 1, 2 };
    const scp_metric_settings set = settings();
    scp_scores c;
    scp_of_ceiling o[SCP_METRIC_MAX];
    if (!tap_st(scp_ceiling_run(SCP_CEILING_WELL, self, &d, rows, N, "uc", &set, &c),
                "within_well"))
        return;
    tap_ok(c.n == 1 && c.row[0] == 0, "of the condition that has sub-bulks");
    tap_text(c.model, "within_well", "under its name");
    /* even sub-bulks +e, odd ones -e: they differ by 2 e everywhere */
    const double e = 0.0625, few = EFFECTS, many = G - EFFECTS,
                 mse = (few * 4 * e * e / 16 + many * 4 * e * e) / G;
    tap_near(c.all[SCP_METRIC_MSE].mean, mse, 1e-9, "half of the cells against the other half");
    tap_st(scp_ceiling_fractions(SCP_CEILING_WELL, &c, s, o), "fractions");
    const scp_of_ceiling *r = &o[SCP_METRIC_DELTA_PEARSON];
    tap_near(r->ceiling, 2 * r->half / (1 + r->half), 1e-15, "stepped up to all cells");
    tap_near(r->fraction, r->score / r->ceiling, 1e-15, "score over ceiling");
    tap_ok(r->n == 1 && r->half < 1 && r->half > 0.9, "on the same conditions");
    tap_ok(isnan(o[SCP_METRIC_MSE].fraction) && isnan(o[SCP_METRIC_EFFECT].fraction),
           "no fraction of an error or a size");
    scp_scores_fini(&c);
}

static void test_plates(scp_scores *s)
{
    const int32_t rows[N] = { 0, 1, 2 };
    const scp_metric_settings set = settings();
    scp_scores c[SCP_CEILINGS] = { { 0 } };
    if (!tap_st(scp_ceiling_run(SCP_CEILING_PLATE, self, &d, rows, N, "uc", &set,
                                &c[SCP_CEILING_PLATE]),
                "between_plate"))
        return;
    const scp_scores *p = &c[SCP_CEILING_PLATE];
    tap_ok(p->n == 2 && p->row[0] == 0 && p->row[1] == 1, "of the drug that is on two plates");
    tap_ok(p->all[SCP_METRIC_MSE].max < 1e-12,
           "the other plate shows the same change, whatever its level");
    tap_st(scp_ceiling_apply(c, s, 1), "into the scores");
    tap_ok(!s->of_ceiling[SCP_CEILING_WELL] && s->of_ceiling[SCP_CEILING_PLATE],
           "of those there are");
    tap_near(s->of_ceiling[SCP_CEILING_PLATE][SCP_METRIC_EV_DELTA], 0.75, 1e-6,
             "half of the change: EV 0.75 of a ceiling of 1");
    scp_scores_fini(&c[SCP_CEILING_PLATE]);
    const int32_t alone[] = { 2 };
    tap_st(scp_ceiling_run(SCP_CEILING_PLATE, self, &d, alone, 1, "uc", &set, &c[0]),
           "without any");
    tap_ok(c[0].n == 0, "there is no ceiling");
}

/* ---- discrimination: two lines of plates, two drugs on both, one on the first alone ---- */

enum { WIDE = 7 };

/* What the other plate of the same drug says: pairs 0, 1 and 2, 3 are a drug's. */
static scp_status swap_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    const scp_dataset *w = ctx;
    for (size_t i = 0; i < n; i++) {
        const int32_t other = rows[i] < 4 ? rows[i] ^ 1 : rows[i];
        for (size_t g = 0; g < G; g++)
            out[i * G + g] = w->x[(size_t)w->pre[rows[i]] * G + g] +
                             w->x[(size_t)w->post[other] * G + g] -
                             w->x[(size_t)w->pre[other] * G + g];
    }
    return SCP_OK;
}

static scp_status make_wide(scp_dataset *w)
{
    static float y[WIDE][G];
    for (int p = 0; p < WIDE; p++)
        for (int g = 0; g < G; g++)
            y[p][g] = 2 + 0.0625f * (float)((g * 3 + p * p * 11) % 13) +
                      (p > 1 ? 0.125f * (float)((g * 5 + p / 2 * 7) % 17) : 0);
    const screen_row row[WIDE] = {
        { "L", NULL, "p1", 0, SCP_SPLIT_UC, y[0] }, { "L", NULL, "p2", 0, SCP_SPLIT_UC, y[1] },
        { "L", "A", "p1", 5, SCP_SPLIT_UC, y[2] },  { "L", "A", "p2", 5, SCP_SPLIT_UC, y[3] },
        { "L", "B", "p1", 5, SCP_SPLIT_UC, y[4] },  { "L", "B", "p2", 5, SCP_SPLIT_UC, y[5] },
        { "L", "C", "p1", 5, SCP_SPLIT_UC, y[6] },
    };
    return screen_make(G, row, WIDE, w);
}

static scp_status evaluate_wide(scp_dataset *w, size_t n, scp_scores *out)
{
    const int32_t rows[] = { 0, 1, 2, 3, 4 };
    const scp_predictor model = { .name = "swap", .fill = swap_fill, .ctx = w };
    const scp_metric_settings s = settings();
    return scp_evaluate(self, w, rows, n, "uc", &model, 1, &s, out);
}

static void test_ceiling_of_labels(scp_dataset *w, const scp_scores *all, const scp_scores *four)
{
    const int32_t rows[] = { 0, 1, 2, 3 };
    const scp_metric_settings set = settings();
    scp_scores c;
    scp_of_ceiling o[SCP_METRIC_MAX];
    if (!tap_st(scp_ceiling_run(SCP_CEILING_PLATE, self, w, rows, 4, "uc", &set, &c),
                "between_plate of two drugs on two plates"))
        return;
    for (int m = SCP_METRIC_PDS_L1; m <= SCP_METRIC_PDS_COSINE_MID; m++)
        tap_ok(c.all[m].n == 0 && isnan(c.all[m].mean) && isnan(c.by_line[m].mean) &&
                   isnan(scp_scores_value(&c, 0, 3, (size_t)m)),
               "it has no %s", c.cols.col[m].name);
    tap_ok(c.all[SCP_METRIC_DELTA_PEARSON].n == 4, "other metrics stay");
    scp_scores_fini(&c);
    tap_st(scp_ceiling_fractions(SCP_CEILING_WELL, four, four, o), "fractions of equal labels");
    tap_near(o[SCP_METRIC_PDS_L1].fraction, 1, 1e-15, "are figures");
    tap_st(scp_ceiling_fractions(SCP_CEILING_WELL, four, all, o), "of other labels");
    tap_ok(all->n_labels == 3 && four->n_labels == 2 && isnan(o[SCP_METRIC_PDS_L1].fraction) &&
               isnan(o[SCP_METRIC_PDS_COSINE_MID].fraction) && !isnan(o[SCP_METRIC_EV].fraction),
           "discrimination among three is no fraction of that among two");
    double sum = 0;
    for (size_t i = 0; i < 4; i++) {
        const double r = scp_scores_value(four, 0, i, SCP_METRIC_DELTA_SPEARMAN);
        sum += (r > 0 ? 2 * r / (1 + r) : r) / 4;
    }
    tap_near(o[SCP_METRIC_DELTA_SPEARMAN].ceiling, sum, 1e-12,
             "correlations are stepped up a condition, then averaged");
}

static void test_labels(void)
{
    scp_dataset w;
    scp_scores all, four;
    if (!tap_st(make_wide(&w), "a screen of three drugs")) return;
    if (tap_st(evaluate_wide(&w, 5, &all), "the other plate's change as a prediction") &&
        tap_st(evaluate_wide(&w, 4, &four), "the same without the drug on one plate")) {
        tap_ok(four.all[SCP_METRIC_PDS_L1].mean == 1 && four.all[SCP_METRIC_MSE].mean > 0.01,
               "noise of plates cancels in a label: discrimination is 1 by construction");
        test_ceiling_of_labels(&w, &all, &four);
        tap_st(scp_ceiling_of_replicate(&all), "the row `replicate`");
        tap_ok(all.all[SCP_METRIC_PDS_L1].n == 1 && all.all[SCP_METRIC_PDS_L1].n_nan == 2 &&
                   !isnan(scp_scores_value(&all, 0, 4, SCP_METRIC_PDS_L1)),
               "has none for labels that predict themselves");
        scp_scores_fini(&all);
        scp_scores_fini(&four);
    }
    scp_dataset_fini(&w);
}

/* ---- resampling ---- */

enum { CONDITIONS = 201, COLUMNS = 3 };

/* Scores of made-up values: a constant, 0 and 1 in turn, and one with NaN that counts once a label.
 */
static scp_scores made_up(double *value, int32_t *label)
{
    scp_scores s = {
        .n = CONDITIONS, .n_labels = (CONDITIONS + 1) / 2, .label = label, .value = value
    };
    s.cols.n = COLUMNS;
    for (int c = 0; c < COLUMNS; c++) s.cols.col[c].best = 1;
    s.cols.col[2].per_label = true;
    for (int i = 0; i < CONDITIONS; i++) {
        label[i] = i / 2;
        value[i * COLUMNS] = 0.7;
        value[i * COLUMNS + 1] = i % 2;
        value[i * COLUMNS + 2] = i / 2 % 5 ? (double)(i / 2 * 37 % 101) : NAN;
    }
    return s;
}

static int by_value(const void *a, const void *b)
{
    const double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

/* Mean and median of resample 0 the long way. */
static void long_way(const scp_scores *s, size_t c, uint64_t seed, double *mean, double *median)
{
    uint32_t words[CONDITIONS + 4], count[CONDITIONS];
    double *v = malloc(CONDITIONS * CONDITIONS * sizeof *v), sum = 0;
    size_t n = 0;
    scp_bootstrap_draw(seed, 0, CONDITIONS, words, count);
    for (size_t i = 0; i < CONDITIONS && v; i++) {
        const double value = s->value[i * COLUMNS + c];
        if (isnan(value) || (s->cols.col[c].per_label && i && s->label[i] == s->label[i - 1]))
            continue;
        for (uint32_t k = 0; k < count[i]; k++) {
            v[n++] = value;
            sum += value;
        }
    }
    if (v) qsort(v, n, sizeof *v, by_value);
    *mean = sum / (double)n;
    *median = v ? 0.5 * (v[(n - 1) / 2] + v[n / 2]) : NAN;
    free(v);
}

static void test_bootstrap(void)
{
    static double value[CONDITIONS * COLUMNS];
    static int32_t label[CONDITIONS];
    uint32_t words[CONDITIONS + 4], count[CONDITIONS];
    size_t total = 0;
    double mean, median;
    scp_scores s = made_up(value, label);
    scp_bootstrap_draw(3, 8, CONDITIONS, words, count);
    for (size_t i = 0; i < CONDITIONS; i++) total += count[i];
    tap_ok(total == CONDITIONS, "a resample has as many conditions as there are");
    tap_st(scp_bootstrap(self, &s, 1, 1, 9), "one resample");
    for (size_t c = 0; c < COLUMNS; c++) {
        long_way(&s, c, 9, &mean, &median);
        tap_near(s.ci[c].mean.low, mean, 1e-12, "column %zu: mean of the resample", c);
        tap_near(s.ci[c].median.high, median, 1e-12, "column %zu: its median", c);
    }
    free(s.ci);
    tap_st(scp_bootstrap(self, &s, 1, 4000, 1), "4,000 resamples");
    tap_ok(fabs(s.ci[0].mean.low - 0.7) < 1e-12 && fabs(s.ci[0].mean.high - 0.7) < 1e-12,
           "a constant stays where it is");
    const double sd = sqrt(0.25 / CONDITIONS);
    tap_near(s.ci[1].mean.low, 0.4975 - 1.96 * sd, 0.006, "a share: the normal interval, low");
    tap_near(s.ci[1].mean.high, 0.4975 + 1.96 * sd, 0.006, "and high");
    tap_ok(s.resamples == 4000, "the number is kept");
    free(s.ci);
    s.ci = NULL;
    tap_ok(scp_bootstrap(self, &s, 1, 0, 1) == SCP_OK && !s.ci, "no resamples: no intervals");
}

static void test_compare(void)
{
    static double a[CONDITIONS * 3], b[CONDITIONS * 3];
    scp_comparison c[3];
    for (int i = 0; i < CONDITIONS; i++) {
        b[i * 3] = i % 17;
        a[i * 3] = b[i * 3] + 1;           /* better everywhere */
        a[i * 3 + 1] = (i * 29 % 31) - 15; /* no better on average */
        b[i * 3 + 1] = i == 4 ? NAN : 0;
        a[i * 3 + 2] = b[i * 3 + 2] = 0.3; /* the same */
    }
    if (!tap_st(scp_compare(a, b, CONDITIONS, 3, 2000, 5, c), "a comparison")) return;
    tap_ok(c[0].n == CONDITIONS && fabs(c[0].difference - 1) < 1e-12 &&
               fabs(c[0].low - 1) < 1e-12 && fabs(c[0].high - 1) < 1e-12 && c[0].p < 1e-30,
           "a constant difference: no spread, and significant");
    tap_ok(c[1].n == CONDITIONS - 1, "a condition that one lacks is left out");
    tap_ok(c[1].low < 0 && c[1].high > 0 && c[1].p > 0.05, "no difference: 0 is in the interval");
    tap_ok(c[2].difference == 0 && isnan(c[2].p) && isnan(c[2].q), "equal values: no test");
    tap_ok(c[0].q == 2 * c[0].p && c[1].q == c[1].p, "q is adjusted over the two tests there are");
}

int main(void)
{
    scp_scores s;
    if (scp_comm_create_self(&self) != SCP_OK) return 70;
    if (tap_st(make_screen(), "a screen") && tap_st(add_sub_bulks(), "its sub-bulks") &&
        tap_st(evaluate(&s), "scores")) {
        test_deg(&s);
        test_well(&s);
        test_plates(&s);
        scp_scores_fini(&s);
    }
    test_labels();
    test_bootstrap();
    test_compare();
    scp_dataset_fini(&d);
    scp_comm_destroy(&self);
    return tap_done();
}
