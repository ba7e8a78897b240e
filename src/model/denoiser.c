/* The denoiser network: scDiffusion's U-shaped path with residual GD-Attn stacks at its input and
 * bottleneck (doc/decisions.md). Time enters every block of the path. */
#include "model/denoiser.h"

#include <stdio.h>

enum { MAX_DEPTH = 16 }; /* widths of the path */

const scp_option scp_denoiser_options[] = {
    { "model.widths", NULL, SCP_OPT_INTS, offsetof(scp_denoiser_config, widths), "512,512,256,128",
      1, 65536, NULL, NULL,
      "Widths of the U-shaped path; the last is the bottleneck and must equal the latent "
      "dimension.",
      "scDiffusion" },
    { "model.time_dim", NULL, SCP_OPT_INT, offsetof(scp_denoiser_config, time_dim), "512", 2, 65536,
      NULL, NULL, "Width of the time code and of its MLP.", "scDiffusion" },
    { "model.tokens", NULL, SCP_OPT_INT, offsetof(scp_denoiser_config, tokens), "8", 1, 4096, NULL,
      NULL, "Tokens M of the latent; their width is D_z / M.", NULL },
    { "model.heads", NULL, SCP_OPT_INT, offsetof(scp_denoiser_config, heads), "2", 1, 4096, NULL,
      NULL, "Attention heads; must divide the token width.", NULL },
    { "model.blocks", NULL, SCP_OPT_INT, offsetof(scp_denoiser_config, blocks), "2", 0, 64, NULL,
      NULL, "GD-Attn blocks on the input tokens, and as many at the bottleneck.", NULL },
    { "model.dropout", NULL, SCP_OPT_REAL, offsetof(scp_denoiser_config, dropout), "0.15", 0, 0.99,
      NULL, NULL, "Dropout of the network.", "paper App. D" },
    { "model.block_mode", NULL, SCP_OPT_ENUM, offsetof(scp_denoiser_config, block_mode), "residual",
      0, 0, "residual|literal", NULL,
      "GD-Attn with residual self-attention, or equations 30-32 as printed.", NULL },
    { "model.inject", NULL, SCP_OPT_ENUM, offsetof(scp_denoiser_config, inject), "gd", 0, 0,
      "gd|none|concat_mlp|concat_attn", NULL,
      "How the condition enters: GD-Attn, or ablation A (none), B (concat_mlp), F (concat_attn).",
      "paper App. F" },
    { "model.drug_encoder", NULL, SCP_OPT_ENUM, offsetof(scp_denoiser_config, drug_encoder),
      "morgan", 0, 0, "morgan|id", NULL,
      "Drug vector from the structure, or an embedding of its number (ablation C).",
      "paper eq. 5" },
    { "model.null", NULL, SCP_OPT_ENUM, offsetof(scp_denoiser_config, null), "learned", 0, 0,
      "learned|zero", NULL,
      "What stands in for a dropped channel: a learned vector, or zeros (which after "
      "standardisation is the average cell).",
      NULL },
    { "model.drug_hidden", NULL, SCP_OPT_INTS, offsetof(scp_denoiser_config, drug_hidden),
      "512,256", 1, 65536, NULL, NULL, "Hidden widths of the DrugMapper.", "paper App. D" },
    { "model.drug_dim", NULL, SCP_OPT_INT, offsetof(scp_denoiser_config, drug_dim), "128", 1, 65536,
      NULL, NULL, "Width of the drug vector.", "paper App. D" },
    { "model.cond_dim", NULL, SCP_OPT_INT, offsetof(scp_denoiser_config, cond_dim), "128", 1, 65536,
      NULL, NULL, "Width of the fused condition.", NULL },
    { "model.film_hidden", NULL, SCP_OPT_INT, offsetof(scp_denoiser_config, film_hidden), "128", 1,
      65536, NULL, NULL, "Hidden width of the dose FiLM.", "paper App. D" },
    { 0 },
};

scp_status scp_denoiser_check(const scp_denoiser_config *cfg, int64_t Dz)
{
    if (cfg->widths.n < 2 || cfg->widths.n > MAX_DEPTH || cfg->widths.v[cfg->widths.n - 1] != Dz)
        SCP_FAIL(SCP_EUSAGE,
                 "model.widths needs 2 to %d values and must end with vae.latent (%lld)", MAX_DEPTH,
                 (long long)Dz);
    if (Dz % cfg->tokens)
        SCP_FAIL(SCP_EUSAGE, "model.tokens (%lld) must divide vae.latent (%lld)",
                 (long long)cfg->tokens, (long long)Dz);
    if (Dz / cfg->tokens % cfg->heads)
        SCP_FAIL(SCP_EUSAGE,
                 "model.heads (%lld) must divide the token width %lld (vae.latent / model.tokens)",
                 (long long)cfg->heads, (long long)(Dz / cfg->tokens));
    return SCP_OK;
}

