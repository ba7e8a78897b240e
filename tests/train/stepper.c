/* Steps without the host (train/stepper.h) on 1, 2 and 4 ranks, against a loop written out here:
 * one call at a time and several at once, on the cpu and on the deferred device, which records the
 * step and replays it, over MPI in host memory and staged. The same bits wherever the order of sums
 * is the same. And what a gradient that is not finite does to the loss scale. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "comm/world.h"
#include "data/sampler.h"
#include "dev/deferred.h"
#include "nn/nn.h"
#include "tap.h"
#include "tensor/optim.h"
#include "train/stepper.h"

enum { N = 40, D = 12, OUT = 3, BATCH = 8, STEPS = 19, SEED = 7 };

static const scp_option_group groups[] = { { scp_train_options, 0, "train" }, { 0 } };
static scp_comm *world;

/* A regression with everything that changes from step to step: rows, noise, dropout, a weight of
 * the loss, the learning rate. */
typedef struct net {
    deferred *later;
    scp_device *dev, *own;
    scp_comm *comm, *special;
    scp_params *params;
    scp_graph *g;
    scp_plan *plan;
    scp_node *x, *y, *rows, *weight, *loss;
    void *x_memory, *y_memory;
    scp_train_config cfg;
    int64_t bad_from, bad_to; /* steps whose loss is not finite */
} net;

static scp_status feed(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows, size_t n)
{
    net *t = ctx;
    double weight = 1 + 0.01 * (double)step;
    (void)n;
    if (step >= t->bad_from && step < t->bad_to) weight = INFINITY;
    SCP_TRY(scp_plan_feed_i32(plan, t->rows, rows));
    return scp_plan_feed_f64(plan, t->weight, &weight);
}

static scp_status upload(net *t, uint64_t stream, size_t n, void **out)
{
    double host[N * D];
    scp_rng_fill_normal(SEED, SCP_RNG_SYNTH, stream, 0, n, host);
    SCP_TRY(scp_device_alloc(t->dev, scp_device_bytes(t->dev, SCP_REAL, n), out));
    return scp_device_write_f64(t->dev, *out, host, n);
}

static void build(net *t, int64_t b)
{
    scp_graph *g = t->g;
    t->x = scp_resident(g, "x", SCP_REAL, SCP_SHAPE(N, D));
    t->y = scp_resident(g, "y", SCP_REAL, SCP_SHAPE(N, OUT));
    t->rows = scp_input(g, "rows", SCP_I32, SCP_SHAPE(b));
    t->weight = scp_input(g, "weight", SCP_REAL, SCP_SHAPE(1));
    scp_node *noise = scp_rand_normal(g, "eps", SCP_RNG_NOISE, b, D);
    scp_node *h = scp_add(g, scp_gather(g, t->x, t->rows), scp_scale(g, noise, 0.1));
    h = scp_nn_silu(g, scp_nn_layernorm(g, "ln", scp_nn_linear(g, "one", h, 16)));
    h = scp_nn_linear(g, "two", scp_dropout(g, "drop", h, 0.2), OUT);
    scp_node *mse = scp_mse(g, h, scp_gather(g, t->y, t->rows));
    t->loss = scp_output(g, scp_loss_sum(g, 1, &mse, t->weight));
}

