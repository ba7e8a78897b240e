/* Checkpoints of a training run: weights, moving average, moments, step, settings. Written by rank
 * 0 and read by every rank, so a run resumes on any number of ranks. */
#ifndef SCP_TRAIN_STATE_H
#define SCP_TRAIN_STATE_H

#include "train/loop.h"

typedef struct scp_train_state {
    int64_t step;        /* steps done                                 */
    double best;         /* best validation score so far, NaN: none    */
    int64_t best_step;
} scp_train_state;

/** Write <run_dir>/<stage>/ckpt-<step>.h5 and LATEST; removes all but the newest `keep`. When the
 *  state is the best so far, also <stage>/best.h5. Collective: rank 0 writes, all agree. */
scp_status scp_train_state_save(const scp_job *job, const scp_train_state *s) SCP_MUST_USE;

/** Load the newest readable checkpoint into the store. *found false when there is none. SCP_ERETRY:
 *  the ranks do not see the same one. Collective. */
scp_status scp_train_state_load(const scp_job *job, scp_train_state *s, bool *found) SCP_MUST_USE;
/** Remove the checkpoints of the stage, for a start from scratch. Collective. */
scp_status scp_train_state_clear(const scp_job *job) SCP_MUST_USE;

/** Write <run_dir>/weights.safetensors ("train") or weights-<stage>.safetensors from the checkpoint
 *  that evaluation uses. Collective: rank 0 writes, all agree. */
scp_status scp_train_state_export(const scp_job *job) SCP_MUST_USE;

#endif
