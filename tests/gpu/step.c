/* Training steps on a device: recorded equals not recorded; the cpu's weights to rounding; a loss
 * that is not finite; fp16 and bf16 beside fp32, for a small net and for the denoiser's curve; one
 * rank of NCCL; 2 and 4 ranks that share the device, staged through the host, equal to one; the
 * sampler.
 *
 * The device is $SCP_TEST_DEVICE, cuda by default; on "cpu" the same program checks itself. With
 * $SCP_TEST_SMALL the denoiser is tiny and NCCL stays out: for a device that is emulated. Knows
 * neither MPI nor HDF5. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/forward.h"
#include "diffusion/generate.h"
#include "gpu/forked.h"
#include "model/toy.h"
#include "tap.h"
#include "train/small_net.h"

enum { WEIGHTS = 4096, CURVE = 64 };

static const char *device = "cuda";
static scp_comm *self;

static bool on_gpu(void)
{
    return strncmp(device, "cuda", 4) == 0;
}

/* A device that is emulated: small models, and no NCCL. */
static bool small(void)
{
    return getenv("SCP_TEST_SMALL") != NULL;
}

static scp_status take_steps(const char *dev, scp_comm *comm, scp_dtype store, net_how how,
                             net_weights *w, scp_step_state *s, int64_t *replayed)
{
    net t;
    scp_status st = net_start(&t, dev, DEFERRED_MAIN_FIRST, comm, true, store);
    if (st == SCP_OK) st = net_by_stepper(&t, &how, w, s, replayed);
    net_stop(&t);
    return st;
}

static void recorded(void)
{
    net_weights w[4] = { { 0 } };
    scp_step_state s;
    int64_t replayed = 0;
    if (tap_st(take_steps(device, self, SCP_REAL, (net_how){ .stride = 1, .direct = true }, &w[0],
                          &s, &replayed),
               "%s: %d steps, none recorded", device, NET_STEPS) &&
        tap_st(take_steps(device, self, SCP_REAL, (net_how){ .stride = 8 }, &w[1], &s, &replayed),
               "recorded") &&
        tap_st(take_steps(device, self, SCP_REAL, (net_how){ .stride = 3 }, &w[2], &s, &replayed),
               "recorded, in other portions") &&
        tap_st(
            take_steps("cpu", self, SCP_REAL, (net_how){ .stride = 1 }, &w[3], &s, &(int64_t){ 0 }),
            "on the cpu")) {
        tap_ok(replayed == (on_gpu() ? NET_STEPS - 1 : 0), "%d steps were replayed", (int)replayed);
        tap_ok(net_distance(&w[0], &w[1]) == 0, "recorded: the same bits");
        tap_ok(net_distance(&w[0], &w[2]) == 0, "in other portions: the same bits");
        double d = net_distance(&w[0], &w[3]);
        tap_ok(d < 2e-5, "the weights of the cpu to rounding (%.2g)", d);
    }
    for (int i = 0; i < 4; i++) free(w[i].v);
}

static void skipped(scp_dtype store, double scale, double want)
{
    net t;
    net_weights w = { 0 };
    scp_step_state s = { 0 };
    int64_t replayed;
    bool finite = true;
    scp_status st = net_start(&t, device, 0, self, true, store);
    t.bad_from = 5;
    t.bad_to = 9;
    if (st == SCP_OK)
        st = net_by_stepper(&t, &(net_how){ .stride = 8, .loss_scale = scale }, &w, &s, &replayed);
    tap_st(st, "four steps that are not finite");
    for (size_t i = 0; i < w.n; i++) finite = finite && isfinite(w.v[i]);
    tap_ok(finite && s.skipped == 4 && s.worst == 4 && s.bad == 0, "are skipped and counted");
    tap_near(s.loss_scale, want, 0, "loss scale after them");
    free(w.v);
    net_stop(&t);
}

