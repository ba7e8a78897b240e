/* Building blocks of the metrics, fp64: sorting permutations, ranks, correlations, explained
 * variance, overlap of top sets. Pure functions over caller's memory; nothing is allocated. */
#ifndef SCP_EVAL_STATS_H
#define SCP_EVAL_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Scratch of a sort of up to n values: 2 * n of each. */
typedef struct scp_sort_scratch {
    uint64_t *key;   /* [2 n] */
    uint32_t *index; /* [2 n] */
} scp_sort_scratch;

/** order [n]: the permutation that sorts v ascending; equal values keep their order, -0 equals 0.
 *  Radix sort, O(n). No NaN. n < 2^32. */
void scp_argsort(const double *v, size_t n, scp_sort_scratch scratch, uint32_t *order);

/** top [k]: the k values of largest |v| by |v| descending, then index ascending: the first K of
 *  them are the top-K set for any K up to k. k <= n. O(n) to find them, then a sort of k. No
 *  NaN. */
void scp_top_magnitude(const double *v, size_t n, size_t k, scp_sort_scratch scratch,
                       uint32_t *top);

/** rank [n]: average ranks from 1, ties share the mean of their ranks. order [n] is scratch. No
 * NaN. */
void scp_average_ranks(const double *v, size_t n, scp_sort_scratch scratch, uint32_t *order,
                       double *rank);

/** Pearson correlation in two passes. NaN when either side is constant or n < 2. */
double scp_pearson(const double *x, const double *y, size_t n);

/** 1 - Var(y - y_hat) / Var(y) [paper C.5]. NaN when y is constant or n < 2. */
double scp_explained_variance(const double *y, const double *y_hat, size_t n);

/** |top_k(a) and top_k(b)| / k for each k [paper C.6].
 *  @param a, b  [k[n_k - 1] or more] from scp_top_magnitude
 *  @param k     [n_k] increasing, 1 <= k <= n
 *  @param where [n] scratch   @param out  [n_k] */
void scp_top_overlap(const uint32_t *a, const uint32_t *b, size_t n, const int64_t *k, size_t n_k,
                     uint32_t *where, double *out);

#endif
