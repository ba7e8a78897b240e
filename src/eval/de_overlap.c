/* DE-overlap: how much of the true top-K genes by |logFC| is in the predicted top K [paper C.6]. */
#include "eval/stats.h"

#include <string.h>

void scp_top_overlap(const uint32_t *a, const uint32_t *b, size_t n, const int64_t *k, size_t n_k,
                     uint32_t *where, double *out)
{
    if (n_k == 0) return;
    memset(where, 0xFF, n * sizeof *where);
    for (size_t i = 0; i < (size_t)k[n_k - 1]; i++) where[a[i]] = (uint32_t)i;
    for (size_t j = 0; j < n_k; j++) {
        size_t common = 0;
        for (size_t i = 0; i < (size_t)k[j]; i++) common += where[b[i]] < (size_t)k[j];
        out[j] = (double)common / (double)k[j];
    }
}
