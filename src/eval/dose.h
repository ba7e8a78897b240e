/* How the size of the effect follows the dose, in predictions and in truth. Not collective.
 *
 * A group is a (cell line, drug) of the scored set with two doses or more; the size of an effect is
 * the norm of Delta, plates of one dose averaged. Three measures of a group, each between the
 * doses:
 *
 *   spearman  rank correlation of dose and size; NaN when the sizes are all equal
 *   rising    share of steps from a dose to the next at which the size rises, a tie counts half: 1
 *             is monotone
 *   order     share of pairs of doses that prediction and truth put in the same order, a tie on one
 *             side counts half: chance is 0.5
 *
 * and spearman and rising of the truth beside them. Guidance that ignores the dose (ablation E)
 * must lower the first two [paper App. F.5]. */
#ifndef SCP_EVAL_DOSE_H
#define SCP_EVAL_DOSE_H

#include "eval/evaluate.h"

typedef struct scp_dose_group {
    int32_t line, drug;
    size_t n_doses;
    double spearman, spearman_true, rising, rising_true, order;
} scp_dose_group;

/** The groups of s, in its order; a group with a prediction that is not finite has NaN
 *  throughout. *out [*n] owned by the caller. */
scp_status scp_dose_groups(const scp_scores *s, const scp_dataset *d, scp_dose_group **out,
                           size_t *n) SCP_MUST_USE;

/** Fill s->dose: means over the groups, NaN left out. scp_evaluate does. */
scp_status scp_dose_summarise(scp_scores *s, const scp_dataset *d) SCP_MUST_USE;

/** dose.tsv: model, split, cell line, drug, number of doses, the five figures. */
scp_status scp_scores_write_dose(const scp_scores *s, size_t n, const scp_dataset *d,
                                 const char *path) SCP_MUST_USE;

#endif
