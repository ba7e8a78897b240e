/* Taking training steps on a device without a host round trip.
 *
 * The host writes a record of every step ahead: step number, learning rate, and what the job feeds.
 * The device then loads a record, runs the plan forward and backward while buckets of gradients are
 * averaged over ranks, and updates weights, moments, moving average and loss scale. On a device
 * that can, the first step runs as it is and the second is recorded: later steps replay it. The
 * same calls, unrecorded, are the step of every other device.
 *
 * Collective: all ranks take the same steps. */
#ifndef SCP_TRAIN_STEPPER_H
#define SCP_TRAIN_STEPPER_H

#include "tensor/step.h"
#include "train/loop.h"

typedef struct scp_stepper scp_stepper;

enum { SCP_STEPPER_MOST = 8 }; /* steps that the host may be ahead of itself */

/** @param job  borrowed; its plan feeds records from now on. *out: scp_stepper_destroy. */
scp_status scp_stepper_create(const scp_job *job, scp_stepper **out) SCP_MUST_USE;
void scp_stepper_destroy(scp_stepper **s);

/** Steps that are best taken by one call: more than 1 where the device works while the host goes
 *  on. At most SCP_STEPPER_MOST. */
int64_t scp_stepper_stride(const scp_stepper *s);

/** Begin with this loss scale (0: a fresh run's), its count of good steps, that many bad steps in a
 *  row behind it, and the weights that are in the store now. */
scp_status scp_stepper_begin(scp_stepper *s, double loss_scale, int64_t good,
                             int64_t bad) SCP_MUST_USE;

/** Take steps [first, first + n), n <= SCP_STEPPER_MOST; on return they may still be under way. */
scp_status scp_stepper_run(scp_stepper *s, int64_t first, int64_t n) SCP_MUST_USE;

/** The state after all steps taken so far; waits for them. */
scp_status scp_stepper_look(scp_stepper *s, scp_step_state *out) SCP_MUST_USE;

/** Calls of a recorded step; 0 when none was recorded. */
size_t scp_stepper_calls(const scp_stepper *s);
/** Steps that were replayed from a recording. */
int64_t scp_stepper_replayed(const scp_stepper *s);

#endif