static void in_half(scp_dtype store, const char *name, double tol)
{
    net_weights w[2] = { { 0 } };
    scp_step_state s = { 0 };
    int64_t replayed;
    if (tap_st(take_steps(device, self, SCP_REAL, (net_how){ .stride = 8 }, &w[0], &s, &replayed),
               "fp32") &&
        tap_st(take_steps(device, self, store, (net_how){ .stride = 8, .loss_scale = 1024 }, &w[1],
                          &s, &replayed),
               "%s", name)) {
        w[0].n = w[1].n /= 4;
        double d = net_distance(&w[0], &w[1]);
        tap_ok(d > 1e-6 && d < tol && !s.skipped, "%s trains the weights of fp32 to %g (%.2g)",
               name, tol, d);
    }
    free(w[0].v);
    free(w[1].v);
}

static scp_status feed_nothing(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows,
                               size_t n)
{
    (void)ctx, (void)plan, (void)step, (void)rows, (void)n;
    return SCP_OK;
}

/* Losses of the denoiser on one batch, which it learns by heart. */
static scp_status curve(const char *dev, scp_dtype store, int steps, double *loss)
{
    static const screen_size size = { .lines = 4, .drugs = 8, .genes = 300, .seed = 2 };
    static const scp_option_group groups[] = { { scp_train_options, 0, "train" }, { 0 } };
    toy t = { 0 };
    scp_train_config cfg;
    scp_stepper *s = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_conf_defaults(groups, &cfg));
    cfg.batch = 16;
    cfg.lr = 1e-3;
    cfg.warmup = 8;
    cfg.steps = CURVE + 1;
    SCP_GOTO(done, toy_denoiser_as(&t, dev, &size, 16, small() ? toy_tiny : NULL, NULL, store));
    scp_job job = { .stage = "curve",
                    .comm = self,
                    .params = t.params,
                    .plan = t.plan,
                    .cfg = &cfg,
                    .n_train = 16,
                    .feed = feed_nothing };
    SCP_GOTO(done, scp_stepper_create(&job, &s));
    /* low enough that no step overflows: a skipped one would be another curve */
    if (store == SCP_F16) SCP_GOTO(done, scp_stepper_begin(s, 1024, 0, 0));
    for (int64_t step = 0; step < steps; step += 8) {
        for (int64_t i = 0; i < 8; i += scp_stepper_stride(s))
            SCP_GOTO(done, scp_stepper_run(s, step + i, scp_stepper_stride(s)));
        SCP_GOTO(done, scp_plan_fetch_f64(t.plan, t.loss, &loss[step / 8]));
    }
done:
    scp_stepper_destroy(&s);
    toy_stop(&t);
    scp_conf_fini(groups, &cfg);
    return st;
}

static double apart(const double *a, const double *b, int n)
{
    double worst = 0;
    for (int i = 0; i < n; i++) worst = fmax(worst, fabs(a[i] / b[i] - 1));
    return worst;
}

static void curves(void)
{
    const int steps = small() ? 16 : CURVE, n = steps / 8;
    double ref[CURVE / 8], wide[CURVE / 8], half[CURVE / 8];
    if (!tap_st(curve(small() ? "ref" : "cpu", SCP_REAL, steps, ref), "the denoiser on the host") ||
        !tap_st(curve(device, SCP_REAL, steps, wide), "in fp32 on %s", device))
        return;
    tap_ok(wide[n - 1] < wide[0], "it learns: %.4f to %.4f", wide[0], wide[n - 1]);
    double d = apart(wide, ref, n);
    tap_ok(d < 1e-4, "its curve is that of the host to 1e-4 (%.2g)", d);
    if (!tap_st(curve(device, SCP_F16, steps, half), "in fp16")) return;
    d = apart(half, wide, n);
    tap_ok(d < 0.02, "the curve of fp32 to 0.02 (%.2g)", d);
    if (!tap_st(curve(device, SCP_BF16, steps, half), "in bf16")) return;
    d = apart(half, wide, n);
    tap_ok(d < 0.1, "the curve of fp32 to 0.1 (%.2g)", d);
}

