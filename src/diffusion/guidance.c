/* Guidance weights, see guidance.h. */
#include "diffusion/guidance.h"

#include <math.h>
#include <string.h>

const scp_option scp_guidance_options[] = {
    { "guidance.kind", NULL, SCP_OPT_ENUM, offsetof(scp_guidance, kind), "dual", 0, 0,
      "dual|single|none", NULL,
      "Two knobs (eq. 15), one (ablation D), or the conditional network alone.", "paper eq. 15" },
    { "guidance.anchor", NULL, SCP_OPT_ENUM, offsetof(scp_guidance, anchor), "both", 0, 0,
      "both|uncond", NULL,
      "What the knobs are added to: the output under both conditions (eq. 15), or under none "
      "(eq. 23).",
      "paper eq. 15" },
    { "guidance.dose_map", NULL, SCP_OPT_ENUM, offsetof(scp_guidance, dose_map), "sigmoid", 0, 0,
      "sigmoid|constant", NULL,
      "Drug guidance as a function of the dose (eq. 16), or constant s_0 (ablation E).",
      "paper eq. 16" },
    { "guidance.s_p", "s-p", SCP_OPT_REAL, offsetof(scp_guidance, s_p), "1", 0, 100, NULL, NULL,
      "Guidance strength of the state.", "paper App. D" },
    { "guidance.s_0", "s-0", SCP_OPT_REAL, offsetof(scp_guidance, s_0), "3", 0, 100, NULL, NULL,
      "Largest guidance strength of the drug.", "paper App. D" },
    { "guidance.alpha", NULL, SCP_OPT_REAL, offsetof(scp_guidance, alpha), "2", -100, 100, NULL,
      NULL, "Slope of the dose mapping.", "paper App. D" },
    { "guidance.gamma", NULL, SCP_OPT_REAL, offsetof(scp_guidance, gamma), "-0.5", -100, 100, NULL,
      NULL, "Offset of the dose mapping.", "paper App. D" },
    { "guidance.doubt", NULL, SCP_OPT_REAL, offsetof(scp_guidance, doubt), "0", 0, 1, NULL, NULL,
      "Drugs that training has not seen: share of the prediction without the drug in the "
      "prediction; 0 trusts the structure as for any other drug.",
      NULL },
    { "guidance.rescale", NULL, SCP_OPT_REAL, offsetof(scp_guidance, rescale), "0", 0, 1, NULL,
      NULL,
      "Bring the norm of the guided output back to that of the output under both conditions: 0 not "
      "at all, 1 all the way.",
      NULL },
    { "guidance.ddim_steps", "ddim-steps", SCP_OPT_INT, offsetof(scp_guidance, ddim_steps), "50", 1,
      100000, NULL, "steps", "DDIM steps of a sample.", NULL },
    { "guidance.readout", NULL, SCP_OPT_ENUM, offsetof(scp_guidance, readout), "draws", 0, 0,
      "draws|mean", NULL,
      "Samples by DDIM, or the posterior mean in one pass at t = T (needs parameterization v).",
      NULL },
    { "guidance.draws", NULL, SCP_OPT_INT, offsetof(scp_guidance, draws), "1", 1, 4096, NULL, NULL,
      "Samples averaged in the latent space before decoding.", NULL },
    { "guidance.spread", NULL, SCP_OPT_INT, offsetof(scp_guidance, spread), "0", 0, 4096, NULL,
      NULL,
      "Samples by DDIM whose standard deviation stands beside the prediction (layer sd of the "
      ".h5ad, "
      "coverage of intervals in the scores); 0: none, else at least 2.",
      NULL },
    { "guidance.decode", NULL, SCP_OPT_ENUM, offsetof(scp_guidance, decode), "profile", 0, 0,
      "profile|residual", NULL,
      "Predicted profile: the decoded latent, or x_pre plus what the decoder makes of the change, "
      "D(z_hat) - D(z_pre).",
      "paper 3.1" },
    { "guidance.residual", NULL, SCP_OPT_REAL, offsetof(scp_guidance, residual), "1", 0, 1, NULL,
      NULL,
      "Residual decoding: share of what the decoder misses of the control, x_pre - D(z_pre), that "
      "is added to D(z_hat); with 0 it is profile decoding.",
      NULL },
    { "guidance.seed", NULL, SCP_OPT_INT, offsetof(scp_guidance, seed), "1", 0, 0, NULL, NULL,
      "Seed of the starting noise, keyed by condition and draw.", NULL },
    { "guidance.block", NULL, SCP_OPT_INT, offsetof(scp_guidance, block), "64", 1, 65536, NULL,
      "conditions", "Conditions predicted at a time.", NULL },
    { "guidance.precision", NULL, SCP_OPT_ENUM, offsetof(scp_guidance, precision), "fp32", 0, 0,
      "fp32|fp16|bf16", NULL,
      "Storage of the network's weights and activations while a GPU samples; guidance and the "
      "state of the chain stay fp32, and so does all on a CPU or with guidance.rescale.",
      NULL },
    { 0 },
};

