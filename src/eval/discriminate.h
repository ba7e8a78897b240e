/* Discrimination scores of the labels of an evaluation, block by block: a label's effect is the
 * mean over its plates of profile - control, held against the true effects of all labels of its
 * line. Private to src/eval. Not collective. */
#ifndef SCP_EVAL_DISCRIMINATE_H
#define SCP_EVAL_DISCRIMINATE_H

#include "eval/evaluate.h"
#include "eval/pds.h"
#include "eval/plan.h"

typedef struct scp_discriminate scp_discriminate;

/** @param truth  what predictions are held against, or NULL: the treated profiles of d, of which
 *                nothing is copied. With a truth the profiles of one line are held in fp32.
 *  All borrowed until destroy. *out: scp_discriminate_destroy. */
scp_status scp_discriminate_create(const scp_dataset *d, const scp_eval_plan *plan,
                                   const scp_truth *truth, size_t n_models,
                                   scp_discriminate **out) SCP_MUST_USE;
void scp_discriminate_destroy(scp_discriminate **w);

/** Score the labels of a block.
 *  @param pred  [n_models, plan->max_block, G] predicted profiles of its conditions
 *  @param out   [labels of the block, n_models] */
scp_status scp_discriminate_block(scp_discriminate *w, size_t block, const float *pred,
                                  scp_pds_scores *out) SCP_MUST_USE;

#endif
