/* Cases of LINEAR and RESHAPE. */
#include "ops/cases.h"

static scp_node *with_bias(scp_case_ctx *ctx, scp_graph *g)
{
    int64_t B = SCP_SIZE(ctx, 5, 256), I = SCP_SIZE(ctx, 7, 1024), O = SCP_SIZE(ctx, 3, 512);
    return scp_linear(g, scp_case_param(ctx, g, "x", SCP_SHAPE(B, I), 1),
                      scp_case_param(ctx, g, "W", SCP_SHAPE(O, I), 1),
                      scp_case_param(ctx, g, "b", SCP_SHAPE(O), 1));
}

static scp_node *tokens_no_bias(scp_case_ctx *ctx, scp_graph *g)
{
    int64_t B = SCP_SIZE(ctx, 3, 256);
    scp_node *x = scp_case_param(ctx, g, "x", SCP_SHAPE(B, 4, 16), 1);
    return scp_matmul_t(g, x, scp_case_param(ctx, g, "W", SCP_SHAPE(48, 16), 1));
}

/* W W^T: one node as both inputs, so its gradient is written twice. */
static scp_node *gram(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *W =
        scp_case_param(ctx, g, "W", SCP_SHAPE(SCP_SIZE(ctx, 6, 128), SCP_SIZE(ctx, 9, 2000)), 1);
    return scp_matmul_t(g, W, W);
}

/* A value used twice and through a view: gradients add up. */
static scp_node *shared(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x = scp_case_param(ctx, g, "x", SCP_SHAPE(4, 6), 1);
    scp_node *h = scp_linear(g, x, scp_case_param(ctx, g, "W1", SCP_SHAPE(6, 6), 1), NULL);
    scp_node *k = scp_matmul_t(g, scp_reshape(g, h, SCP_SHAPE(8, 3)),
                               scp_case_param(ctx, g, "W2", SCP_SHAPE(3, 3), 1));
    return scp_matmul_t(g, scp_reshape(g, k, SCP_SHAPE(4, 6)), h);
}

const scp_op_case scp_cases_linear[] = {
    { "linear_bias", with_bias, 1e-5, 1e-5, 1e-6 },
    { "linear_tokens", tokens_no_bias, 1e-5, 1e-5, 1e-6 },
    { "linear_gram", gram, 1e-5, 1e-5, 1e-6 },
    { "linear_shared", shared, 1e-5, 1e-5, 1e-6 },
    { NULL, NULL, 0, 0, 0 },
};
