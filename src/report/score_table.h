/* Tables of scores: the models of one split against the metrics. Not collective. */
#ifndef SCP_REPORT_SCORE_TABLE_H
#define SCP_REPORT_SCORE_TABLE_H

#include "eval/evaluate.h"
#include "report/table.h"

typedef enum scp_score_figure {
    SCP_FIGURE_MEAN,
    SCP_FIGURE_MEDIAN,
    SCP_FIGURE_MEAN_NAN0,
    SCP_FIGURE_MEDIAN_NAN0,
    SCP_FIGURE_MACRO_DRUG, /* mean of the drugs' means */
    SCP_FIGURE_MACRO_LINE
} scp_score_figure;

/** One row a model, one column a metric, then n and the number of NaN (logFC-Pearson's). The notes
 *  give pseudo-count, number of genes, and every K that had to be cut to the number of genes.
 *  @param s  [n] scores of the same split and settings
 *  @param columns  names of the metrics wanted, ended by NULL; NULL for all. SCP_EUSAGE when
 * unknown. t must be zeroed; scp_table_fini. */
scp_status scp_score_table(const scp_scores *s, size_t n, scp_score_figure figure,
                           const char *const *columns, scp_table *t) SCP_MUST_USE;

/** False for rows that are no candidates for the best: they read the truth that they are scored
 *  against, or are ceilings. */
bool scp_score_ranked(const char *model);

/** How the size of effects follows the dose (eval/dose.h): one row a model, one column a measure.
 */
scp_status scp_dose_table(const scp_scores *s, size_t n, scp_table *t) SCP_MUST_USE;

/** How much of the observations intervals around the predictions hold (eval/coverage.h), for the
 * models that have a spread; *found says whether there is one. */
scp_status scp_coverage_table(const scp_scores *s, size_t n, scp_table *t,
                              bool *found) SCP_MUST_USE;

/** The pseudo-count study: one row a (model, pseudo-count), the metrics that depend on it; figure
 * is a mean or median over conditions (macro averages are kept for the main pseudo-count only:
 * SCP_EUSAGE). */
scp_status scp_pseudo_table(const scp_scores *s, size_t n, scp_score_figure figure,
                            scp_table *t) SCP_MUST_USE;

#endif
