/* Files of scores: one row a condition, statistics, and the summary of a whole evaluation.
 * The two CSV files follow cell-eval's convention (same names for shared metrics, same statistic
 * rows), so that its `score` command reads them. Call on one rank. Files appear whole or not at
 * all. */
#ifndef SCP_EVAL_SCORE_FILES_H
#define SCP_EVAL_SCORE_FILES_H

#include "eval/evaluate.h"

/** results.csv: perturbation, cell_line, drug, dose_uM, plate, label_group_n, one column a metric
 * and its *_nan0 twin. NaN is an empty field. */
scp_status scp_scores_write_results(const scp_scores *s, const scp_dataset *d,
                                    const char *path) SCP_MUST_USE;

/** agg_results.csv: statistic rows count, null_count, mean, std, min, 25%, 50%, 75%, max. */
scp_status scp_scores_write_agg(const scp_scores *s, const char *path) SCP_MUST_USE;

/** Both, for several models of one split, into a folder that is made: the first model's files are
 *  results.csv and agg_results.csv, the others' <model>_results.csv and <model>_agg_results.csv. */
scp_status scp_scores_write_split(const scp_scores *s, size_t n, const scp_dataset *d,
                                  const char *dir) SCP_MUST_USE;

/** summary.json: settings, pseudo-count, and for each model and split every metric's mean, median,
 * n, NaN count, the nan0 figures, macro averages by drug and by line, and the pseudo-count study.
 */
scp_status scp_scores_write_summary(const scp_scores *s, size_t n, const char *path) SCP_MUST_USE;

/** pseudo_sensitivity.tsv: model, split, pseudo-count, metric, mean, median, n, n_nan, for the
 * metrics that depend on the pseudo-count. */
scp_status scp_scores_write_pseudo(const scp_scores *s, size_t n, const char *path) SCP_MUST_USE;

/** strata.tsv: model, split, cell line, dose level (model/dose_level.h; 0 is the highest), number
 * of conditions, then the mean of every metric over them. */
scp_status scp_scores_write_strata(const scp_scores *s, size_t n, const scp_dataset *d,
                                   const char *path) SCP_MUST_USE;

#endif
