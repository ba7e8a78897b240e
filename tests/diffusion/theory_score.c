/* Tweedie and the score identity [paper eq. 18, 19, App. A.2] on data whose score is known. The
 * other side of every identity is an integral over z_0 by quadrature: no score enters it. */
#include <math.h>

#include "diffusion/mixture.h"
#include "diffusion/schedule.h"
#include "tap.h"

enum { T = 1000, GRID = 20000 };

static const mixture one = {
    .n = 1, .dim = 1, .weight = { 1 }, .sd = { 0.7 }, .mean = { { 0.4 } }
};
static const mixture three = { .n = 3,
                               .dim = 1,
                               .weight = { 0.5, 0.3, 0.2 },
                               .sd = { 0.3, 0.8, 0.15 },
                               .mean = { { -1 }, { 0.5 }, { 2 } } };

static const int64_t times[] = { 0, 20, 100, 250, 400, 600, 800, 999 };
enum { N_TIMES = sizeof times / sizeof times[0] };
static const double points[] = { -2.5, -1, -0.2, 0, 0.7, 1.9, 3 };
enum { N_POINTS = sizeof points / sizeof points[0] };

static scp_schedule s;

static double gauss(double x, double mean, double sd)
{
    return exp(-0.5 * (x - mean) * (x - mean) / (sd * sd)) / (sd * sqrt(2 * M_PI));
}

/* p_t(z) and the posterior means of z_0 and of eps = (z - a z_0) / b, by the trapezoid over the
 * stretch of z_0 that can have made z. */
static void integrate(const mixture *m, double a, double b, double z, double *density, double *z0,
                      double *eps)
{
    double reach = 12 * b / a, lo = fmax(-10, z / a - reach), hi = fmin(10, z / a + reach);
    double h = (hi - lo) / GRID, sum = 0, sum_z = 0, sum_e = 0;
    for (int i = 0; i <= GRID; i++) {
        double x = lo + h * i, p = 0;
        for (int k = 0; k < m->n; k++) p += m->weight[k] * gauss(x, m->mean[k][0], m->sd[k]);
        p *= gauss(z, a * x, b) * (i == 0 || i == GRID ? 0.5 : 1);
        sum += p;
        sum_z += p * x;
        sum_e += p * (z - a * x) / b;
    }
    *density = sum * h;
    *z0 = sum_z / sum;
    *eps = sum_e / sum;
}

/* Largest errors over all times and points of one mixture. */
typedef struct errors {
    double density, noise, clean, score, split;
} errors;

static void at_point(const mixture *m, int64_t t, double noise, errors *e)
{
    double a = s.signal[t], b = s.noise[t], h = 1e-4 * b;
    double z = noise * sqrt(a * a + b * b), density, z0, eps, net, mean, back, eps_back;
    integrate(m, a, b, z, &density, &z0, &eps);
    mixture_noise(m, a, b, &z, &net);
    mixture_posterior_mean(m, a, b, &z, &mean);
    double above = z + h, below = z - h;
    double slope =
        (mixture_log_density(m, a, b, &above) - mixture_log_density(m, a, b, &below)) / (2 * h);
    e->density = fmax(e->density, fabs(log(density) - mixture_log_density(m, a, b, &z)));
    e->noise = fmax(e->noise, fabs(eps - net));
    e->score = fmax(e->score, fabs(-b * slope - net));
    e->clean = fmax(e->clean, fmax(fabs(z0 - mean), fabs((z + b * b * slope) / a - z0) * a));
    for (int is_v = 0; is_v < 2; is_v++) {
        double out = is_v ? a * net - b * mean : net;
        scp_schedule_split(&s, t, is_v, &out, &z, 1, &back, &eps_back);
        e->split = fmax(e->split, fmax(fabs(back - mean) * a, fabs(eps_back - net)));
    }
}

static void test_mixture(const mixture *m, const char *name)
{
    errors e = { 0 };
    for (int i = 0; i < N_TIMES; i++)
        for (int j = 0; j < N_POINTS; j++) at_point(m, times[i], points[j], &e);
    bool ok = tap_ok(e.density < 1e-7, "%s: p_t is the data blurred by the forward process", name);
    ok = tap_ok(e.noise < 1e-7, "%s: E[eps | z_t] is -sigma times the score [eq. 19]", name) && ok;
    ok = tap_ok(e.score < 1e-6, "%s: the score is the slope of log p_t", name) && ok;
    ok = tap_ok(e.clean < 1e-5, "%s: E[z_0 | z_t] by Tweedie [eq. 18]", name) && ok;
    ok = tap_ok(e.split < 1e-12, "%s: the sampler's z_0 of a perfect network is that mean", name) &&
         ok;
    if (!ok)
        tap_diag("density %g noise %g score %g clean %g split %g", e.density, e.noise, e.score,
                 e.clean, e.split);
}

/* Two dimensions that depend on each other: E[z_0 | z_t] = m + a C (a^2 C + b^2 I)^-1 (z - a m). */
static void test_correlated(void)
{
    const double m[2] = { 0.5, -1 }, C[2][2] = { { 1, 0.6 }, { 0.6, 0.8 } };
    double worst = 0;
    for (int i = 0; i < N_TIMES; i++) {
        double a = s.signal[times[i]], b = s.noise[times[i]], r[2], y[2], eps[2], z0[2], back[2];
        double p = a * a * C[0][0] + b * b, q = a * a * C[0][1], u = a * a * C[1][1] + b * b;
        const double z[2] = { 1.3, -0.4 };
        for (int k = 0; k < 2; k++) r[k] = z[k] - a * m[k];
        y[0] = (u * r[0] - q * r[1]) / (p * u - q * q);
        y[1] = (p * r[1] - q * r[0]) / (p * u - q * q);
        for (int k = 0; k < 2; k++) eps[k] = b * y[k]; /* the score is -y */
        scp_schedule_split(&s, times[i], false, eps, z, 2, z0, back);
        for (int k = 0; k < 2; k++)
            worst = fmax(worst, a * fabs(z0[k] - m[k] - a * (C[k][0] * y[0] + C[k][1] * y[1])));
    }
    if (!tap_ok(worst < 1e-12, "a correlated Gaussian: Tweedie gives the regression of z_0 on z_t"))
        tap_diag("error %g", worst);
}

int main(void)
{
    if (!tap_st(scp_schedule_init(&s, T, 1e-4, 0.02), "the schedule of the paper"))
        return tap_done();
    test_mixture(&one, "a Gaussian");
    test_mixture(&three, "a mixture of three");
    test_correlated();
    scp_schedule_fini(&s);
    return tap_done();
}
