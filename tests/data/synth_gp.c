/* Effects by a Gaussian process: the Cholesky factor, kriging of three drugs in closed form, the
 * variance of draws and the score of the best prediction against what the formulas say. */
#include "data/synth_gp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "data/synth_rng.h"
#include "data/synth_write.h"
#include "io/array_file.h"
#include "tap.h"

static char table[SCP_PATH_MAX];

static void test_kernel(void)
{
    /* 3 bits against 2, one shared of four; a row without bits */
    static const uint8_t bits[3 * 5] = { 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0 };
    double k[9];
    scp_synth_gp_kernel(bits, 3, 5, 0.8, k);
    tap_near(k[1], 0.8 / 4.0, 1e-15, "covariance is the share times Tanimoto's similarity");
    tap_ok(k[0] == 1.0 && k[4] == 1.0 && k[8] == 1.0 && k[3] == k[1], "variance one, symmetric");
    tap_ok(k[2] == 0.0 && k[5] == 0.0, "no bits: like no other");
}

static void test_cholesky(void)
{
    double a[9] = { 4, 0, 0, 2, 5, 0, -2, 3, 6 }, bad[4] = { 1, 0, 2, 1 };
    tap_st(scp_synth_cholesky(a, 3), "factor of a 3 x 3 matrix");
    static const double want[9] = { 2, 0, 0, 1, 2, 0, -1, 2, 1 };
    double worst = 0.0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j <= i; j++) worst = fmax(worst, fabs(a[3 * i + j] - want[3 * i + j]));
    tap_near(worst, 0.0, 1e-14, "is the one by hand");
    tap_fails(scp_synth_cholesky(bad, 2), SCP_EDATA, "positive definite", "an indefinite matrix");
}

/* Drugs a, b are known, c is not: with covariances r = (a,b), u = (a,c), v = (b,c),
 *   mean = ((u - r v) y_a + (v - r u) y_b) / (1 - r^2)
 *   variance = 1 - (u^2 - 2 r u v + v^2) / (1 - r^2) */
static void test_three(void)
{
    const double r = 0.3, u = 0.6, v = 0.5, ya = 1.2, yb = -0.7;
    const double k[9] = { 1, r, u, r, 1, v, u, v, 1 }, y[3] = { ya, yb, 99.0 };
    const uint8_t held[3] = { 0, 0, 1 };
    double mean[3], variance[3];
    if (!tap_st(scp_synth_krige(k, 3, held, y, 1, mean, variance), "kriging of three drugs"))
        return;
    tap_near(mean[2], ((u - r * v) * ya + (v - r * u) * yb) / (1 - r * r), 1e-9, "mean");
    tap_near(variance[2], 1 - (u * u - 2 * r * u * v + v * v) / (1 - r * r), 1e-9, "variance");
    tap_near(mean[0], r * yb, 1e-9, "a known drug is predicted from the other known one");
    tap_near(variance[0], 1 - r * r, 1e-9, "with its variance");
    const double z[3] = { ya, yb, 0.4 };
    double m2[3], v2[3];
    if (!tap_st(scp_synth_krige(k, 3, NULL, z, 1, m2, v2), "each drug from the others")) return;
    tap_near(m2[2], mean[2], 1e-9, "is that of holding it out");
    tap_near(v2[2], variance[2], 1e-9, "in its variance, too");
    const uint8_t all[3] = { 1, 1, 0 };
    tap_fails(scp_synth_krige(k, 3, all, y, 1, mean, variance), SCP_EDATA, "1 of 3",
              "one known drug");
}

/* Covariance of many draws, every entry within 4.5 standard errors. */
static void test_draws(void)
{
    enum { N = 4, P = 20000 };
    static const uint8_t bits[N * 6] = { 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0,
                                         0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1 };
    double k[N * N], *x = malloc(sizeof *x * N * P), worst = 0.0;
    scp_synth_gp_kernel(bits, N, 6, 0.9, k);
    for (size_t i = 0; i < N; i++) {
        scp_synth_stream s = scp_synth_stream_at(5, 1, i);
        for (size_t p = 0; p < P; p++) x[i * P + p] = scp_synth_normal(&s);
    }
    if (!tap_st(scp_synth_gp_draw(k, N, x, P), "20,000 draws for four drugs")) return;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            double sum = 0.0;
            for (size_t p = 0; p < P; p++) sum += x[i * P + p] * x[j * P + p];
            double se = sqrt((1.0 + k[i * N + j] * k[i * N + j]) / P);
            worst = fmax(worst, fabs(sum / P - k[i * N + j]) / se);
        }
    tap_ok(worst < 4.5, "have the covariance they should (%.1f standard errors)", worst);
    free(x);
}

/* A screen of 90 drugs: the mean square error of kriging held-out drugs is the variance that the
 * formula gives, the correlation over programmes and drugs sqrt(1 - variance), and no other linear
 * prediction that was tried is better. */
