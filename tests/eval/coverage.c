/* Coverage of intervals where it is known: observations and samples from one normal distribution, a
 * spread that is half too small, noise of measurement with and without its share, and the noise
 * itself from sub-bulks. */
#include "eval/coverage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "comm/comm.h"
#include "eval/screen.h"
#include "tap.h"

enum { G = 400, N = 50, SAMPLES = 8, PARTS = 4, CELLS = 100 };
#define CENTRE 10.0 /* far from 0, where predictions are cut */

static scp_dataset d;
static double noise[G];

/* Standard normal numbers of a condition or sub-bulk. */
static void normal(uint64_t stream, size_t i, double *z)
{
    scp_rng_fill_normal(5, 100, stream, i, G, z);
}

/* N conditions of G genes, all with the same control at CENTRE; gene g has the spread 1 + g / G. */
static scp_status make(void)
{
    static char line[N][8];
    static float pre[G], post[N][G];
    static screen_row row[2 * N];
    double z[G];
    for (size_t g = 0; g < G; g++) pre[g] = g < G / 2 ? (float)CENTRE : 0;
    for (size_t i = 0; i < N; i++) {
        normal(1, i, z);
        snprintf(line[i], sizeof line[i], "L%zu", i);
        for (size_t g = 0; g < G; g++) post[i][g] = (float)(CENTRE + (1 + (double)g / G) * z[g]);
        row[2 * i] = (screen_row){ .line = line[i], .plate = "p", .x = pre };
        row[2 * i + 1] = (screen_row){ .line = line[i],
                                       .drug = "A",
                                       .plate = "p",
                                       .dose = 1,
                                       .split = SCP_SPLIT_UD,
                                       .x = post[i] };
    }
    SCP_TRY(screen_make(G, row, 2 * N, &d));
    for (size_t p = 0; p < d.P; p++) d.p_cells[p] = CELLS;
    return SCP_OK;
}

/* Standard deviation over SAMPLES normal numbers of the spread of each gene, times `scale`. */
static void sample_spread(size_t i, double scale, float *sd)
{
    double z[G], mean[G] = { 0 }, squares[G] = { 0 };
    for (size_t r = 0; r < SAMPLES; r++) {
        normal(10 + r, i, z);
        for (size_t g = 0; g < G; g++) {
            double step = z[g] - mean[g];
            mean[g] += step / (double)(r + 1);
            squares[g] += step * (z[g] - mean[g]);
        }
    }
    for (size_t g = 0; g < G; g++)
        sd[g] = (float)(scale * (1 + (double)g / G) * sqrt(squares[g] / (SAMPLES - 1)));
}

static void measure(double scale, scp_coverage *c)
{
    float x[G], sd[G];
    *c = (scp_coverage){ .samples = SAMPLES };
    for (size_t g = 0; g < G; g++) x[g] = (float)CENTRE;
    for (size_t i = 0; i < N; i++) {
        sample_spread(i, scale, sd);
        scp_coverage_add(c, &d, (int32_t)i, x, sd, noise, 0.1);
    }
}

/* Student's quantile makes the intervals exact for any number of samples: 20,000 values, so that
 * the standard error is at most 0.0036. */
static void test_normal(void)
{
    scp_coverage c;
    measure(1, &c);
    for (int k = 0; k < SCP_COVERAGE_LEVELS; k++) {
        double level = scp_coverage_level[k],
               share = scp_coverage_share(&c, SCP_COVERAGE_ALL, k, false);
        tap_ok(fabs(share - level) < 4 * sqrt(level * (1 - level) / (N * G)),
               "intervals of %g %% hold %.2f %%", 100 * level, 100 * share);
    }
    tap_ok(c.n[SCP_COVERAGE_ALL] == N * G && c.n[SCP_COVERAGE_EXPRESSED] == N * G / 2,
           "all genes, and those whose control expresses them");
    tap_ok(isnan(scp_coverage_share(&c, SCP_COVERAGE_ALL, 0, true)),
           "no sub-bulks: nothing is known of the noise");
}

/* With half the spread an interval holds P(|T| < t / 2), T Student's with 7 degrees of freedom
 * (scipy: 2 * t.cdf(t.ppf((1 + level) / 2, 7) / 2, 7) - 1). */
static void test_short(void)
{
    static const double want[SCP_COVERAGE_LEVELS] = { 0.2674, 0.4979, 0.6250, 0.7243 };
    scp_coverage c;
    measure(0.5, &c);
    for (int k = 0; k < SCP_COVERAGE_LEVELS; k++)
        tap_near(scp_coverage_share(&c, SCP_COVERAGE_ALL, k, false), want[k], 0.015,
                 "half the spread: %g %% hold %g", 100 * scp_coverage_level[k], want[k]);
}

/* Sub-bulks of cells with a known variance: PARTS of each condition, of 10, 20, 30 and 40 cells. */
static scp_status add_parts(double sd_cell)
{
    double z[G];
    d.R = N * PARTS;
    SCP_TRY(scp_alloc(d.R * G, sizeof *d.r_x, &d.r_x));
    SCP_TRY(scp_alloc(d.R, sizeof *d.r_profile, &d.r_profile));
    SCP_TRY(scp_alloc(d.R, sizeof *d.r_cells, &d.r_cells));
    for (size_t r = 0; r < d.R; r++) {
        d.r_profile[r] = d.post[r / PARTS];
        d.r_cells[r] = 10 * (int64_t)(r % PARTS + 1);
        normal(50, r, z);
        for (size_t g = 0; g < G; g++)
            d.r_x[r * G + g] = (float)(CENTRE + sd_cell * z[g] / sqrt((double)d.r_cells[r]));
    }
    return SCP_OK;
}

static void test_noise(void)
{
    const double sd_cell = 15; /* a profile of 100 cells: 1.5 */
    double sum = 0;
    scp_coverage c;
    if (!tap_st(add_parts(sd_cell), "sub-bulks")) return;
    scp_coverage_noise(&d, noise);
    for (size_t g = 0; g < G; g++) sum += noise[g] / G;
    tap_near(sum / (sd_cell * sd_cell), 1, 0.02, "the variance between cells comes back");
    /* A spread of almost nothing: the noise alone covers observations of spread 1 to 2. */
    measure(1e-6, &c);
    tap_ok(scp_coverage_share(&c, SCP_COVERAGE_ALL, 3, false) < 1e-3, "no spread holds nothing");
    double share = scp_coverage_share(&c, SCP_COVERAGE_ALL, 3, true);
    /* t(7, 0.975) = 2.3646; mean over g of 2 Phi(2.3646 * 1.5 / (1 + g / G)) - 1 */
    double want = 0;
    for (size_t g = 0; g < G; g++) want += erf(2.3646 * 1.5 / (1 + (double)g / G) / sqrt(2)) / G;
    tap_near(share, want, 0.01, "noise of measurement alone: %.3f", want);
}

static void test_sum(void)
{
    scp_comm *self = NULL;
    scp_coverage c;
    measure(1, &c);
    const scp_coverage before = c;
    if (tap_st(scp_comm_create_self(&self), "one rank") &&
        tap_st(scp_coverage_sum(&c, self), "sum"))
        tap_ok(memcmp(&c, &before, sizeof c) == 0, "counts of one rank are its own");
    scp_comm_destroy(&self);
}

int main(void)
{
    for (size_t g = 0; g < G; g++) noise[g] = NAN;
    if (tap_st(make(), "a screen")) {
        test_normal();
        test_short();
        test_noise();
        test_sum();
    }
    scp_dataset_fini(&d);
    return tap_done();
}
