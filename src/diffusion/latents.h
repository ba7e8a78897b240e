/* Latents of every profile: computed once by the frozen encoder, kept in <run>/latents.h5, read by
 * training and prediction [paper eq. 3-4: posterior means]. */
#ifndef SCP_DIFFUSION_LATENTS_H
#define SCP_DIFFUSION_LATENTS_H

#include "comm/comm.h"
#include "io/dataset.h"
#include "model/vae_run.h"

/** Encode all profiles of d, dealt to ranks: mu [P, Dz] on every rank. Collective. */
scp_status scp_latents_encode(scp_comm *comm, scp_params *vae, const scp_vae_config *cfg,
                              const scp_dataset *d, float *mu) SCP_MUST_USE;

/** Write <run>/latents.h5 with the data's hash (rank 0; collective). */
scp_status scp_latents_write(scp_comm *comm, const char *run_dir, const scp_dataset *d, int64_t Dz,
                             const float *mu) SCP_MUST_USE;

/** Remove <run>/latents.h5: the weights that it came from are no longer there (rank 0;
 *  collective). */
scp_status scp_latents_discard(scp_comm *comm, const char *run_dir) SCP_MUST_USE;

/** Read latents of d's profiles: *mu [P, Dz] owned by the caller. SCP_ENOINPUT: run scppdm_vae
 *  first; SCP_EDATA: of another shard. Not collective. */
scp_status scp_latents_read(const char *run_dir, const scp_dataset *d, int64_t Dz,
                            float **mu) SCP_MUST_USE;

/** The same of any width, which goes to *Dz. */
scp_status scp_latents_read_any(const char *run_dir, const scp_dataset *d, int64_t *Dz,
                                float **mu) SCP_MUST_USE;

/** Hash of the data and its latents mu [P, Dz]: what a denoiser was trained on. Pure. */
uint64_t scp_latents_hash(const scp_dataset *d, int64_t Dz, const float *mu);

#endif
