/* Checkpoints of a training run: weights, moving average, moments, step, counters, settings. Copied
 * at a step boundary and written by a thread of rank 0 while training goes on (io/ckpt_helper.h);
 * read by every rank, so a run resumes on any number of ranks. */
#ifndef SCP_TRAIN_STATE_H
#define SCP_TRAIN_STATE_H

#include "train/loop.h"

typedef struct scp_train_state {
    int64_t step;        /* steps done                                             */
    double best;         /* best validation score so far, NaN: none                */
    int64_t best_step;
    int64_t scored;      /* newest step that validation scored, 0: none            */
    int64_t skipped;     /* steps without update: loss or gradient not finite      */
    int64_t bad;         /* how many of them in a row, up to this step             */
    double loss_scale;   /* of fp16; 0: that of a fresh run, or none               */
    int64_t good;        /* finite steps since it last changed                     */
} scp_train_state;

/* Where a run keeps its state: the folder <run_dir>/<stage>, locked. */
typedef struct scp_train_store scp_train_store;

/** Make the folder and lock it, remove what a killed run left half written. SCP_ERETRY: another
 *  process trains this stage there. Collective. *out: scp_train_store_close. */
scp_status scp_train_store_open(const scp_job *job, scp_train_store **out) SCP_MUST_USE;

/** Load the newest readable checkpoint into the parameters. *found false when there is none.
 *  SCP_EDATA: made with other settings or data, which are named; SCP_ERETRY: the ranks do not see
 *  the same one. Collective. */
scp_status scp_train_state_load(scp_train_store *t, scp_train_state *s, bool *found) SCP_MUST_USE;
/** Remove the checkpoints of the stage, for a start from scratch. Collective. */
scp_status scp_train_state_clear(scp_train_store *t) SCP_MUST_USE;

/** Checkpoints from now on, each only after the file `metrics` is on disk (rank 0; NULL: none).
 *  Collective. */
scp_status scp_train_store_begin(scp_train_store *t, const char *metrics) SCP_MUST_USE;

/** Copy the state and let it be written: ckpt-<step>.h5 and LATEST; all but the newest `keep` are
 *  removed. When the state is the best so far, also best.h5. An error of the write before comes
 *  here. Collective. */
scp_status scp_train_state_save(scp_train_store *t, const scp_train_state *s) SCP_MUST_USE;

/** Has a write failed? Its error on rank 0, SCP_OK elsewhere. Not collective. */
scp_status scp_train_store_poll(scp_train_store *t) SCP_MUST_USE;
/** Wait until all checkpoints are on disk. Collective. */
scp_status scp_train_store_wait(scp_train_store *t) SCP_MUST_USE;
/** Step of the newest checkpoint on disk, -1: none. Known on rank 0; not collective. */
int64_t scp_train_store_saved(const scp_train_store *t);

/** Wait, unlock, free. NULL is fine. Not collective. */
void scp_train_store_close(scp_train_store **t);

/** Write <run_dir>/weights.safetensors ("train") or weights-<stage>.safetensors from the checkpoint
 *  that evaluation uses; no write is under way. Collective: rank 0 writes, all agree. */
scp_status scp_train_state_export(const scp_job *job) SCP_MUST_USE;

#endif
