/* See decode.h. */
#include "diffusion/decode.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/vae_run.h"

/* x = max(0, x + share (x_pre - D(mu_pre))), x = D(mu) on entry. */
static scp_status add_residual(scp_params *vae, const scp_vae_config *cfg, const scp_guidance *gd,
                               const scp_conditions *c, size_t G, float *x)
{
    const float share = (float)gd->residual;
    float *from = NULL;
    SCP_ARG(c->x_pre, "residual decoding needs the profiles of the controls");
    SCP_TRY(scp_alloc(c->n * G, sizeof *from, &from));
    scp_status st = scp_vae_decode_rows(vae, cfg, c->mu_pre, c->n, G, (size_t)gd->block,
                                        SCP_VAE_RAW, from);
    for (size_t i = 0; st == SCP_OK && i < c->n; i++)
        for (size_t g = 0, at = i * G; g < G; g++, at++) {
            const float v = x[at] + share * (c->x_pre[i][g] - from[at]);
            x[at] = v > 0 ? v : 0;
        }
    free(from);
    return st;
}

scp_status scp_decode_profiles(scp_params *vae, const scp_vae_config *cfg, const scp_guidance *gd,
                               const scp_conditions *c, size_t G, const float *mu, float *x)
{
    const bool residual = gd->decode == SCP_DECODE_RESIDUAL;
    SCP_TRY(scp_vae_decode_rows(vae, cfg, mu, c->n, G, (size_t)gd->block,
                                residual ? SCP_VAE_RAW : SCP_VAE_CUT, x));
    return residual ? add_residual(vae, cfg, gd, c, G, x) : SCP_OK;
}
