/* What the files of scp_gsea share. Private to them. */
#ifndef SCP_EVAL_GSEA_IMPL_H
#define SCP_EVAL_GSEA_IMPL_H

#include "eval/gsea.h"

/* Random sets of one size: the same for every list. */
typedef struct scp_gsea_twins {
    size_t k;
    uint32_t *place; /* [permutations, k] increasing within a permutation */
} scp_gsea_twins;

typedef struct scp_gsea_set {
    char *name;
    size_t k;
    uint32_t *gene; /* [k] indices, increasing */
    size_t twin;    /* of its size             */
} scp_gsea_set;

struct scp_gsea_sets {
    scp_gsea_settings s;
    size_t G, n, n_twins, dropped;
    scp_gsea_set *set;    /* [n] */
    scp_gsea_twins *twin; /* [n_twins] */
    size_t cap, cap_twins;
};

int scp_gsea_by_index(const void *a, const void *b); /* for qsort of uint32_t */

#endif
