/* Cases of LAYERNORM, UNIT and BATCHNORM. */
#include "ops/cases.h"

static scp_node *vector(scp_case_ctx *ctx, scp_graph *g, const char *name, int64_t D)
{
    return scp_case_param(ctx, g, name, SCP_SHAPE(D), 1);
}

static scp_node *layernorm(scp_case_ctx *ctx, scp_graph *g, scp_node *x)
{
    int64_t D = x ? scp_shape_last(&x->shape) : 1;
    return scp_layernorm(g, x, vector(ctx, g, "gain", D), vector(ctx, g, "bias", D), 1e-5);
}
static scp_node *layernorm_odd(scp_case_ctx *ctx, scp_graph *g)
{
    return layernorm(ctx, g, scp_case_param(ctx, g, "x", SCP_SHAPE(5, 7), 2));
}
static scp_node *layernorm_column(scp_case_ctx *ctx, scp_graph *g)
{
    return layernorm(ctx, g, scp_case_param(ctx, g, "x", SCP_SHAPE(6, 1), 2));
}
static scp_node *layernorm_row(scp_case_ctx *ctx, scp_graph *g)
{
    return layernorm(ctx, g, scp_case_param(ctx, g, "x", SCP_SHAPE(1, 33), 2));
}
static scp_node *layernorm_tokens(scp_case_ctx *ctx, scp_graph *g)
{
    return layernorm(ctx, g, scp_case_param(ctx, g, "x", SCP_SHAPE(3, 4, 16), 2));
}
static scp_node *layernorm_wide(scp_case_ctx *ctx, scp_graph *g)
{
    return layernorm(ctx, g,
                     scp_case_param(ctx, g, "x",
                                    SCP_SHAPE(SCP_SIZE(ctx, 259, 1024), SCP_SIZE(ctx, 131, 512)),
                                    2));
}
/* The ways of the CUDA kernels with vectors of 4 (src/backend/cuda/rows.cuh): up to 128 values by
 * one load a lane, up to 512 in registers, and more. */
#define ROWS_OF(D)                                                                            \
    static scp_node *layernorm_##D(scp_case_ctx *ctx, scp_graph *g)                                \
    {                                                                                              \
        return layernorm(ctx, g, scp_case_param(ctx, g, "x", SCP_SHAPE(3, D), 2));                 \
    }                                                                                              \
    static scp_node *unit_##D(scp_case_ctx *ctx, scp_graph *g)                                     \
    {                                                                                              \
        return scp_unit(g, scp_case_param(ctx, g, "x", SCP_SHAPE(3, D), 2));                       \
    }
ROWS_OF(20)
ROWS_OF(256)
ROWS_OF(260)
ROWS_OF(516)
ROWS_OF(1024)

/* Twice with one gain, bias and input: all three gradients add up. */
static scp_node *layernorm_shared(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x = scp_case_param(ctx, g, "x", SCP_SHAPE(5, 9), 2);
    return scp_add(g, layernorm(ctx, g, layernorm(ctx, g, x)), scp_mul(g, x, layernorm(ctx, g, x)));
}

static scp_node *unit_tokens(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_unit(g, scp_case_param(ctx, g, "x", SCP_SHAPE(3, 4, 7), 2));
}
static scp_node *unit_column(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_unit(g, scp_case_param(ctx, g, "x", SCP_SHAPE(6, 1), 2));
}
static scp_node *unit_wide(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_unit(g, scp_case_param(ctx, g, "x",
                                      SCP_SHAPE(SCP_SIZE(ctx, 259, 1024), SCP_SIZE(ctx, 131, 128)),
                                      2));
}
/* Twice, and beside its input: the gradients add up. */
static scp_node *unit_shared(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x = scp_case_param(ctx, g, "x", SCP_SHAPE(5, 9), 2), *y = scp_unit(g, x);
    return scp_add(g, scp_unit(g, scp_act_fn(g, y, SCP_ACT_TANH)), scp_mul(g, x, y));
}

