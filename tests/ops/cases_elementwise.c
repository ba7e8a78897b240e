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

/* The four builders of an op from an expression in x, a leaf of shape d. */
#define SHAPES(op, expression)                                                                     \
    static scp_node *op(scp_case_ctx *ctx, scp_graph *g, dims d)                                   \
    {                                                                                              \
        scp_node *x = real(ctx, g, "x", d);                                                        \
        return expression;                                                                         \
    }                                                                                              \
    static scp_node *op##_odd(scp_case_ctx *ctx, scp_graph *g)                                     \
    {                                                                                              \
        return op(ctx, g, (dims){ 5, 7 });                                                         \
    }                                                                                              \
    static scp_node *op##_column(scp_case_ctx *ctx, scp_graph *g)                                  \
    {                                                                                              \
        return op(ctx, g, (dims){ 9, 1 });                                                         \
    }                                                                                              \
    static scp_node *op##_row(scp_case_ctx *ctx, scp_graph *g)                                     \
    {                                                                                              \
        return op(ctx, g, (dims){ 1, 35 });                                                        \
    }                                                                                              \
    static scp_node *op##_wide(scp_case_ctx *ctx, scp_graph *g)                                    \
    {                                                                                              \
        return op(ctx, g, (dims){ SCP_SIZE(ctx, 263, 1024), SCP_SIZE(ctx, 131, 1024) });           \
    }

/* clang-format off */
#define CASE(op, shape, tol, tol_grad) { #op "_" #shape, op##_##shape, tol, tol_grad, 1e-6 }
/* clang-format on */
#define CASES(op, tol, tol_grad)                                                                   \
    CASE(op, odd, tol, tol_grad), CASE(op, column, tol, tol_grad), CASE(op, row, tol, tol_grad),   \
        CASE(op, wide, tol, tol_grad)

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
static scp_node *many_uses(scp_case_ctx *ctx, scp_graph *g, scp_node *x)
{
    scp_node *slope = scp_case_param(ctx, g, "slope", SCP_SHAPE(1), 0.3);
    scp_node *a = scp_prelu(g, scp_act_fn(g, x, SCP_ACT_SILU), slope);
    scp_node *b = scp_sub(g, scp_prelu(g, scp_clamp(g, x, -1, 1), slope),
                          scp_scale(g, scp_add(g, x, x), 0.25));
    scp_node *c = scp_add(g, scp_dropout(g, "drop", x, 0.5), b);
    return scp_add(g, scp_mul(g, x, x), scp_sub(g, a, c));
}
SHAPES(shared, many_uses(ctx, g, x))

/* Three dimensions: the sample is dimension 0; and a row of several pieces of work. */
static scp_node *dropout_tokens(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_dropout(g, "drop", scp_case_param(ctx, g, "x", SCP_SHAPE(3, 5, 6), 1), 0.1);
}
static scp_node *dropout_long_row(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_dropout(g, "drop", scp_case_param(ctx, g, "x", SCP_SHAPE(3, 5003), 1), 0.5);
}

const scp_op_case scp_cases_elementwise[] = {
    CASES(add, 2e-7, 2e-7),
    CASES(sub, 2e-7, 2e-7),
    CASES(mul, 2e-7, 2e-7),
    CASES(scale, 2e-7, 2e-7),
    CASES(silu, 3e-7, 5e-7),
    CASES(relu, 2e-7, 2e-7),
    CASES(gelu, 3e-7, 5e-7),
    CASES(tanh_act, 3e-7, 5e-7),
    CASES(leaky_relu, 2e-7, 2e-7),
    CASES(prelu, 2e-7, 2e-7),
    CASES(clamp, 2e-7, 2e-7),
    CASES(dropout, 2e-7, 2e-7),
    CASES(shared, 5e-7, 5e-7),
    { "dropout_tokens", dropout_tokens, 2e-7, 2e-7, 1e-6 },
    { "dropout_long_row", dropout_long_row, 2e-7, 2e-7, 1e-6 },
    { NULL, NULL, 0, 0, 0 },
};
