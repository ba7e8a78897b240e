/* How far scores would move with other conditions: percentile intervals over resampled conditions,
 * and paired comparisons of two models on the same conditions.
 *
 * A resample takes as many conditions as there are, with replacement; all metrics and all models of
 * a set take the same ones. Discrimination scores, of which a label has one, are weighed by how
 * often the first condition of the label was drawn. Draws are counter-based (seed, resample,
 * condition): the same on any number of ranks. */
#ifndef SCP_EVAL_BOOTSTRAP_H
#define SCP_EVAL_BOOTSTRAP_H

#include "eval/evaluate.h"

/** Fill s->ci of n models of one set (the same conditions) for the main pseudo-count. settings
 *  `bootstrap` resamples; 0: nothing is done. Collective. */
scp_status scp_bootstrap(scp_comm *comm, scp_scores *s, size_t n, int64_t resamples,
                         int64_t seed) SCP_MUST_USE;

/* One metric of model a against model b on the conditions where both have a value. */
typedef struct scp_comparison {
    size_t n;
    double mean_a, mean_b;
    double difference, low, high; /* mean of a - b, and the middle 95 % of its resamples */
    double p;                     /* Wilcoxon's signed-rank test, two-sided (eval/significance.h) */
    double q; /* p adjusted over the metrics that have one (Benjamini-Hochberg) */
} scp_comparison;

/** Compare column by column: a, b [n, cols] values, row by row of the same condition (NaN: left
 * out).
 *  @param out [cols]. Not collective. */
scp_status scp_compare(const double *a, const double *b, size_t n, size_t cols, int64_t resamples,
                       int64_t seed, scp_comparison *out) SCP_MUST_USE;

/** The same of two models of one set; out [a->cols.n]. Discrimination scores count once a label. */
scp_status scp_compare_scores(const scp_scores *a, const scp_scores *b, int64_t resamples,
                              int64_t seed, scp_comparison *out) SCP_MUST_USE;

/** How often each of n conditions is drawn in resample b: count [n]; words [n + 4] is scratch. */
void scp_bootstrap_draw(uint64_t seed, size_t b, size_t n, uint32_t *words, uint32_t *count);

/** The middle 95 % of v [n], which is sorted; NaN (a resample without a value) is left out. */
scp_interval scp_bootstrap_middle(double *v, size_t n);

#endif