/* GD-Attn blocks on a latent [B, Dz]: tokenise, blocks, detokenise [paper eq. 26-28]. The
 * Concat+Attn ablation puts the condition in front as one more token instead. */
static scp_node *gd_stack(scp_graph *g, const char *name, const scp_denoiser_config *cfg,
                          scp_node *z, const scp_gd_cond *cond)
{
    if (!z) return NULL;
    int64_t B = z->shape.d[0], Dz = z->shape.d[1], M = cfg->tokens, d = Dz / M;
    scp_gd_config gd = { .mode = cfg->block_mode ? SCP_GD_LITERAL : SCP_GD_RESIDUAL,
                         .heads = (int)cfg->heads,
                         .dropout = cfg->dropout };
    scp_scope_push(g, "%s", name);
    scp_node *y = scp_nn_linear(g, "tok", z, Dz);
    if (cfg->inject != SCP_INJECT_GD) gd.mode = SCP_GD_SELF;
    if (cfg->inject == SCP_INJECT_CONCAT_ATTN) {
        y = scp_concat(g, 2, (scp_node *[]){ y, scp_nn_linear(g, "cond_token", cond->fused, d) });
        M++;
    }
    scp_node *H = scp_reshape(g, y, SCP_SHAPE(B, M, d));
    for (int64_t i = 0; i < cfg->blocks; i++) {
        char block[32];
        snprintf(block, sizeof block, "block%lld", (long long)i);
        H = scp_nn_gd_block(g, block, H, cond, &gd);
    }
    y = scp_reshape(g, H, SCP_SHAPE(B, M * d));
    if (M != cfg->tokens) y = scp_slice(g, y, 0, Dz);
    y = scp_nn_linear(g, "det", y, Dz);
    scp_scope_pop(g);
    return y;
}

/* SiLU(LN(Linear x + Linear SiLU(e))), then dropout. */
static scp_node *path_block(scp_graph *g, const char *dir, size_t i, scp_node *x,
                            const scp_time_in *e, int64_t width, double dropout)
{
    scp_scope_push(g, "%s%zu", dir, i);
    scp_node *h = scp_nn_linear_pair(g, "x", x, "time", e->code, e->one, width);
    h = scp_dropout(g, "drop", scp_nn_silu(g, scp_nn_layernorm(g, "ln", h)), dropout);
    scp_scope_pop(g);
    return h;
}

static scp_node *time_mlp(scp_graph *g, scp_node *code, int64_t dim)
{
    scp_scope_push(g, "time_mlp");
    scp_node *e =
        scp_nn_linear(g, "out", scp_nn_silu(g, scp_nn_linear(g, "hidden", code, dim)), dim);
    scp_scope_pop(g);
    return e;
}

static scp_node *u_path(scp_graph *g, const scp_denoiser_config *cfg, scp_node *x,
                        const scp_time_in *e, const scp_gd_cond *cond, int64_t Dz)
{
    scp_node *kept[MAX_DEPTH] = { NULL };
    size_t depth = cfg->widths.n;
    const scp_time_in se = { .code = scp_nn_silu(g, e->code), .one = e->one };
    for (size_t i = 0; i < depth; i++)
        kept[i] = x = path_block(g, "down", i, x, &se, cfg->widths.v[i], cfg->dropout);
    if (cfg->blocks && cfg->inject != SCP_INJECT_CONCAT_MLP)
        x = scp_add(g, x, gd_stack(g, "gd_mid", cfg, x, cond));
    for (size_t i = depth - 1; i-- > 0;)
        x = scp_add(g, path_block(g, "up", i, x, &se, cfg->widths.v[i], cfg->dropout), kept[i]);
    scp_node *h = scp_nn_linear(g, "head", x, 2 * cfg->widths.v[0]);
    return scp_nn_linear(g, "out", scp_nn_silu(g, scp_nn_layernorm(g, "head_ln", h)), Dz);
}

scp_node *scp_denoiser_build(scp_graph *g, const scp_denoiser_config *cfg, scp_node *z_t,
                             const scp_time_in *time, const scp_cond *cond)
{
    if (!z_t) return NULL;
    int64_t Dz = scp_shape_last(&z_t->shape);
    scp_scope_push(g, "denoiser");
    const scp_time_in e = { time_mlp(g, time->code, cfg->time_dim), time->row, time->one };
    const scp_gd_cond gd = { .pre = cond->pre,
                             .drug = cond->drug,
                             .fused = cond->fused,
                             .time = e.code,
                             .time_row = e.row };
    scp_node *x = z_t;
    if (cfg->inject == SCP_INJECT_CONCAT_MLP)
        x = scp_concat(g, 2, (scp_node *[]){ z_t, cond->fused });
    else if (cfg->blocks)
        x = scp_add(g, z_t, gd_stack(g, "gd_in", cfg, z_t, &gd));
    scp_node *out = u_path(g, cfg, x, &e, &gd, Dz);
    scp_scope_pop(g);
    return out;
}
