/* Pearson correlation in two passes, and the average ranks that turn it into Spearman's. */
#include "eval/stats.h"

#include <math.h>

void scp_average_ranks(const double *v, size_t n, scp_sort_scratch scratch, uint32_t *order,
                       double *rank)
{
    scp_argsort(v, n, scratch, order);
    for (size_t first = 0, next; first < n; first = next) {
        for (next = first + 1; next < n && v[order[next]] == v[order[first]];) next++;
        double mean = 0.5 * (double)(first + 1 + next);
        for (size_t i = first; i < next; i++) rank[order[i]] = mean;
    }
}

/* Whether all values are equal: exact, where a variance of rounding errors would not be. */
static int is_constant(const double *v, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (v[i] != v[0]) return 0;
    return 1;
}

double scp_pearson(const double *x, const double *y, size_t n)
{
    if (n < 2 || is_constant(x, n) || is_constant(y, n)) return NAN;
    double sx = 0, sy = 0;
#pragma omp simd reduction(+ : sx, sy)
    for (size_t i = 0; i < n; i++) {
        sx += x[i];
        sy += y[i];
    }
    double mx = sx / (double)n, my = sy / (double)n;
    double xx = 0, yy = 0, xy = 0;
#pragma omp simd reduction(+ : xx, yy, xy)
    for (size_t i = 0; i < n; i++) {
        double a = x[i] - mx, b = y[i] - my;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    double r = xy / (sqrt(xx) * sqrt(yy));
    return r > 1 ? 1 : r < -1 ? -1 : r;
}
