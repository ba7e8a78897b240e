/* Settings and latent statistics of the method, see method.h. */
#include "diffusion/method.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define FIELD(member) offsetof(scp_diffusion_config, member)

const scp_option scp_diffusion_options[] = {
    { "diffusion.T", NULL, SCP_OPT_INT, FIELD(T), "1000", 2, 100000, NULL, "steps",
      "Diffusion steps.", "scDiffusion" },
    { "diffusion.beta_first", NULL, SCP_OPT_REAL, FIELD(beta_first), "1e-4", 1e-9, 1, NULL, NULL,
      "First beta of the linear schedule (for T = 1000).", "scDiffusion" },
    { "diffusion.beta_last", NULL, SCP_OPT_REAL, FIELD(beta_last), "0.02", 1e-9, 1, NULL, NULL,
      "Last beta of the linear schedule (for T = 1000).", "scDiffusion" },
    { "diffusion.objective", NULL, SCP_OPT_ENUM, FIELD(objective), "diffusion", 0, 0,
      "diffusion|regression", NULL,
      "Diffusion, or the same network trained as plain regression of the target (reference row).",
      NULL },
    { "diffusion.parameterization", NULL, SCP_OPT_ENUM, FIELD(parameterization), "eps", 0, 0,
      "eps|v", NULL,
      "What the network predicts: the noise, or v = sqrt(abar) eps - sqrt(1 - abar) z_0.",
      "paper eq. 13" },
    { "diffusion.target", NULL, SCP_OPT_ENUM, FIELD(target), "post", 0, 0, "post|shift", NULL,
      "What is diffused: the latent of x_post, or its shift from x_pre.", "paper 3.1" },
    { "diffusion.drop_pre", NULL, SCP_OPT_REAL, FIELD(drop_pre), "0.1", 0, 1, NULL, NULL,
      "Probability of dropping the state channel.", "paper App. D" },
    { "diffusion.drop_drug", NULL, SCP_OPT_REAL, FIELD(drop_drug), "0.1", 0, 1, NULL, NULL,
      "Probability of dropping the drug channel.", "paper App. D" },
    { "diffusion.lambda_align", NULL, SCP_OPT_REAL, FIELD(lambda_align), "0.1", 0, 1e6, NULL, NULL,
      "Weight of the alignment loss.", "paper App. D" },
    { "diffusion.lambda_info", NULL, SCP_OPT_REAL, FIELD(lambda_info), "0.05", 0, 1e6, NULL, NULL,
      "Weight of the InfoNCE loss.", "paper App. D" },
    { "diffusion.ramp", NULL, SCP_OPT_REAL, FIELD(ramp), "0.2", 0, 1, NULL, NULL,
      "Share of the steps over which both weights rise from 0.", "paper App. D" },
    { "diffusion.tau", NULL, SCP_OPT_REAL, FIELD(tau), "0.1", 1e-6, 1e6, NULL, NULL,
      "InfoNCE temperature.", "paper App. D" },
    { "diffusion.negatives", NULL, SCP_OPT_INT, FIELD(negatives), "1024", 1, 65536, NULL, NULL,
      "InfoNCE negatives per step.", "paper App. D" },
    { "diffusion.bank", NULL, SCP_OPT_INT, FIELD(bank), "16384", 1, 1 << 24, NULL, NULL,
      "Length of the ring of past samples that negatives are drawn from.", "paper App. D" },
    { 0 },
};

const scp_option_group scp_method_groups[] = {
    { scp_vae_options, offsetof(scp_method, vae), "vae" },
    { scp_denoiser_options, offsetof(scp_method, model), "model" },
    { scp_diffusion_options, offsetof(scp_method, diffusion), "diffusion" },
    { 0 },
};

scp_status scp_method_check(const scp_method *m)
{
    SCP_TRY(scp_denoiser_check(&m->model, m->vae.latent));
    if (m->diffusion.beta_last < m->diffusion.beta_first)
        SCP_FAIL(SCP_EUSAGE, "diffusion.beta_last must not be smaller than diffusion.beta_first");
    if (m->diffusion.beta_last * 1000 >= (double)m->diffusion.T)
        SCP_FAIL(SCP_EUSAGE,
                 "diffusion.T is too small for diffusion.beta_last: beta would reach 1");
    if (m->diffusion.bank < m->diffusion.negatives)
        SCP_FAIL(SCP_EUSAGE, "diffusion.bank must be at least diffusion.negatives");
    return SCP_OK;
}

scp_status scp_latent_stats_init(scp_latent_stats *s, int64_t Dz)
{
    *s = (scp_latent_stats){ .Dz = Dz };
    SCP_TRY(scp_alloc((size_t)Dz, sizeof(double), &s->pre_mean));
    SCP_TRY(scp_alloc((size_t)Dz, sizeof(double), &s->pre_std));
    SCP_TRY(scp_alloc((size_t)Dz, sizeof(double), &s->target_mean));
    SCP_TRY(scp_alloc((size_t)Dz, sizeof(double), &s->target_std));
    return SCP_OK;
}

void scp_latent_stats_fini(scp_latent_stats *s)
{
    free(s->pre_mean);
    free(s->pre_std);
    free(s->target_mean);
    free(s->target_std);
    *s = (scp_latent_stats){ 0 };
}

/* A dimension whose spread is below this (of a shift: times the spread of mu) carries nothing. */
#define FLOOR 1e-3

/* Moments of dimension k of mu[post] - use_pre * mu[pre]. */
static void moments(const float *mu, int64_t Dz, int64_t k, const int32_t *post, const int32_t *pre,
                    size_t n, bool use_pre, double floor, double *mean, double *std)
{
    double sum = 0, squares = 0;
    for (int pass = 0; pass < 2; pass++) {
        double m = pass ? sum / (double)n : 0;
        for (size_t i = 0; i < n; i++) {
            double v = mu[post[i] * Dz + k] - (use_pre ? mu[pre[i] * Dz + k] : 0.0f);
            if (pass) squares += (v - m) * (v - m);
            else sum += v;
        }
    }
    *mean = sum / (double)n;
    *std = sqrt(squares / (double)n);
    if (*std < floor) *std = 1;
}

void scp_latent_stats_fit(scp_latent_stats *s, int target, const float *mu, const int32_t *post,
                          const int32_t *pre, size_t n)
{
    for (int64_t k = 0; k < s->Dz; k++) {
        moments(mu, s->Dz, k, post, pre, n, false, FLOOR, &s->pre_mean[k], &s->pre_std[k]);
        moments(mu, s->Dz, k, post, pre, n, target == SCP_TARGET_SHIFT, FLOOR * s->pre_std[k],
                &s->target_mean[k], &s->target_std[k]);
    }
}