scp_dtype scp_guidance_storage(const scp_guidance *gd)
{
    static const scp_dtype store[] = { SCP_REAL, SCP_F16, SCP_BF16 };
    return store[gd->precision];
}

double scp_guidance_strength(const scp_guidance *gd, double dose)
{
    if (gd->dose_map == SCP_DOSE_CONSTANT) return gd->s_0;
    return gd->s_0 / (1 + exp(-(gd->alpha * log1p(dose) + gd->gamma)));
}

static int dual_passes(const scp_guidance *gd, double s_d, scp_pass *pass)
{
    int n = 0;
    bool uncond = gd->anchor == SCP_ANCHOR_UNCOND;
    if (!uncond)
        pass[n++] = (scp_pass){ 0, 1 + gd->s_p + s_d };
    else if (gd->rescale > 0)
        pass[n++] = (scp_pass){ 0, 0 };
    if (gd->s_p > 0) pass[n++] = uncond ? (scp_pass){ 2, gd->s_p } : (scp_pass){ 1, -gd->s_p };
    if (gd->s_0 > 0) pass[n++] = uncond ? (scp_pass){ 1, s_d } : (scp_pass){ 2, -s_d };
    if (uncond) pass[n++] = (scp_pass){ 3, 1 - gd->s_p - s_d };
    return n;
}

static int single_passes(const scp_guidance *gd, double s_d, scp_pass *pass)
{
    int n = 0;
    double s = gd->s_p + s_d + (gd->anchor == SCP_ANCHOR_UNCOND ? 0 : 1);
    pass[n++] = (scp_pass){ 0, s };
    if (gd->s_p > 0 || gd->s_0 > 0 || gd->anchor == SCP_ANCHOR_UNCOND)
        pass[n++] = (scp_pass){ 3, 1 - s };
    return n;
}

/* Place of the pass without the drug, n where there is none. */
static int no_drug(const scp_pass *pass, int n)
{
    int i = 0;
    while (i < n && pass[i].mask != 2) i++;
    return i;
}

int scp_guidance_passes(const scp_guidance *gd, double dose, scp_pass pass[SCP_PASS_MAX])
{
    int n = 1;
    double s_d = scp_guidance_strength(gd, dose);
    if (gd->kind == SCP_GUIDANCE_DUAL)
        n = dual_passes(gd, s_d, pass);
    else if (gd->kind == SCP_GUIDANCE_SINGLE)
        n = single_passes(gd, s_d, pass);
    else
        pass[0] = (scp_pass){ 0, 1 };
    if (gd->doubt > 0 && no_drug(pass, n) == n) pass[n++] = (scp_pass){ 2, 0 };
    return n;
}

void scp_guidance_doubt(const scp_guidance *gd, scp_pass *pass, int n)
{
    if (!(gd->doubt > 0)) return;
    for (int i = 0; i < n; i++) pass[i].weight *= 1 - gd->doubt;
    pass[no_drug(pass, n)].weight += gd->doubt;
}

static double norm(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sqrt(sum);
}

void scp_guidance_combine(const scp_guidance *gd, size_t n_pass, size_t n, size_t Dz,
                          const double *weight, const double *out, double *combined)
{
    memset(combined, 0, n * Dz * sizeof *combined);
    for (size_t p = 0; p < n_pass; p++)
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < Dz; k++)
                combined[i * Dz + k] += weight[p * n + i] * out[(p * n + i) * Dz + k];
    if (!(gd->rescale > 0) || n_pass < 2) return;
    for (size_t i = 0; i < n; i++) {
        double is = norm(combined + i * Dz, Dz), both = norm(out + i * Dz, Dz);
        double factor = is > 0 ? 1 + gd->rescale * (both / is - 1) : 1;
        for (size_t k = 0; k < Dz; k++) combined[i * Dz + k] *= factor;
    }
}
