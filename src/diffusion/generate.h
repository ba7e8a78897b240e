/* Predictions by sampling: conditions in, predicted profiles out [paper 3.3.2, Figure 2].
 *
 * What does not depend on z_t (drug vector, fusion; tokens, keys and values of GD-Attn) is computed
 * once per condition, for all its draws; the passes of a guidance rule (both, no-pre, no-drug) run
 * as one batch. A prediction depends on the condition and its id alone: neither on the block it
 * falls in nor on the number of ranks. Not collective. */
#ifndef SCP_DIFFUSION_GENERATE_H
#define SCP_DIFFUSION_GENERATE_H

#include "diffusion/guidance.h"
#include "diffusion/method.h"

typedef struct scp_generator scp_generator;

/* Conditions to predict. */
typedef struct scp_conditions {
    size_t n;
    const float *mu_pre;       /* [n, Dz] posterior means of the controls    */
    const int32_t *drug;       /* [n] rows of the fingerprint table           */
    const double *dose;        /* [n] uM                                      */
    const uint64_t *id;        /* [n] key of the starting noise               */
    const float *const *x_pre; /* [n] profiles [G] of the controls: residual decoding; else NULL */
    const uint8_t
        *unseen; /* [n] 1: training has not seen the drug (guidance.doubt); NULL: it has */
} scp_conditions;

/** Build the graphs. Everything is borrowed for the life of the generator; both stores hold the
 *  weights to use in their W arenas at the time of a run.
 *  @param fp [n_drugs, 1024] fingerprints  @param G genes of the decoder
 *  SCP_EUSAGE: readout "mean" without v-prediction, more DDIM steps than T. *out:
 *  scp_generator_destroy. */
scp_status scp_generator_create(const scp_method *m, const scp_guidance *gd, scp_params *model,
                                scp_params *vae, const scp_latent_stats *stats, const uint8_t *fp,
                                size_t n_drugs, size_t G, scp_generator **out) SCP_MUST_USE;
void scp_generator_destroy(scp_generator **gen);

/** Take all DDIM steps of a block on the device (diffusion/chain.h) or each through the host, in
 *  fp64: the device where it is not the host itself. guidance.rescale goes through the host. */
void scp_generator_set_on_device(scp_generator *gen, bool on_device);

/** Predict: z_hat, the mean over the draws, decoded as the guidance says (diffusion/decode.h).
 *  x [n, G] owned by the caller. */
scp_status scp_generator_run(scp_generator *gen, const scp_conditions *c, float *x) SCP_MUST_USE;

/** Standard deviation over gd.spread samples, each decoded by itself: sd [n, G] owned by the
 * caller. The samples are DDIM's whatever the readout; sample r starts from the noise of draw r.
 * SCP_EUSAGE without at least two samples, or for a regression network, which has no distribution.
 */
scp_status scp_generator_spread(scp_generator *gen, const scp_conditions *c,
                                float *sd) SCP_MUST_USE;

/** The prediction in the latent space, before decoding: mu_hat [n, Dz]. */
scp_status scp_generator_latent(scp_generator *gen, const scp_conditions *c,
                                float *mu_hat) SCP_MUST_USE;

#endif
