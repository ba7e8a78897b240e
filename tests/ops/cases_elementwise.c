/* Cases of the element-wise operations and dropout, each on four shapes: odd sizes, one column, one
 * row, and enough elements for several threads and several parts of a sum. */
#include "ops/cases.h"

typedef struct dims {
    int64_t R, D;
} dims;

static scp_node *real(scp_case_ctx *ctx, scp_graph *g, const char *name, dims d)
{
    return scp_case_param(ctx, g, name, SCP_SHAPE(d.R, d.D), 1.5);
}

/* The four builders of an op from an expression in x, y (leaves of shape d) and d. */
#define SHAPES(op, expression)                                                                     \
    static scp_node *op(scp_case_ctx *ctx, scp_graph *g, dims d)                                   \
    {                                                                                              \
        scp_node *x = real(ctx, g, "x", d);                                                        \
        return expression;                                                                         \
    }                                                                                              \
    static scp_node *op##_odd(scp_case_ctx *ctx, scp_graph *g) { return op(ctx, g, (dims){ 5, 7 }); } \
    static scp_node *op##_column(scp_case_ctx *ctx, scp_graph *g) { return op(ctx, g, (dims){ 9, 1 }); } \
    static scp_node *op##_row(scp_case_ctx *ctx, scp_graph *g) { return op(ctx, g, (dims){ 1, 35 }); } \
    static scp_node *op##_wide(scp_case_ctx *ctx, scp_graph *g)                                    \
    {                                                                                              \
        return op(ctx, g, (dims){ SCP_SIZE(ctx, 263, 1024), SCP_SIZE(ctx, 131, 1024) });           \
    }

#define ROWS(op, tol, tol_grad)                                                                    \
    { #op "_odd", op##_odd, tol, tol_grad, 1e-6 }, { #op "_column", op##_column, tol, tol_grad, 1e-6 }, \
    { #op "_row", op##_row, tol, tol_grad, 1e-6 }, { #op "_wide", op##_wide, tol, tol_grad, 1e-6 }

SHAPES(add, scp_add(g, x, real(ctx, g, "y", d)))
SHAPES(sub, scp_sub(g, x, real(ctx, g, "y", d)))
SHAPES(mul, scp_mul(g, x, real(ctx, g, "y", d)))
SHAPES(scale, scp_scale(g, x, -0.37))
SHAPES(silu, scp_act_fn(g, x, SCP_ACT_SILU))
SHAPES(relu, scp_act_fn(g, x, SCP_ACT_RELU))
SHAPES(gelu, scp_act_fn(g, x, SCP_ACT_GELU))
SHAPES(tanh_act, scp_act_fn(g, x, SCP_ACT_TANH))
SHAPES(leaky_relu, scp_leaky_relu(g, x, 0.2))
SHAPES(prelu, scp_prelu(g, x, scp_case_param(ctx, g, "slope", SCP_SHAPE(1), 0.3)))
SHAPES(clamp, scp_clamp(g, x, -1.1, 0.8))
SHAPES(dropout, scp_dropout(g, "drop", x, 0.3))

/* x, and the slope, as both inputs of an op and as inputs of many ops: every gradient adds up. */
SHAPES(shared, scp_add(g, scp_mul(g, x, x),
                       scp_sub(g, scp_prelu(g, scp_act_fn(g, x, SCP_ACT_SILU),
                                            scp_case_param(ctx, g, "slope", SCP_SHAPE(1), 0.3)),
                               scp_add(g, scp_dropout(g, "drop", x, 0.5),
                                       scp_sub(g, scp_prelu(g, scp_clamp(g, x, -1, 1),
                                                            scp_case_param(ctx, g, "slope", SCP_SHAPE(1), 0.3)),
                                               scp_scale(g, scp_add(g, x, x), 0.25))))))

/* Three dimensions and a scalar: dropout takes dimension 0 as the sample. */
static scp_node *dropout_tokens(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_dropout(g, "drop", scp_case_param(ctx, g, "x", SCP_SHAPE(3, 5, 6), 1), 0.1);
}
static scp_node *dropout_long_row(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_dropout(g, "drop", scp_case_param(ctx, g, "x", SCP_SHAPE(3, 5003), 1), 0.5);
}

const scp_op_case scp_cases_elementwise[] = {
    ROWS(add, 2e-7, 2e-7),
    ROWS(sub, 2e-7, 2e-7),
    ROWS(mul, 2e-7, 2e-7),
    ROWS(scale, 2e-7, 2e-7),
    ROWS(silu, 3e-7, 5e-7),
    ROWS(relu, 2e-7, 2e-7),
    ROWS(gelu, 3e-7, 5e-7),
    ROWS(tanh_act, 3e-7, 5e-7),
    ROWS(leaky_relu, 2e-7, 2e-7),
    ROWS(prelu, 2e-7, 2e-7),
    ROWS(clamp, 2e-7, 2e-7),
    ROWS(dropout, 2e-7, 2e-7),
    ROWS(shared, 5e-7, 5e-7),
    { "dropout_tokens", dropout_tokens, 2e-7, 2e-7, 1e-6 },
    { "dropout_long_row", dropout_long_row, 2e-7, 2e-7, 1e-6 },
    { NULL, NULL, 0, 0, 0 },
};
