/* Reductions over conditions and discrimination scores, against values computed by hand. */
#include <math.h>

#include "eval/pds.h"
#include "eval/reduce.h"
#include "tap.h"

static void test_reduce(void)
{
    const double v[] = { 4, NAN, 1, 3, 2, NAN };
    double scratch[6];
    scp_reduction r;
    scp_reduce(v, 6, scratch, &r);
    tap_ok(r.n == 4 && r.n_nan == 2, "NaN is counted");
    tap_near(r.mean, 2.5, 1e-15, "and left out of the mean");
    tap_near(r.median, 2.5, 1e-15, "and of the median");
    tap_near(r.mean_nan0, 10.0 / 6, 1e-15, "mean with NaN as 0");
    tap_near(r.median_nan0, 1.5, 1e-15, "median with NaN as 0");
    tap_near(r.std, sqrt(5.0 / 3), 1e-15, "standard deviation, n - 1");
    tap_ok(r.min == 1 && r.max == 4 && r.q25 == 1.75 && r.q75 == 3.25,
           "quartiles as numpy's default");
    const double none[] = { NAN, NAN };
    scp_reduce(none, 2, scratch, &r);
    tap_ok(r.n == 0 && isnan(r.mean) && isnan(r.median) && r.mean_nan0 == 0, "nothing but NaN");
    scp_reduce(v, 1, scratch, &r);
    tap_ok(r.mean == 4 && r.median == 4 && isnan(r.std), "one value");
    scp_reduce(v, 0, scratch, &r);
    tap_ok(r.n == 0 && isnan(r.mean) && isnan(r.mean_nan0), "no value");
}

static void test_groups(void)
{
    const double v[] = { 1, 3, 10, NAN, NAN };
    const int32_t group[] = { 0, 0, 2, 2, 3 };
    double scratch[12];
    scp_reduction r;
    scp_reduce_groups(v, group, 5, 4, scratch, &r);
    tap_near(r.mean, 6, 1e-15, "mean of the groups' means: (2 + 10) / 2");
    tap_ok(r.n == 2 && r.n_nan == 1, "a group of NaN counts as NaN, an empty group not at all");
    tap_near(r.mean_nan0, (2 + 5 + 0) / 3.0, 1e-15, "with NaN as 0 inside the groups");
    tap_near(r.median_nan0, 2, 1e-15, "median of them");
}

/* Worked example: real effects (1,0), (0,2), (-3,1). */
static const double real[] = { 1, 0, 0, 2, -3, 1 };

static void test_pds_example(void)
{
    const double pred[] = { 0.5, 0.6, 0.1, 0.4, -1, -1 };
    /* ties by mid-rank: the third label is at L1 distances 3, 4, 4 */
    const double l1[] = { 1, 2.0 / 3, 0.5 }, l1_mid[] = { 1, 0.5, 0.25 };
    const double l2[] = { 1, 2.0 / 3, 2.0 / 3 }, cosine[] = { 2.0 / 3, 1, 1 },
                 mid[] = { 0.5, 1, 1 };
    for (size_t p = 0; p < 3; p++) {
        scp_pds_scores s;
        scp_pds_score(pred + 2 * p, real, 3, 2, p, NULL, &s);
        tap_near(s.l1, l1[p], 1e-12, "L1 of label %zu", p);
        tap_near(1 - (1 - s.l1) * 3 / 2, l1_mid[p], 1e-12, "L1 of label %zu, 1 - k/(N - 1)", p);
        tap_near(s.l2, l2[p], 1e-12, "L2 of label %zu", p);
        tap_near(s.cosine, cosine[p], 1e-12, "cosine of label %zu", p);
        tap_near(s.cosine_mid, mid[p], 1e-12, "cosine of label %zu, mid-rank", p);
    }
}

/* Means over the labels of 1 - k/N in L1, L2, cosine and of 1 - k/(N - 1), predictions a * real +
 * b. */
static void mean_scores(double a, double b, double out[4])
{
    out[0] = out[1] = out[2] = out[3] = 0;
    for (size_t p = 0; p < 3; p++) {
        double f[2] = { a * real[2 * p] + b, a * real[2 * p + 1] + b };
        scp_pds_scores s;
        scp_pds_score(f, real, 3, 2, p, NULL, &s);
        out[0] += s.l1 / 3;
        out[1] += s.l2 / 3;
        out[2] += s.cosine / 3;
        out[3] += s.cosine_mid / 3;
    }
}

static void test_pds_properties(void)
{
    double m[4];
    mean_scores(1, 0, m);
    tap_ok(m[0] == 1 && m[1] == 1 && fabs(m[2] - 1) < 1e-15 && fabs(m[3] - 1) < 1e-15,
           "the truth scores 1");
    mean_scores(0, 0.3, m);
    for (int i = 0; i < 3; i++)
        tap_near(m[i], 2.0 / 3, 1e-12,
                 "the same prediction for every label: (N + 1)/(2N), score %d", i);
    tap_near(m[3], 0.5, 1e-12, "and 0.5 by 1 - k/(N - 1)");
    mean_scores(0, 0, m);
    tap_near(m[3], 0.5, 1e-12, "the zero effect is at cosine distance 1 from everything");
    tap_near(m[2], 2.0 / 3, 1e-12, "which is chance");
    mean_scores(0.1, 0, m);
    tap_near(m[2], 1, 1e-12, "0.1 x the truth: cosine 1");
    tap_near(m[0], 2.0 / 3, 1e-12, "0.1 x the truth: L1 looks like the smallest effect");
    tap_near(m[1], 2.0 / 3, 1e-12, "0.1 x the truth: L2 as well");
    mean_scores(10, 0, m);
    tap_ok(m[0] == 1 && m[1] == 1 && fabs(m[2] - 1) < 1e-12,
           "10 x the truth scores 1 in all three");
}

static void test_pds_edges(void)
{
    scp_pds_scores s;
    double f[2] = { 0.5, 0.6 };
    scp_pds_score(f, real, 1, 2, 0, NULL, &s);
    tap_ok(isnan(s.l1) && isnan(s.l2) && isnan(s.cosine) && isnan(s.cosine_mid), "one label: NaN");
    f[1] = NAN;
    scp_pds_score(f, real, 3, 2, 0, NULL, &s);
    tap_ok(isnan(s.l1) && isnan(s.l2) && isnan(s.cosine) && isnan(s.cosine_mid),
           "NaN in the effect: NaN");
    const uint8_t drop[] = { 0, 1 };
    const double g[] = { 0.9, 50 };
    scp_pds_score(g, real, 3, 2, 0, drop, &s);
    tap_ok(s.l1 == 1 && s.l2 == 1, "a dropped gene does not count");
    scp_pds_score(g, real, 3, 2, 0, NULL, &s);
    tap_ok(s.l1 < 1, "although it would");
}

int main(void)
{
    test_reduce();
    test_groups();
    test_pds_example();
    test_pds_properties();
    test_pds_edges();
    return tap_done();
}
