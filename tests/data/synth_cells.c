/* Cells of a synthetic screen against what is known of them: means, variances, truth. Every
 * tolerance is that of the sampling error at a stated number of standard deviations. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/synth_cells.h"
#include "data/synth_rng.h"
#include "tap.h"

static char table[SCP_PATH_MAX];

/* Tiny, with nothing but counting noise: equal libraries, no state, no ambient counts. */
static scp_synth_config plain(void)
{
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    c.library_sd = c.state = c.ambient = c.sigma_well = 0;
    return c;
}

typedef struct bench {
    scp_synth_design *d;
    scp_synth_sampler *s;
    double *sum, *sum2;   /* [G] over cells: counts, their squares */
    double *norm, *norm2; /* [G] log1p of 1e4 x share, its square */
} bench;

static bench bench_open(const scp_synth_config *c)
{
    bench b = { 0 };
    if (!tap_st(scp_synth_design_create(c, &b.d), "a plan") ||
        !tap_st(scp_synth_sampler_create(b.d, &b.s), "a sampler") ||
        scp_alloc(b.d->G, sizeof(double), &b.sum) != SCP_OK ||
        scp_alloc(b.d->G, sizeof(double), &b.sum2) != SCP_OK ||
        scp_alloc(b.d->G, sizeof(double), &b.norm) != SCP_OK ||
        scp_alloc(b.d->G, sizeof(double), &b.norm2) != SCP_OK)
        exit(1);
    return b;
}

static void bench_close(bench *b)
{
    scp_synth_sampler_destroy(&b->s);
    scp_synth_design_destroy(&b->d);
    free(b->sum);
    free(b->sum2);
    free(b->norm);
    free(b->norm2);
}

/* First well of a plate that holds a drug. */
static size_t drug_well(const scp_synth_design *d, size_t plate)
{
    size_t w = 0;
    while (d->plate[plate].well[w].drug < 0) w++;
    return w;
}

/* Sums over cells [first, first + n) of a line in a well. */
static void draw(bench *b, size_t plate, size_t well, size_t line, int32_t first, int32_t n)
{
    scp_h5ad_rows rows = { 0 };
    scp_synth_cell cell;
    size_t G = b->d->G;
    for (size_t g = 0; g < G; g++) b->sum[g] = b->sum2[g] = b->norm[g] = b->norm2[g] = 0.0;
    scp_synth_sampler_well(b->s, plate, well);
    for (int32_t i = first; i < first + n; i++) {
        rows.n_rows = 0;
        if (scp_synth_sampler_cell(b->s, line, i, &rows, &cell) != SCP_OK) exit(1);
        for (int64_t k = 0; k < rows.indptr[1]; k++) {
            double v = (double)rows.value[k], x = log1p(1e4 * v / (double)cell.counts);
            b->sum[rows.column[k]] += v;
            b->sum2[rows.column[k]] += v * v;
            b->norm[rows.column[k]] += x;
            b->norm2[rows.column[k]] += x * x;
        }
    }
    scp_h5ad_rows_fini(&rows);
}

static void test_poisson(void)
{
    static const double means[] = { 0.01, 0.5, 5.0, 9.99, 10.01, 60.0, 2000.0 };
    enum { N = 40000 };
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
        scp_synth_stream s = scp_synth_stream_at(7, 1, i);
        double m = means[i], sum = 0.0, square = 0.0;
        for (int k = 0; k < N; k++) {
            double x = (double)scp_synth_poisson(&s, m) - m;
            sum += x;
            square += x * x;
        }
        /* variance of (x-m)^2 is m + 2 m^2 */
        double z = sum / sqrt(N * m), z2 = (square - N * m) / sqrt(N * (m + 2.0 * m * m));
        tap_ok(fabs(z) < 4.5 && fabs(z2) < 4.5, "Poisson mean and variance at %g (z %.1f, %.1f)", m,
               z, z2);
    }
}

/* Gamma-Poisson moments, gene by gene: chi-square of the means; pooled variance. */
static void test_moments(double dispersion)
{
    enum { N = 4000 };
    scp_synth_config c = plain();
    c.dispersion = dispersion;
    bench b = bench_open(&c);
    size_t w = drug_well(b.d, 1), line = 2, G = b.d->G;
    draw(&b, 1, w, line, 0, N);
    const float *rate = scp_synth_sampler_rates(b.s, line);
    double size = 1748.0 * b.d->plate[1].well[w].depth, chi = 0.0, worst = 0.0, got = 0.0,
           want = 0.0;
    for (size_t g = 0; g < G; g++) {
        double mu = size * (double)rate[g], var = mu + dispersion * mu * mu, mean = b.sum[g] / N;
        double z = (mean - mu) / sqrt(var / N);
        chi += z * z;
        worst = fmax(worst, fabs(z));
        got += (b.sum2[g] / N - mean * mean) / var;
        want += 1.0;
    }
    tap_ok(fabs(chi - (double)G) < 4.5 * sqrt(2.0 * (double)G),
           "dispersion %g: chi-square %.0f of %zu means", dispersion, chi, G);
    tap_ok(worst < 5.0, "and no mean is far off (%.1f standard errors)", worst);
    tap_near(got / want, 1.0, 0.03, "variance is mean + %g mean^2", dispersion);
    bench_close(&b);
}

