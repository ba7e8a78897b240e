/* The network of a sampler, in which times and conditions are worked on once: it is the network of
 * training, with a time code for every row, in all forms of the denoiser; and a run that repeats
 * only what depends on z has the bits of one that does everything. On every backend of this
 * build. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "diffusion/net.h"
#include "model/toy.h"
#include "tap.h"

enum { ROWS = 7, DZ = 16, COND = 8, TIMES = 4 };

static const int64_t times[TIMES] = { 49, 30, 12, 0 };
static const screen_size size = { .lines = 3, .drugs = 5, .genes = 40, .seed = 2 };

typedef struct inputs {
    float z[ROWS * DZ], pre[ROWS * DZ], drug[ROWS * COND], fused[ROWS * COND];
} inputs;

static void draw(uint32_t stream, size_t n, float *out)
{
    double x[ROWS * DZ];
    scp_rng_fill_normal(1, stream, 0, 0, n, x);
    for (size_t i = 0; i < n; i++) out[i] = (float)x[i];
}

static void fill(inputs *in)
{
    draw(100, ROWS * DZ, in->z);
    draw(101, ROWS * DZ, in->pre);
    draw(102, ROWS * COND, in->drug);
    draw(103, ROWS * COND, in->fused);
}

/* The network as training builds it, on the weights of t. */
static scp_status plainly(const toy *t, const inputs *in, int64_t time, double *out)
{
    scp_graph *g = NULL;
    scp_plan *plan = NULL;
    const int64_t dim = t->m.model.time_dim;
    double row[64], code[ROWS * 64];
    scp_status st = SCP_OK;
    SCP_ARG(dim <= 64, "a short time code");
    scp_time_code((double)time, dim, row);
    for (int i = 0; i < ROWS; i++) memcpy(code + i * dim, row, (size_t)dim * sizeof *row);
    SCP_GOTO(done, scp_graph_create(t->params, &g));
    scp_node *z = scp_input(g, "z", SCP_REAL, SCP_SHAPE(ROWS, DZ)),
             *c = scp_input(g, "code", SCP_REAL, SCP_SHAPE(ROWS, dim));
    const scp_cond cond = { .pre = scp_input(g, "pre", SCP_REAL, SCP_SHAPE(ROWS, DZ)),
                            .drug = scp_input(g, "drug", SCP_REAL, SCP_SHAPE(ROWS, COND)),
                            .fused = scp_input(g, "fused", SCP_REAL, SCP_SHAPE(ROWS, COND)) };
    scp_node *y =
        scp_output(g, scp_denoiser_build(g, &t->m.model, z, &(scp_time_in){ .code = c }, &cond));
    SCP_GOTO(done, scp_plan_create(g, NULL, NULL, &plan));
    SCP_GOTO(done, scp_plan_feed_f32(plan, z, in->z));
    SCP_GOTO(done, scp_plan_feed_f64(plan, c, code));
    SCP_GOTO(done, scp_plan_feed_f32(plan, cond.pre, in->pre));
    SCP_GOTO(done, scp_plan_feed_f32(plan, cond.drug, in->drug));
    SCP_GOTO(done, scp_plan_feed_f32(plan, cond.fused, in->fused));
    SCP_GOTO(done, scp_plan_forward(plan, &(scp_step){ .train = false }));
    SCP_GOTO(done, scp_plan_fetch_f64(plan, y, out));
done:
    scp_plan_destroy(&plan);
    scp_graph_destroy(&g);
    return st;
}

static double error_of(const double *a, const double *b)
{
    double diff = 0, scale = 0;
    for (int i = 0; i < ROWS * DZ; i++) {
        diff = isfinite(a[i]) ? fmax(diff, fabs(a[i] - b[i])) : INFINITY;
        scale = fmax(scale, fabs(b[i]));
    }
    return diff / scale;
}

static scp_status set(scp_net *net, const inputs *in)
{
    return scp_net_set(net, in->pre, in->drug, in->fused);
}

static void runs(const char *what, const toy *t, scp_net *net, double tol)
{
    inputs in;
    double whole[ROWS * DZ], later[ROWS * DZ], want[ROWS * DZ];
    fill(&in);
    if (!tap_st(set(net, &in), "%s: conditions", what) ||
        !tap_st(scp_net_run(net, 0, in.z, later), "%s: the first run", what))
        return;
    for (int64_t k = TIMES - 1; k >= 0; k--) {
        if (!tap_st(plainly(t, &in, times[k], want), "%s: as in training", what) ||
            !tap_st(scp_net_run(net, k, in.z, later), "%s: a later run", what) ||
            !tap_st(set(net, &in), "%s: conditions again", what) ||
            !tap_st(scp_net_run(net, k, in.z, whole), "%s: a whole run", what))
            return;
        tap_ok(!memcmp(whole, later, sizeof whole), "%s, time %d: the same bits", what,
               (int)times[k]);
        if (!tap_ok(error_of(later, want) <= tol, "%s, time %d: the network of training", what,
                    (int)times[k]))
            tap_diag("error %g", error_of(later, want));
    }
    in.fused[3] += 1;
    tap_ok(set(net, &in) == SCP_OK && scp_net_run(net, 1, in.z, later) == SCP_OK &&
               plainly(t, &in, times[1], want) == SCP_OK && error_of(later, want) <= tol,
           "%s: another condition", what);
    tap_ok(scp_net_flops(net, true) < scp_net_flops(net, false), "%s: a later run does less", what);
}

static void form(const char *device, const char *setting, double tol)
{
    const char *const extra[] = { setting, NULL };
    char what[100];
    toy t = { 0 };
    scp_net *net = NULL;
    snprintf(what, sizeof what, "%s, %s", device, setting);
    if (tap_st(toy_denoiser(&t, device, &size, 4, toy_tiny, extra), "%s", what) &&
        tap_st(toy_shake(&t, 0.1), "%s: weights", what) &&
        tap_st(scp_net_create(&t.m, t.params, times, TIMES, ROWS, &net), "%s: a network", what))
        runs(what, &t, net, tol);
    scp_net_destroy(&net);
    toy_stop(&t);
}

int main(void)
{
    static const char *const forms[] = { "model.block_mode=residual", "model.block_mode=literal",
                                         "model.inject=none", "model.inject=concat_mlp",
                                         "model.inject=concat_attn" };
    for (int i = 0; scp_backends[i]; i++) {
        const char *why = NULL;
        if (scp_backends[i]->available && !scp_backends[i]->available(&why)) continue;
        for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++)
            form(scp_backends[i]->name, forms[k], scp_backends[i]->real_size == 8 ? 1e-12 : 1e-5);
    }
    return tap_done();
}
