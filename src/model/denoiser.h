/* The conditional denoiser [paper 3.2, App. G]: drug and state are encoded and fused into a
 * condition, which GD-Attn injects into a U-shaped network over the noisy latent. Host-only, not
 * collective.
 *
 * Letters: B rows, Dz latent, M tokens of width d (M d = Dz). */
#ifndef SCP_MODEL_DENOISER_H
#define SCP_MODEL_DENOISER_H

#include "conf/option.h"
#include "nn/nn.h"

typedef enum scp_inject {
    SCP_INJECT_GD,
    SCP_INJECT_NONE,
    SCP_INJECT_CONCAT_MLP,
    SCP_INJECT_CONCAT_ATTN
} scp_inject;
typedef enum scp_drug_encoder { SCP_DRUG_MORGAN, SCP_DRUG_ID } scp_drug_encoder;

/* What stands in for a channel that is dropped. */
typedef enum scp_null { SCP_NULL_LEARNED, SCP_NULL_ZERO } scp_null;

enum { SCP_DOSE_CODE = 32 }; /* length of the dose encoding e_dose */

typedef struct scp_denoiser_config {
    scp_int_list widths;      /* U-shaped path, down to Dz                                        */
    int64_t time_dim;         /* width of the time code and its MLP                               */
    int64_t tokens, heads;
    int64_t blocks;           /* GD-Attn blocks at the input, and as many at the bottleneck       */
    double dropout;
    int block_mode;           /* residual | literal: scp_gd_mode                                  */
    int inject;               /* scp_inject: gd, or an ablation                                   */
    int drug_encoder;         /* scp_drug_encoder                                                 */
    int null;                 /* scp_null                                                         */
    scp_int_list drug_hidden; /* DrugMapper between 1024 and drug_dim                             */
    int64_t drug_dim, cond_dim, film_hidden;
} scp_denoiser_config;

extern const scp_option scp_denoiser_options[];

/** Settings that cannot work together are SCP_EUSAGE (Dz not divisible by tokens, heads, ...). */
scp_status scp_denoiser_check(const scp_denoiser_config *cfg, int64_t Dz) SCP_MUST_USE;

/** e_dose of a dose in uM: [x, sin(w_j x), cos(w_j x) (15 w_j, geometric from 0.25 to 4), is_zero],
 *  x = log10(dose / 0.5), -3 at dose 0. out [SCP_DOSE_CODE]. Pure. */
void scp_dose_code(double dose, double *out);

/** Time code of step t: [cos(t f_i) ; sin(t f_i)], f_i = exp(-ln(10000) i / half). out [dim].
 *  Pure. */
void scp_time_code(double t, int64_t dim, double *out);

/* What the condition is made of. */
typedef struct scp_cond_in {
    scp_node *z_pre;     /* [B, Dz] standardised latent of the control */
    scp_node *drugs;     /* table: fingerprints [n_drugs, 1024] U8 */
    scp_node *drug;      /* [B] I32 */
    scp_node *dose_code; /* [B, SCP_DOSE_CODE] */
    scp_node *mask;      /* [B] I32: bit 1 drops the state, bit 2 the drug [paper eq. 8] */
} scp_cond_in;

/* The condition: what the denoiser needs beside z_t and t. */
typedef struct scp_cond {
    scp_node *z_drug;              /* [B, drug_dim] dose-fused drug vector, never masked [eq. 6] */
    scp_node *pre, *drug, *fused;  /* [B, Dz], [B, drug_dim], [B, cond_dim] after masking [eq. 7] */
} scp_cond;

/** Encode drug and dose, mask, fuse. n_drugs sizes the embedding of the Drug-ID ablation. */
void scp_cond_build(scp_graph *g, const scp_denoiser_config *cfg, int64_t n_drugs,
                    const scp_cond_in *in, scp_cond *out);

/* The time: a code for every row (code [B, time_dim]); or, in a sampler, where all rows are at one
 * time, a table of codes and which of them it is: what is made of the table alone is then the same
 * at every step. */
typedef struct scp_time_in {
    scp_node *code; /* [B, time_dim], or [S, time_dim] with row and one             */
    scp_node *row;  /* [B] I32, the row of the table for every row of the batch; or NULL */
    scp_node *one;  /* [1] I32, the same number; or NULL                            */
} scp_time_in;

/** One evaluation of the network: z_t [B, Dz] -> eps or v [B, Dz]. */
scp_node *scp_denoiser_build(scp_graph *g, const scp_denoiser_config *cfg, scp_node *z_t,
                             const scp_time_in *time, const scp_cond *cond);

#endif
