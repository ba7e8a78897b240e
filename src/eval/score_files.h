/* Files of scores: one row a condition, statistics, and the summary of a whole evaluation.
 * The two CSV files follow cell-eval's convention (same names for shared metrics, same statistic
 * rows), so that its `score` command reads them. Call on one rank, unless it says collective. Files
 * appear whole or not at all. */
#ifndef SCP_EVAL_SCORE_FILES_H
#define SCP_EVAL_SCORE_FILES_H

#include "eval/evaluate.h"
#include "eval/replicates.h"

/** results.csv: perturbation, cell_line, drug, dose_uM, plate, label_group_n, one column a metric
 * and its *_nan0 twin. NaN is an empty field. Ranks print a share of the rows each, rank 0 writes.
 * Collective. */
scp_status scp_scores_write_results(scp_comm *comm, const scp_scores *s, const scp_dataset *d,
                                    const char *path) SCP_MUST_USE;

/** agg_results.csv: statistic rows count, null_count, mean, std, min, 25%, 50%, 75%, max. */
scp_status scp_scores_write_agg(const scp_scores *s, const char *path) SCP_MUST_USE;

/** Both, for several models of one split, into a folder that is made: the first model's files are
 *  results.csv and agg_results.csv, the others' <model>_results.csv and <model>_agg_results.csv.
 *  Collective. */
scp_status scp_scores_write_split(scp_comm *comm, const scp_scores *s, size_t n,
                                  const scp_dataset *d, const char *dir) SCP_MUST_USE;

/** summary.json: settings, pseudo-count, and for each model and split every metric's mean, median,
 * 95 % intervals, n, NaN count, the nan0 figures, macro averages by drug and by line, the share of
 * the ceilings, and the pseudo-count study; then the tests of the DEG sets [n_tests].
 */
scp_status scp_scores_write_summary(const scp_scores *s, size_t n, const scp_deg_tests *tests,
                                    size_t n_tests, const char *path) SCP_MUST_USE;

/** pseudo_sensitivity.tsv: model, split, pseudo-count, metric, mean, median, n, n_nan, for the
 * metrics that depend on the pseudo-count. */
scp_status scp_scores_write_pseudo(const scp_scores *s, size_t n, const char *path) SCP_MUST_USE;

/** strata.tsv: model, split, cell line, dose level (model/dose_level.h; 0 is the highest), number
 * of conditions, then the mean of every metric over them. */
scp_status scp_scores_write_strata(const scp_scores *s, size_t n, const scp_dataset *d,
                                   const char *path) SCP_MUST_USE;

/** significance.tsv: split, cell line, drug, dose, plate, pairs of sub-bulks, genes that are
 *  significant, and the share of the DEG set for each pseudo-count; conditions with a test. */
scp_status scp_deg_tests_write(const scp_deg_tests *t, size_t n, const scp_dataset *d,
                               const char *path) SCP_MUST_USE;

/* Models of a set with its ceilings. */
typedef struct scp_scored_set {
    const scp_scores *model, *ceiling; /* [n], [SCP_CEILINGS] */
    size_t n;
} scp_scored_set;

/** ceilings.tsv: model, split, ceiling, metric, n, score, ceiling as measured, ceiling, fraction
 *  (scp_of_ceiling). */
scp_status scp_ceilings_write(const scp_scored_set *set, size_t n, const char *path) SCP_MUST_USE;

/** comparisons.tsv: split, model a (the first), model b (each other one), metric, n, both means,
 * their difference and its 95 % interval, p and q (eval/bootstrap.h). Pairs of models are dealt to
 * ranks, rank 0 writes. Collective. */
scp_status scp_comparisons_write(scp_comm *comm, const scp_scored_set *set, size_t n,
                                 int64_t resamples, int64_t seed, const char *path) SCP_MUST_USE;

#endif