static void nccl_alone(void)
{
    scp_device *dev = NULL;
    scp_comm *nccl = NULL;
    float x[1000], y[1000];
    void *memory = NULL;
    scp_average *a = NULL;
    const size_t begin[] = { 0, 300, 1000 };
    for (int i = 0; i < 1000; i++) x[i] = (float)i;
    if (!tap_st(scp_device_open(device, &dev), "the device")) return;
    scp_status st = scp_comm_create_nccl(self, dev, &nccl);
    if (st == SCP_EUSAGE) { /* the one reason for it */
        tap_skip(scp_err_message(), "one rank of NCCL");
        scp_device_close(&dev);
        return;
    }
    if (tap_st(st, "one rank of NCCL") &&
        tap_st(scp_device_alloc(dev, sizeof x, &memory), "memory") &&
        tap_st(scp_device_write_f32(dev, memory, x, 1000), "numbers") &&
        tap_st(scp_average_create(nccl, dev, memory, SCP_COMM_F32, 2, begin, &a), "buckets")) {
        st = scp_average_start(a, 1);
        if (st == SCP_OK) st = scp_average_start(a, 0);
        if (st == SCP_OK) st = scp_average_join(a);
        if (st == SCP_OK) st = scp_average_finish(a);
        if (st == SCP_OK) st = scp_device_read_f32(dev, y, memory, 1000);
        tap_st(st, "an average on the second stream");
        tap_ok(!memcmp(x, y, sizeof x), "of one rank is what it was");
    }
    scp_average_destroy(&a);
    scp_device_release(dev, memory);
    if (nccl) {
        net t = { 0 };
        net_weights w[2] = { { 0 } };
        scp_step_state s;
        int64_t replayed = 0;
        st = take_steps(device, self, SCP_REAL, (net_how){ .stride = 8 }, &w[0], &s, &replayed);
        if (st == SCP_OK) st = net_start(&t, device, 0, self, false, SCP_REAL);
        scp_comm *own = NULL;
        if (st == SCP_OK) st = scp_comm_create_nccl(self, t.dev, &own);
        if (st == SCP_OK) t.comm = own;
        if (st == SCP_OK) st = net_by_stepper(&t, &(net_how){ .stride = 8 }, &w[1], &s, &replayed);
        tap_st(st, "steps with NCCL recorded in them");
        tap_ok(net_distance(&w[0], &w[1]) == 0 && replayed == NET_STEPS - 1,
               "give the bits of steps without");
        scp_comm_destroy(&own);
        net_stop(&t);
        free(w[0].v);
        free(w[1].v);
    }
    scp_comm_destroy(&nccl);
    scp_device_close(&dev);
}

/* Latents of a few conditions, sampled twice: the second time recorded. */
static scp_status sample(const char *dev, bool on_device, float *mu)
{
    enum { N = 5, DZ = 16, G = 40 };
    static const screen_size size = { .lines = 3, .drugs = 5, .genes = G, .seed = 2 };
    static const scp_option_group groups[] = { { scp_guidance_options, 0, "guidance" }, { 0 } };
    static const char *const v[] = { "diffusion.parameterization=v", NULL };
    toy model = { 0 }, vae = { 0 };
    scp_generator *gen = NULL;
    scp_guidance gd;
    float pre[N * DZ];
    double dose[N];
    int32_t drug[N];
    uint64_t id[N];
    const scp_conditions c = { .n = N, .mu_pre = pre, .drug = drug, .dose = dose, .id = id };
    scp_status st = SCP_OK;
    for (int i = 0; i < N * DZ; i++) pre[i] = (float)sin(i);
    for (int i = 0; i < N; i++) {
        drug[i] = i % 5;
        dose[i] = 0.5 * i;
        id[i] = (uint64_t)i;
    }
    SCP_TRY(scp_conf_defaults(groups, &gd));
    gd.ddim_steps = 4;
    gd.block = 3;
    SCP_GOTO(done, toy_denoiser(&model, dev, &size, 4, toy_tiny, v));
    SCP_GOTO(done, toy_shake(&model, 0.1));
    SCP_GOTO(done, toy_vae(&vae, dev, &size, 4, toy_tiny, v));
    SCP_GOTO(done, scp_generator_create(&model.m, &gd, model.params, vae.params, &model.stats,
                                        model.data.fp, model.data.n_drugs, G, &gen));
    scp_generator_set_on_device(gen, on_device);
    for (int run = 0; run < 2; run++) SCP_GOTO(done, scp_generator_latent(gen, &c, mu));
done:
    scp_generator_destroy(&gen);
    toy_stop(&model);
    toy_stop(&vae);
    return st;
}

