/* Cases of ATTN. */
#include "ops/cases.h"

static scp_node *leaf(scp_case_ctx *ctx, scp_graph *g, const char *name, int64_t B, int64_t tokens,
                      int64_t D)
{
    return scp_case_param(ctx, g, name, SCP_SHAPE(B, tokens, D), 1);
}

static scp_node *attend(scp_case_ctx *ctx, scp_graph *g, int64_t B, int64_t M, int64_t N, int64_t D,
                        int heads)
{
    scp_node *q = leaf(ctx, g, "q", B, M, D), *k = leaf(ctx, g, "k", B, N, D),
             *v = leaf(ctx, g, "v", B, N, D);
    return scp_attn(g, q, k, v, heads);
}

static scp_node *one_head(scp_case_ctx *ctx, scp_graph *g)
{
    return attend(ctx, g, 2, 4, 4, 16, 1);
}

static scp_node *cross(scp_case_ctx *ctx, scp_graph *g)
{
    return attend(ctx, g, SCP_SIZE(ctx, 3, 256), SCP_SIZE(ctx, 4, 8), SCP_SIZE(ctx, 6, 8),
                  SCP_SIZE(ctx, 24, 128), SCP_SIZE(ctx, 3, 4));
}

/* Heads of an odd width: no vector loop comes out even. */
static scp_node *odd(scp_case_ctx *ctx, scp_graph *g)
{
    return attend(ctx, g, 2, 5, 3, 21, 3);
}

/* One key: its probability is 1 whatever the query, so q and k get no gradient. */
static scp_node *one_key(scp_case_ctx *ctx, scp_graph *g)
{
    return attend(ctx, g, 2, 3, 1, 8, 2);
}

/* Enough work for the threads to share. */
static scp_node *threads(scp_case_ctx *ctx, scp_graph *g)
{
    return attend(ctx, g, 40, 8, 8, 32, 4);
}

/* One node as query, key and value: its gradient is written three times. */
static scp_node *self(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x =
        leaf(ctx, g, "x", SCP_SIZE(ctx, 3, 256), SCP_SIZE(ctx, 5, 16), SCP_SIZE(ctx, 16, 128));
    return scp_attn(g, x, x, x, SCP_SIZE(ctx, 2, 4));
}

/* Scores of several hundred: the softmax must not overflow. */
static scp_node *large_scores(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *q = scp_case_param(ctx, g, "q", SCP_SHAPE(2, 3, 8), 30);
    scp_node *k = scp_case_param(ctx, g, "k", SCP_SHAPE(2, 4, 8), 30);
    return scp_attn(g, q, k, leaf(ctx, g, "v", 2, 4, 8), 1);
}

const scp_op_case scp_cases_attn[] = {
    { "attn_one_head", one_head, 1e-6, 2e-6, 1e-6 },
    { "attn_cross", cross, 1e-6, 2e-6, 1e-6 },
    { "attn_odd", odd, 1e-6, 2e-6, 1e-6 },
    { "attn_one_key", one_key, 1e-6, 2e-6, 1e-6 },
    { "attn_threads", threads, 1e-6, 2e-6, 1e-6 },
    { "attn_self", self, 1e-6, 2e-6, 1e-6 },
    { "attn_large_scores", large_scores, 1e-4, 1e-4, 0 },
    { NULL, NULL, 0, 0, 0 },
};
