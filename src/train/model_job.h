/* Training the denoiser on the latents of a shard [paper 3.3.1]. */
#ifndef SCP_TRAIN_MODEL_JOB_H
#define SCP_TRAIN_MODEL_JOB_H

#include "diffusion/guidance.h"
#include "diffusion/method.h"
#include "train/loop.h"
#include "train/setup.h"

/** Train the denoiser from <run>/latents.h5 and the trained VAE (used to score validation pairs in
 *  gene space). `stage` names checkpoints ("train"; "regression" for the reference twin).
 *  SCP_EREQUEUE is for the caller to derive from out->stop. Collective. */
scp_status scp_model_job_run(const scp_train_setup *setup, const char *stage,
                             const scp_method *method, const scp_guidance *guidance,
                             const scp_train_config *cfg, scp_job_result *out) SCP_MUST_USE;

#endif
