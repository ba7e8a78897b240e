/* Running a trained VAE over many profiles. Not collective. */
#ifndef SCP_MODEL_VAE_RUN_H
#define SCP_MODEL_VAE_RUN_H

#include "model/vae.h"

/** Posterior means of profiles x [n, G] -> mu [n, D_z], in evaluation mode, in blocks of at most
 *  `block` rows. Uses the weights in the store's W arena. mu owned by the caller. */
scp_status scp_vae_encode_rows(scp_params *params, const scp_vae_config *cfg, const float *x,
                               size_t n, size_t G, size_t block, float *mu) SCP_MUST_USE;

/* What the decoder gives back: profiles cut at 0, or its bare output. */
typedef enum scp_vae_output { SCP_VAE_CUT, SCP_VAE_RAW } scp_vae_output;

/** Decoder outputs for latents z [n, D_z] -> x [n, G]. */
scp_status scp_vae_decode_rows(scp_params *params, const scp_vae_config *cfg, const float *z,
                               size_t n, size_t G, size_t block, scp_vae_output output,
                               float *x) SCP_MUST_USE;

#endif