static void sampled(void)
{
    float chain[80], loop[80], cpu[80];
    double d[2] = { 0, 0 }, scale = 0;
    if (!tap_st(sample(device, true, chain), "a recorded chain of the sampler") ||
        !tap_st(sample(device, false, loop), "the same step by step") ||
        !tap_st(sample("cpu", false, cpu), "the same on the cpu"))
        return;
    for (int i = 0; i < 80; i++) {
        d[0] = fmax(d[0], fabs((double)chain[i] - loop[i]));
        d[1] = fmax(d[1], fabs((double)chain[i] - cpu[i]));
        scale = fmax(scale, fabs((double)cpu[i]));
    }
    tap_ok(d[0] < 1e-4 * scale && d[1] < 1e-4 * scale && scale > 0.1,
           "give the samples of the cpu (%.2g, %.2g)", d[0] / scale, d[1] / scale);
}

/* Shared with the ranks: the weights of the last one. */
typedef struct result {
    size_t n;
    double v[WEIGHTS];
} result;

static scp_status rank_main(scp_comm *comm, void *shared)
{
    result *r = shared;
    net_weights w = { 0 };
    scp_step_state s;
    int64_t replayed;
    scp_status st = take_steps(device, comm, SCP_REAL, (net_how){ .stride = 8 }, &w, &s, &replayed);
    if (st == SCP_OK && scp_comm_rank(comm) == scp_comm_size(comm) - 1 && w.n <= WEIGHTS) {
        memcpy(r->v, w.v, w.n * sizeof *w.v);
        r->n = w.n;
    }
    free(w.v);
    return st;
}

static void many_ranks(const result *two, const result *four)
{
    net_weights one = { 0 };
    scp_step_state s;
    int64_t replayed;
    if (!tap_st(take_steps(device, self, SCP_REAL, (net_how){ .stride = 8 }, &one, &s, &replayed),
                "one rank"))
        return;
    const result *r[2] = { two, four };
    for (int i = 0; i < 2; i++) {
        net_weights w = { (double *)(uintptr_t)r[i]->v, r[i]->n };
        double d = net_distance(&w, &one);
        tap_ok(d < 1e-6, "%d ranks on one device give the weights of one (%.2g)", 2 << i, d);
    }
    free(one.v);
}

/* In a child: opening a GPU here would spoil it for the ranks. */
static scp_status probe(scp_comm *comm, void *shared)
{
    scp_device *dev = NULL;
    (void)comm;
    scp_status st = scp_device_open(device, &dev);
    snprintf(shared, 512, "%s", st == SCP_OK ? "" : scp_err_message());
    scp_device_close(&dev);
    return SCP_OK;
}

int main(void)
{
    void *why = NULL, *two = NULL, *four = NULL;
    if (getenv("SCP_TEST_DEVICE")) device = getenv("SCP_TEST_DEVICE");
    if (forked_run(1, probe, 512, 60, &why) != SCP_OK || *(char *)why)
        return tap_skip_all(why && *(char *)why ? why : "the device cannot be asked");
    forked_free(why, 512);
    tap_st(forked_run(2, rank_main, sizeof(result), 120, &two), "2 ranks on %s", device);
    tap_st(forked_run(4, rank_main, sizeof(result), 120, &four), "4 ranks on %s", device);
    if (tap_st(scp_comm_create_self(&self), "this process alone")) {
        many_ranks(two, four);
        recorded();
        skipped(SCP_REAL, 0, 1);
        skipped(SCP_F16, 1024, 64);
        in_half(SCP_F16, "fp16", 5e-3);
        in_half(SCP_BF16, "bf16", 3e-2);
        sampled();
        curves();
        if (on_gpu() && !small()) nccl_alone();
    }
    scp_comm_destroy(&self);
    forked_free(two, sizeof(result));
    forked_free(four, sizeof(result));
    return tap_done();
}
