/* See small_net.h. */
#include "train/small_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/sampler.h"
#include "nn/nn.h"
#include "tensor/optim.h"

static const scp_option_group groups[] = { { scp_train_options, 0, "train" }, { 0 } };
static scp_status feed(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows, size_t n)
{
    net *t = ctx;
    double weight = 1 + 0.01 * (double)step;
    (void)n;
    const bool here = t->bad_rank < 0 || t->bad_rank == scp_comm_rank(t->comm);
    if (here && step >= t->bad_from && step < t->bad_to) weight = INFINITY;
    SCP_TRY(scp_plan_feed_i32(plan, t->rows, rows));
    return scp_plan_feed_f64(plan, t->weight, &weight);
}

static scp_status upload(net *t, uint64_t stream, size_t n, void **out)
{
    double host[NET_N * NET_D];
    scp_rng_fill_normal(NET_SEED, SCP_RNG_SYNTH, stream, 0, n, host);
    SCP_TRY(scp_device_alloc(t->dev, scp_device_bytes(t->dev, SCP_REAL, n), out));
    return scp_device_write_f64(t->dev, *out, host, n);
}

static void build(net *t, int64_t b)
{
    scp_graph *g = t->g;
    t->x = scp_resident(g, "x", SCP_REAL, SCP_SHAPE(NET_N, NET_D));
    t->y = scp_resident(g, "y", SCP_REAL, SCP_SHAPE(NET_N, NET_OUT));
    t->rows = scp_input(g, "rows", SCP_I32, SCP_SHAPE(b));
    t->weight = scp_input(g, "weight", SCP_REAL, SCP_SHAPE(1));
    scp_node *noise = scp_rand_normal(g, "eps", SCP_RNG_NOISE, b, NET_D);
    scp_node *h = scp_add(g, scp_gather(g, t->x, t->rows), scp_scale(g, noise, 0.1));
    h = scp_nn_silu(g, scp_nn_layernorm(g, "ln", scp_nn_linear(g, "one", h, 16)));
    h = scp_nn_linear(g, "two", scp_dropout(g, "drop", h, 0.2), NET_OUT);
    scp_node *mse = scp_mse(g, h, scp_gather(g, t->y, t->rows));
    t->loss = scp_output(g, scp_loss_sum(g, 1, &mse, t->weight));
}

scp_status net_start(net *t, const char *device, deferred_order order, scp_comm *comm, bool choose,
                     scp_dtype store)
{
    *t = (net){ .comm = comm, .bad_from = NET_STEPS, .bad_rank = -1 };
    SCP_TRY(scp_conf_defaults(groups, &t->cfg));
    t->cfg.steps = 100;
    t->cfg.batch = NET_BATCH;
    t->cfg.lr = 0.01;
    t->cfg.warmup = 10;
    t->cfg.ema = 0.9;
    t->cfg.clip = 0.5;
    t->cfg.seed = NET_SEED;
    if (device) {
        SCP_TRY(scp_device_open(device, &t->own));
        t->dev = t->own;
    } else {
        SCP_TRY(deferred_open(order, &t->later, &t->dev));
    }
    if (choose) SCP_TRY(scp_comm_create_for(comm, t->dev, &t->special));
    if (t->special) t->comm = t->special;
    SCP_TRY(scp_params_create(t->dev, NET_SEED, &t->params));
    SCP_TRY(scp_graph_create(t->params, &t->g));
    build(t, NET_BATCH / scp_comm_size(t->comm));
    SCP_TRY(scp_plan_create_as(t->g, t->loss, t->comm, store, &t->plan));
    SCP_TRY(upload(t, 1, NET_N * NET_D, &t->x_memory));
    SCP_TRY(upload(t, 2, NET_N * NET_OUT, &t->y_memory));
    SCP_TRY(scp_plan_bind(t->plan, t->x, t->x_memory));
    return scp_plan_bind(t->plan, t->y, t->y_memory);
}

void net_stop(net *t)
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

/* What lies between the tensors of an arena is zero. */
static scp_status check_gaps(const scp_params *p, const double *v, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < scp_params_count(p); i++) {
        const scp_param_info *info = scp_params_info(p, i);
        if (info->state) continue;
        for (; at < info->offset; at++)
            if (v[at] != 0) SCP_FAIL(SCP_EINTERNAL, "a gap before %s is not zero", info->name);
        at = info->offset + info->count;
    }
    for (; at < n; at++)
        if (v[at] != 0) SCP_FAIL(SCP_EINTERNAL, "the gap at the end is not zero");
    return SCP_OK;
}

scp_status net_take(const net *t, net_weights *w)
{
    static const scp_arena arena[] = { SCP_ARENA_W, SCP_ARENA_M, SCP_ARENA_V, SCP_ARENA_EMA };
    size_t n = scp_params_trainable(t->params);
    w->n = 4 * n;
    w->v = calloc(w->n, sizeof *w->v);
    if (!w->v) SCP_FAIL(SCP_ENOMEM, "no memory");
    for (size_t a = 0; a < 4; a++) {
        SCP_TRY(scp_params_read_f64(t->params, arena[a], 0, n, w->v + a * n));
        SCP_TRY(check_gaps(t->params, w->v + a * n, n));
    }
    return SCP_OK;
}

double net_distance(const net_weights *a, const net_weights *b)
{
    double most = a->n == b->n && a->n ? 0 : INFINITY;
    for (size_t i = 0; i < a->n && i < b->n; i++) most = fmax(most, fabs(a->v[i] - b->v[i]));
    return most;
}

/* The loop written out. */
scp_status net_by_hand(net *t, net_weights *w)
{
    const scp_train_config *c = &t->cfg;
    const scp_optim_impl *o = t->dev->backend->optim;
    const size_t n = scp_params_trainable(t->params),
                 local = NET_BATCH / (size_t)scp_comm_size(t->comm);
    const int64_t row0 = scp_comm_rank(t->comm) * (int64_t)local;
    void *arena[SCP_ARENA_COUNT];
    int32_t rows[NET_BATCH];
    for (int a = 0; a < SCP_ARENA_COUNT; a++) arena[a] = scp_params_arena(t->params, (scp_arena)a);
    for (int64_t step = 0; step < NET_STEPS; step++) {
        const scp_step s = { .seed = NET_SEED, .step = step, .row0 = row0, .train = true };
        double squares;
        scp_sampler_rows(NET_SEED, NET_N, (uint64_t)step, NET_BATCH, (uint64_t)row0, local, rows);
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
    return net_take(t, w);
}

scp_status net_by_stepper(net *t, const net_how *h, net_weights *w, scp_step_state *state,
                          int64_t *replayed)
{
    const scp_job job = { .stage = "test",
                          .comm = t->comm,
                          .params = t->params,
                          .plan = t->plan,
                          .cfg = &t->cfg,
                          .n_train = NET_N,
                          .feed = feed,
                          .ctx = t,
                          .direct = h->direct,
                          .bucket = 20 };
    scp_stepper *s = NULL;
    scp_status st = scp_stepper_create(&job, &s);
    if (st == SCP_OK) st = scp_stepper_begin(s, h->loss_scale, 0, 0);
    for (int64_t step = 0; st == SCP_OK && step < NET_STEPS; step += h->stride)
        st = scp_stepper_run(s, step, NET_STEPS - step < h->stride ? NET_STEPS - step : h->stride);
    if (st == SCP_OK) st = scp_stepper_look(s, state);
    if (st == SCP_OK) st = net_take(t, w);
    if (st == SCP_OK) *replayed = scp_stepper_replayed(s);
    scp_stepper_destroy(&s);
    return st;
}
