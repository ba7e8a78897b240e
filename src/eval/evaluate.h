/* Scoring of models over many conditions, on all ranks.
 *
 * Conditions (pairs of a dataset) are ordered by (line, drug, dose, plate) and cut into blocks that
 * do not depend on the number of ranks; blocks are dealt to ranks in turn, predicted, scored, and
 * gathered in order. The result is the same bit for bit on any number of ranks, provided that a
 * predictor gives the same output for the same block. */
#ifndef SCP_EVAL_EVALUATE_H
#define SCP_EVAL_EVALUATE_H

#include "comm/comm.h"
#include "io/dataset.h"
#include "eval/coverage.h"
#include "eval/metrics.h"
#include "eval/reduce.h"

/* A model as seen by the scorer. */
typedef struct scp_predictor {
    const char *name; /* row label in tables and files */
    /** Predict the treated profiles of some pairs: out [n, G]. Called on each rank a different
     * number of times with different rows, so it must not be collective. n <= scp_evaluate's
     * largest block. */
    scp_status (*fill)(void *ctx, const int32_t *rows, size_t n, float *out);
    void *ctx;        /* first argument of fill, borrowed */
    const char *h5ad; /* write the predictions to this AnnData file as well, or NULL */
    /** Standard deviation over `samples` samples of the model: sd [n, G]; called after fill, for
     * the same rows. NULL: the model has none. */
    scp_status (*spread)(void *ctx, const int32_t *rows, size_t n, float *sd);
    size_t samples;
} scp_predictor;

/* What predictions are held against when it is not the treated profiles of the data set: the truth
 * behind a synthetic screen, or a part of the cells. */
typedef struct scp_truth {
    /** Profiles of some pairs, finite and not negative: out [n, G]. Called as scp_predictor.fill
     * is. */
    scp_status (*fill)(void *ctx, const int32_t *rows, size_t n, float *out);
    void *ctx; /* first argument of fill, borrowed */
} scp_truth;

/* How the size of effects follows the dose (eval/dose.h): means over (line, drug). */
typedef struct scp_dose_summary {
    size_t n; /* (line, drug) with two doses or more */
    double spearman, spearman_true, rising, rising_true, order;
} scp_dose_summary;

/* Where a mean and a median may be: see eval/bootstrap.h. */
typedef struct scp_interval {
    double low, high;
} scp_interval;
typedef struct scp_confidence {
    scp_interval mean, median;
} scp_confidence;

/* Scores of one model on one set of conditions; the same on every rank. */
typedef struct scp_scores {
    char *model; /* predictor's name */
    char *split; /* name of the set of conditions */
    size_t G;
    size_t n;             /* conditions */
    int32_t *row;         /* [n] pair of the dataset, ordered by (line, drug, dose, plate) */
    int32_t *label;       /* [n] number of its label (line, drug, dose), from 0, increasing */
    int32_t *group;       /* [n] labels of its line in this set: the N of the PDS */
    int32_t *line, *drug; /* [n] of the condition, indices into the dataset's names */
    size_t n_labels;
    size_t n_bad; /* conditions whose prediction was not finite */
    scp_metric_columns cols;
    int64_t deg_k;   /* as asked for; cols has what was used */
    size_t n_pseudo; /* pseudo-counts scored: [0] is the setting, then the study */
    double pseudo[SCP_PSEUDO_MAX];
    double *value;          /* [n_pseudo, n, cols.n] */
    scp_reduction *all;     /* [n_pseudo, cols.n] over conditions (PDS: over labels) */
    scp_reduction *by_drug; /* [cols.n] over the means of the drugs */
    scp_reduction *by_line; /* [cols.n] over the means of the lines */
    int64_t resamples;      /* behind ci; 0: there is none */
    scp_confidence *ci;     /* [cols.n] 95 % intervals of all, main pseudo-count; or NULL */
    double *of_ceiling[2];  /* [cols.n] share of the within-well and the between-plate ceiling
                               (eval/replicates.h), NaN where there is none; or NULL */
    scp_dose_summary dose;
    scp_coverage coverage; /* of the intervals; samples 0: the model has no spread */
} scp_scores;

/** Score models on some pairs.
 *  @param rows   [n] pairs of d, any order, the same on every rank; n >= 1
 *  @param split  name of this set ("uc"), copied
 *  @param model  [n_models] predictors, borrowed
 *  @param out    [n_models] results, scp_scores_fini each; zeroed on failure
 *  @return SCP_EDATA when a true profile is negative or not finite (named), or what a predictor
 *          returned, agreed by all ranks. Collective. */
scp_status scp_evaluate(scp_comm *comm, const scp_dataset *d, const int32_t *rows, size_t n,
                        const char *split, const scp_predictor *model, size_t n_models,
                        const scp_metric_settings *s, scp_scores *out) SCP_MUST_USE;

/** The same against another truth (NULL: the treated profiles). Collective. */
scp_status scp_evaluate_against(scp_comm *comm, const scp_dataset *d, const scp_truth *truth,
                                const int32_t *rows, size_t n, const char *split,
                                const scp_predictor *model, size_t n_models,
                                const scp_metric_settings *s, scp_scores *out) SCP_MUST_USE;

void scp_scores_fini(scp_scores *s);

/** Value of a condition: pseudo-count p, condition i, column c. */
static inline double scp_scores_value(const scp_scores *s, size_t p, size_t i, size_t c)
{
    return s->value[(p * s->n + i) * s->cols.n + c];
}

/** Reduce the columns (main pseudo-count) over part of the conditions: keep [n], NULL for all.
 *  out [cols.n]. Not collective. */
scp_status scp_scores_reduce(const scp_scores *s, const uint8_t *keep,
                             scp_reduction *out) SCP_MUST_USE;

/** Fill all, by_drug, by_line and n_bad from the values (scp_evaluate did). Not collective. */
scp_status scp_scores_reduce_all(scp_scores *s) SCP_MUST_USE;

#endif
