/* Training the autoencoder on a shard. */
#ifndef SCP_TRAIN_VAE_JOB_H
#define SCP_TRAIN_VAE_JOB_H

#include "model/vae.h"
#include "train/loop.h"
#include "train/setup.h"

/** Train the VAE on every control and treated profile of the training pairs, then encode all
 *  profiles into <run>/latents.h5 when training is done (out->stop says). Collective. */
scp_status scp_vae_job_run(const scp_train_setup *setup, const scp_vae_config *vae,
                           const scp_train_config *cfg, scp_job_result *out) SCP_MUST_USE;

#endif
