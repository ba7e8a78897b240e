/* With one condition token the residual and the literal GD-Attn block have the same cross-attention
 * [paper eq. 31]: blocks that differ in nothing else give the same output, whatever their queries.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "nn/nn.h"
#include "tap.h"
#include "tensor/plan.h"

enum { B = 5, M = 4, D = 6, C = 7 };

typedef struct net {
    scp_device *dev;
    scp_params *params;
    scp_graph *g;
    scp_plan *plan;
    scp_node *H, *cond, *out;
} net;

/* One block; every condition vector is the same input, so that the residual block's four tokens
 * can be made equal. */
static scp_status begin(net *n, scp_gd_mode mode)
{
    const scp_gd_config cfg = { .mode = mode, .heads = 2 };
    SCP_TRY(scp_device_open("ref", &n->dev));
    SCP_TRY(scp_params_create(n->dev, 3, &n->params));
    SCP_TRY(scp_graph_create(n->params, &n->g));
    n->H = scp_input(n->g, "H", SCP_REAL, SCP_SHAPE(B, M, D));
    n->cond = scp_input(n->g, "c", SCP_REAL, SCP_SHAPE(B, C));
    const scp_gd_cond c = { n->cond, n->cond, n->cond, n->cond, NULL };
    n->out = scp_output(n->g, scp_nn_gd_block(n->g, "b", n->H, &c, &cfg));
    return scp_plan_create(n->g, NULL, NULL, &n->plan);
}

static void end(net *n)
{
    scp_plan_destroy(&n->plan);
    scp_graph_destroy(&n->g);
    scp_params_destroy(&n->params);
    scp_device_close(&n->dev);
}

/* Set a tensor: to noise of its own stream, or to a constant when stream is 0. */
static scp_status set(net *n, const char *name, uint32_t stream, double value)
{
    int64_t index = scp_params_find(n->params, name);
    SCP_ARG(index >= 0, "there is no %s", name);
    const scp_param_info *info = scp_params_info(n->params, (size_t)index);
    double *w = NULL;
    SCP_TRY(scp_alloc(info->count, sizeof *w, &w));
    if (stream) scp_rng_fill_normal(1, 100, 0, stream, info->count, w);
    for (size_t i = 0; !stream && i < info->count; i++) w[i] = value;
    scp_status st = scp_params_write_f64(n->params, SCP_ARENA_W, info->offset, info->count, w);
    free(w);
    return st;
}

/* The same token map and cross-attention in both; queries of their own. */
static scp_status set_cross(net *n, uint32_t queries)
{
    SCP_TRY(set(n, "b/u_fused/W", 1, 0));
    SCP_TRY(set(n, "b/u_fused/b", 2, 0));
    SCP_TRY(set(n, "b/cross/q/W", queries, 0));
    SCP_TRY(set(n, "b/cross/k/W", 3, 0));
    SCP_TRY(set(n, "b/cross/v/W", 4, 0));
    SCP_TRY(set(n, "b/cross/o/W", 5, 0));
    return set(n, "b/beta/W", 0, 0);
}

/* out = LN(H + C + 0 * C + 0): no self-attention, four equal tokens. */
static scp_status set_residual(net *n)
{
    static const char *const token[] = { "b/u_pre", "b/u_drug", "b/u_time" };
    SCP_TRY(set_cross(n, 6));
    for (int i = 0; i < 3; i++) {
        char name[32];
        SCP_TRY(scp_str_format(name, sizeof name, "%s/W", token[i]));
        SCP_TRY(set(n, name, 1, 0));
        SCP_TRY(scp_str_format(name, sizeof name, "%s/b", token[i]));
        SCP_TRY(set(n, name, 2, 0));
    }
    return set(n, "b/self/o/W", 0, 0);
}

/* out = LN(H + 1 * C + 0). */
static scp_status set_literal(net *n)
{
    SCP_TRY(set_cross(n, 7));
    SCP_TRY(set(n, "b/beta/b", 0, 0));
    SCP_TRY(set(n, "b/gamma/W", 0, 0));
    return set(n, "b/gamma/b", 0, 1);
}

static scp_status run(net *n, double *out)
{
    double H[B * M * D], c[B * C];
    scp_rng_fill_normal(1, 101, 0, 0, B * M * D, H);
    scp_rng_fill_normal(1, 102, 0, 0, B * C, c);
    SCP_TRY(scp_plan_feed_f64(n->plan, n->H, H));
    SCP_TRY(scp_plan_feed_f64(n->plan, n->cond, c));
    SCP_TRY(scp_plan_forward(n->plan, &(scp_step){ .train = false }));
    return scp_plan_fetch_f64(n->plan, n->out, out);
}

static double distance(const double *a, const double *b)
{
    double worst = 0;
    for (int i = 0; i < B * M * D; i++) worst = fmax(worst, fabs(a[i] - b[i]));
    return worst;
}

int main(void)
{
    net literal = { 0 }, residual = { 0 };
    double x[B * M * D], y[B * M * D], z[B * M * D];
    if (tap_st(begin(&literal, SCP_GD_LITERAL), "a literal block") &&
        tap_st(set_literal(&literal), "its weights") && tap_st(run(&literal, x), "its output") &&
        tap_st(begin(&residual, SCP_GD_RESIDUAL), "a residual block") &&
        tap_st(set_residual(&residual), "its weights") && tap_st(run(&residual, y), "its output")) {
        if (!tap_ok(distance(x, y) < 1e-14, "one token: both blocks attend to the same vector"))
            tap_diag("distance %g", distance(x, y));
        tap_st(set(&literal, "b/self/v/W", 8, 0), "another self-attention");
        tap_st(run(&literal, z), "literal");
        tap_ok(distance(x, z) == 0, "the literal block does not see its self-attention");
        tap_st(set(&residual, "b/u_drug/W", 9, 0), "a token of its own");
        tap_st(run(&residual, z), "residual");
        tap_ok(distance(y, z) > 1e-3, "the residual block attends to more than one token");
    }
    end(&literal);
    end(&residual);
    return tap_done();
}
