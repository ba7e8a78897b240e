/* Drug, dose and state into the condition [paper eq. 3-8]. */
#include <math.h>
#include <stdio.h>

#include "io/dataset.h"
#include "model/denoiser.h"

enum { DOSE_WAVES = 15 };

void scp_dose_code(double dose, double *out)
{
    double x = dose > 0 ? log10(dose / 0.5) : -3;
    out[0] = x;
    for (int j = 0; j < DOSE_WAVES; j++) {
        double w = 0.25 * pow(16.0, j / (double)(DOSE_WAVES - 1));
        out[1 + 2 * j] = sin(w * x);
        out[2 + 2 * j] = cos(w * x);
    }
    out[SCP_DOSE_CODE - 1] = !(dose > 0);
}

void scp_time_code(double t, int64_t dim, double *out)
{
    int64_t half = dim / 2;
    for (int64_t i = 0; i < half; i++) {
        double freq = exp(-log(10000.0) * (double)i / (double)half);
        out[i] = cos(t * freq);
        out[half + i] = sin(t * freq);
    }
    if (dim % 2) out[dim - 1] = 0;
}

/* DrugMapper: fingerprint -> structure vector, dropout between the layers [eq. 5, App. D]. */
static scp_node *drug_mapper(scp_graph *g, const scp_denoiser_config *cfg, scp_node *x)
{
    char name[32];
    scp_scope_push(g, "drug_mapper");
    for (size_t i = 0; i < cfg->drug_hidden.n; i++) {
        snprintf(name, sizeof name, "linear%zu", i);
        x = scp_nn_silu(g, scp_nn_linear(g, name, x, cfg->drug_hidden.v[i]));
        snprintf(name, sizeof name, "drop%zu", i);
        x = scp_dropout(g, name, x, cfg->dropout);
    }
    x = scp_nn_linear(g, "out", x, cfg->drug_dim);
    scp_scope_pop(g);
    return x;
}

static scp_node *drug_vector(scp_graph *g, const scp_denoiser_config *cfg, int64_t n_drugs,
                             const scp_cond_in *in)
{
    if (cfg->drug_encoder == SCP_DRUG_MORGAN)
        return drug_mapper(g, cfg, scp_gather(g, in->drugs, in->drug));
    scp_node *table = scp_param(g, "drug_id", SCP_SHAPE(n_drugs, cfg->drug_dim),
                                (scp_init){ SCP_INIT_NORMAL, 1 });
    return scp_gather(g, table, in->drug);
}

/* Residual FiLM by the dose, the identity at the start [eq. 6]. */
static scp_node *dose_film(scp_graph *g, const scp_denoiser_config *cfg, scp_node *z,
                           scp_node *code)
{
    scp_scope_push(g, "dose_film");
    scp_node *h = scp_nn_silu(g, scp_nn_linear(g, "hidden", code, cfg->film_hidden));
    scp_node *gb = scp_nn_linear_zero(g, "out", h, 2 * cfg->drug_dim);
    scp_node *out = scp_film(g, z, scp_slice(g, gb, 0, cfg->drug_dim),
                             scp_slice(g, gb, cfg->drug_dim, cfg->drug_dim));
    scp_scope_pop(g);
    return out;
}

/* Rows whose mask has the bit are replaced by the null vector: a parameter, or zeros, which are
 * kept as a state so that a checkpoint says what it was. */
static scp_node *masked(scp_graph *g, const scp_denoiser_config *cfg, const char *null_name,
                        scp_node *x, scp_node *mask, int bit)
{
    if (!x) return NULL;
    const scp_shape shape = SCP_SHAPE(scp_shape_last(&x->shape));
    scp_node *null_row =
        cfg->null == SCP_NULL_ZERO
            ? scp_state(g, null_name, shape, (scp_init){ SCP_INIT_CONST, 0 })
            : scp_param(g, null_name, shape, (scp_init){ SCP_INIT_NORMAL, 0.02 });
    return scp_mask_select(g, x, null_row, mask, bit);
}

void scp_cond_build(scp_graph *g, const scp_denoiser_config *cfg, int64_t n_drugs,
                    const scp_cond_in *in, scp_cond *out)
{
    scp_scope_push(g, "cond");
    out->z_drug = dose_film(g, cfg, drug_vector(g, cfg, n_drugs, in), in->dose_code);
    out->pre = masked(g, cfg, "null_pre", in->z_pre, in->mask, 1);
    out->drug = masked(g, cfg, "null_drug", out->z_drug, in->mask, 2);
    scp_node *both = scp_concat(g, 2, (scp_node *[]){ out->pre, out->drug });
    scp_scope_push(g, "fuse");
    scp_node *h = scp_nn_silu(g, scp_nn_linear(g, "hidden", both, 2 * cfg->cond_dim));
    out->fused = scp_nn_linear(g, "out", h, cfg->cond_dim);
    scp_scope_pop(g);
    scp_scope_pop(g);
}
