/* Tests of significance, fp64: paired t-tests with Benjamini-Hochberg's false discovery rate, and
 * Wilcoxon's signed-rank test. Pure functions but for the table. Not collective. */
#ifndef SCP_EVAL_SIGNIFICANCE_H
#define SCP_EVAL_SIGNIFICANCE_H

#include <stddef.h>

#include "base/status.h"
#include "eval/stats.h"

/** Student's t of n differences of pairs against a mean of 0: mean / (sd / sqrt(n)). Infinite when
 *  all differences are one number other than 0; NaN when all are 0 or n < 2. */
double scp_t_statistic(const double *difference, size_t n);

/** Two-sided p of t with `df` degrees of freedom; NaN for NaN. */
double scp_t_probability(double t, double df);

/** Adjusted p of Benjamini and Hochberg: q[i] <= level are those that a false discovery rate of
 *  `level` rejects. NaN counts as 1. order [n] and scratch are scratch; q [n] may be p. */
void scp_bh_adjust(const double *p, size_t n, scp_sort_scratch scratch, uint32_t *order, double *q);

/* Which of n tests of equal df a rate rejects, by the size of t alone: t_k is the size that the
 * k-th largest must have. No p has to be computed for any condition. */
typedef struct scp_bh_table {
    size_t n;
    double *t; /* [n] t_1 > t_2 > ... */
} scp_bh_table;

scp_status scp_bh_table_init(size_t n, double df, double level, scp_bh_table *out) SCP_MUST_USE;
void scp_bh_table_fini(scp_bh_table *b);

/** The least |t| that is rejected among t [b->n]; infinity when none is. NaN counts as 0. scratch
 * and order as in scp_bh_adjust; size [b->n] is scratch. A test is rejected when its |t| is not
 * below the result. */
double scp_bh_threshold(const scp_bh_table *b, const double *t, scp_sort_scratch scratch,
                        uint32_t *order, double *size);

/** Two-sided p of Wilcoxon's signed-rank test of n differences of pairs: zeros and NaN are left
 * out, ties share ranks. Exact for up to 50 differences without ties, else the normal approximation
 * with the correction for ties, without that for continuity. NaN when nothing is left. size, rank
 * [n], order [n] and sort are scratch. */
double scp_wilcoxon(const double *difference, size_t n, scp_sort_scratch scratch, uint32_t *order,
                    double *size, double *rank);

#endif
