/* Do drugs of one mechanism of action lie together in an embedding? [paper App. H.2]
 *
 *   purity      share of equal labels among the k nearest neighbours, mean over the drugs
 *   silhouette  mean of (b - a) / max(a, b), a: mean distance to the own class, b: to the nearest
 *               other class [Rousseeuw 1987]; 0 for a drug that is alone in its class
 *
 * Distances are Euclidean; a tie among neighbours goes to the lower index. Null: the labels are
 * permuted (Philox, seed), p = (1 + b) / (1 + n). Not collective. */
#ifndef SCP_EVAL_MOA_H
#define SCP_EVAL_MOA_H

#include <stddef.h>
#include <stdint.h>

#include "conf/option.h"

typedef struct scp_moa_settings {
    int64_t k;            /* neighbours of the purity                     */
    int64_t permutations; /* of the null                                  */
    int64_t min_class;    /* drugs that a mechanism needs to take part    */
    int64_t seed;
    double dose; /* uM at which the drugs are embedded; not used by scp_moa_score */
} scp_moa_settings;

/** Rows of scp_moa_settings ("moa.k", ...). */
extern const scp_option scp_moa_options[];

typedef struct scp_moa_figure {
    double value, null_mean, null_sd, p; /* NaN where the null has no value */
} scp_moa_figure;

typedef struct scp_moa_result {
    size_t n, n_classes; /* drugs and mechanisms that took part */
    int64_t k;           /* neighbours used: fewer when there are not as many drugs */
    scp_moa_figure purity, silhouette;
} scp_moa_result;

/** Score an embedding.
 *  @param x      [n, dim] rows of the embedding   @param label  [n] class, -1: takes no part
 *  @return SCP_EDATA with fewer than two classes of min_class drugs, or a value that is not finite.
 */
scp_status scp_moa_score(const float *x, const int32_t *label, size_t n, size_t dim,
                         const scp_moa_settings *s, scp_moa_result *out) SCP_MUST_USE;

/** The measures themselves, of labels as they are, all taking part: dist [n, n] distances. */
double scp_knn_purity(const double *dist, const int32_t *label, size_t n, size_t k);
scp_status scp_silhouette(const double *dist, const int32_t *label, size_t n, size_t n_classes,
                          double *out) SCP_MUST_USE;
/** Euclidean distances of rows x [n, dim]: dist [n, n]. */
void scp_distances(const float *x, size_t n, size_t dim, double *dist);

#endif
