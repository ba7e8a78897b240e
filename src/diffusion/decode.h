/* Latents to profiles, for predictions and for the ceiling of the latent space alike. Not
 * collective. */
#ifndef SCP_DIFFUSION_DECODE_H
#define SCP_DIFFUSION_DECODE_H

#include "diffusion/generate.h"

/** Profiles of the conditions c whose treated latents are mu [c->n, D_z], in evaluation mode:
 *    decode profile    max(0, D(mu))
 *    decode residual   max(0, D(mu) + gd->residual (x_pre - D(mu_pre))), which needs c->x_pre
 *  @param vae  store with the autoencoder's weights in its W arena
 *  @param x    [c->n, G] owned by the caller */
scp_status scp_decode_profiles(scp_params *vae, const scp_vae_config *cfg, const scp_guidance *gd,
                               const scp_conditions *c, size_t G, const float *mu,
                               float *x) SCP_MUST_USE;

#endif