/* All genes of the atlas: chi-square of the means of those that are counted at all. A sum over
 * cells is gamma-Poisson again, with excess kurtosis 6 a/n + 1/(n (mu + a mu^2)). */
static void test_whole_atlas(void)
{
    enum { N = 1500 };
    scp_synth_config c = plain();
    c.preset = SCP_SYNTH_PLATE;
    c.lines = 2;
    bench b = bench_open(&c);
    size_t w = drug_well(b.d, 0), G = b.d->G, genes = 0, silent = 0;
    draw(&b, 0, w, 1, 0, N);
    const float *rate = scp_synth_sampler_rates(b.s, 1);
    double size = 1748.0 * b.d->plate[0].well[w].depth, chi = 0.0, spread = 0.0, rest[2] = { 0 };
    for (size_t g = 0; g < G; g++) {
        double mu = size * (double)rate[g], var = mu + 0.2 * mu * mu;
        silent += mu == 0.0;
        if (mu == 0.0 && b.sum[g] > 0.0) silent = 0;
        if (N * mu < 1.0) { /* together: Poisson */
            rest[0] += b.sum[g];
            rest[1] += N * mu;
            continue;
        }
        double z = (b.sum[g] / N - mu) / sqrt(var / N);
        chi += z * z;
        spread += 2.0 + 6.0 * 0.2 / N + 1.0 / (N * var);
        genes++;
    }
    tap_ok(fabs(chi - (double)genes) < 4.5 * sqrt(spread),
           "chi-square %.0f of %zu means of all genes (sd %.0f)", chi, genes, sqrt(spread));
    tap_ok(fabs(rest[0] - rest[1]) < 4.5 * sqrt(rest[1]), "rare genes: %.0f counts, %.0f expected",
           rest[0], rest[1]);
    tap_ok(silent == SCP_SYNTH_ATLAS_GENES - SCP_SYNTH_EXPRESSED,
           "genes never expressed never are");
    bench_close(&b);
}

/* The state of a cell and its phase multiply the means of their genes. */
static void test_state(void)
{
    enum { N = 6000 };
    const double sd = 0.3, cycle = exp(sd), state = exp(0.5 * sd * sd),
                 state2 = exp(2.0 * sd * sd); /* of the factor and of its square */
    scp_synth_config c = plain();
    c.state = sd;
    c.genes = 2000;
    bench b = bench_open(&c);
    size_t w = drug_well(b.d, 1), G = b.d->G;
    double got[8] = { 0 }, mu[8] = { 0 }, noise[8] = { 0 };
    draw(&b, 1, w, 0, 0, N);
    const float *rate = scp_synth_sampler_rates(b.s, 0);
    double size = 1748.0 * b.d->plate[1].well[w].depth;
    for (size_t g = 0; g < G; g++) {
        int k = b.d->gene_flags[g] >> 1;
        double m = size * (double)rate[g];
        got[k] += b.sum[g] / N;
        mu[k] += m;
        noise[k] += 2.0 * (m + 0.2 * m * m * 2.0);
    }
    for (int k = 0; k < 8; k++) {
        int flags = k << 1;
        double share = (flags & SCP_SYNTH_S ? 0.25 : 0.0) + (flags & SCP_SYNTH_G2M ? 0.20 : 0.0);
        double one = 1.0 + share * (cycle - 1.0), two = 1.0 + share * (cycle * cycle - 1.0);
        if (flags & SCP_SYNTH_STATE) {
            one *= state;
            two *= state2;
        }
        double error = sqrt((noise[k] * two + mu[k] * mu[k] * (two - one * one)) / N);
        if (mu[k] > 0.0)
            tap_ok(fabs(got[k] - one * mu[k]) < 4.5 * error,
                   "genes of class %d: %.4g counts a cell, %.4g expected (se %.2g)", k, got[k],
                   one * mu[k], error);
    }
    bench_close(&b);
}

