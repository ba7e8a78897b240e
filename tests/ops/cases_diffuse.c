/* Cases of FOUR_STATE, RAND_TIME, RAND_NORMAL, REPARAM and COMBINE_T. Drawn integers are seen
 * through the op that uses them: one different bit would be an error of the size of the values. */
#include "ops/cases.h"

enum { T = 50 };

static scp_node *four_state(scp_case_ctx *ctx, scp_graph *g)
{
    int64_t B = SCP_SIZE(ctx, 64, 256), D = SCP_SIZE(ctx, 3, 128);
    scp_node *mask = scp_four_state(g, "mask", B, 0.3, 0.5);
    scp_node *x = scp_case_param(ctx, g, "x", SCP_SHAPE(B, D), 1);
    x = scp_mask_select(g, x, scp_case_param(ctx, g, "no_pre", SCP_SHAPE(D), 1), mask, 1);
    return scp_mask_select(g, x, scp_case_param(ctx, g, "no_drug", SCP_SHAPE(D), 1), mask, 2);
}

/* Enough rows for the threads to share the drawing. */
static scp_node *four_state_threads(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x = scp_case_param(ctx, g, "x", SCP_SHAPE(1200, 1), 1);
    scp_node *none = scp_case_param(ctx, g, "no_drug", SCP_SHAPE(1), 1);
    return scp_mask_select(g, x, none, scp_four_state(g, "mask", 1200, 0.1, 0.1), 2);
}

static scp_node *combine(scp_case_ctx *ctx, scp_graph *g, int64_t B, int64_t D, scp_node *t)
{
    scp_node *a = scp_case_param(ctx, g, "a", SCP_SHAPE(B, D), 1);
    scp_node *b = scp_case_param(ctx, g, "b", SCP_SHAPE(B, D), 1);
    scp_node *ca = scp_case_reals(ctx, g, "ca", SCP_SHAPE(T));
    return scp_combine_t(g, a, b, t, ca, scp_case_reals(ctx, g, "cb", SCP_SHAPE(T)));
}

static scp_node *rand_time(scp_case_ctx *ctx, scp_graph *g)
{
    return combine(ctx, g, 32, 1, scp_rand_time(g, "t", 32, T));
}

static scp_node *rand_time_threads(scp_case_ctx *ctx, scp_graph *g)
{
    return combine(ctx, g, 1200, 1, scp_rand_time(g, "t", 1200, T));
}

static scp_node *combine_t(scp_case_ctx *ctx, scp_graph *g)
{
    int64_t B = SCP_SIZE(ctx, 6, 256);
    return combine(ctx, g, B, SCP_SIZE(ctx, 5, 128), scp_case_ints(ctx, g, "t", SCP_SHAPE(B), T));
}

static scp_node *combine_t_threads(scp_case_ctx *ctx, scp_graph *g)
{
    return combine(ctx, g, 300, 130, scp_case_ints(ctx, g, "t", SCP_SHAPE(300), T));
}

/* The same sample on both sides. */
static scp_node *combine_t_shared(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *a = scp_case_param(ctx, g, "a", SCP_SHAPE(4, 3), 1);
    scp_node *c = scp_case_reals(ctx, g, "c", SCP_SHAPE(T));
    return scp_combine_t(g, a, a, scp_case_ints(ctx, g, "t", SCP_SHAPE(4), T), c, c);
}

static scp_node *rand_normal(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_rand_normal(g, "eps", 4, SCP_SIZE(ctx, 3, 256), SCP_SIZE(ctx, 7, 128));
}

/* Wider than the piece that cpu draws at a time, and a width that is not a multiple of 4. */
static scp_node *rand_normal_wide(scp_case_ctx *ctx, scp_graph *g)
{
    (void)ctx;
    return scp_rand_normal(g, "eps", 4, 5, 601);
}

static scp_node *reparam_of(scp_case_ctx *ctx, scp_graph *g, int64_t B, int64_t D)
{
    scp_node *mu = scp_case_param(ctx, g, "mu", SCP_SHAPE(B, D), 1);
    scp_node *logvar = scp_case_param(ctx, g, "logvar", SCP_SHAPE(B, D), 1);
    return scp_reparam(g, mu, logvar, scp_rand_normal(g, "eps", 8, B, D));
}

static scp_node *reparam(scp_case_ctx *ctx, scp_graph *g)
{
    return reparam_of(ctx, g, SCP_SIZE(ctx, 3, 256), SCP_SIZE(ctx, 6, 128));
}

static scp_node *reparam_threads(scp_case_ctx *ctx, scp_graph *g)
{
    return reparam_of(ctx, g, 300, 130);
}

const scp_op_case scp_cases_diffuse[] = {
    { "four_state", four_state, 1e-7, 1e-6, 1e-6 },
    { "four_state_threads", four_state_threads, 1e-7, 1e-6, 1e-6 },
    { "rand_time", rand_time, 1e-6, 1e-6, 1e-6 },
    { "rand_time_threads", rand_time_threads, 1e-6, 1e-6, 1e-6 },
    { "rand_normal", rand_normal, 1e-7, 0, 0 },
    { "rand_normal_wide", rand_normal_wide, 1e-7, 0, 0 },
    { "reparam", reparam, 1e-6, 1e-6, 1e-6 },
    { "reparam_threads", reparam_threads, 1e-6, 1e-6, 1e-6 },
    { "combine_t", combine_t, 1e-6, 1e-6, 1e-6 },
    { "combine_t_threads", combine_t_threads, 1e-6, 1e-6, 1e-6 },
    { "combine_t_shared", combine_t_shared, 1e-6, 1e-6, 1e-6 },
    { NULL, NULL, 0, 0, 0 },
};
