/* What a checkpoint must agree with when a run goes on from it: settings of the method, the order
 * of samples, the data; and the schedule, unless the user accepts its change. Not collective. */
#ifndef SCP_TRAIN_MATCH_H
#define SCP_TRAIN_MATCH_H

#include "diffusion/weights.h"
#include "train/loop.h"

/** Add the texts to a checkpoint: "method", "config", "order", "schedule". */
scp_status scp_match_add(scp_ckpt_writer *w, const scp_job *job) SCP_MUST_USE;

/** Compare a checkpoint with the job. SCP_EDATA names every key that differs, its old and its new
 *  value, and the way out. A schedule that differs is a warning with cfg->accept_changes. */
scp_status scp_match_check(const scp_ckpt *c, const scp_job *job,
                           const scp_weights_head *head) SCP_MUST_USE;

#endif
