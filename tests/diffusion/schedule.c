/* The schedule: values of the published linear schedule, the times that a sampler visits, and DDIM
 * with an oracle for the network, which must return the clean latent in any number of steps. */
#include <math.h>

#include "base/rng.h"
#include "diffusion/ddim.h"
#include "tap.h"

enum { T = 1000, DZ = 128 };

static scp_schedule s;

/* scDiffusion's schedule (T 1000, beta 1e-4 to 0.02), from its fp64 tables: as many digits as
 * given. */
static void test_values(void)
{
    static const struct {
        int t;
        double abar, digits;
    } row[] = { { 0, 0.9999, 1e-9 },      { 99, 0.897018, 1e-6 },    { 249, 0.524085, 1e-6 },
                { 499, 0.0785872, 1e-6 }, { 749, 0.00335055, 2e-6 }, { 999, 4.03583e-5, 2e-6 } };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        tap_ok(fabs(s.abar[row[i].t] / row[i].abar - 1) <= row[i].digits, "abar at t = %d",
               row[i].t);
    tap_near(s.noise[999], 0.99997982, 1e-8, "noise level at the last step");
    double beta1 = 1 - s.abar[1] / s.abar[0];
    tap_near(beta1 * (1 - s.abar[0]) / (1 - s.abar[1]), 5.45319e-5, 1e-10,
             "posterior variance at t = 1");
    double worst = 0;
    for (int t = 0; t < T; t++)
        worst = fmax(worst, fabs(s.signal[t] * s.signal[t] + s.noise[t] * s.noise[t] - 1));
    tap_ok(worst < 1e-15, "signal^2 + noise^2 = 1");
}

/* The product of 1 - beta as the exponential of a sum in extended precision. */
static void test_product(void)
{
    long double log_sum = 0;
    double worst = 0;
    for (int t = 0; t < T; t++) {
        log_sum += log1pl(-(1e-4L + (0.02L - 1e-4L) * t / (T - 1)));
        worst = fmax(worst, fabs((double)(s.abar[t] / expl(log_sum) - 1)));
    }
    if (!tap_ok(worst < 1e-9, "every abar against an independent sum of logarithms"))
        tap_diag("error %g", worst);
}

static void test_scaled(void)
{
    scp_schedule q = { 0 };
    if (!tap_st(scp_schedule_init(&q, 100, 1e-4, 0.02), "a schedule of 100 steps")) return;
    tap_rel(1 - q.abar[0], 1e-3, 1e-12, "its first beta is ten times as large");
    tap_rel(1 - q.abar[99] / q.abar[98], 0.2, 1e-12, "and its last");
    scp_schedule_fini(&q);
    tap_fails(scp_schedule_init(&q, 20, 1e-4, 0.02), SCP_EINTERNAL, "beta_last",
              "a beta of 1 is refused");
}

static void test_times(void)
{
    static const int64_t steps[] = { 1, 2, 10, 50, 250, 999, 1000 };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int64_t t[T], n = steps[i], least = T, most = 0;
        for (int64_t k = 0; k < n; k++) t[k] = scp_schedule_time(&s, n, k);
        for (int64_t k = 0; k + 1 < n; k++) {
            int64_t gap = t[k] - t[k + 1];
            least = gap < least ? gap : least;
            most = gap > most ? gap : most;
        }
        bool even = n == 1 || (least >= 1 && most - least <= 1);
        tap_ok(t[0] == T - 1 && t[n - 1] >= 0 && even,
               "%lld steps: from T - 1, each once, evenly spaced", (long long)n);
    }
}

/* A perfect network: it knows the clean latent. */
typedef struct oracle {
    const double *z0;
    bool is_v;
} oracle;

static scp_status answer(void *ctx, int64_t t, const double *z_t, double *out)
{
    const oracle *o = ctx;
    double a = s.signal[t], b = s.noise[t];
    for (int k = 0; k < DZ; k++) {
        double eps = (z_t[k] - a * o->z0[k]) / b;
        out[k] = o->is_v ? a * eps - b * o->z0[k] : eps;
    }
    return SCP_OK;
}

static double ddim_error(int64_t steps, bool is_v)
{
    double truth[DZ], z[DZ], out[DZ], z0[DZ], eps[DZ], worst = 0;
    oracle o = { .z0 = truth, .is_v = is_v };
    const scp_ddim d = {
        .schedule = &s, .steps = steps, .is_v = is_v, .network = answer, .ctx = &o
    };
    scp_rng_fill_normal(1, 100, 0, 0, DZ, truth);
    scp_rng_fill_normal(1, 101, 0, 0, DZ, z);
    if (scp_ddim_sample(&d, DZ, z, z0, eps, out) != SCP_OK) return INFINITY;
    for (int k = 0; k < DZ; k++) worst = fmax(worst, fabs(z[k] - truth[k]));
    return worst;
}

/* z_t made of z_0 and eps comes apart into them again. */
static void test_split(void)
{
    double z0[DZ], eps[DZ], z_t[DZ], out[DZ], z0_back[DZ], eps_back[DZ];
    scp_rng_fill_normal(1, 102, 0, 0, DZ, z0);
    scp_rng_fill_normal(1, 103, 0, 0, DZ, eps);
    for (int is_v = 0; is_v < 2; is_v++) {
        double worst = 0;
        for (int t = 0; t < T; t += 111) {
            for (int k = 0; k < DZ; k++) z_t[k] = s.signal[t] * z0[k] + s.noise[t] * eps[k];
            for (int k = 0; k < DZ; k++)
                out[k] = is_v ? s.signal[t] * eps[k] - s.noise[t] * z0[k] : eps[k];
            scp_schedule_split(&s, t, is_v, out, z_t, DZ, z0_back, eps_back);
            for (int k = 0; k < DZ; k++)
                worst = fmax(worst, fmax(fabs(z0_back[k] - z0[k]), fabs(eps_back[k] - eps[k])));
        }
        tap_ok(worst < 1e-12, "%s-prediction gives back z_0 and eps", is_v ? "v" : "eps");
    }
}

int main(void)
{
    static const int64_t steps[] = { 1, 2, 10, 50, 1000 };
    if (!tap_st(scp_schedule_init(&s, T, 1e-4, 0.02), "the schedule of the paper"))
        return tap_done();
    test_values();
    test_product();
    test_scaled();
    test_times();
    test_split();
    for (int is_v = 0; is_v < 2; is_v++)
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            double error = ddim_error(steps[i], is_v);
            if (!tap_ok(error <= 1e-5, "DDIM with a perfect network, %lld steps, %s-prediction",
                        (long long)steps[i], is_v ? "v" : "eps"))
                tap_diag("error %g", error);
        }
    scp_schedule_fini(&s);
    return tap_done();
}
