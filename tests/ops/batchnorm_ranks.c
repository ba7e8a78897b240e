/* Batch normalisation over ranks: with one global batch dealt out in equal parts, the average of
 * the ranks' parameter gradients, the values of each rank's rows and the running states are those
 * of one process with the whole batch. Two layers, so that gradients pass through statistics twice.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "comm/world.h"
#include "ops/small_run.h"
#include "tap.h"

enum { ROWS = 24, IN = 5, WIDTH = 35 };

typedef struct net {
    small_run r;
    scp_node *y, *mean, *var;
} net;

static scp_node *layer(small_run *r, const char *name, scp_node *x, net *keep)
{
    scp_graph *g = r->g;
    scp_scope_push(g, "%s", name);
    scp_init normal = { SCP_INIT_NORMAL, 0.5 };
    scp_node *h =
        scp_matmul_t(g, x, scp_param(g, "W", SCP_SHAPE(WIDTH, scp_shape_last(&x->shape)), normal));
    keep->mean =
        scp_output(g, scp_state(g, "mean", SCP_SHAPE(WIDTH), (scp_init){ SCP_INIT_CONST, 0.3 }));
    keep->var =
        scp_output(g, scp_state(g, "var", SCP_SHAPE(WIDTH), (scp_init){ SCP_INIT_CONST, 1 }));
    scp_node *y = scp_batchnorm(g, h, scp_param(g, "gain", SCP_SHAPE(WIDTH), normal),
                                scp_param(g, "bias", SCP_SHAPE(WIDTH), normal), keep->mean,
                                keep->var, 1e-5, 0.1);
    scp_scope_pop(g);
    return scp_act_fn(g, y, SCP_ACT_TANH);
}

/* Rows [first, first + rows) of the global batch; the loss is a mean over them. */
static scp_status run_net(net *n, const char *device, scp_comm *comm, int64_t first, int64_t rows)
{
    double x[ROWS * IN], w[ROWS * WIDTH];
    scp_rng_fill_normal(1, 200, 0, 0, ROWS * IN, x);
    scp_rng_fill_normal(1, 201, 0, 0, ROWS * WIDTH, w);
    small_begin(&n->r, device);
    SCP_TRY(n->r.st);
    scp_node *in = scp_input(n->r.g, "x", SCP_REAL, SCP_SHAPE(rows, IN));
    n->y = scp_output(n->r.g, layer(&n->r, "two", layer(&n->r, "one", in, n), n));
    scp_node *loss = scp_scale(n->r.g, small_dot(&n->r, n->y, "w"), 1.0 / (double)rows);
    SCP_TRY(small_plan(&n->r, loss, comm));
    SCP_TRY(small_feed(&n->r, "x", x + first * IN));
    SCP_TRY(small_feed(&n->r, "w", w + first * WIDTH));
    SCP_TRY(small_forward(&n->r, true));
    return scp_plan_backward(n->r.plan);
}

/* Largest difference over the largest value, on any rank. */
static double error_of(scp_comm *world, const double *got, const double *want, size_t n)
{
    double diff = 0, scale = 1e-30;
    for (size_t i = 0; i < n; i++) {
        diff = fmax(diff, isfinite(got[i]) ? fabs(got[i] - want[i]) : INFINITY);
        scale = fmax(scale, fabs(want[i]));
    }
    double error = diff / scale;
    if (scp_comm_allreduce(world, &error, 1, SCP_COMM_F64, SCP_COMM_MAX) != SCP_OK) return INFINITY;
    return error;
}

static scp_status fetch_both(net *part, net *whole, scp_node *a, scp_node *b, double *pa,
                             double *pb)
{
    SCP_TRY(scp_plan_fetch_f64(part->r.plan, a, pa));
    return scp_plan_fetch_f64(whole->r.plan, b, pb);
}

static scp_status compare(scp_comm *world, net *part, net *whole, int64_t first, int64_t rows,
                          double tol, const char *device)
{
    double got[ROWS * WIDTH], want[ROWS * WIDTH], *g = NULL, *h = NULL;
    size_t n = scp_params_trainable(part->r.params);
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_agree(world, fetch_both(part, whole, part->y, whole->y, got, want)));
    tap_ok(error_of(world, got, want + first * WIDTH, (size_t)(rows * WIDTH)) <= tol, "%s: values",
           device);
    SCP_GOTO(done, scp_agree(world, fetch_both(part, whole, part->mean, whole->mean, got, want)));
    tap_ok(error_of(world, got, want, WIDTH) <= tol, "%s: running mean", device);
    SCP_GOTO(done, scp_agree(world, fetch_both(part, whole, part->var, whole->var, got, want)));
    tap_ok(error_of(world, got, want, WIDTH) <= tol, "%s: running variance", device);
    SCP_GOTO(done, scp_alloc(n, sizeof *g, &g));
    SCP_GOTO(done, scp_alloc(n, sizeof *h, &h));
    SCP_GOTO(done, scp_params_read_f64(part->r.params, SCP_ARENA_G, 0, n, g));
    SCP_GOTO(done, scp_params_read_f64(whole->r.params, SCP_ARENA_G, 0, n, h));
    SCP_GOTO(done, scp_comm_average(world, g, n, SCP_COMM_F64, 64));
    double error = error_of(world, g, h, n);
    if (!tap_ok(error <= tol, "%s: averaged gradients are those of the whole batch", device))
        tap_diag("error %g", error);
done:
    free(g);
    free(h);
    return st;
}

static void check(scp_comm *world, const char *device, double tol)
{
    net part = { 0 }, whole = { 0 };
    int64_t rows = ROWS / scp_comm_size(world), first = rows * scp_comm_rank(world);
    if (tap_st(scp_agree(world, run_net(&whole, device, NULL, 0, ROWS)), "%s: the whole batch",
               device) &&
        tap_st(scp_agree(world, run_net(&part, device, world, first, rows)), "%s: this rank's rows",
               device))
        tap_st(compare(world, &part, &whole, first, rows, tol, device), "%s: comparison", device);
    small_end(&part.r);
    small_end(&whole.r);
}

/* One row per rank is a batch where there are several ranks, and an error where there is one. */
static void check_one_row(scp_comm *world, const char *device)
{
    net n = { 0 };
    scp_status st = run_net(&n, device, world, scp_comm_rank(world), 1);
    if (scp_comm_size(world) > 1)
        tap_st(scp_agree(world, st), "%s: one row per rank", device);
    else
        tap_fails(st, SCP_EUSAGE, "2 rows or more", "%s: one row in all", device);
    small_end(&n.r);
}

int main(int argc, char **argv)
{
    scp_comm *world;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    tap_set_silent(scp_comm_rank(world) != 0);
    check(world, "ref", 1e-12);
    check(world, "cpu", 2e-6);
    check_one_row(world, "ref");
    check_one_row(world, "cpu");
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
