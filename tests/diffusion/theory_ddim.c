/* DDIM against the probability-flow ODE [paper App. A.1, A.4]: with a perfect network for known
 * data the sampler's whole path differs from the exact flow by O(dt) [eq. 20, 21]. */
#include <math.h>
#include <stdlib.h>

#include "diffusion/ddim.h"
#include "diffusion/mixture.h"
#include "tap.h"

enum { T = 8000, RK_STEPS = 4 };

static const mixture one = {
    .n = 1, .dim = 1, .weight = { 1 }, .sd = { 0.5 }, .mean = { { 0.8 } }
};
static const mixture two = {
    .n = 2, .dim = 1, .weight = { 0.6, 0.4 }, .sd = { 0.4, 0.6 }, .mean = { { -1 }, { 1.2 } }
};

static scp_schedule s;

/* The exact path of one start, and how far the sampler strays from it. */
typedef struct path {
    const mixture *m;
    bool is_v;
    double *exact; /* [T] z at every time */
    double worst;
} path;

static scp_status answer(void *ctx, int64_t t, const double *z, double *out)
{
    path *p = ctx;
    double a = s.signal[t], b = s.noise[t], eps;
    p->worst = fmax(p->worst, fabs(*z - p->exact[t]));
    mixture_noise(p->m, a, b, z, &eps);
    *out = p->is_v ? a * eps - b * (*z - b * eps) / a : eps;
    return SCP_OK;
}

/* In x = z/a and r = b/a the flow is dx/dr = eps: its right side at (r, x). */
static double slope(const mixture *m, double r, double x)
{
    double a = 1 / sqrt(1 + r * r), b = r * a, z = a * x, eps;
    mixture_noise(m, a, b, &z, &eps);
    return eps;
}

/* One stretch from r to r_next by RK4, in logarithmic steps. */
static double advance(const mixture *m, double r, double r_next, double x)
{
    double ratio = pow(r_next / r, 1.0 / RK_STEPS);
    for (int i = 0; i < RK_STEPS; i++, r *= ratio) {
        double h = r * (ratio - 1);
        double k1 = slope(m, r, x), k2 = slope(m, r + h / 2, x + h / 2 * k1),
               k3 = slope(m, r + h / 2, x + h / 2 * k2), k4 = slope(m, r + h, x + h * k3);
        x += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
    }
    return x;
}

/* The exact path from z at T - 1 down to t = 0, by RK4. */
static void solve(const mixture *m, double z, double *exact)
{
    exact[T - 1] = z;
    double x = z / s.signal[T - 1];
    for (int64_t t = T - 1; t > 0; t--) {
        x = advance(m, s.noise[t] / s.signal[t], s.noise[t - 1] / s.signal[t - 1], x);
        exact[t - 1] = x * s.signal[t - 1];
    }
}

/* One Gaussian: z_t = a m + sqrt((a^2 s^2 + b^2) / (same at T)) (z_T - a_T m). */
static double gaussian_path(const mixture *m, int64_t t, double z)
{
    double sd = m->sd[0], mean = m->mean[0][0];
    double a = s.signal[t], b = s.noise[t], aT = s.signal[T - 1], bT = s.noise[T - 1];
    return a * mean +
           sqrt((a * a * sd * sd + b * b) / (aT * aT * sd * sd + bT * bT)) * (z - aT * mean);
}

/* The solver is right: on one Gaussian it finds the closed form. */
static void test_solver(double *exact)
{
    double worst = 0;
    solve(&one, 1.3, exact);
    for (int64_t t = 0; t < T; t++)
        worst = fmax(worst, fabs(exact[t] - gaussian_path(&one, t, 1.3)));
    if (!tap_ok(worst < 1e-8, "the solver's path is the closed form of a Gaussian"))
        tap_diag("error %g", worst);
}

/* The closed form solves the flow as the paper prints it, dz/dt = -beta/2 (z + score), with
 * abar = exp(-int beta) and beta(t) = 0.1 + 19.9 t. */
static void test_printed(void)
{
    double worst = 0, sd = one.sd[0], mean = one.mean[0][0], z[3];
    for (double t = 0.05; t < 1; t += 0.05) {
        const double h = 1e-5, beta = 0.1 + 19.9 * t;
        double a = 0, b = 0;
        for (int i = 0; i < 3; i++) {
            double u = t + (i - 1) * h, abar = exp(-(0.1 * u + 9.95 * u * u));
            double var = abar * sd * sd + 1 - abar;
            z[i] = sqrt(abar) * mean + sqrt(var) * 0.9;
            if (i == 1) a = sqrt(abar), b = sqrt(1 - abar);
        }
        double eps;
        mixture_noise(&one, a, b, &z[1], &eps);
        worst = fmax(worst, fabs((z[2] - z[0]) / (2 * h) + 0.5 * beta * (z[1] - eps / b)));
    }
    if (!tap_ok(worst < 1e-6, "that path solves the flow of App. A.1 as printed"))
        tap_diag("error %g", worst);
}

/* Largest distance of the sampler from the path, over three starts. */
static double stray(const mixture *m, bool is_v, int64_t steps, double *exact)
{
    static const double start[] = { -1.4, 0.3, 2 };
    double worst = 0;
    for (int i = 0; i < 3; i++) {
        double z = start[i], z0, eps, out;
        path p = { .m = m, .is_v = is_v, .exact = exact };
        const scp_ddim d = {
            .schedule = &s, .steps = steps, .is_v = is_v, .network = answer, .ctx = &p
        };
        solve(m, z, exact);
        if (scp_ddim_sample(&d, 1, &z, &z0, &eps, &out) != SCP_OK) return INFINITY;
        worst = fmax(worst, p.worst);
    }
    return worst;
}

/* Least-squares slope of log error against log dt. */
static void test_order(const mixture *m, bool is_v, const char *name, double *exact)
{
    static const int64_t steps[] = { 125, 250, 500, 1000, 2000 };
    enum { N = sizeof steps / sizeof steps[0] };
    double sx = 0, sy = 0, sxx = 0, sxy = 0, last = 0;
    for (int i = 0; i < N; i++) {
        last = stray(m, is_v, steps[i], exact);
        double x = -log((double)steps[i]), y = log(last);
        sx += x, sy += y, sxx += x * x, sxy += x * y;
    }
    double order = (N * sxy - sx * sy) / (N * sxx - sx * sx);
    if (!tap_ok(fabs(order - 1) <= 0.1, "%s, %s-prediction: the error is O(dt) [eq. 20, 21]", name,
                is_v ? "v" : "eps"))
        tap_diag("slope %.3f", order);
    tap_diag("%s, %s: slope %.3f, error %.2g at 2000 steps", name, is_v ? "v" : "eps", order, last);
}

int main(void)
{
    double *exact = calloc(T, sizeof *exact);
    if (!exact || !tap_st(scp_schedule_init(&s, T, 1e-4, 0.02), "a fine schedule"))
        return tap_done();
    test_solver(exact);
    test_printed();
    for (int is_v = 0; is_v < 2; is_v++) {
        test_order(&one, is_v, "a Gaussian", exact);
        test_order(&two, is_v, "a mixture of two", exact);
    }
    free(exact);
    scp_schedule_fini(&s);
    return tap_done();
}
