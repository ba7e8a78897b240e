/* The two ends of a recorded step on the emulated device (tensor/step.h) against ref, over a run
 * with gradients that are not finite: norms, clipping, loss scale, counters, weights, moments,
 * average, halves and spoilt states. And the optimiser of tensor/optim.h, of any alignment. */
#include "tensor/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "dev/stream.h"
#include "emu/emu.h"
#include "tap.h"
#include "tensor/half.h"
#include "tensor/optim.h"

enum { N = 1003, STATES = 5, TOTAL = N + STATES, STEPS = 14, SLOTS = 4, FEED = 24, GROWTH = 3 };

typedef struct rig {
    scp_device *dev;
    void *w, *g, *m, *v, *ema, *loss, *loss_grad;
    uint8_t *mask;
    uint16_t *half;
    void *records, *feed;
    scp_step_state *state;
    scp_step_state now; /* as last read */
} rig;

static scp_status reals(rig *r, void **out, size_t n, uint32_t stream, double scale)
{
    double v[TOTAL];
    float f[TOTAL];
    scp_rng_fill_normal(3, 100, 0, stream, n, v);
    for (size_t i = 0; i < n; i++) f[i] = (float)(fabs(v[i]) * scale);
    SCP_TRY(scp_device_alloc(r->dev, scp_device_bytes(r->dev, SCP_REAL, n), out));
    return scp_device_write_f32(r->dev, *out, f, n);
}

/* What the host decides about step k: its feed is k in every word. */
static scp_status write_record(rig *r, int64_t k)
{
    char record[SCP_STEP_HEAD + 64] = { 0 };
    const scp_step_record head = { .step = { .seed = 9, .step = k, .row0 = 2, .train = true },
                                   .lr = 0.01 / (double)(k + 1),
                                   .unbias1 = 1 - pow(0.9, (double)k + 1),
                                   .unbias2 = 1 - pow(0.99, (double)k + 1) };
    size_t bytes = scp_step_record_bytes(FEED);
    memcpy(record, &head, sizeof head);
    for (size_t i = 0; i < FEED / 4; i++)
        memcpy(record + SCP_STEP_HEAD + 4 * i, &(int32_t){ (int32_t)k }, 4);
    return r->dev->backend->write(r->dev, (char *)r->records + (size_t)(k % SLOTS) * bytes, record,
                                  bytes);
}

static scp_status start(rig *r, const char *device)
{
    const scp_step_state fresh = { .loss_scale = 1024 };
    uint8_t mask[N];
    *r = (rig){ 0 };
    SCP_TRY(scp_device_open(device, &r->dev));
    SCP_TRY(reals(r, &r->w, TOTAL, 1, 1));
    SCP_TRY(reals(r, &r->g, N, 2, 1));
    SCP_TRY(reals(r, &r->m, N, 3, 0));
    SCP_TRY(reals(r, &r->v, N, 4, 0));
    SCP_TRY(reals(r, &r->ema, TOTAL, 1, 1));
    SCP_TRY(reals(r, &r->loss, 1, 5, 1));
    SCP_TRY(reals(r, &r->loss_grad, 1, 6, 1));
    for (size_t i = 0; i < N; i++) mask[i] = i % 3 != 0;
    SCP_TRY(scp_device_alloc(r->dev, N, (void **)&r->mask));
    SCP_TRY(r->dev->backend->write(r->dev, r->mask, mask, N));
    SCP_TRY(scp_device_alloc(r->dev, N * 8, (void **)&r->half)); /* ref: rounded reals */
    SCP_TRY(scp_device_alloc(r->dev, SLOTS * scp_step_record_bytes(FEED), &r->records));
    SCP_TRY(scp_device_alloc(r->dev, FEED, &r->feed));
    SCP_TRY(scp_device_alloc(r->dev, sizeof fresh, (void **)&r->state));
    return r->dev->backend->write(r->dev, r->state, &fresh, sizeof fresh);
}

