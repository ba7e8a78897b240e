/* Scoring one split: the models, the ceilings, the tests, and the truth where the screen has one.
 * Private to src/app. */
#ifndef SCP_APP_EVAL_SET_H
#define SCP_APP_EVAL_SET_H

#include "app/run_models.h"
#include "eval/replicates.h"
#include "report/table.h"

typedef struct scp_eval_set {
    const char *split; /* borrowed */
    int32_t *rows;     /* [n_rows] pairs of the split; none: nothing was scored */
    size_t n_rows;
    scp_scores *model; /* [n] against the observed profiles */
    size_t n;
    scp_scores ceiling[SCP_CEILINGS]; /* n 0: the shard has nothing to measure it by */
    scp_deg_tests tests;              /* n_tested 0: none */
    scp_scores *truth; /* [n_truth] the same models against the truth, "<split>_truth" */
    size_t n_truth;
} scp_eval_set;

/** Score the models of s->eval on a split and write what belongs to it alone into <dir>/<split>:
 *  result files, real.h5ad, pred_<model>.h5ad of trained models. A split without conditions is a
 * warning. Collective. set: scp_eval_set_fini. */
scp_status scp_eval_set_run(scp_comm *comm, const scp_run_settings *s, const scp_run_open *o,
                            const char *dir, const char *split, scp_eval_set *set) SCP_MUST_USE;
void scp_eval_set_fini(scp_eval_set *set);

/** Tables of a set on stdout. Rank 0. */
scp_status scp_eval_set_print(const scp_run_settings *s, const scp_eval_set *set) SCP_MUST_USE;

/** A table under a heading, on stdout. `transpose`: columns down. */
scp_status scp_eval_print(const scp_run_settings *s, const scp_table *t, bool transpose,
                          const char *heading) SCP_MUST_USE;

/** Pairs of a split by name. *rows [*n] owned by the caller. */
scp_status scp_eval_rows(const scp_run_open *o, const char *split, int32_t **rows,
                         size_t *n) SCP_MUST_USE;

#endif
