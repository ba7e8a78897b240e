/* Cases of CONCAT, SLICE, GATHER and GATHER_DIR. */
#include "ops/cases.h"

static scp_node *real(scp_case_ctx *ctx, scp_graph *g, const char *name, int64_t R, int64_t D)
{
    return scp_case_param(ctx, g, name, SCP_SHAPE(R, D), 1);
}

/* CONCAT: uneven widths; tokens; one input twice; enough for threads. */

static scp_node *concat_uneven(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x[] = { real(ctx, g, "a", 5, 3), real(ctx, g, "b", 5, 1), real(ctx, g, "c", 5, 7) };
    return scp_concat(g, 3, x);
}
static scp_node *concat_one_row(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x[] = { real(ctx, g, "a", 1, 1), real(ctx, g, "b", 1, 1) };
    return scp_concat(g, 2, x);
}
static scp_node *concat_tokens(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x[] = { scp_case_param(ctx, g, "a", SCP_SHAPE(2, 3, 4), 1),
                      scp_case_param(ctx, g, "b", SCP_SHAPE(2, 3, 5), 1) };
    return scp_concat(g, 2, x);
}
static scp_node *concat_twice(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *a = real(ctx, g, "a", 4, 3), *x[] = { a, real(ctx, g, "b", 4, 2), a };
    return scp_concat(g, 3, x);
}
static scp_node *concat_wide(scp_case_ctx *ctx, scp_graph *g)
{
    int64_t R = SCP_SIZE(ctx, 257, 1024);
    scp_node *x[] = { real(ctx, g, "a", R, 131), real(ctx, g, "b", R, SCP_SIZE(ctx, 129, 893)) };
    return scp_concat(g, 2, x);
}

/* SLICE: middle, whole, single column, overlapping twice, tokens, enough for threads. */

static scp_node *slice_middle(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_slice(g, real(ctx, g, "x", 5, 9), 2, 4);
}
static scp_node *slice_whole(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_slice(g, real(ctx, g, "x", 1, 6), 0, 6);
}
static scp_node *slice_column(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_slice(g, real(ctx, g, "x", 7, 3), 2, 1);
}
static scp_node *slice_overlap(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *x = real(ctx, g, "x", 4, 7);
    return scp_add(g, scp_slice(g, x, 0, 4), scp_slice(g, x, 2, 4));
}
static scp_node *slice_tokens(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_slice(g, scp_case_param(ctx, g, "x", SCP_SHAPE(2, 3, 8), 1), 3, 5);
}
static scp_node *slice_wide(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_slice(g, real(ctx, g, "x", SCP_SIZE(ctx, 257, 1024), SCP_SIZE(ctx, 311, 1024)), 100,
                     201);
}

/* GATHER: rows that repeat and rows that nobody picks; bits; two picks from one table. */

static scp_node *gather_rows(scp_case_ctx *ctx, scp_graph *g)
{
    static const int32_t idx[] = { 6, 0, 0, 3, 6, 6, 1, 0, 3, 2, 6 };
    return scp_gather(g, real(ctx, g, "table", 8, 5),
                      scp_case_ints_from(ctx, g, "idx", SCP_SHAPE(11), idx));
}
static scp_node *gather_column(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_gather(g, real(ctx, g, "table", 4, 1),
                      scp_case_ints(ctx, g, "idx", SCP_SHAPE(9), 4));
}
static scp_node *gather_one(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_gather(g, real(ctx, g, "table", 1, 6),
                      scp_case_ints(ctx, g, "idx", SCP_SHAPE(1), 1));
}
static scp_node *gather_twice(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *table = real(ctx, g, "table", 6, 5);
    return scp_add(g, scp_gather(g, table, scp_case_ints(ctx, g, "idx", SCP_SHAPE(7), 6)),
                   scp_gather(g, table, scp_case_ints(ctx, g, "idx2", SCP_SHAPE(7), 3)));
}
static scp_node *gather_wide(scp_case_ctx *ctx, scp_graph *g)
{
    int64_t D = SCP_SIZE(ctx, 131, 2000);
    return scp_gather(g, real(ctx, g, "table", 53, D),
                      scp_case_ints(ctx, g, "idx", SCP_SHAPE(311), 53));
}
static scp_node *gather_bits(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_gather(g, scp_case_bits(ctx, g, "bits", SCP_SHAPE(40, SCP_SIZE(ctx, 203, 1024))),
                      scp_case_ints(ctx, g, "idx", SCP_SHAPE(257), 40));
}

/* GATHER_DIR: with a pair of equal rows (zero direction); enough for threads. */

static scp_node *gather_dir_small(scp_case_ctx *ctx, scp_graph *g)
{
    static const int32_t post[] = { 0, 3, 2, 4 }, pre[] = { 1, 3, 0, 2 };
    return scp_gather_dir(g, scp_case_reals(ctx, g, "x", SCP_SHAPE(5, 7)),
                          scp_case_ints_from(ctx, g, "post", SCP_SHAPE(4), post),
                          scp_case_ints_from(ctx, g, "pre", SCP_SHAPE(4), pre));
}
static scp_node *gather_dir_wide(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_gather_dir(g, scp_case_reals(ctx, g, "x", SCP_SHAPE(29, SCP_SIZE(ctx, 301, 2000))),
                          scp_case_ints(ctx, g, "post", SCP_SHAPE(203), 29),
                          scp_case_ints(ctx, g, "pre", SCP_SHAPE(203), 29));
}

const scp_op_case scp_cases_layout[] = {
    { "concat_uneven", concat_uneven, 1e-7, 1e-7, 1e-6 },
    { "concat_one_row", concat_one_row, 1e-7, 1e-7, 1e-6 },
    { "concat_tokens", concat_tokens, 1e-7, 1e-7, 1e-6 },
    { "concat_twice", concat_twice, 1e-7, 1e-7, 1e-6 },
    { "concat_wide", concat_wide, 1e-7, 1e-7, 1e-6 },
    { "slice_middle", slice_middle, 1e-7, 1e-7, 1e-6 },
    { "slice_whole", slice_whole, 1e-7, 1e-7, 1e-6 },
    { "slice_column", slice_column, 1e-7, 1e-7, 1e-6 },
    { "slice_overlap", slice_overlap, 2e-7, 2e-7, 1e-6 },
    { "slice_tokens", slice_tokens, 1e-7, 1e-7, 1e-6 },
    { "slice_wide", slice_wide, 1e-7, 1e-7, 1e-6 },
    { "gather_rows", gather_rows, 1e-7, 2e-7, 1e-6 },
    { "gather_column", gather_column, 1e-7, 2e-7, 1e-6 },
    { "gather_one", gather_one, 1e-7, 2e-7, 1e-6 },
    { "gather_twice", gather_twice, 2e-7, 2e-7, 1e-6 },
    { "gather_wide", gather_wide, 1e-7, 3e-7, 1e-6 },
    { "gather_bits", gather_bits, 0, 0, 0 },
    { "gather_dir_small", gather_dir_small, 3e-7, 0, 0 },
    { "gather_dir_wide", gather_dir_wide, 3e-7, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