/* device: a name, or NULL for a deferred one that prefers `order`. */
static scp_status start(net *t, const char *device, deferred_order order, scp_comm *comm,
                        scp_dtype store)
{
    *t = (net){ .comm = comm, .bad_from = STEPS };
    SCP_TRY(scp_conf_defaults(groups, &t->cfg));
    t->cfg.steps = 100;
    t->cfg.batch = BATCH;
    t->cfg.lr = 0.01;
    t->cfg.warmup = 10;
    t->cfg.ema = 0.9;
    t->cfg.clip = 0.5;
    t->cfg.seed = SEED;
    if (device) {
        SCP_TRY(scp_device_open(device, &t->own));
        t->dev = t->own;
    } else {
        SCP_TRY(deferred_open(order, &t->later, &t->dev));
        SCP_TRY(scp_comm_create_for(comm, t->dev, &t->special));
        if (t->special) t->comm = t->special;
    }
    SCP_TRY(scp_params_create(t->dev, SEED, &t->params));
    SCP_TRY(scp_graph_create(t->params, &t->g));
    build(t, BATCH / scp_comm_size(t->comm));
    SCP_TRY(scp_plan_create_as(t->g, t->loss, t->comm, store, &t->plan));
    SCP_TRY(upload(t, 1, N * D, &t->x_memory));
    SCP_TRY(upload(t, 2, N * OUT, &t->y_memory));
    SCP_TRY(scp_plan_bind(t->plan, t->x, t->x_memory));
    return scp_plan_bind(t->plan, t->y, t->y_memory);
}

static void stop(net *t)
{
    if (t->dev) scp_device_release(t->dev, t->x_memory);
    if (t->dev) scp_device_release(t->dev, t->y_memory);
    scp_plan_destroy(&t->plan);
    scp_graph_destroy(&t->g);
    scp_params_destroy(&t->params);
    scp_comm_destroy(&t->special);
    scp_device_close(&t->own);
    deferred_close(&t->later);
    scp_conf_fini(groups, &t->cfg);
}

/* The weights, moments and the average of a net, one behind the other. */
typedef struct weights {
    double *v;
    size_t n;
} weights;

static scp_status take(const net *t, weights *w)
{
    static const scp_arena arena[] = { SCP_ARENA_W, SCP_ARENA_M, SCP_ARENA_V, SCP_ARENA_EMA };
    size_t n = scp_params_trainable(t->params);
    w->n = 4 * n;
    w->v = calloc(w->n, sizeof *w->v);
    if (!w->v) SCP_FAIL(SCP_ENOMEM, "no memory");
    for (size_t a = 0; a < 4; a++)
        SCP_TRY(scp_params_read_f64(t->params, arena[a], 0, n, w->v + a * n));
    return SCP_OK;
}

static double distance(const weights *a, const weights *b)
{
    double most = a->n == b->n && a->n ? 0 : INFINITY;
    for (size_t i = 0; i < a->n && i < b->n; i++) most = fmax(most, fabs(a->v[i] - b->v[i]));
    return most;
}

/* The loop written out. */
static scp_status by_hand(net *t, weights *w)
{
    const scp_train_config *c = &t->cfg;
    const scp_optim_impl *o = t->dev->backend->optim;
    const size_t n = scp_params_trainable(t->params), local = BATCH / (size_t)scp_comm_size(t->comm);
    const int64_t row0 = scp_comm_rank(t->comm) * (int64_t)local;
    void *arena[SCP_ARENA_COUNT];
    int32_t rows[BATCH];
    for (int a = 0; a < SCP_ARENA_COUNT; a++) arena[a] = scp_params_arena(t->params, (scp_arena)a);
    for (int64_t step = 0; step < STEPS; step++) {
        const scp_step s = { .seed = SEED, .step = step, .row0 = row0, .train = true };
        double squares;
        scp_sampler_rows(SEED, N, (uint64_t)step, BATCH, (uint64_t)row0, local, rows);
        SCP_TRY(feed(t, t->plan, step, rows, local));
        SCP_TRY(scp_plan_forward(t->plan, &s));
        SCP_TRY(scp_plan_backward(t->plan));
        SCP_TRY(scp_comm_average(t->comm, arena[SCP_ARENA_G], n, SCP_COMM_F32, 1000));
        SCP_TRY(o->sum_squares(t->dev, arena[SCP_ARENA_G], n, &squares));
        const double norm = sqrt(squares);
        const scp_adamw h = { .lr = scp_train_lr(c, step),
                              .beta1 = c->beta1,
                              .beta2 = c->beta2,
                              .eps = c->eps,
                              .decay = c->weight_decay,
                              .grad_scale = norm > c->clip ? c->clip / (norm + 1e-6) : 1,
                              .ema_decay = c->ema,
                              .t = step + 1 };
        SCP_TRY(o->adamw(t->dev, &h, n, arena[SCP_ARENA_W], arena[SCP_ARENA_G], arena[SCP_ARENA_M],
                         arena[SCP_ARENA_V], arena[SCP_ARENA_EMA],
                         scp_params_decay_mask(t->params)));
    }
    return take(t, w);
}

