/* The method as a whole: settings of the autoencoder, the denoiser, the diffusion and its losses;
 * the training graph; the statistics that standardise latents. A checkpoint keeps these settings as
 * YAML. */
#ifndef SCP_DIFFUSION_METHOD_H
#define SCP_DIFFUSION_METHOD_H

#include "diffusion/schedule.h"
#include "model/denoiser.h"
#include "model/vae.h"

typedef enum scp_parameterization { SCP_PREDICT_EPS, SCP_PREDICT_V } scp_parameterization;
typedef enum scp_target { SCP_TARGET_POST, SCP_TARGET_SHIFT } scp_target;
typedef enum scp_objective { SCP_OBJECTIVE_DIFFUSION, SCP_OBJECTIVE_REGRESSION } scp_objective;

typedef struct scp_diffusion_config {
    int64_t T;
    double beta_first, beta_last;
    int objective;        /* scp_objective: regression is the reference twin of the same network */
    int parameterization; /* scp_parameterization                                                 */
    int target;           /* scp_target: z_post, or z_post - z_pre */
    double drop_pre, drop_drug;
    double lambda_align, lambda_info, ramp, tau;
    int64_t negatives, bank;
} scp_diffusion_config;

extern const scp_option scp_diffusion_options[];

typedef struct scp_method {
    scp_vae_config vae;
    scp_denoiser_config model;
    scp_diffusion_config diffusion;
} scp_method;

/** Groups of the three parts ("vae.", "model.", "diffusion."), relative to a scp_method. */
extern const scp_option_group scp_method_groups[];

/** SCP_EUSAGE names the settings that do not fit together. */
scp_status scp_method_check(const scp_method *m) SCP_MUST_USE;

/* Mean and spread of each latent dimension over training pairs: z = (mu - mean) / std. */
typedef struct scp_latent_stats {
    int64_t Dz;
    double *pre_mean, *pre_std;       /* of the state channel (and of the post target) */
    double *target_mean, *target_std; /* of the diffused target                        */
} scp_latent_stats;

scp_status scp_latent_stats_init(scp_latent_stats *s, int64_t Dz) SCP_MUST_USE;
void scp_latent_stats_fini(scp_latent_stats *s);
/** From latents mu [P, Dz] of all profiles and the training pairs (post, pre) [n]. A dimension with
 *  spread below 1e-3 gets 1. Post target: both use the statistics of mu_post; shift: of mu_post -
 *  mu_pre. */
void scp_latent_stats_fit(scp_latent_stats *s, int target, const float *mu, const int32_t *post,
                          const int32_t *pre, size_t n);

/* Nodes of the training graph. Rows are pairs; every table is bound once, every input fed per
 * step. */
typedef struct scp_train_nodes {
    scp_node *profiles;              /* table [P, G]: expression, for the response directions  */
    scp_node *z_pre, *z_0, *dose;    /* tables [N, Dz], [N, Dz], [N, SCP_DOSE_CODE] by pair     */
    scp_node *drugs;                 /* table [n_drugs, 1024] U8                                */
    scp_node *signal, *noise, *neg_noise, *time; /* tables [T], [T], [T], [T, time_dim]          */
    scp_node *pair, *drug, *post, *pre, *key;    /* inputs [B] I32                               */
    scp_node *neg_post, *neg_pre, *neg_key;      /* inputs [K] I32                               */
    scp_node *weights;               /* input [3]: denoise, align, info                          */
    scp_node *denoise, *align, *info, *loss;
} scp_train_nodes;

typedef struct scp_train_sizes {
    int64_t B, K, P, N, G, n_drugs;
} scp_train_sizes;

/** L = w0 L_denoise + w1 L_align + w2 L_info [paper eq. 9-14] on B pairs with K negatives. Errors
 *  are kept in g. */
void scp_method_build_train(scp_graph *g, const scp_method *m, const scp_train_sizes *s,
                            scp_train_nodes *out);

#endif
