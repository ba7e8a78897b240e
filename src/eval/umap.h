/* Layout of points in the plane by UMAP [McInnes et al. 2018]: exact nearest neighbours, a first
 * layout by the two main axes, weights and forces of igraph. The same seed gives the same layout.
 * Not collective, and not for two threads at a time: igraph has one generator a process. */
#ifndef SCP_EVAL_UMAP_H
#define SCP_EVAL_UMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/option.h"

typedef struct scp_umap_settings {
    int64_t neighbors;
    double min_dist;
    int64_t epochs;
    int64_t points; /* at most so many are laid out; more are thinned evenly */
    int64_t seed;
} scp_umap_settings;

/** Rows of scp_umap_settings ("umap.neighbors", ...). */
extern const scp_option scp_umap_options[];

/** False in a build without igraph: scp_umap then is SCP_EUSAGE. */
bool scp_umap_available(void);

/** Lay out x [n, dim]: xy [n, 2]. SCP_EDATA with fewer than 4 points or a value that is not finite.
 */
scp_status scp_umap(const float *x, size_t n, size_t dim, const scp_umap_settings *s,
                    double *xy) SCP_MUST_USE;

/** The k nearest other rows of every row of x [n, dim] by Euclidean distance, nearest first:
 *  index [n, k], dist [n, k]. k < n. */
scp_status scp_nearest(const float *x, size_t n, size_t dim, size_t k, int32_t *index,
                       double *dist) SCP_MUST_USE;

#endif
