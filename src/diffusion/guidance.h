/* Factorised classifier-free guidance [paper eq. 15-16]. Pure. */
#ifndef SCP_DIFFUSION_GUIDANCE_H
#define SCP_DIFFUSION_GUIDANCE_H

#include <stdint.h>

#include "conf/option.h"
#include "dev/device.h"

typedef enum scp_guidance_kind {
    SCP_GUIDANCE_DUAL,
    SCP_GUIDANCE_SINGLE,
    SCP_GUIDANCE_NONE
} scp_guidance_kind;
typedef enum scp_anchor { SCP_ANCHOR_BOTH, SCP_ANCHOR_UNCOND } scp_anchor;
typedef enum scp_dose_map { SCP_DOSE_SIGMOID, SCP_DOSE_CONSTANT } scp_dose_map;
typedef enum scp_decode { SCP_DECODE_PROFILE, SCP_DECODE_RESIDUAL } scp_decode;
typedef enum scp_readout { SCP_READOUT_DRAWS, SCP_READOUT_MEAN } scp_readout;

typedef struct scp_guidance {
    int kind;     /* scp_guidance_kind                                       */
    int anchor;   /* scp_anchor: what the knobs are added to                  */
    int dose_map; /* scp_dose_map                                            */
    double s_p, s_0, alpha, gamma;
    double doubt;   /* share of the no-drug prediction for drugs that training has not seen */
    double rescale; /* share of the way back to the norm of the conditional output */
    int64_t ddim_steps;
    int readout;    /* scp_readout                                             */
    int64_t draws;  /* samples averaged in the latent space                    */
    int64_t spread; /* samples whose spread is given beside the prediction; 0: none */
    int decode;     /* scp_decode                                              */
    double residual; /* share of x_pre - D(z_pre) in residual decoding           */
    int64_t seed;   /* of the starting noise                                   */
    int64_t block;  /* conditions predicted at a time                          */
    int precision;  /* of the network in chains on a GPU: scp_guidance_storage */
} scp_guidance;

extern const scp_option scp_guidance_options[];

/** How the network of a chain on a device is stored (diffusion/chain.h). */
scp_dtype scp_guidance_storage(const scp_guidance *gd);

/** s_d(dose) = s_0 sigmoid(alpha ln(1 + dose) + gamma), dose in uM; s_0 where constant [eq. 16]. */
double scp_guidance_strength(const scp_guidance *gd, double dose);

/* The passes of the network that a guidance rule combines; weights sum to 1. */
enum { SCP_PASS_MAX = 4 };
typedef struct scp_pass {
    int32_t mask; /* 0 both, 1 no-pre, 2 no-drug, 3 neither */
    double weight;
} scp_pass;

/** Passes for one dose; those of weight 0 are left out unless the rule of another dose, the doubt
 * about new drugs, or the rescaling needs them: the masks and their order are the same for every
 * dose, mask 0 first where it is one of them. Returns their number. dual, anchor both   [eq. 15]:
 * (1 + s_p + s_d) both - s_p no-pre - s_d no-drug dual, anchor uncond [eq. 23]: (1 - s_p - s_d)
 * neither + s_p no-drug + s_d no-pre single: one strength s = s_p + s_d on the difference of both
 * and neither */
int scp_guidance_passes(const scp_guidance *gd, double dose, scp_pass pass[SCP_PASS_MAX]);

/** The weights of these n passes for a drug that training has not seen: (1 - doubt) of what they
 * give, and doubt of the prediction without the drug, the mean over drugs. Nothing changes where
 * gd->doubt is 0. */
void scp_guidance_doubt(const scp_guidance *gd, scp_pass *pass, int n);

/** The weighted sum of the passes, then the rescaling by gd->rescale, condition by condition.
 *  @param weight [n_pass, n]  @param out [n_pass, n, Dz] outputs of the network, pass after pass
 *  @param combined [n, Dz] owned by the caller */
void scp_guidance_combine(const scp_guidance *gd, size_t n_pass, size_t n, size_t Dz,
                          const double *weight, const double *out, double *combined);

#endif
