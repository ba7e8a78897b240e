/* Training the baselines of model/baseline.h on a shard; they need no autoencoder. */
#ifndef SCP_TRAIN_BASELINE_JOB_H
#define SCP_TRAIN_BASELINE_JOB_H

#include "model/baseline.h"
#include "train/loop.h"
#include "train/setup.h"

/** Train a baseline into <run>/<its name>/: by the training loop, or in closed form (ridge: one
 *  step, best.h5; a fit that is there already, of the same data and settings, is kept unless
 *  setup->fresh). Collective. */
scp_status scp_baseline_job_run(const scp_train_setup *setup, scp_baseline_kind kind,
                                const scp_baseline_config *cfg, const scp_train_config *train,
                                scp_job_result *out) SCP_MUST_USE;

#endif
