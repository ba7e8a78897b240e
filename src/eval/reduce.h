/* Reduction of a metric over conditions: mean, median, spread, counts. Not collective. */
#ifndef SCP_EVAL_REDUCE_H
#define SCP_EVAL_REDUCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NaN is left out of every figure and counted; the *_nan0 figures take it as 0, so that a
 * degenerate model does not win by exclusion. With no finite value the figures are NaN. */
typedef struct scp_reduction {
    size_t n; /* values that are not NaN */
    size_t n_nan;
    double mean, median;
    double mean_nan0, median_nan0;
    double std;                /* n - 1 below; NaN for n < 2 */
    double min, q25, q75, max; /* quartiles by linear interpolation */
} scp_reduction;

/** Quantile q of sorted values, linear between order statistics; NaN without any. */
double scp_quantile(const double *sorted, size_t n, double q);

/** Reduce v [n]; scratch [n] is overwritten. */
void scp_reduce(const double *v, size_t n, double *scratch, scp_reduction *out);

/** Reduce the means of groups: group [n] in 0..n_groups-1. NaN values are left out of their group's
 *  mean; a group of nothing but NaN counts as one NaN. The *_nan0 figures are means of group means
 *  that took NaN as 0. Groups without any value do not count. scratch [3 * n_groups]. */
void scp_reduce_groups(const double *v, const int32_t *group, size_t n, size_t n_groups,
                       double *scratch, scp_reduction *out);

#endif
