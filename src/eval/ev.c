/* Explained variance, EV = 1 - Var(y - y_hat) / Var(y) over genes [paper C.5]. It does not see a
 * constant offset: EV(y, y + c) = 1. EV <= Pearson(y, y_hat)^2 always. */
#include "eval/stats.h"

#include <math.h>

double scp_explained_variance(const double *y, const double *y_hat, size_t n)
{
    double sum_y = 0, sum_e = 0, spread = 0;
#pragma omp simd reduction(+ : sum_y, sum_e) reduction(max : spread)
    for (size_t i = 0; i < n; i++) {
        sum_y += y[i];
        sum_e += y[i] - y_hat[i];
        spread = fmax(spread, fabs(y[i] - y[0]));
    }
    if (n < 2 || spread == 0) return NAN;
    double mean_y = sum_y / (double)n, mean_e = sum_e / (double)n;
    double var_y = 0, var_e = 0;
#pragma omp simd reduction(+ : var_y, var_e)
    for (size_t i = 0; i < n; i++) {
        double a = y[i] - mean_y, e = y[i] - y_hat[i] - mean_e;
        var_y += a * a;
        var_e += e * e;
    }
    return 1 - var_e / var_y;
}
