/* Writing predictions while they are made: every rank predicts its blocks, rank 0 writes them in
 * the order of the plan. Bounded memory: one block travels at a time. */
#ifndef SCP_EVAL_EXPORT_H
#define SCP_EVAL_EXPORT_H

#include "eval/evaluate.h"
#include "eval/plan.h"

typedef struct scp_export scp_export;

/** Open a file for each model that wants one. *out is NULL when none does. Collective. */
scp_status scp_export_begin(scp_comm *comm, const scp_dataset *d, const scp_eval_plan *plan,
                            const scp_predictor *model, size_t n_models,
                            scp_export **out) SCP_MUST_USE;

/** Write the blocks of one round, round * size .. + size - 1.
 *  @param pred  [n_models, plan->max_block, G] this rank's block of the round; unused without one
 *  @param sd  [n_models] spreads [plan->max_block, G] of models that have one, else NULL
 *  A failed write comes out of end. Collective. e NULL: nothing. */
scp_status scp_export_round(scp_export *e, size_t round, const float *pred,
                            float *const *sd) SCP_MUST_USE;

/** Add the vehicle profiles and commit every file. Destroys *e in any case. Collective. */
scp_status scp_export_end(scp_export **e) SCP_MUST_USE;

/** Drop the temporaries. NULL is fine. Not collective. */
void scp_export_abort(scp_export **e);

#endif
