/* The variational autoencoder that defines the latent space [paper 3.1]: SCimilarity's encoder and
 * decoder (Linear, BatchNorm, PReLU blocks) with a mean head that is not normalised and a
 * log-variance head. doc/decisions.md says why. Host-only, not collective. */
#ifndef SCP_MODEL_VAE_H
#define SCP_MODEL_VAE_H

#include "conf/option.h"
#include "tensor/graph.h"

/* What is done to the posterior mean: nothing, or unit length as scDiffusion's autoencoder has
 * it. */
typedef enum scp_latent_norm { SCP_LATENT_NORM_NONE, SCP_LATENT_NORM_L2 } scp_latent_norm;

typedef struct scp_vae_config {
    scp_int_list hidden;   /* widths of the hidden blocks; the decoder runs them backwards     */
    int64_t latent;        /* D_z                                                              */
    int latent_norm;       /* scp_latent_norm                                                  */
    double input_dropout, dropout;
    double beta;           /* weight of KL/D_z after its ramp                                  */
    double beta_ramp;      /* share of the steps over which the weight rises from 0            */
} scp_vae_config;

extern const scp_option scp_vae_options[];

/** x [B, G] -> posterior mean and clamped log-variance, [B, D_z] each [paper eq. 3-4]. */
void scp_vae_encode(scp_graph *g, const scp_vae_config *cfg, scp_node *x, scp_node **mu,
                    scp_node **logvar);

/** z [B, D_z] -> reconstruction [B, G], not clipped. */
scp_node *scp_vae_decode(scp_graph *g, const scp_vae_config *cfg, scp_node *z, int64_t G);

/* Nodes of a training graph. */
typedef struct scp_vae_nodes {
    scp_node *profiles; /* table [P, G], to bind                         */
    scp_node *rows;     /* input [B] I32: profiles of this batch         */
    scp_node *weights;  /* input [2]: of reconstruction and KL           */
    scp_node *mse, *kl, *loss;
} scp_vae_nodes;

/** L = MSE(x, D(mu + sigma eps)) + beta KL / D_z. Errors are kept in g. */
void scp_vae_build_train(scp_graph *g, const scp_vae_config *cfg, int64_t P, int64_t G, int64_t B,
                         scp_vae_nodes *out);

/** Name of the bias of the decoder's output, to start at the mean profile. */
#define SCP_VAE_OUTPUT_BIAS "vae/decoder/out/b"

#endif