static void stop(rig *r)
{
    if (!r->dev) return;
    void *all[] = { r->w,         r->g,    r->m,    r->v,     r->ema,     r->loss,
                    r->loss_grad, r->mask, r->half, r->state, r->records, r->feed };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) scp_device_release(r->dev, all[i]);
    scp_device_close(&r->dev);
}

/* Gradients of step k, times the loss scale; some of step 4, 5 and 9 are not finite. */
static scp_status gradient(rig *r, int64_t k)
{
    double v[N];
    float g[N];
    scp_rng_fill_normal(4, 100, (uint64_t)k, 0, N, v);
    for (size_t i = 0; i < N; i++) g[i] = (float)(v[i] * r->now.loss_scale * (k < 7 ? 0.001 : 1));
    if (k == 4 || k == 5) g[N - 1] = INFINITY;
    if (k == 9) g[17] = NAN;
    return scp_device_write_f32(r->dev, r->g, g, N);
}

static scp_status step(rig *r, int64_t k)
{
    const scp_step_impl *impl = r->dev->backend->step;
    const scp_step_ring ring = { r->state, r->records, SLOTS, r->feed, FEED };
    const scp_update u = { .state = r->state,
                           .beta1 = 0.9,
                           .beta2 = 0.99,
                           .eps = 1e-8,
                           .decay = 0.1,
                           .ema_decay = 0.95,
                           .clip = 5,
                           .growth_every = GROWTH,
                           .n = N,
                           .states = STATES,
                           .w = r->w,
                           .g = r->g,
                           .m = r->m,
                           .v = r->v,
                           .ema = r->ema,
                           .decay_mask = r->mask,
                           .half = r->half,
                           .half_type = SCP_BF16 };
    const double spoilt = NAN;
    SCP_TRY(r->dev->backend->read(r->dev, &r->now, r->state, sizeof r->now));
    SCP_TRY(write_record(r, k));
    SCP_TRY(gradient(r, k));
    if (k == 9)
        SCP_TRY(scp_device_write_f64(
            r->dev, (char *)r->w + scp_device_bytes(r->dev, SCP_REAL, N + 1), &spoilt, 1));
    SCP_TRY(impl->load(r->dev, &ring));
    SCP_TRY(impl->seed(r->dev, r->state, r->loss, r->loss_grad));
    SCP_TRY(impl->update(r->dev, &u));
    return r->dev->backend->read(r->dev, &r->now, r->state, sizeof r->now);
}

static bool near(const rig *a, const void *x, const rig *b, const void *y, size_t n)
{
    double p[TOTAL], q[TOTAL], worst = 0;
    if (scp_device_read_f64(a->dev, p, x, n) != SCP_OK) return false;
    if (scp_device_read_f64(b->dev, q, y, n) != SCP_OK) return false;
    for (size_t i = 0; i < n; i++)
        worst = isfinite(p[i]) ? fmax(worst, fabs(p[i] - q[i]) / fmax(1e-3, fabs(q[i]))) : INFINITY;
    if (worst > 1e-5) tap_diag("error %g", worst);
    return worst <= 1e-5;
}