static scp_node *batchnorm(scp_case_ctx *ctx, scp_graph *g, const char *states, scp_node *x)
{
    int64_t D = x ? scp_shape_last(&x->shape) : 1;
    scp_scope_push(g, "%s", states);
    scp_node *mean = scp_state(g, "mean", SCP_SHAPE(D), (scp_init){ SCP_INIT_CONST, 0 });
    scp_node *var = scp_state(g, "var", SCP_SHAPE(D), (scp_init){ SCP_INIT_CONST, 1 });
    scp_scope_pop(g);
    return scp_batchnorm(g, x, vector(ctx, g, "gain", D), vector(ctx, g, "bias", D), mean, var,
                         1e-5, 0.1);
}
static scp_node *batchnorm_odd(scp_case_ctx *ctx, scp_graph *g)
{
    return batchnorm(ctx, g, "bn", scp_case_param(ctx, g, "x", SCP_SHAPE(7, 5), 2));
}
static scp_node *batchnorm_column(scp_case_ctx *ctx, scp_graph *g)
{
    return batchnorm(ctx, g, "bn", scp_case_param(ctx, g, "x", SCP_SHAPE(4, 1), 2));
}
static scp_node *batchnorm_wide(scp_case_ctx *ctx, scp_graph *g)
{
    return batchnorm(ctx, g, "bn",
                     scp_case_param(ctx, g, "x",
                                    SCP_SHAPE(SCP_SIZE(ctx, 521, 1024), SCP_SIZE(ctx, 67, 512)),
                                    2));
}
static scp_node *batchnorm_shared(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x = scp_case_param(ctx, g, "x", SCP_SHAPE(6, 5), 2);
    scp_node *y =
        batchnorm(ctx, g, "second", scp_act_fn(g, batchnorm(ctx, g, "first", x), SCP_ACT_TANH));
    return scp_add(g, y, scp_mul(g, x, y));
}

const scp_op_case scp_cases_norm[] = {
    { "layernorm_odd", layernorm_odd, 5e-7, 1e-6, 1e-6 },
    { "layernorm_column", layernorm_column, 5e-7, 1e-6, 1e-6 },
    { "layernorm_row", layernorm_row, 5e-7, 1e-6, 1e-6 },
    { "layernorm_tokens", layernorm_tokens, 5e-7, 1e-6, 1e-6 },
    { "layernorm_wide", layernorm_wide, 5e-7, 1e-6, 1e-6 },
    { "layernorm_20", layernorm_20, 5e-7, 1e-6, 1e-6 },
    { "layernorm_256", layernorm_256, 5e-7, 1e-6, 1e-6 },
    { "layernorm_260", layernorm_260, 5e-7, 1e-6, 1e-6 },
    { "layernorm_516", layernorm_516, 5e-7, 1e-6, 1e-6 },
    { "layernorm_1024", layernorm_1024, 5e-7, 1e-6, 1e-6 },
    { "layernorm_shared", layernorm_shared, 1e-6, 1e-6, 1e-6 },
    { "unit_tokens", unit_tokens, 5e-7, 1e-6, 1e-6 },
    { "unit_column", unit_column, 5e-7, 1e-6, 1e-6 },
    { "unit_wide", unit_wide, 5e-7, 1e-6, 1e-6 },
    { "unit_20", unit_20, 5e-7, 1e-6, 1e-6 },
    { "unit_256", unit_256, 5e-7, 1e-6, 1e-6 },
    { "unit_260", unit_260, 5e-7, 1e-6, 1e-6 },
    { "unit_516", unit_516, 5e-7, 1e-6, 1e-6 },
    { "unit_1024", unit_1024, 5e-7, 1e-6, 1e-6 },
    { "unit_shared", unit_shared, 1e-6, 1e-6, 1e-6 },
    { "batchnorm_odd", batchnorm_odd, 5e-7, 1e-6, 1e-6 },
    { "batchnorm_column", batchnorm_column, 5e-7, 1e-6, 1e-6 },
    { "batchnorm_wide", batchnorm_wide, 5e-7, 1e-6, 1e-6 },
    { "batchnorm_shared", batchnorm_shared, 1e-6, 1e-6, 1e-6 },
    { NULL, NULL, 0, 0, 0 },
};
