/* What the sub-bulks of a shard say: which genes of a condition really change, and how well a
 * measurement predicts itself.
 *
 * prep keeps, for every held-out key and its vehicle, disjoint random parts of the cells, the
 * sub-bulks.
 *
 * Tests [paper 4.1.2]: the i-th sub-bulk of the treated key is paired with the i-th of its vehicle;
 * one paired t-test a gene, Benjamini-Hochberg over all genes.
 *
 * Ceilings. within_well: the even sub-bulks of a key predict the odd ones, both against the vehicle
 * of the plate: the noise of half of the cells. between_plate: x_pre plus the mean change that
 * other plates show for the same (line, drug, dose) predicts the profile: what one plate says of
 * another.
 * It has no discrimination scores: their labels average plates, and the mean over plates of what
 * the other plates say is the mean of the plates itself, a rank of 1 by construction. */
#ifndef SCP_EVAL_REPLICATES_H
#define SCP_EVAL_REPLICATES_H

#include "eval/evaluate.h"

/* Tests of the conditions of a set, in the order of scp_scores; the same on every rank. */
typedef struct scp_deg_tests {
    char *split;        /* of the conditions */
    double level;       /* false discovery rate */
    size_t n, n_tested; /* conditions; those with two pairs of sub-bulks or more */
    int32_t *row;       /* [n] */
    int32_t *pairs;     /* [n] pairs of sub-bulks */
    int32_t *genes;     /* [n] genes that are significant, of all */
    size_t n_pseudo;
    double pseudo[SCP_PSEUDO_MAX];
    double *share;            /* [n_pseudo, n] of the DEG set; NaN without a test */
    scp_reduction *reduction; /* [n_pseudo] of the shares */
} scp_deg_tests;

/** Test the conditions of s (its rows, pseudo-counts and deg_k). Collective. out:
 *  scp_deg_tests_fini. */
scp_status scp_deg_tests_run(scp_comm *comm, const scp_dataset *d, const scp_scores *s,
                             double level, scp_deg_tests *out) SCP_MUST_USE;
void scp_deg_tests_fini(scp_deg_tests *t);

typedef enum scp_ceiling_kind {
    SCP_CEILING_WELL,
    SCP_CEILING_PLATE,
    SCP_CEILINGS
} scp_ceiling_kind;

/** "within_well", "between_plate". */
const char *scp_ceiling_name(scp_ceiling_kind kind);

/** Score a ceiling on those of the pairs that have one. out->n is 0 when none has.
 *  Collective. out: scp_scores_fini. */
scp_status scp_ceiling_run(scp_ceiling_kind kind, scp_comm *comm, const scp_dataset *d,
                           const int32_t *rows, size_t n, const char *split,
                           const scp_metric_settings *s, scp_scores *out) SCP_MUST_USE;

/** The same care for the scores of scp_means' `replicate`: discrimination is NaN for labels with
 *  two plates or more in the set, and the reductions are made again. Not collective. */
scp_status scp_ceiling_of_replicate(scp_scores *s) SCP_MUST_USE;

/* A score beside a ceiling, both over the conditions that have the ceiling. */
typedef struct scp_of_ceiling {
    size_t n;        /* conditions (labels for discrimination) */
    double score;    /* mean of the model */
    double half;     /* mean of the ceiling as it was measured */
    double ceiling;  /* within_well: mean of the conditions' correlations, each stepped up from half
                        of the cells to all by Spearman and Brown, 2 r / (1 + r); else `half` */
    double fraction; /* score / ceiling; NaN unless larger is better and the ceiling is above 0,
                        and for discrimination unless both rank the same labels */
} scp_of_ceiling;

/** A model against a ceiling of the same set and settings: out [cols.n]. Not collective. */
scp_status scp_ceiling_fractions(scp_ceiling_kind kind, const scp_scores *ceiling,
                                 const scp_scores *model, scp_of_ceiling *out) SCP_MUST_USE;

/** Fill s->of_ceiling of n models from the ceilings of their set [SCP_CEILINGS]. Not collective. */
scp_status scp_ceiling_apply(const scp_scores *ceiling, scp_scores *s, size_t n) SCP_MUST_USE;

#endif
