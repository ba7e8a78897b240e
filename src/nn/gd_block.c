/* Guided Decomposable Attention: self-attention, cross-attention with the condition, FiLM,
 * LayerNorm [paper eq. 30-32]. */
#include "nn/nn.h"

/* Tokens of the batch [B, n, d]; and, where rows share times, one more of time [S, d] and the
 * number of the time that each row has, else NULL. */
typedef struct tokens {
    scp_node *own, *time, *row;
} tokens;

/* Layer `name` of all tokens of the batch, that of a time once a time. */
static scp_node *project(scp_graph *g, const char *name, const tokens *Y, int64_t d)
{
    scp_node *own = scp_nn_linear_nobias(g, name, Y->own, d);
    if (!Y->time || !own) return own;
    int64_t B = own->shape.d[0], n = own->shape.d[1];
    scp_node *part[] = { scp_reshape(g, own, SCP_SHAPE(B, n * d)),
                         scp_gather(g, scp_nn_linear_nobias(g, name, Y->time, d), Y->row) };
    return scp_reshape(g, scp_concat(g, 2, part), SCP_SHAPE(B, n + 1, d));
}

/* Multi-head attention of tokens X [B, M, d] over Y, with projections [eq. 30, 31]. */
static scp_node *attention(scp_graph *g, const char *name, scp_node *X, const tokens *Y, int heads)
{
    if (!X || !Y->own) return NULL;
    int64_t d = scp_shape_last(&X->shape);
    scp_scope_push(g, "%s", name);
    scp_node *q = scp_nn_linear_nobias(g, "q", X, d);
    scp_node *k = project(g, "k", Y, d);
    scp_node *v = project(g, "v", Y, d);
    scp_node *out = scp_nn_linear_nobias(g, "o", scp_attn(g, q, k, v, heads), d);
    scp_scope_pop(g);
    return out;
}

/* The condition as tokens: of (pre, drug, fused, time), or of `fused` alone. */
static tokens condition_tokens(scp_graph *g, const scp_gd_cond *cond, bool all, int64_t d)
{
    scp_node *fused = scp_nn_linear(g, "u_fused", cond->fused, d);
    if (!fused) return (tokens){ NULL };
    int64_t B = fused->shape.d[0];
    if (!all) return (tokens){ .own = scp_reshape(g, fused, SCP_SHAPE(B, 1, d)) };
    scp_node *u[] = { scp_nn_linear(g, "u_pre", cond->pre, d),
                      scp_nn_linear(g, "u_drug", cond->drug, d), fused,
                      scp_nn_linear(g, "u_time", cond->time, d) };
    const int n = cond->time_row ? 3 : 4;
    return (tokens){ .own = scp_reshape(g, scp_concat(g, n, u), SCP_SHAPE(B, n, d)),
                     .time = cond->time_row ? u[3] : NULL,
                     .row = cond->time_row };
}

static scp_node *film_ln(scp_graph *g, scp_node *H, scp_node *C, scp_node *gamma, scp_node *beta,
                         int64_t d)
{
    scp_node *gain = scp_param(g, "out_gain", SCP_SHAPE(d), (scp_init){ SCP_INIT_CONST, 1 });
    scp_node *bias = scp_param(g, "out_bias", SCP_SHAPE(d), (scp_init){ SCP_INIT_CONST, 0 });
    return scp_film_ln(g, H, C, gamma, beta, gain, bias, 1e-5);
}

static scp_node *residual(scp_graph *g, scp_node *H, const scp_gd_cond *cond,
                          const scp_gd_config *cfg, int64_t d)
{
    scp_node *N = scp_nn_layernorm(g, "ln_self", H);
    scp_node *S = attention(g, "self", N, &(tokens){ .own = N }, cfg->heads);
    scp_node *H1 = scp_add(g, H, scp_dropout(g, "drop_self", S, cfg->dropout));
    if (cfg->mode == SCP_GD_SELF) return scp_nn_layernorm(g, "ln_out", H1);
    const tokens K = condition_tokens(g, cond, true, d);
    scp_node *C = attention(g, "cross", scp_nn_layernorm(g, "ln_cross", H1), &K, cfg->heads);
    C = scp_dropout(g, "drop_cross", C, cfg->dropout);
    scp_node *gamma = scp_nn_linear_zero(g, "gamma", cond->fused, d);
    scp_node *beta = scp_nn_linear_zero(g, "beta", cond->fused, d);
    return film_ln(g, scp_add(g, H1, C), C, gamma, beta, d);
}

static scp_node *literal(scp_graph *g, scp_node *H, const scp_gd_cond *cond,
                         const scp_gd_config *cfg, int64_t d)
{
    scp_node *Ht = attention(g, "self", H, &(tokens){ .own = H }, cfg->heads);
    const tokens K = condition_tokens(g, cond, false, d);
    scp_node *C = attention(g, "cross", Ht, &K, cfg->heads);
    scp_node *gamma = scp_nn_linear(g, "gamma", cond->fused, d);
    scp_node *beta = scp_nn_linear(g, "beta", cond->fused, d);
    return film_ln(g, H, C, gamma, beta, d);
}

scp_node *scp_nn_gd_block(scp_graph *g, const char *name, scp_node *H, const scp_gd_cond *cond,
                          const scp_gd_config *cfg)
{
    if (!H) return NULL;
    int64_t d = scp_shape_last(&H->shape);
    scp_scope_push(g, "%s", name);
    scp_node *out =
        cfg->mode == SCP_GD_LITERAL ? literal(g, H, cond, cfg, d) : residual(g, H, cond, cfg, d);
    scp_scope_pop(g);
    return out;
}