static void compare(const rig *ref, const rig *cuda, int64_t k)
{
    const scp_step_state *a = &ref->now, *b = &cuda->now;
    double seeds[2] = { 0, 1 };
    int32_t fed[FEED / 4] = { 0 };
    (void)!scp_device_read_f64(ref->dev, &seeds[0], ref->loss_grad, 1);
    (void)!scp_device_read_f64(cuda->dev, &seeds[1], cuda->loss_grad, 1);
    (void)!cuda->dev->backend->read(cuda->dev, fed, cuda->feed, FEED);
    tap_ok(memcmp(&a->now, &b->now, sizeof a->now) == 0 && b->next == k + 1 && fed[0] == k &&
               fed[FEED / 4 - 1] == k,
           "step %d: its record and its inputs are loaded", (int)k);
    tap_ok(seeds[0] == seeds[1], "step %d: the gradient of the loss starts with its scale", (int)k);
    tap_ok(a->loss_scale == b->loss_scale && a->good == b->good && a->bad == b->bad &&
               a->worst == b->worst && a->skipped == b->skipped && a->found_inf == b->found_inf,
           "step %d: loss scale and counters are those of ref", (int)k);
    if (!a->found_inf)
        tap_ok(fabs(a->grad_norm - b->grad_norm) <= 1e-6 * a->grad_norm &&
                   fabs(a->grad_scale - b->grad_scale) <= 1e-6 * a->grad_scale,
               "step %d: so are norm and clipping", (int)k);
    tap_ok(near(cuda, cuda->w, ref, ref->w, TOTAL) && near(cuda, cuda->m, ref, ref->m, N) &&
               near(cuda, cuda->v, ref, ref->v, N) && near(cuda, cuda->ema, ref, ref->ema, TOTAL),
           "step %d: and weights, states, moments and average", (int)k);
}

static void test_run(scp_emu_order order)
{
    rig ref, cuda;
    scp_emu_set_order(order);
    if (tap_st(start(&ref, "ref"), "ref starts") && tap_st(start(&cuda, "cuda"), "cuda starts")) {
        for (int64_t k = 0; k < STEPS; k++)
            if (tap_st(step(&ref, k), "step on ref") && tap_st(step(&cuda, k), "step on cuda"))
                compare(&ref, &cuda, k);
        uint16_t half[N];
        double w[N];
        bool right = cuda.dev->backend->read(cuda.dev, half, cuda.half, sizeof half) == SCP_OK &&
                     scp_device_read_f64(cuda.dev, w, cuda.w, N) == SCP_OK;
        for (size_t i = 0; i < N; i++)
            right = right && half[i] == scp_half_bits(SCP_BF16, (float)w[i]);
        tap_ok(right, "the weights in half are the rounded weights");
    }
    stop(&ref);
    stop(&cuda);
}

/* One step of scp_optim_impl that begins `skip` reals into its arenas. */
static void test_optim(size_t skip)
{
    rig r[2];
    double squares[2] = { 0, 1 };
    const scp_adamw h = { .lr = 0.01,
                          .beta1 = 0.9,
                          .beta2 = 0.99,
                          .eps = 1e-8,
                          .decay = 0.1,
                          .grad_scale = 0.5,
                          .ema_decay = 0.9,
                          .t = 3 };
    for (int i = 0; i < 2; i++) {
        if (!tap_st(start(&r[i], i ? "cuda" : "ref"), "start")) return;
        size_t at = scp_device_bytes(r[i].dev, SCP_REAL, skip), n = N - skip;
        const scp_optim_impl *o = r[i].dev->backend->optim;
        tap_st(o->sum_squares(r[i].dev, (char *)r[i].g + at, n, &squares[i]), "sum of squares");
        tap_st(o->adamw(r[i].dev, &h, n, (char *)r[i].w + at, (char *)r[i].g + at,
                        (char *)r[i].m + at, (char *)r[i].v + at, (char *)r[i].ema + at,
                        r[i].mask + skip),
               "adamw");
        tap_st(o->ema(r[i].dev, 0.5, n, (char *)r[i].w + at, (char *)r[i].ema + at), "ema");
    }
    tap_rel(squares[1], squares[0], 1e-12, "from real %zu: the sum of squares is that of ref",
            skip);
    tap_ok(near(&r[1], r[1].w, &r[0], r[0].w, N) && near(&r[1], r[1].ema, &r[0], r[0].ema, N) &&
               near(&r[1], r[1].v, &r[0], r[0].v, N),
           "from real %zu: weights, average and moments too", skip);
    stop(&r[0]);
    stop(&r[1]);
}

int main(void)
{
    test_run(SCP_EMU_FORWARD);
    test_run(SCP_EMU_SHUFFLED);
    for (size_t skip = 0; skip < 5; skip++) test_optim(skip);
    return tap_done();
}
