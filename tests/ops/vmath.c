/* The fp32 functions of the cpu backend against libm in fp64, over dense grids, within the errors
 * that vmath.h states. */
#include <math.h>

#include "backend/cpu/vmath.h"
#include "tap.h"

enum { POINTS = 400000 };

static float cdf_f32(float x)
{
    return scp_normal_cdf(x, scp_expf(-0.5f * x * x));
}
static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}
static double cdf(double x)
{
    return 0.5 * erfc(-x * M_SQRT1_2);
}
static double far_bound(double x)
{
    return (10 + 0.5 * x * x) * 6e-8;
}

/* Largest relative error over [lo, hi] stays within tol, or within bound(x) where that is given. */
static void within(const char *name, double lo, double hi, float (*f)(float),
                   double (*exact)(double), double tol, double (*bound)(double))
{
    double worst = 0, at = lo;
    for (int i = 0; i <= POINTS; i++) {
        float x = (float)(lo + (hi - lo) * i / POINTS);
        double want = exact(x), error = fabs(f(x) - want) / fabs(want) / (bound ? bound(x) : tol);
        if (!(error <= worst)) worst = error, at = x;
    }
    if (!tap_ok(worst <= 1, "%s on [%g, %g]", name, lo, hi))
        tap_diag("%g of the bound at %g", worst, at);
}

int main(void)
{
    within("exp", -87, 87, scp_expf, exp, 1.2e-7, NULL);
    within("exp", -1, 1, scp_expf, exp, 1.2e-7, NULL);
    within("sigmoid", -85, 85, scp_sigmoidf, sigmoid, 2e-7, NULL);
    within("tanh", 1e-30, 12, scp_tanhf, tanh, 2e-7, NULL);
    within("tanh", -0.7, -0.1, scp_tanhf, tanh, 2e-7, NULL);
    within("normal cdf", -2, 9, cdf_f32, cdf, 6e-7, NULL);
    within("normal cdf", -12, -2, cdf_f32, cdf, 0, far_bound);
    tap_ok(isnan(scp_expf(NAN)) && isnan(scp_sigmoidf(NAN)) && isnan(scp_tanhf(NAN)) &&
               isnan(cdf_f32(NAN)),
           "NaN stays NaN");
    tap_ok(scp_expf(INFINITY) == scp_expf(87) && scp_expf(-INFINITY) == scp_expf(-87) &&
               scp_expf(1e4f) == scp_expf(87),
           "exp keeps its ends beyond them");
    tap_ok(scp_tanhf(INFINITY) == 1 && scp_tanhf(-INFINITY) == -1 && scp_tanhf(0) == 0,
           "limits of tanh");
    tap_near(cdf_f32(0), 0.5, 3e-7, "normal cdf at 0");
    tap_ok(cdf_f32(40) == 1 && cdf_f32(-40) < 1e-38f, "limits of the normal cdf");
    return tap_done();
}
