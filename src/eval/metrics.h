/* Metrics of one condition: true and predicted treated profile against the true control.
 * Definitions: paper App. C; what the paper leaves open, and every edge case, is in doc/metrics.md.
 *
 * One table of columns (scp_metric_columns) drives the values of a condition, their reduction over
 * conditions, the files and the printed tables. All arithmetic is fp64. Nothing here is collective.
 */
#ifndef SCP_EVAL_METRICS_H
#define SCP_EVAL_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "conf/option.h"

enum { SCP_OVERLAP_MAX = 8, SCP_PSEUDO_MAX = 8 };

/* Columns. DEG: the deg_k genes of largest |true logFC|. The PDS columns belong to a label (line,
 * drug, dose) and are filled by scp_evaluate. SCP_METRIC_OVERLAP + i is overlap_k[i]. */
typedef enum scp_metric {
    SCP_METRIC_LFC_PEARSON,
    SCP_METRIC_LFC_SPEARMAN,
    SCP_METRIC_LFC_PEARSON_DEG,
    SCP_METRIC_LFC_SPEARMAN_DEG,
    SCP_METRIC_DELTA_PEARSON,
    SCP_METRIC_DELTA_SPEARMAN,
    SCP_METRIC_DELTA_PEARSON_DEG,
    SCP_METRIC_DELTA_SPEARMAN_DEG,
    SCP_METRIC_EV, /* explained variance of the expression profile */
    SCP_METRIC_EV_DEG,
    SCP_METRIC_EV_DELTA, /* explained variance of Delta = post - pre */
    SCP_METRIC_EV_DELTA_DEG,
    SCP_METRIC_MSE,
    SCP_METRIC_MAE,
    SCP_METRIC_MSE_DELTA,
    SCP_METRIC_MAE_DELTA,
    SCP_METRIC_NORM_RATIO, /* |predicted Delta| / |true Delta| */
    SCP_METRIC_CLIPPED,    /* share of predicted entries below 0, set to 0 before use */
    SCP_METRIC_EFFECT,     /* norm of the predicted Delta */
    SCP_METRIC_EFFECT_TRUE,
    SCP_METRIC_PDS_L1,
    SCP_METRIC_PDS_L2,
    SCP_METRIC_PDS_COSINE,
    SCP_METRIC_PDS_COSINE_MID,
    SCP_METRIC_OVERLAP,
    SCP_METRIC_MAX = SCP_METRIC_OVERLAP + SCP_OVERLAP_MAX
} scp_metric;

typedef struct scp_metric_settings {
    double pseudo;              /* pseudo-count e of log2((post + e) / (pre + e)), log1p scale */
    int64_t deg_k;              /* size of the DEG set */
    scp_int_list overlap_k;     /* K of the DE-overlap columns, at most SCP_OVERLAP_MAX */
    scp_real_list pseudo_study; /* pseudo-counts of the sensitivity table, < SCP_PSEUDO_MAX */
    bool pds;                   /* perturbation discrimination scores */
    int64_t block;              /* conditions predicted at a time */
    int64_t bootstrap;          /* resamples behind intervals and comparisons; 0: none */
    int64_t seed;               /* of these */
    double fdr;                 /* false discovery rate of the DEG tests; 0: no tests */
} scp_metric_settings;

/** Rows of scp_metric_settings for an option group ("eval.pseudo", "eval.deg_k", ...). */
extern const scp_option scp_metric_options[];

/** SCP_EUSAGE when a list is too long or not increasing, or a number is out of range. */
scp_status scp_metric_settings_check(const scp_metric_settings *s) SCP_MUST_USE;

typedef struct scp_metric_column {
    char name[24];         /* "logfc_pearson_deg": files */
    char title[28];        /* "logFC-Pearson (DEG)": printed tables */
    const char *cell_eval; /* name of the same metric in cell-eval's result files, or NULL */
    const char *paper;     /* item of the paper, or NULL */
    double best;           /* value of a perfect prediction, nearer is better; NaN: none */
    bool nan0;             /* reported a second time with NaN counted as 0 */
    bool per_label;        /* one value a label, repeated for its plates, reduced once */
    bool uses_pseudo;      /* depends on the pseudo-count */
    int64_t k;             /* genes of an overlap or DEG column: min(K, G); else 0 */
} scp_metric_column;

typedef struct scp_metric_columns {
    size_t n;
    scp_metric_column col[SCP_METRIC_MAX];
} scp_metric_columns;

/** The columns of these settings on G genes. */
void scp_metric_columns_init(const scp_metric_settings *s, size_t G, scp_metric_columns *out);

/** Name in results.csv, agg_results.csv and summary.json: cell-eval's where it has the metric. */
static inline const char *scp_metric_shared_name(const scp_metric_column *c)
{
    return c->cell_eval ? c->cell_eval : c->name;
}

/** Index of the column of this name (ours or cell-eval's), -1 when there is none. */
int scp_metric_columns_find(const scp_metric_columns *c, const char *name);

/* Scratch memory for conditions of one size and some pseudo-counts; one per thread, reused. */
typedef struct scp_pair scp_pair;

/** @param pseudo  [n_pseudo] pseudo-counts, 1 to SCP_PSEUDO_MAX of them, copied
 *  *out: scp_pair_destroy. */
scp_status scp_pair_create(size_t G, const double *pseudo, size_t n_pseudo,
                           const scp_metric_settings *s, scp_pair **out) SCP_MUST_USE;
void scp_pair_destroy(scp_pair **p);

/** Set the condition: everything that depends on the truth alone (logFC, DEG set, ranks, moments)
 *  is computed once, for any number of predictions.
 *  @param post  [G] true treated profile, finite, >= 0, borrowed until the next truth
 *  @param pre   [G] true control profile, finite, >= 0, borrowed until the next truth */
void scp_pair_truth(scp_pair *p, const float *post, const float *pre);

/** Score one prediction of the condition.
 *  @param pred  [G] predicted treated profile; negative entries count as 0
 *  @param out   [n_pseudo, columns] metrics; the PDS columns are NaN. A prediction with an entry
 *               that is not finite is NaN in every column.
 *  @return false when the prediction was not finite. */
bool scp_pair_score(scp_pair *p, const float *pred, double *out);

#endif