static void test_screen(const scp_synth_design *d)
{
    size_t n = 0;
    double error = 0.0, variance = 0.0, xy = 0.0, xx = 0.0, yy = 0.0, nearest = 0.0;
    for (size_t i = 0; i < d->D; i++) {
        if (!d->held[i]) continue;
        size_t like = 0;
        for (size_t j = 0; j < d->D; j++)
            if (!d->held[j] &&
                (d->held[like] || d->kernel[i * d->D + j] > d->kernel[i * d->D + like]))
                like = j;
        for (size_t p = 0; p < SCP_SYNTH_P; p++) {
            double common = p >= SCP_SYNTH_P - 2 ? d->cfg.common : 0.0;
            double y = (d->drug[i].e[p] - common) / 0.63;
            double x = (d->kriged[i * SCP_SYNTH_P + p] - common) / 0.63;
            double other = d->kernel[i * d->D + like] * (d->drug[like].e[p] - common) / 0.63;
            error += (x - y) * (x - y);
            nearest += (other - y) * (other - y);
            variance += d->kriging_variance[i];
            xy += x * y;
            xx += x * x;
            yy += y * y;
            n++;
        }
    }
    double m = (double)n, want = sqrt(1.0 - variance / m);
    /* errors of drugs are correlated, so allow for a third of them being independent */
    tap_ok(fabs(error / variance - 1.0) < 4.5 * sqrt(2.0 / (m / 3.0)),
           "mean square error %.3f, expected %.3f", error / m, variance / m);
    tap_ok(fabs(xy / sqrt(xx * yy) - want) < 0.08, "correlation with the truth %.3f, expected %.3f",
           xy / sqrt(xx * yy), want);
    tap_ok(error < nearest, "and the nearest drug predicts worse (%.3f)", nearest / m);
}

static bool hold_out(const char *path, const scp_synth_design *all)
{
    scp_strbuf text = { 0 };
    scp_status st = SCP_OK;
    for (size_t i = 0; i < all->D && st == SCP_OK; i += 3)
        st = scp_strbuf_addf(&text, " %s\n", all->drug[i].name);
    if (st == SCP_OK) st = scp_fs_write_text(path, text.text, text.len);
    scp_strbuf_fini(&text);
    return tap_st(st, "a list of every third drug");
}

static void test_truth(const scp_synth_design *d)
{
    char path[SCP_PATH_MAX];
    scp_array_file *f = NULL;
    double *kriged = NULL, *r = NULL;
    int32_t *held = NULL;
    size_t dims[3], n[3];
    snprintf(path, sizeof path, "%s/truth.h5", tap_tmpdir());
    if (tap_st(scp_synth_write_truth(d, path), "the truth") &&
        tap_st(scp_array_file_open(path, &f), "open it") &&
        tap_st(scp_array_file_get(f, "drug/kriged", SCP_ARRAY_F64, dims, (void **)&kriged),
               "predictions") &&
        tap_st(scp_array_file_get(f, "drug/kriging_r", SCP_ARRAY_F64, n, (void **)&r), "scores") &&
        tap_st(scp_array_file_get(f, "drug/held_out", SCP_ARRAY_I32, n, (void **)&held), "list")) {
        size_t wrong = memcmp(kriged, d->kriged, d->D * SCP_SYNTH_P * sizeof *kriged) != 0;
        for (size_t i = 0; i < d->D; i++) {
            wrong += held[i] != d->held[i];
            wrong += fabs(r[i] * r[i] + d->kriging_variance[i] - 1.0) > 1e-12;
        }
        tap_ok(wrong == 0 && dims[0] == d->D && dims[1] == SCP_SYNTH_P, "as the plan has them");
    }
    scp_array_file_close(&f);
    free(kriged);
    free(r);
    free(held);
}

int main(void)
{
    const char *top = getenv("top_srcdir");
    char held[SCP_PATH_MAX];
    scp_synth_config c;
    scp_synth_design *d = NULL;
    snprintf(table, sizeof table, "%s/data-prep/drugs/drugs.tsv", top ? top : ".");
    snprintf(held, sizeof held, "%s/held.txt", tap_tmpdir());
    test_kernel();
    test_cholesky();
    test_three();
    test_draws();
    scp_synth_config_init(&c);
    c.table = table;
    c.preset = SCP_SYNTH_DEMO;
    c.genes = 100;
    c.effects = SCP_SYNTH_BY_GP;
    c.structure = 1;
    if (!tap_st(scp_synth_design_create(&c, &d), "a screen by a Gaussian process"))
        return tap_done();
    bool listed = hold_out(held, d);
    scp_synth_design_destroy(&d);
    c.held_out = held;
    if (listed && tap_st(scp_synth_design_create(&c, &d), "with held-out drugs")) {
        test_screen(d);
        test_truth(d);
    }
    scp_synth_design_destroy(&d);
    if (tap_st(scp_fs_write_text(held, "Nobody\n", 7), "a name that is not there"))
        tap_fails(scp_synth_design_create(&c, &d), SCP_EDATA, "held.txt:1", "is refused");
    c.effects = SCP_SYNTH_BY_AXES;
    tap_fails(scp_synth_design_create(&c, &d), SCP_EUSAGE, "gp", "a list without the process");
    return tap_done();
}
