/* Cases of FILM, FILM_LN and MASK_SELECT. */
#include "ops/cases.h"

static scp_node *film_of(scp_case_ctx *ctx, scp_graph *g, int64_t B, int64_t D)
{
    scp_node *z = scp_case_param(ctx, g, "z", SCP_SHAPE(B, D), 1);
    scp_node *gamma = scp_case_param(ctx, g, "gamma", SCP_SHAPE(B, D), 1);
    return scp_film(g, z, gamma, scp_case_param(ctx, g, "beta", SCP_SHAPE(B, D), 1));
}

static scp_node *film(scp_case_ctx *ctx, scp_graph *g)
{
    return film_of(ctx, g, SCP_SIZE(ctx, 3, 256), SCP_SIZE(ctx, 7, 128));
}

static scp_node *film_threads(scp_case_ctx *ctx, scp_graph *g)
{
    return film_of(ctx, g, 300, 130);
}

/* z + z^2 + z: all three gradients go to one node. */
static scp_node *film_shared(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *z = scp_case_param(ctx, g, "z", SCP_SHAPE(3, 5), 1);
    return scp_film(g, z, z, z);
}

static scp_node *film_ln_of(scp_case_ctx *ctx, scp_graph *g, int64_t B, int64_t M, int64_t D)
{
    scp_node *H = scp_case_param(ctx, g, "H", SCP_SHAPE(B, M, D), 1);
    scp_node *Hhat = scp_case_param(ctx, g, "Hhat", SCP_SHAPE(B, M, D), 1);
    scp_node *gamma = scp_case_param(ctx, g, "gamma", SCP_SHAPE(B, D), 0.5);
    scp_node *beta = scp_case_param(ctx, g, "beta", SCP_SHAPE(B, D), 0.5);
    scp_node *gain = scp_case_param(ctx, g, "gain", SCP_SHAPE(D), 1);
    return scp_film_ln(g, H, Hhat, gamma, beta, gain,
                       scp_case_param(ctx, g, "bias", SCP_SHAPE(D), 1), 1e-5);
}

static scp_node *film_ln(scp_case_ctx *ctx, scp_graph *g)
{
    return film_ln_of(ctx, g, SCP_SIZE(ctx, 2, 256), SCP_SIZE(ctx, 3, 8), SCP_SIZE(ctx, 8, 128));
}

static scp_node *film_ln_odd(scp_case_ctx *ctx, scp_graph *g)
{
    return film_ln_of(ctx, g, 3, 2, 19);
}

/* Wider than the piece that the backward pass keeps on the stack. */
static scp_node *film_ln_wide(scp_case_ctx *ctx, scp_graph *g)
{
    return film_ln_of(ctx, g, 2, 2, 530);
}

/* The product's width, and one that no register holds. */
static scp_node *film_ln_256(scp_case_ctx *ctx, scp_graph *g)
{
    return film_ln_of(ctx, g, 2, 2, 256);
}

static scp_node *film_ln_516(scp_case_ctx *ctx, scp_graph *g)
{
    return film_ln_of(ctx, g, 2, 2, 516);
}

static scp_node *film_ln_threads(scp_case_ctx *ctx, scp_graph *g)
{
    return film_ln_of(ctx, g, 40, 8, 128);
}

/* H = Hhat and gamma = beta: gradients that add to what the same call wrote. */
static scp_node *film_ln_shared(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *H = scp_case_param(ctx, g, "H", SCP_SHAPE(2, 3, 6), 1);
    scp_node *gamma = scp_case_param(ctx, g, "gamma", SCP_SHAPE(2, 6), 1);
    scp_node *gain = scp_case_param(ctx, g, "gain", SCP_SHAPE(6), 1);
    return scp_film_ln(g, H, H, gamma, gamma, gain, gain, 1e-5);
}

static scp_node *masked(scp_case_ctx *ctx, scp_graph *g, int64_t B, int64_t D, int bit)
{
    scp_node *x = scp_case_param(ctx, g, "x", SCP_SHAPE(B, D), 1);
    scp_node *null_row = scp_case_param(ctx, g, "null", SCP_SHAPE(D), 1);
    return scp_mask_select(g, x, null_row, scp_case_ints(ctx, g, "mask", SCP_SHAPE(B), 4), bit);
}

static scp_node *mask_pre(scp_case_ctx *ctx, scp_graph *g)
{
    return masked(ctx, g, SCP_SIZE(ctx, 9, 256), SCP_SIZE(ctx, 5, 128), 1);
}

static scp_node *mask_drug(scp_case_ctx *ctx, scp_graph *g)
{
    return masked(ctx, g, 300, 130, 2);
}

const scp_op_case scp_cases_film[] = {
    { "film", film, 1e-6, 1e-6, 1e-6 },
    { "film_threads", film_threads, 1e-6, 1e-6, 1e-6 },
    { "film_shared", film_shared, 1e-6, 1e-6, 1e-6 },
    { "film_ln", film_ln, 1e-6, 2e-6, 1e-6 },
    { "film_ln_odd", film_ln_odd, 1e-6, 2e-6, 1e-6 },
    { "film_ln_wide", film_ln_wide, 1e-6, 2e-6, 1e-6 },
    { "film_ln_256", film_ln_256, 1e-6, 2e-6, 1e-6 },
    { "film_ln_516", film_ln_516, 1e-6, 2e-6, 1e-6 },
    { "film_ln_threads", film_ln_threads, 1e-6, 2e-6, 1e-6 },
    { "film_ln_shared", film_ln_shared, 1e-6, 2e-6, 1e-6 },
    { "mask_select_pre", mask_pre, 1e-7, 1e-6, 1e-6 },
    { "mask_select_drug", mask_drug, 1e-7, 1e-6, 1e-6 },
    { NULL, NULL, 0, 0, 0 },
};