typedef struct how {
    int64_t stride;    /* steps at once */
    bool direct;
    double loss_scale; /* 0: a fresh run's */
} how;

static scp_status by_stepper(net *t, const how *h, weights *w, scp_step_state *state,
                             int64_t *replayed)
{
    const scp_job job = { .stage = "test",
                          .comm = t->comm,
                          .params = t->params,
                          .plan = t->plan,
                          .cfg = &t->cfg,
                          .n_train = N,
                          .feed = feed,
                          .ctx = t,
                          .direct = h->direct,
                          .bucket = 20 };
    scp_stepper *s = NULL;
    scp_status st = scp_stepper_create(&job, &s);
    if (st == SCP_OK) st = scp_stepper_begin(s, h->loss_scale, 0, 0);
    for (int64_t step = 0; st == SCP_OK && step < STEPS; step += h->stride)
        st = scp_stepper_run(s, step, STEPS - step < h->stride ? STEPS - step : h->stride);
    if (st == SCP_OK) st = scp_stepper_look(s, state);
    if (st == SCP_OK) st = take(t, w);
    if (st == SCP_OK) *replayed = scp_stepper_replayed(s);
    scp_stepper_destroy(&s);
    return st;
}

/* One way of running against the loop by hand: the same bits. */
static void same_bits(const weights *want, const char *device, deferred_order order, how h,
                      const char *what)
{
    net t;
    weights w = { 0 };
    scp_step_state state = { 0 };
    int64_t replayed = -1;
    scp_status st = start(&t, device, order, world, SCP_REAL);
    if (st == SCP_OK) st = by_stepper(&t, &h, &w, &state, &replayed);
    tap_st(scp_agree(world, st), "%s", what);
    tap_ok(distance(&w, want) == 0, "%s: the weights of the loop by hand, bit for bit", what);
    tap_ok(replayed == (device || h.direct ? 0 : STEPS - 1), "%s: %d steps replayed", what,
           (int)replayed);
    tap_ok(state.now.step.step == STEPS - 1 && state.next == STEPS && state.skipped == 0 &&
               isfinite(state.grad_norm),
           "%s: the state has the last step", what);
    free(w.v);
    stop(&t);
}

static void all_ways(const weights *want)
{
    same_bits(want, "cpu", 0, (how){ .stride = 1 }, "cpu, a step at a time");
    same_bits(want, "cpu", 0, (how){ .stride = 8 }, "cpu, eight steps at once");
    same_bits(want, NULL, DEFERRED_MAIN_FIRST, (how){ .stride = 8, .direct = true },
              "deferred, not recorded");
    same_bits(want, NULL, DEFERRED_COMM_FIRST, (how){ .stride = 3, .direct = true },
              "deferred, not recorded, the other order of streams");
    same_bits(want, NULL, DEFERRED_MAIN_FIRST, (how){ .stride = 8 }, "deferred, recorded");
    same_bits(want, NULL, DEFERRED_COMM_FIRST, (how){ .stride = 5 },
              "deferred, recorded, the other order of streams");
}