/* Any team of threads makes the same tables, any drawer the same cells. */
static void test_team(void)
{
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    bench a = bench_open(&c), b = bench_open(&c);
    scp_synth_drawer *drawer = NULL;
    scp_h5ad_rows x = { 0 }, y = { 0 };
    scp_synth_cell one, two;
    bool same = tap_st(scp_synth_drawer_create(b.s, &drawer), "a drawer");
    scp_synth_sampler_well(a.s, 1, 95);
    same = same && tap_st(scp_synth_sampler_well_team(b.s, 1, 95, 3), "tables by three threads");
    for (int32_t i = 0; same && i < 20; i++) {
        x.n_rows = y.n_rows = 0;
        same = scp_synth_sampler_cell(a.s, 4, i, &x, &one) == SCP_OK &&
               scp_synth_draw(drawer, 4, i, &y, &two) == SCP_OK && x.indptr[1] == y.indptr[1] &&
               memcmp(x.column, y.column, (size_t)x.indptr[1] * sizeof *x.column) == 0 &&
               memcmp(x.value, y.value, (size_t)x.indptr[1] * sizeof *x.value) == 0 &&
               one.reads == two.reads && one.s_score == two.s_score;
    }
    tap_ok(same, "cells do not depend on who draws them");
    scp_h5ad_rows_fini(&x);
    scp_h5ad_rows_fini(&y);
    scp_synth_drawer_destroy(&drawer);
    bench_close(&a);
    bench_close(&b);
}

/* The expected profile from the plan, written out. */
static void test_rates(void)
{
    scp_synth_config c = plain();
    c.sigma_well = 0.2;
    bench b = bench_open(&c);
    size_t w = drug_well(b.d, 1), line = 4, G = b.d->G;
    const scp_synth_well *well = &b.d->plate[1].well[w];
    double *want, sum = 0.0, total = 0.0, worst = 0.0;
    float *lfc;
    if (scp_alloc(G, sizeof *want, &want) != SCP_OK || scp_alloc(G, sizeof *lfc, &lfc) != SCP_OK)
        exit(1);
    scp_synth_sampler_well(b.s, 1, w);
    scp_synth_lfc(b.d, line, (size_t)well->drug, 1, lfc);
    for (size_t g = 0; g < G; g++) {
        double eta =
            (double)b.d->line_log[line * G + g] + (double)lfc[g] + (double)b.d->plate[1].gene[g];
        for (size_t j = 0; j < SCP_SYNTH_J; j++) eta += well->coef[j] * (double)b.d->X[j * G + g];
        sum += want[g] = exp(eta);
    }
    const float *rate = scp_synth_sampler_rates(b.s, line);
    for (size_t g = 0; g < G; g++) {
        worst = fmax(worst, fabs((double)rate[g] / (want[g] * b.d->captured / sum) - 1.0));
        total += (double)rate[g];
    }
    tap_near(worst, 0.0, 2e-5, "rates are line + drug + plate + well on the log scale");
    tap_near(total / b.d->captured, 1.0, 1e-5, "and sum to the panel's share");
    free(want);
    free(lfc);
    bench_close(&b);
}

static void test_ambient(void)
{
    scp_synth_config c = plain();
    bench clean = bench_open(&c);
    c.ambient = 0.25;
    bench mixed = bench_open(&c);
    size_t G = clean.d->G;
    double worst = 0.0;
    scp_synth_sampler_well(clean.s, 0, 95);
    scp_synth_sampler_well(mixed.s, 0, 95);
    for (size_t g = 0; g < G; g++) {
        double pool = 0.0, cells = 0.0;
        for (size_t line = 0; line < clean.d->C; line++) {
            double n = clean.d->plate[0].well[95].cells[line];
            pool += n * (double)scp_synth_sampler_rates(clean.s, line)[g];
            cells += n;
        }
        double own = (double)scp_synth_sampler_rates(clean.s, 1)[g];
        double want = 0.75 * own + 0.25 * pool / cells,
               got = (double)scp_synth_sampler_rates(mixed.s, 1)[g];
        worst = fmax(worst, fabs(got / want - 1.0));
    }
    tap_near(worst, 0.0, 1e-5, "ambient counts come from the well's cells, all lines pooled");
    bench_close(&clean);
    bench_close(&mixed);
}

/* Four times the cells: half the error of the mean. */
static void test_error_halves(void)
{
    scp_synth_config c = plain();
    bench b = bench_open(&c);
    size_t w = drug_well(b.d, 1), G = b.d->G;
    double size = 1748.0 * b.d->plate[1].well[w].depth, error[2] = { 0 };
    for (int k = 0; k < 2; k++)
        for (int part = 0; part < 8; part++) {
            int32_t n = k ? 400 : 100;
            draw(&b, 1, w, 0, part * n, n);
            for (size_t g = 0; g < G; g++) {
                double mu = size * (double)scp_synth_sampler_rates(b.s, 0)[g];
                error[k] += pow(b.sum[g] / n - mu, 2.0) / (mu + 0.2 * mu * mu);
            }
        }
    /* each is chi-square with 8 G degrees: 4 % here; three standard deviations of the ratio */
    tap_near(sqrt(error[0] / error[1]), 2.0, 0.13, "cells x 4: the error of a mean halves");
    bench_close(&b);
}

