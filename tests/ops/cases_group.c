/* Cases of neighbours that a backend may do as one call (scp_group_impl): products with narrow
 * results, and dropout with an activation before it and a sum behind it. Values between are used
 * elsewhere, too, so that their gradients are written first by others, or added to. */
#include <stdio.h>

#include "ops/cases.h"

enum { MOST_ROWS = 4096 };

/* A value that is no parameter, in half where values are: rows of a parameter. */
static scp_node *value(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape)
{
    static int32_t id[MOST_ROWS];
    char rows[32];
    const int64_t R = scp_shape_rows(&shape), D = scp_shape_last(&shape);
    for (int32_t r = 0; r < R; r++) id[r] = r;
    snprintf(rows, sizeof rows, "rows of %s", name);
    scp_node *x = scp_gather(g, scp_case_param(ctx, g, name, SCP_SHAPE(R, D), 1),
                             scp_case_ints_from(ctx, g, rows, SCP_SHAPE(R), id));
    return scp_reshape(g, x, shape);
}

/* Projections of x [R, D] and e [S, E] with results of width O. */
static scp_node *projected(scp_case_ctx *ctx, scp_graph *g, int64_t R, int64_t D, int64_t E,
                           int64_t O)
{
    scp_node *x = value(ctx, g, "x", SCP_SHAPE(R, D)), *e = value(ctx, g, "e", SCP_SHAPE(R, E));
    scp_node *W[4] = { scp_case_param(ctx, g, "Wq", SCP_SHAPE(O, D), 0.5),
                       scp_case_param(ctx, g, "Wk", SCP_SHAPE(O + 1, D), 0.5),
                       scp_case_param(ctx, g, "Wv", SCP_SHAPE(O, E), 0.5),
                       scp_case_param(ctx, g, "Wg", SCP_SHAPE(O, D), 0.5) };
    scp_node *b = scp_case_param(ctx, g, "bk", SCP_SHAPE(O + 1), 0.5),
             *c = scp_case_param(ctx, g, "bv", SCP_SHAPE(O), 0.5);
    scp_node *y[] = { scp_matmul_t(g, x, W[0]), scp_linear(g, x, W[1], b),
                      scp_linear(g, e, W[2], c), scp_matmul_t(g, x, W[3]), x };
    return scp_concat(g, 5, y);
}

static scp_node *narrow(scp_case_ctx *ctx, scp_graph *g)
{
    return projected(ctx, g, 6, 7, 9, 3);
}

static scp_node *narrow_vectors(scp_case_ctx *ctx, scp_graph *g)
{
    return projected(ctx, g, SCP_SIZE(ctx, 37, 2048), 16, SCP_SIZE(ctx, 100, 512), 16);
}

/* q of tokens and what reads it: a chain is no group. */
static scp_node *narrow_chain(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x = value(ctx, g, "x", SCP_SHAPE(2, 3, 8));
    scp_node *q = scp_matmul_t(g, x, scp_case_param(ctx, g, "W", SCP_SHAPE(8, 8), 0.5));
    scp_node *r = scp_reshape(g, q, SCP_SHAPE(6, 8));
    return scp_matmul_t(g, r, scp_case_param(ctx, g, "V", SCP_SHAPE(4, 8), 0.5));
}

static scp_node *chain(scp_case_ctx *ctx, scp_graph *g, int64_t D)
{
    scp_node *x = value(ctx, g, "x", SCP_SHAPE(SCP_SIZE(ctx, 6, 256), D));
    scp_node *a = scp_act_fn(g, x, SCP_ACT_SILU), *d = scp_dropout(g, "drop", a, 0.3);
    scp_node *y[] = { scp_add(g, d, x), a, d };
    return scp_concat(g, 3, y);
}

static scp_node *dropout_all(scp_case_ctx *ctx, scp_graph *g)
{
    return chain(ctx, g, SCP_SIZE(ctx, 10, 511));
}
static scp_node *dropout_vectors(scp_case_ctx *ctx, scp_graph *g)
{
    return chain(ctx, g, SCP_SIZE(ctx, 12, 512));
}

static scp_node *dropout_sum(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *h = value(ctx, g, "h", SCP_SHAPE(4, 3, 8)), *x = value(ctx, g, "x", h->shape);
    return scp_add(g, h, scp_dropout(g, "drop", x, 0.3));
}

static scp_node *dropout_act(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x = value(ctx, g, "x", SCP_SHAPE(5, 9));
    return scp_scale(g, scp_dropout(g, "drop", scp_act_fn(g, x, SCP_ACT_SILU), 0.3), 2);
}

/* What is added to the dropped value is a view of it: no group. */
static scp_node *dropout_view(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x = value(ctx, g, "x", SCP_SHAPE(4, 6)), *d = scp_dropout(g, "drop", x, 0.3);
    scp_node *view = scp_reshape(g, scp_reshape(g, d, SCP_SHAPE(2, 2, 6)), SCP_SHAPE(4, 6));
    return scp_add(g, d, view);
}

const scp_op_case scp_cases_group[] = {
    { "group_narrow", narrow, 1e-5, 1e-5, 1e-6 },
    { "group_narrow_vectors", narrow_vectors, 1e-5, 1e-5, 1e-6 },
    { "group_narrow_chain", narrow_chain, 1e-5, 1e-5, 1e-6 },
    { "group_dropout_all", dropout_all, 2e-6, 2e-6, 1e-6 },
    { "group_dropout_vectors", dropout_vectors, 2e-6, 2e-6, 1e-6 },
    { "group_dropout_sum", dropout_sum, 2e-6, 2e-6, 1e-6 },
    { "group_dropout_act", dropout_act, 2e-6, 2e-6, 1e-6 },
    { "group_dropout_view", dropout_view, 2e-6, 2e-6, 1e-6 },
    { 0 },
};