/* All ranks against one. */
static void one_rank(const weights *want)
{
    net t;
    weights w = { 0 };
    scp_comm *self = NULL;
    scp_status st = scp_comm_create_self(&self);
    if (st == SCP_OK) st = start(&t, "cpu", 0, self, SCP_REAL);
    if (st == SCP_OK) st = by_hand(&t, &w);
    tap_st(scp_agree(world, st), "the loop on one rank");
    double worst = distance(&w, want);
    tap_st(scp_comm_allreduce(world, &worst, 1, SCP_COMM_F64, SCP_COMM_MAX), "compared");
    tap_ok(worst < 1e-6, "any number of ranks gives the weights of one (%.2g)", worst);
    free(w.v);
    stop(&t);
    scp_comm_destroy(&self);
}

/* Steps 5 to 8 have a loss that is not finite: they change nothing but counts and scale. */
static void skipped(const char *device, scp_dtype store, double scale, double want_scale)
{
    net t;
    weights w = { 0 };
    scp_step_state s = { 0 };
    int64_t replayed;
    scp_status st = start(&t, device, DEFERRED_MAIN_FIRST, world, store);
    t.bad_from = 5;
    t.bad_to = 9;
    if (st == SCP_OK)
        st = by_stepper(&t, &(how){ .stride = 4, .loss_scale = scale }, &w, &s, &replayed);
    const char *name = device ? device : "deferred";
    tap_st(scp_agree(world, st), "%s: four steps that are not finite", name);
    bool finite = true;
    for (size_t i = 0; i < w.n; i++) finite = finite && isfinite(w.v[i]);
    tap_ok(finite && s.skipped == 4 && s.worst == 4 && s.bad == 0, "%s: are skipped and counted",
           name);
    tap_near(s.loss_scale, want_scale, 0, "%s: and each halves a dynamic loss scale", name);
    free(w.v);
    stop(&t);
}

/* Stored in half, and the loss scaled: near fp32, and not the same. */
static void in_half(const char *device, scp_dtype store, double tol)
{
    weights w[2] = { { 0 }, { 0 } };
    scp_step_state s = { 0 };
    int64_t replayed;
    scp_status st = SCP_OK;
    for (int half = 0; half < 2 && st == SCP_OK; half++) {
        net t;
        st = start(&t, device, 0, world, half ? store : SCP_REAL);
        if (st == SCP_OK)
            st = by_stepper(&t, &(how){ .stride = 1, .loss_scale = half ? 1024 : 0 }, &w[half], &s,
                            &replayed);
        stop(&t);
    }
    tap_st(scp_agree(world, st), "%s: %s", device, store == SCP_F16 ? "fp16" : "bf16");
    w[0].n = w[1].n /= 4; /* the weights alone: moments carry no scale */
    double d = distance(&w[0], &w[1]);
    tap_ok(d > 1e-6 && d < tol && s.skipped == 0, "trains the weights of fp32 to %.2g (%.2g)", tol,
           d);
    free(w[0].v);
    free(w[1].v);
}

int main(int argc, char **argv)
{
    bool all_here = false;
    net t;
    weights want = { 0 };
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    tap_set_silent(scp_comm_rank(world) != 0);
    scp_status st = start(&t, "cpu", 0, world, SCP_REAL);
    if (st == SCP_OK) st = by_hand(&t, &want);
    if (tap_st(scp_agree(world, st), "the loop by hand")) {
        all_ways(&want);
        one_rank(&want);
        skipped("cpu", SCP_REAL, 0, 1);
        skipped(NULL, SCP_REAL, 0, 1);
        skipped("cpu", SCP_F16, 1024, 64);
        skipped("ref", SCP_F16, 1024, 64);
        skipped("cpu", SCP_BF16, 0, 1);
        in_half("cpu", SCP_F16, 5e-3);
        in_half("ref", SCP_F16, 5e-3);
        in_half("cpu", SCP_BF16, 3e-2);
    }
    free(want.v);
    stop(&t);
    int failed = tap_done();
    if (scp_world_meet(world, 60, &all_here) != SCP_OK || !all_here) scp_world_abort(1);
    if (scp_world_end(&world) != SCP_OK) return 1;
    return failed;
}
