/* Reducing a metric over conditions, or over the means of groups of conditions. */
#include "eval/reduce.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double scp_quantile(const double *sorted, size_t n, double q)
{
    if (n == 0) return NAN;
    double at = q * (double)(n - 1);
    size_t low = (size_t)at;
    if (low + 1 >= n) return sorted[n - 1];
    double part = at - (double)low;
    return part == 0 ? sorted[low] : sorted[low] + part * (sorted[low + 1] - sorted[low]);
}

static double mean(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += v[i];
    return n ? sum / (double)n : NAN;
}

static double deviation(const double *v, size_t n, double m)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++) squares += (v[i] - m) * (v[i] - m);
    return n < 2 ? NAN : sqrt(squares / (double)(n - 1));
}

/* Mean and median of v [n] with NaN as 0. Sums in the order given, sorts scratch. */
static void with_zeros(const double *v, size_t n, double *scratch, scp_reduction *out)
{
    for (size_t i = 0; i < n; i++) scratch[i] = isnan(v[i]) ? 0 : v[i];
    out->mean_nan0 = mean(scratch, n);
    qsort(scratch, n, sizeof *scratch, by_value);
    out->median_nan0 = scp_quantile(scratch, n, 0.5);
}

static void without_nan(const double *v, size_t n, double *scratch, scp_reduction *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i])) scratch[kept++] = v[i];
    out->n = kept;
    out->n_nan = n - kept;
    out->mean = mean(scratch, kept);
    out->std = deviation(scratch, kept, out->mean);
    qsort(scratch, kept, sizeof *scratch, by_value);
    out->median = scp_quantile(scratch, kept, 0.5);
    out->min = scp_quantile(scratch, kept, 0);
    out->q25 = scp_quantile(scratch, kept, 0.25);
    out->q75 = scp_quantile(scratch, kept, 0.75);
    out->max = scp_quantile(scratch, kept, 1);
}

static bool any_nan(const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(v[i])) return true;
    return false;
}

/* Figures with NaN as 0 where there is none. */
static void same_with_zeros(scp_reduction *out)
{
    out->mean_nan0 = out->mean;
    out->median_nan0 = out->median;
}

void scp_reduce(const double *v, size_t n, double *scratch, scp_reduction *out)
{
    without_nan(v, n, scratch, out);
    if (out->n_nan || !n)
        with_zeros(v, n, scratch, out);
    else
        same_with_zeros(out);
}

/* Means of the groups that have values, NaN left out or taken as 0. Returns how many there are. */
static size_t group_means(const double *v, const int32_t *group, size_t n, size_t n_groups,
                          bool zeros, double *sum, double *count, double *members)
{
    memset(sum, 0, n_groups * sizeof *sum);
    memset(count, 0, n_groups * sizeof *count);
    memset(members, 0, n_groups * sizeof *members);
    for (size_t i = 0; i < n; i++) {
        members[group[i]]++;
        if (isnan(v[i]) && !zeros) continue;
        sum[group[i]] += isnan(v[i]) ? 0 : v[i];
        count[group[i]]++;
    }
    size_t used = 0;
    for (size_t g = 0; g < n_groups; g++)
        if (members[g] > 0) sum[used++] = count[g] > 0 ? sum[g] / count[g] : NAN;
    return used;
}

void scp_reduce_groups(const double *v, const int32_t *group, size_t n, size_t n_groups,
                       double *scratch, scp_reduction *out)
{
    double *sum = scratch, *count = scratch + n_groups, *members = scratch + 2 * n_groups;
    size_t used = group_means(v, group, n, n_groups, false, sum, count, members);
    without_nan(sum, used, count, out);
    if (!any_nan(v, n)) {
        same_with_zeros(out);
        return;
    }
    used = group_means(v, group, n, n_groups, true, sum, count, members);
    with_zeros(sum, used, count, out);
}
