/* Models without parameters to train: means over training pairs, and reference rows for tables.
 * All are plain functions over a dataset and give a prediction for a pair; see each kind's file.
 * Dose levels: model/dose_level.h. */
#ifndef SCP_MODEL_MEANS_H
#define SCP_MODEL_MEANS_H

#include "comm/comm.h"
#include "io/dataset.h"

typedef enum scp_means_kind {
    SCP_MEANS_NO_CHANGE, /* x_pre */
    SCP_MEANS_PERTURB,   /* x_pre + mean training shift of the same (drug, dose) */
    SCP_MEANS_POOLED,    /* the same with controls pooled by line, and every line weighing alike */
    SCP_MEANS_SIMILAR,   /* as PERTURB; a new drug takes the shift of the most similar one */
    SCP_MEANS_CONTEXT,   /* mean training x_post of the same line */
    SCP_MEANS_GLOBAL,    /* x_pre + mean training shift at the same dose level, any drug or line */
    SCP_MEANS_LINE,      /* x_pre + mean training shift of the line at the same dose level */
    SCP_MEANS_ORACLE,    /* x_post itself: checks the metrics */
    SCP_MEANS_REPLICATE, /* x_pre + mean true shift of the key's other plates, NaN without any:
                            the between-plate ceiling */
    SCP_MEANS_KINDS
} scp_means_kind;

/** "no_change", "perturb_mean", "perturb_mean_state", "nearest_drug", "context_mean",
 * "global_mean", "line_mean", "oracle", "replicate". */
const char *scp_means_name(scp_means_kind kind);
scp_status scp_means_parse(const char *name, scp_means_kind *out) SCP_MUST_USE;

typedef struct scp_means scp_means;

/** Fit on the training pairs of d. Ranks share the work by genes and sum in pair order, so the
 * result is the same bit for bit on any number of ranks.
 *  @param d  borrowed: must outlive the model, as must its profiles
 *  @return SCP_EDATA when d has no training pair. Collective. *out: scp_means_destroy. */
scp_status scp_means_fit(scp_means_kind kind, scp_comm *comm, const scp_dataset *d,
                         scp_means **out) SCP_MUST_USE;
void scp_means_destroy(scp_means **m);

/** Predict pairs of the dataset of the fit: out [n, G]. Not cut at 0: scorer and files do that, and
 *  count it. Context mean of a line without training pairs is SCP_EDATA with the line. Not
 * collective. */
scp_status scp_means_predict(const scp_means *m, const int32_t *rows, size_t n,
                             float *out) SCP_MUST_USE;

/** scp_means_predict in the form of scp_predictor.fill; ctx is the scp_means. */
scp_status scp_means_fill(void *ctx, const int32_t *rows, size_t n, float *out) SCP_MUST_USE;

/* How predictions of some pairs were found. */
typedef struct scp_means_backoff {
    size_t n_exact;   /* own group seen in training */
    size_t n_nearest; /* perturb: same drug at the nearest log dose; similar: that, or another drug;
                         line: the line at any dose; global: all training pairs (a level that was
                         never trained) */
    size_t n_none;    /* nothing known: shift 0, the prediction is x_pre */
} scp_means_backoff;

/** Count them. Not collective. */
void scp_means_count_backoff(const scp_means *m, const int32_t *rows, size_t n,
                             scp_means_backoff *out);

/** True when doses are levelled by rank within the drug (model/dose_level.h). */
bool scp_means_dose_by_rank(const scp_means *m);

#endif