/* No drug effect, no well effect: the change against the plate's vehicle is noise around zero. */
static void test_null(void)
{
    enum { N = 1500 };
    scp_synth_config c = plain();
    c.amplitude = 0;
    c.library_sd = 0.52;
    c.state = 0.3;
    bench b = bench_open(&c);
    size_t G = b.d->G, outside = 0, w = drug_well(b.d, 1);
    double *mean, *var;
    if (scp_alloc(2 * G, sizeof *mean, &mean) != SCP_OK ||
        scp_alloc(2 * G, sizeof *var, &var) != SCP_OK)
        exit(1);
    for (size_t k = 0; k < 2; k++) {
        /* the depth of a well changes the bias of log1p: compare at one depth */
        b.d->plate[1].well[k ? w : 94].depth = 1.0;
        draw(&b, 1, k ? w : 94, 3, 0, N);
        for (size_t g = 0; g < G; g++) {
            mean[k * G + g] = b.norm[g] / N;
            var[k * G + g] = (b.norm2[g] / N - pow(mean[k * G + g], 2.0)) / N;
        }
    }
    double chi = 0.0;
    for (size_t g = 0; g < G; g++) {
        double z = (mean[G + g] - mean[g]) / sqrt(var[g] + var[G + g] + 1e-30);
        outside += fabs(z) > 4.0;
        chi += z * z / (double)G;
    }
    tap_ok(outside == 0, "no effect: the change is within 4 standard errors of 0 for all genes");
    tap_near(chi, 1.0, 4.5 * sqrt(2.0 / (double)G), "and as wide as its standard error says");
    free(mean);
    free(var);
    bench_close(&b);
}

/* Expected log ratios without noise: the plate's own vehicle leaves the drug's effect alone,
 * another plate's adds the difference of two plates. */
static void test_pairing(void)
{
    scp_synth_config c = plain();
    c.genes = 2000;
    bench b = bench_open(&c);
    size_t G = b.d->G, w = drug_well(b.d, 1), line = 1;
    float *lfc, *vehicle;
    if (scp_alloc(G, sizeof *lfc, &lfc) != SCP_OK ||
        scp_alloc(G, sizeof *vehicle, &vehicle) != SCP_OK)
        exit(1);
    scp_synth_lfc(b.d, line, (size_t)b.d->plate[1].well[w].drug, 1, lfc);
    double var[2];
    for (int other = 0; other < 2; other++) {
        scp_synth_sampler_well(b.s, other ? 0 : 1, 94);
        memcpy(vehicle, scp_synth_sampler_rates(b.s, line), G * sizeof *vehicle);
        scp_synth_sampler_well(b.s, 1, w);
        const float *treated = scp_synth_sampler_rates(b.s, line);
        double sum = 0.0, square = 0.0;
        for (size_t g = 0; g < G; g++) {
            double r = log((double)treated[g] / (double)vehicle[g]) - (double)lfc[g];
            sum += r / (double)G;
            square += r * r / (double)G;
        }
        var[other] = square - sum * sum;
    }
    tap_near(var[0], 0.0, 1e-9,
             "the plate's own control leaves the true effect, up to one constant");
    tap_near(var[1], 0.02, 0.02 * 4.0 * sqrt(2.0 / (double)G),
             "another plate's adds twice the plate variance");
    free(lfc);
    free(vehicle);
    bench_close(&b);
}

/* A cell is a function of its key and number. */
static void test_order(void)
{
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    bench b = bench_open(&c);
    size_t w = drug_well(b.d, 0);
    double *first;
    if (scp_alloc(b.d->G, sizeof *first, &first) != SCP_OK) exit(1);
    draw(&b, 0, w, 3, 7, 1);
    memcpy(first, b.sum, b.d->G * sizeof *first);
    draw(&b, 1, 94, 2, 0, 5);
    draw(&b, 0, w, 1, 0, 3);
    draw(&b, 0, w, 3, 7, 1);
    tap_ok(memcmp(first, b.sum, b.d->G * sizeof *first) == 0,
           "a cell does not depend on what was drawn before");
    draw(&b, 0, w, 3, 8, 1);
    tap_ok(memcmp(first, b.sum, b.d->G * sizeof *first) != 0, "the next cell is another");
    free(first);
    bench_close(&b);
}

int main(void)
{
    const char *top = getenv("top_srcdir");
    snprintf(table, sizeof table, "%s/data-prep/drugs/drugs.tsv", top ? top : ".");
    test_poisson();
    test_moments(0.2);
    test_moments(0.0);
    test_moments(2.0);
    test_whole_atlas();
    test_state();
    test_team();
    test_rates();
    test_ambient();
    test_error_halves();
    test_null();
    test_pairing();
    test_order();
    return tap_done();
}
