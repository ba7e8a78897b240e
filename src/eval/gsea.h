/* Gene set enrichment of a ranked list [Subramanian et al., PNAS 2005; paper App. H.1].
 *
 * Genes are ranked by a score (logFC), highest first, equal scores in the order of the genes. The
 * running sum rises at a gene of the set by |score|^p over the sum of these, and falls at any other
 * gene by 1 / (G - k); ES is its extreme value, with its sign. The null is drawn by gene sets: the
 * same statistic of random sets of the same size k. NES is ES over the mean of the null of the same
 * sign; p = (1 + b) / (1 + n) with b of n null values of that sign as extreme [Phipson and Smyth
 * 2010: never 0]; FDR as in the 2005 paper, over the sets of one list.
 *
 * The random set of (seed, k, permutation) is the same for every list, set and rank, so results
 * depend neither on the number of ranks nor on the other sets of a file. Not collective. */
#ifndef SCP_EVAL_GSEA_H
#define SCP_EVAL_GSEA_H

#include "conf/option.h"
#include "io/gmt.h"

typedef struct scp_gsea_settings {
    double power;         /* p of |score|^p                                       */
    int64_t permutations; /* of the null                                          */
    int64_t min_size, max_size; /* of a set, after cutting it to the genes of the list */
    double fdr;           /* level of "enriched" in the agreement                 */
    int64_t seed;
} scp_gsea_settings;

/** Rows of scp_gsea_settings ("gsea.power", ...). */
extern const scp_option scp_gsea_options[];

/* The sets of a file on the genes of a list, with their random twins. */
typedef struct scp_gsea_sets scp_gsea_sets;

/** Cut the sets of a file to the genes of a list and draw the null positions.
 *  @param gene  [G] names, unique   @param gmt  borrowed until destroy
 *  @return SCP_EDATA when no set keeps min_size to max_size genes: says how many of the file's
 *          genes are known, and shows names of both sides. *out: scp_gsea_sets_destroy. */
scp_status scp_gsea_sets_create(const scp_gmt *gmt, char *const *gene, size_t G,
                                const scp_gsea_settings *s, scp_gsea_sets **out) SCP_MUST_USE;
void scp_gsea_sets_destroy(scp_gsea_sets **sets);

size_t scp_gsea_count(const scp_gsea_sets *sets);
const char *scp_gsea_name(const scp_gsea_sets *sets, size_t i);
size_t scp_gsea_size(const scp_gsea_sets *sets, size_t i);   /* genes of it in the list        */
size_t scp_gsea_dropped(const scp_gsea_sets *sets);          /* sets of the file without a size */
/** Index of a set by name, -1 when it is not used. */
int64_t scp_gsea_find(const scp_gsea_sets *sets, const char *name);

/* One set on one list. All NaN when its genes all have score 0 (p > 0): the sum has no step. */
typedef struct scp_gsea_result {
    double es, nes, p, fdr;
    size_t peak;    /* place of the extreme in the list, from 0 */
} scp_gsea_result;

/** Score every set on one list.
 *  @param score  [G] in the order of the genes, finite
 *  @param out    [scp_gsea_count] */
scp_status scp_gsea_run(const scp_gsea_sets *sets, const double *score,
                        scp_gsea_result *out) SCP_MUST_USE;

/** ES alone of set i, without a null. */
scp_status scp_gsea_es(const scp_gsea_sets *sets, const double *score, size_t i,
                       scp_gsea_result *out) SCP_MUST_USE;

/** The running sum of set i after every place of the list, [G], and the places of its genes,
 *  [scp_gsea_size], increasing. */
scp_status scp_gsea_curve(const scp_gsea_sets *sets, const double *score, size_t i, double *sum,
                          uint32_t *hit) SCP_MUST_USE;

/* How well the enrichment of a prediction agrees with that of the truth, over the sets of one
 * condition that have both. */
typedef struct scp_gsea_agreement {
    size_t n;                /* sets compared                                            */
    double pearson, spearman; /* of NES; NaN when a side is constant                     */
    double same_sign;        /* share of sets whose NES have one sign                    */
    size_t n_true, n_pred, n_both; /* sets at FDR <= the level, with equal sign in both  */
    double jaccard;          /* n_both over the sets at that level in either; NaN: none  */
} scp_gsea_agreement;

scp_status scp_gsea_compare(const scp_gsea_result *truth, const scp_gsea_result *pred, size_t n,
                            double fdr, scp_gsea_agreement *out) SCP_MUST_USE;

#endif
