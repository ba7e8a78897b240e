/* See significance.h. Distributions are GSL's. */
#include "eval/significance.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

enum { EXACT = 50 }; /* differences that are ranked exactly */

double scp_t_statistic(const double *d, size_t n)
{
    double mean = 0, squares = 0;
    size_t same = 1;
    if (n < 2) return NAN;
    while (same < n && d[same] == d[0]) same++;
    if (same == n) return d[0] > 0 ? INFINITY : d[0] < 0 ? -INFINITY : NAN;
    for (size_t i = 0; i < n; i++) mean += d[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) squares += (d[i] - mean) * (d[i] - mean);
    return mean / sqrt(squares / (double)(n - 1) / (double)n);
}

double scp_t_probability(double t, double df)
{
    if (isnan(t)) return NAN;
    return isinf(t) ? 0 : 2 * gsl_cdf_tdist_Q(fabs(t), df);
}

void scp_bh_adjust(const double *p, size_t n, scp_sort_scratch scratch, uint32_t *order, double *q)
{
    for (size_t i = 0; i < n; i++) q[i] = isnan(p[i]) ? 1 : p[i];
    scp_argsort(q, n, scratch, order);
    double least = 1;
    for (size_t k = n; k-- > 0;) {
        const double adjusted = q[order[k]] * (double)n / (double)(k + 1);
        if (adjusted < least) least = adjusted;
        q[order[k]] = least;
    }
}

scp_status scp_bh_table_init(size_t n, double df, double level, scp_bh_table *out)
{
    SCP_ARG(out && n > 0 && df > 0 && level > 0 && level < 1,
            "tests, degrees of freedom and a rate between 0 and 1 are required");
    *out = (scp_bh_table){ .n = n };
    SCP_TRY(scp_alloc(n, sizeof *out->t, &out->t));
    for (size_t k = 0; k < n; k++)
        out->t[k] = gsl_cdf_tdist_Qinv(0.5 * level * (double)(k + 1) / (double)n, df);
    return SCP_OK;
}

void scp_bh_table_fini(scp_bh_table *b)
{
    free(b->t);
    *b = (scp_bh_table){ 0 };
}

double scp_bh_threshold(const scp_bh_table *b, const double *t, scp_sort_scratch scratch,
                        uint32_t *order, double *size)
{
    for (size_t i = 0; i < b->n; i++) size[i] = isnan(t[i]) ? 0 : -fabs(t[i]);
    scp_argsort(size, b->n, scratch, order);
    for (size_t k = b->n; k-- > 0;)
        if (-size[order[k]] >= b->t[k]) return -size[order[k]];
    return INFINITY;
}

/* Share of the 2^n signs of the ranks 1..n whose positive ones add up to `sum` or less. */
static double exact_below(size_t n, size_t sum)
{
    double ways[EXACT * (EXACT + 1) / 2 + 1] = { 1 }, total = 0;
    size_t most = 0;
    for (size_t rank = 1; rank <= n; rank++) {
        most += rank;
        for (size_t s = most; s >= rank; s--) ways[s] += ways[s - rank];
    }
    for (size_t s = 0; s <= sum && s <= most; s++) total += ways[s];
    return ldexp(total, -(int)n);
}

/* p of the smaller rank sum by the normal approximation; ties: sum of t^3 - t over groups. */
static double approximate(double n, double smaller, double ties)
{
    const double mean = n * (n + 1) / 4, variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
    if (!(variance > 0)) return NAN;
    return 2 * gsl_cdf_ugaussian_P((smaller - mean) / sqrt(variance));
}

double scp_wilcoxon(const double *d, size_t n, scp_sort_scratch scratch, uint32_t *order,
                    double *size, double *rank)
{
    size_t kept = 0;
    double positive = 0, ties = 0, m;
    for (size_t i = 0; i < n; i++)
        if (d[i] < 0 || d[i] > 0) size[kept++] = fabs(d[i]);
    if (!kept) return NAN;
    m = (double)kept;
    scp_average_ranks(size, kept, scratch, order, rank);
    for (size_t i = 0, k = 0; i < n; i++) {
        if (!(d[i] < 0 || d[i] > 0)) continue;
        if (d[i] > 0) positive += rank[k];
        k++;
    }
    for (size_t first = 0, next; first < kept; first = next) {
        for (next = first + 1; next < kept && size[order[next]] == size[order[first]];) next++;
        const double t = (double)(next - first);
        ties += t * t * t - t;
    }
    const double all = m * (m + 1) / 2, smaller = fmin(positive, all - positive);
    if (kept <= EXACT && ties == 0) return fmin(1, 2 * exact_below(kept, (size_t)smaller));
    return approximate(m, smaller, ties);
}
