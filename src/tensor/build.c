/* Builders: one thin function per op, see graph.h and op.h. */
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "tensor/graph_add.h"

/* NODE(OP, in...): a draft with its inputs. */
#define NODE(o, ...)                                                                               \
    {                                                                                              \
        .op = SCP_OP_##o,                                                                          \
        .n_in = (int)(sizeof((scp_node *[]){ __VA_ARGS__ }) / sizeof(scp_node *)), .in = {         \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static scp_node *add(scp_graph *g, scp_node draft)
{
    return scp_graph_add(g, &draft, scp_op_table[draft.op].name);
}

static scp_node *leaf(scp_graph *g, scp_op op, const char *name, scp_dtype type, scp_shape shape)
{
    scp_node draft = { .op = op, .dtype = type, .shape = shape };
    return scp_graph_add(g, &draft, name);
}

scp_node *scp_input(scp_graph *g, const char *name, scp_dtype type, scp_shape shape)
{
    return leaf(g, SCP_OP_INPUT, name, type, shape);
}

scp_node *scp_resident(scp_graph *g, const char *name, scp_dtype type, scp_shape shape)
{
    return leaf(g, SCP_OP_TABLE, name, type, shape);
}

static scp_node *stored(scp_graph *g, const char *name, scp_shape shape, scp_init init, bool state)
{
    char full[256];
    size_t index;
    scp_status st = scp_graph_status(g);
    if (st != SCP_OK) return NULL;
    st = scp_graph_scoped_name(g, name, full, sizeof full);
    if (st == SCP_OK) st = scp_params_add(scp_graph_params(g), full, &shape, init, state, &index);
    if (st != SCP_OK) {
        scp_graph_fail(g, st);
        return NULL;
    }
    scp_node *known = scp_graph_find_param(g, index);
    if (known) return known;
    scp_node draft = { .op = SCP_OP_PARAM, .shape = shape, .param = index, .needs_grad = !state };
    return scp_graph_add(g, &draft, name);
}

scp_node *scp_param(scp_graph *g, const char *name, scp_shape shape, scp_init init)
{
    return stored(g, name, shape, init, false);
}

scp_node *scp_state(scp_graph *g, const char *name, scp_shape shape, scp_init init)
{
    return stored(g, name, shape, init, true);
}

scp_node *scp_steady(scp_graph *g, scp_node *leaf)
{
    if (leaf && leaf->op != SCP_OP_INPUT && leaf->op != SCP_OP_TABLE)
        scp_graph_fail(g, scp_err_raise(SCP_EINTERNAL, __FILE__, __LINE__, NULL,
                                        "'%s' is neither an input nor a table", leaf->name));
    if (leaf) leaf->steady = true;
    return leaf;
}

scp_node *scp_exact(scp_graph *g, scp_node *x)
{
    (void)g;
    if (x) x->exact = true;
    return x;
}

scp_node *scp_output(scp_graph *g, scp_node *x)
{
    (void)g;
    if (x) x->output = true;
    return x;
}

scp_node *scp_reshape(scp_graph *g, scp_node *x, scp_shape shape)
{
    scp_node draft = NODE(RESHAPE, x);
    draft.shape = shape;
    return add(g, draft);
}

scp_node *scp_linear(scp_graph *g, scp_node *x, scp_node *W, scp_node *b)
{
    scp_node draft = NODE(LINEAR, x, W, b);
    if (!b) draft.n_in = 2;
    return add(g, draft);
}

scp_node *scp_matmul_t(scp_graph *g, scp_node *x, scp_node *W)
{
    return add(g, (scp_node)NODE(LINEAR, x, W));
}

scp_node *scp_add(scp_graph *g, scp_node *a, scp_node *b)
{
    return add(g, (scp_node)NODE(ADD, a, b));
}

scp_node *scp_sub(scp_graph *g, scp_node *a, scp_node *b)
{
    return add(g, (scp_node)NODE(SUB, a, b));
}

scp_node *scp_mul(scp_graph *g, scp_node *a, scp_node *b)
{
    return add(g, (scp_node)NODE(MUL, a, b));
}

scp_node *scp_scale(scp_graph *g, scp_node *x, double factor)
{
    scp_node draft = NODE(SCALE, x);
    draft.attr.scale = factor;
    return add(g, draft);
}

scp_node *scp_act_fn(scp_graph *g, scp_node *x, scp_act kind)
{
    scp_node draft = NODE(ACT, x);
    draft.attr.act.kind = kind;
    return add(g, draft);
}

scp_node *scp_leaky_relu(scp_graph *g, scp_node *x, double slope)
{
    scp_node draft = NODE(ACT, x);
    draft.attr.act.kind = SCP_ACT_LEAKY_RELU;
    draft.attr.act.slope = slope;
    return add(g, draft);
}

scp_node *scp_prelu(scp_graph *g, scp_node *x, scp_node *slope)
{
    return add(g, (scp_node)NODE(PRELU, x, slope));
}

scp_node *scp_clamp(scp_graph *g, scp_node *x, double lo, double hi)
{
    scp_node draft = NODE(CLAMP, x);
    draft.attr.clamp.lo = lo;
    draft.attr.clamp.hi = hi;
    return add(g, draft);
}

/* The stream of a random node: purpose in the low byte, its scoped name in the high ones, so that a
 * draw depends neither on other nodes nor on the order of building. */
static uint32_t stream(const scp_graph *g, const char *name, uint32_t purpose)
{
    char full[256] = "";
    if (scp_graph_scoped_name(g, name, full, sizeof full) != SCP_OK) return purpose;
    return purpose | (uint32_t)(scp_hash_text(full, 0) << 8);
}

scp_node *scp_dropout(scp_graph *g, const char *name, scp_node *x, double p)
{
    scp_node draft = NODE(DROPOUT, x);
    if (p == 0) return x;
    draft.attr.random.p = p;
    draft.attr.random.stream = stream(g, name, SCP_RNG_DROPOUT);
    return scp_graph_add(g, &draft, name);
}

scp_node *scp_concat(scp_graph *g, int n, scp_node *const *x)
{
    scp_node draft = { .op = SCP_OP_CONCAT, .n_in = n };
    for (int i = 0; i < n && i < SCP_MAX_IN; i++) draft.in[i] = x[i];
    return add(g, draft);
}

scp_node *scp_slice(scp_graph *g, scp_node *x, int64_t begin, int64_t len)
{
    scp_node draft = NODE(SLICE, x);
    draft.attr.slice.begin = begin;
    draft.attr.slice.len = len;
    return add(g, draft);
}

scp_node *scp_gather(scp_graph *g, scp_node *table, scp_node *idx)
{
    return add(g, (scp_node)NODE(GATHER, table, idx));
}

scp_node *scp_gather_dir(scp_graph *g, scp_node *x, scp_node *post, scp_node *pre)
{
    return add(g, (scp_node)NODE(GATHER_DIR, x, post, pre));
}

scp_node *scp_layernorm(scp_graph *g, scp_node *x, scp_node *gain, scp_node *bias, double eps)
{
    scp_node draft = NODE(LAYERNORM, x, gain, bias);
    draft.attr.norm.eps = eps;
    return add(g, draft);
}

scp_node *scp_unit(scp_graph *g, scp_node *x)
{
    return add(g, (scp_node)NODE(UNIT, x));
}

scp_node *scp_batchnorm(scp_graph *g, scp_node *x, scp_node *gain, scp_node *bias, scp_node *mean,
                        scp_node *var, double eps, double momentum)
{
    scp_node draft = NODE(BATCHNORM, x, gain, bias, mean, var);
    draft.attr.norm.eps = eps;
    draft.attr.norm.momentum = momentum;
    return add(g, draft);
}

scp_node *scp_attn(scp_graph *g, scp_node *q, scp_node *k, scp_node *v, int heads)
{
    scp_node draft = NODE(ATTN, q, k, v);
    draft.attr.heads = heads;
    return add(g, draft);
}

scp_node *scp_film(scp_graph *g, scp_node *z, scp_node *gamma, scp_node *beta)
{
    return add(g, (scp_node)NODE(FILM, z, gamma, beta));
}

scp_node *scp_film_ln(scp_graph *g, scp_node *H, scp_node *Hhat, scp_node *gamma, scp_node *beta,
                      scp_node *ln_gain, scp_node *ln_bias, double eps)
{
    scp_node draft = NODE(FILM_LN, H, Hhat, gamma, beta, ln_gain, ln_bias);
    draft.attr.norm.eps = eps;
    return add(g, draft);
}

scp_node *scp_mask_select(scp_graph *g, scp_node *x, scp_node *null_row, scp_node *mask, int bit)
{
    scp_node draft = NODE(MASK_SELECT, x, null_row, mask);
    draft.attr.mask.bit = bit;
    return add(g, draft);
}

scp_node *scp_four_state(scp_graph *g, const char *name, int64_t B, double p_pre, double p_drug)
{
    scp_node draft = { .op = SCP_OP_FOUR_STATE, .shape = SCP_SHAPE(B) };
    draft.attr.random.p = p_pre;
    draft.attr.random.p2 = p_drug;
    draft.attr.random.stream = stream(g, name, SCP_RNG_FOUR_STATE);
    return scp_graph_add(g, &draft, name);
}

scp_node *scp_rand_time(scp_graph *g, const char *name, int64_t B, int64_t T)
{
    scp_node draft = { .op = SCP_OP_RAND_TIME, .shape = SCP_SHAPE(B) };
    draft.attr.random.T = T;
    draft.attr.random.stream = stream(g, name, SCP_RNG_TIMESTEP);
    return scp_graph_add(g, &draft, name);
}

scp_node *scp_rand_normal(scp_graph *g, const char *name, uint32_t purpose, int64_t B, int64_t D)
{
    scp_node draft = { .op = SCP_OP_RAND_NORMAL, .shape = SCP_SHAPE(B, D) };
    draft.attr.random.stream = stream(g, name, purpose);
    return scp_graph_add(g, &draft, name);
}

scp_node *scp_reparam(scp_graph *g, scp_node *mu, scp_node *logvar, scp_node *eps)
{
    return add(g, (scp_node)NODE(REPARAM, mu, logvar, eps));
}

scp_node *scp_combine_t(scp_graph *g, scp_node *a, scp_node *b, scp_node *t, scp_node *ca,
                        scp_node *cb)
{
    return add(g, (scp_node)NODE(COMBINE_T, a, b, t, ca, cb));
}

scp_node *scp_mse(scp_graph *g, scp_node *a, scp_node *b)
{
    return add(g, (scp_node)NODE(MSE, a, b));
}

scp_node *scp_kl(scp_graph *g, scp_node *mu, scp_node *logvar)
{
    return add(g, (scp_node)NODE(KL, mu, logvar));
}

scp_node *scp_align(scp_graph *g, scp_node *z, scp_node *p, scp_node *M)
{
    return add(g, (scp_node)NODE(ALIGN, z, p, M));
}

scp_node *scp_info_nce(scp_graph *g, scp_node *z, scp_node *p, scp_node *n, scp_node *M,
                       scp_node *key, scp_node *nkey, double tau)
{
    scp_node draft = NODE(INFO_NCE, z, p, n, M, key, nkey);
    draft.attr.nce.tau = tau;
    return add(g, draft);
}

scp_node *scp_loss_sum(scp_graph *g, int n, scp_node *const *loss, scp_node *weights)
{
    scp_node draft = { .op = SCP_OP_LOSS_SUM, .n_in = n + 1 };
    for (int i = 0; i < n && i + 1 < SCP_MAX_IN; i++) draft.in[i] = loss[i];
    if (n + 1 <= SCP_MAX_IN) draft.in[n] = weights;
    return add(g, draft);
}
