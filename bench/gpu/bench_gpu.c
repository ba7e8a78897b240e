/* The training step and the sampler on a device, for bench/gpu/run. Defaults of the method, batch
 * 256, 1,024 negatives, 2,000 made-up pairs of GENES genes, one process. The device is
 * $SCP_TEST_DEVICE, cuda by default.
 *
 * usage: bench_gpu check FILE GENES           a step without dropout: inputs, weights and draws go
 *                                             to FILE; loss, norm of the gradient, loss afterwards
 *        bench_gpu step GENES PRECISION STEPS seconds of a step: median, min, max of ten portions;
 *                                             calls of a step; its GFLOP; its MiB; steps skipped
 *        bench_gpu kernels GENES PRECISION    the calls of a step, kernels and times: JSON
 *        bench_gpu list GENES PRECISION GB/S GFLOP/S
 *                                             the same as a table, without times, and the roofline
 *                                             at these rates
 *        bench_gpu sample CONDITIONS DDIM PRECISION
 *                                             seconds to sample that many latents, 3 passes:
 *                                             median, min, max of five
 *        bench_gpu limits PRECISION           GB/s of a copy on the device, read and written;
 *                                             GFLOP/s of one large product
 *
 * Results on stdout. With $SCP_BENCH_DIRECT no step is recorded, so that profilers see kernels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "dev/stream.h"
#include "gpu/gpu_list.h"
#include "sample_run.h"
#include "step_export.h"
#include "tensor/optim.h"
#include "timing.h"

enum { PORTIONS = 10, WARM = 24, DRAWS = 5 };

static const double check_lr = 1e-3; /* large enough for one update to show */

/* Steps of a profiler are not recorded. */
static bool direct(void)
{
    return getenv("SCP_BENCH_DIRECT") != NULL;
}

static scp_status store_of(const char *name, scp_dtype *store)
{
    *store = !strcmp(name, "fp16") ? SCP_F16 : !strcmp(name, "bf16") ? SCP_BF16 : SCP_REAL;
    if (*store == SCP_REAL && strcmp(name, "fp32"))
        SCP_FAIL(SCP_EUSAGE, "PRECISION is fp32, fp16 or bf16, not %s", name);
    return SCP_OK;
}

static scp_status take(scp_stepper *s, int64_t *at, int64_t n)
{
    scp_step_state state;
    const int64_t stride = scp_stepper_stride(s);
    for (int64_t end_at = *at + n; *at < end_at; *at += stride)
        SCP_TRY(scp_stepper_run(s, *at, stride));
    return scp_stepper_look(s, &state);
}

/* Of a host the calls are not listed. */
static scp_status list(gpu_step *b, gpu_list *l)
{
    *l = (gpu_list){ .rows = 0 };
    scp_status st = b->t.dev->backend->host ? SCP_OK : gpu_list_begin(b, l);
    gpu_list_end(b);
    return st;
}

static scp_status run_kernels(gpu_step *b, int64_t genes, const char *precision)
{
    static gpu_list l;
    scp_dtype store;
    SCP_TRY(store_of(precision, &store));
    SCP_TRY(gpu_step_begin(b, genes, store, NULL));
    scp_status st = gpu_list_begin(b, &l);
    if (st == SCP_OK) st = gpu_list_time(b, &l);
    if (st == SCP_OK) gpu_list_json(&l, stdout);
    gpu_list_end(b);
    return st;
}

static scp_status run_list(gpu_step *b, int64_t genes, const char *precision, double bytes_a_second,
                           double flops_a_second)
{
    static gpu_list l;
    scp_dtype store;
    SCP_TRY(store_of(precision, &store));
    SCP_TRY(gpu_step_begin(b, genes, store, NULL));
    SCP_TRY(list(b, &l));
    gpu_list_table(&l, bytes_a_second, flops_a_second, stdout);
    return SCP_OK;
}

static scp_status run_step(gpu_step *b, int64_t genes, const char *precision, int64_t steps)
{
    static gpu_list l;
    scp_dtype store;
    scp_stepper *s = NULL;
    scp_step_state state;
    double portion[PORTIONS];
    int64_t at = 0, n = steps / PORTIONS / SCP_STEPPER_MOST * SCP_STEPPER_MOST;
    scp_status st = SCP_OK;
    if (n < SCP_STEPPER_MOST)
        SCP_FAIL(SCP_EUSAGE, "STEPS must be %d or more", PORTIONS * SCP_STEPPER_MOST);
    SCP_TRY(store_of(precision, &store));
    SCP_TRY(gpu_step_begin(b, genes, store, NULL));
    SCP_TRY(list(b, &l));
    SCP_TRY(gpu_step_replan(b));
    const scp_job job = gpu_step_job(b, direct());
    SCP_TRY(scp_stepper_create(&job, &s));
    SCP_GOTO(done, take(s, &at, WARM));
    for (int i = 0; i < PORTIONS; i++) {
        const double start = scp_clock_seconds();
        SCP_GOTO(done, take(s, &at, n));
        portion[i] = (scp_clock_seconds() - start) / (double)n;
    }
    SCP_GOTO(done, scp_stepper_look(s, &state));
    const double median = timing_median(portion, PORTIONS);
    printf("%.9f %.9f %.9f %zu %.4f %.3f %lld\n", median, portion[0], portion[PORTIONS - 1],
           scp_stepper_calls(s), l.flops / 1e9, l.bytes / 1048576, (long long)state.skipped);
done:
    scp_stepper_destroy(&s);
    return st;
}

/* One update, through the optimiser's own calls, which ask the host: for the check alone. */
static scp_status update(gpu_step *b, double *norm)
{
    scp_params *p = b->t.params;
    const scp_optim_impl *optim = b->t.dev->backend->optim;
    const size_t n = scp_params_trainable(p);
    void *g = scp_params_arena(p, SCP_ARENA_G);
    double squares;
    SCP_TRY(optim->sum_squares(b->t.dev, g, n, &squares));
    *norm = sqrt(squares);
    const scp_adamw h = { .lr = check_lr,
                          .beta1 = b->c.beta1,
                          .beta2 = b->c.beta2,
                          .eps = b->c.eps,
                          .decay = b->c.weight_decay,
                          .grad_scale = *norm > b->c.clip ? b->c.clip / (*norm + 1e-6) : 1,
                          .ema_decay = b->c.ema,
                          .t = 1 };
    return optim->adamw(b->t.dev, &h, n, scp_params_arena(p, SCP_ARENA_W), g,
                        scp_params_arena(p, SCP_ARENA_M), scp_params_arena(p, SCP_ARENA_V),
                        scp_params_arena(p, SCP_ARENA_EMA), scp_params_decay_mask(p));
}

static scp_status run_check(gpu_step *b, const char *path, int64_t genes)
{
    static const char *const no_dropout[] = { "model.dropout=0", NULL };
    double before = NAN, norm = NAN, after = NAN;
    SCP_TRY(gpu_step_begin(b, genes, SCP_REAL, no_dropout));
    SCP_TRY(toy_shake(&b->t, 0.02));
    SCP_TRY(step_export(&b->t, &b->c, check_lr, path));
    SCP_TRY(toy_forward(&b->t, &before));
    SCP_TRY(scp_plan_backward(b->t.plan));
    SCP_TRY(update(b, &norm));
    SCP_TRY(toy_forward(&b->t, &after));
    printf("%.9g %.9g %.9g\n", before, norm, after);
    return SCP_OK;
}

static scp_status time_sampling(const sample_run *r, float *out)
{
    double seconds[DRAWS];
    for (int i = -2; i < DRAWS; i++) { /* the first runs, the second records */
        const double start = scp_clock_seconds();
        SCP_TRY(scp_generator_latent(r->gen, &r->c, out));
        if (i >= 0) seconds[i] = scp_clock_seconds() - start;
    }
    const double median = timing_median(seconds, DRAWS);
    printf("%.9f %.9f %.9f\n", median, seconds[0], seconds[DRAWS - 1]);
    return SCP_OK;
}

static scp_status run_sample(int64_t conditions, int64_t ddim, const char *precision)
{
    const char *device = getenv("SCP_TEST_DEVICE");
    sample_run r = { 0 };
    float *out = NULL;
    scp_dtype store;
    SCP_TRY(store_of(precision, &store));
    scp_status st =
        sample_begin(&r, device ? device : "cuda", conditions, ddim, SAMPLE_SMALL, store);
    if (st == SCP_OK) st = scp_alloc((size_t)(conditions * r.t.m.vae.latent), sizeof *out, &out);
    if (st == SCP_OK) st = time_sampling(&r, out);
    free(out);
    sample_end(&r);
    return st;
}

/* Seconds of the fastest of some copies of `bytes` inside the device. */
static scp_status copy_rate(scp_device *dev, size_t bytes, double *seconds)
{
    enum { RUNS = 10 };
    void *a = NULL, *c = NULL;
    scp_status st = scp_device_alloc(dev, bytes, &a);
    if (st == SCP_OK) st = scp_device_alloc(dev, bytes, &c);
    *seconds = INFINITY;
    for (int i = 0; i < RUNS && st == SCP_OK; i++) {
        st = scp_device_sync(dev);
        const double start = scp_clock_seconds();
        if (st == SCP_OK)
            st = scp_stream_copy(dev, SCP_STREAM_MAIN, SCP_COPY_ON_DEVICE, c, a, bytes);
        if (st == SCP_OK) st = scp_device_sync(dev);
        *seconds = fmin(*seconds, scp_clock_seconds() - start);
    }
    scp_device_release(dev, a);
    scp_device_release(dev, c);
    return st;
}

/* Seconds of the fastest of some products n x n x n by the backend's own op. */
static scp_status product_rate(scp_device *dev, scp_dtype store, int64_t n, double *seconds)
{
    enum { RUNS = 10 };
    scp_params *params = NULL;
    scp_graph *g = NULL;
    scp_plan *plan = NULL;
    scp_status st = SCP_OK;
    *seconds = INFINITY;
    SCP_GOTO(done, scp_params_create(dev, 1, &params));
    SCP_GOTO(done, scp_graph_create(params, &g));
    const scp_init init = { SCP_INIT_UNIFORM, 0.1 };
    scp_node *x = scp_param(g, "x", SCP_SHAPE(n, n), init),
             *w = scp_param(g, "w", SCP_SHAPE(n, n), init);
    scp_output(g, scp_matmul_t(g, x, w));
    SCP_GOTO(done, scp_plan_create_as(g, NULL, NULL, store, &plan));
    for (int i = 0; i < RUNS; i++) {
        const double start = scp_clock_seconds();
        SCP_GOTO(done, scp_plan_forward(plan, &(scp_step){ .train = false }));
        SCP_GOTO(done, scp_device_sync(dev));
        if (i > 2) *seconds = fmin(*seconds, scp_clock_seconds() - start);
    }
done:
    scp_plan_destroy(&plan);
    scp_graph_destroy(&g);
    scp_params_destroy(&params);
    return st;
}

static scp_status run_limits(const char *precision)
{
    const char *device = getenv("SCP_TEST_DEVICE");
    scp_device *dev = NULL;
    scp_dtype store;
    double copy = NAN, product = NAN;
    SCP_TRY(store_of(precision, &store));
    SCP_TRY(scp_device_open(device ? device : "cuda", &dev));
    const size_t bytes = dev->backend->host ? 1 << 26 : (size_t)1 << 30;
    const int64_t n = dev->backend->host ? 256 : 8192;
    scp_status st = copy_rate(dev, bytes, &copy);
    if (st == SCP_OK) st = product_rate(dev, store, n, &product);
    if (st == SCP_OK)
        printf("%.3f %.3f\n", 2e-9 * (double)bytes / copy,
               2e-9 * (double)n * (double)n * (double)n / product);
    scp_device_close(&dev);
    return st;
}

static bool number(const char *text, int64_t *out)
{
    return scp_parse_int(text, out) == SCP_OK && *out > 0;
}

int main(int argc, char **argv)
{
    static gpu_step b;
    int64_t n = 0, m = 0, k = 0;
    scp_status st = SCP_EUSAGE;
    const char *what = argc > 1 ? argv[1] : "";
    if (argc == 4 && !strcmp(what, "check") && number(argv[3], &n))
        st = run_check(&b, argv[2], n);
    else if (argc == 5 && !strcmp(what, "step") && number(argv[2], &n) && number(argv[4], &m))
        st = run_step(&b, n, argv[3], m);
    else if (argc == 4 && !strcmp(what, "kernels") && number(argv[2], &n))
        st = run_kernels(&b, n, argv[3]);
    else if (argc == 6 && !strcmp(what, "list") && number(argv[2], &n) && number(argv[4], &m) &&
             number(argv[5], &k))
        st = run_list(&b, n, argv[3], 1e9 * (double)m, 1e9 * (double)k);
    else if (argc == 5 && !strcmp(what, "sample") && number(argv[2], &n) && number(argv[3], &m))
        st = run_sample(n, m, argv[4]);
    else if (argc == 3 && !strcmp(what, "limits"))
        st = run_limits(argv[2]);
    else
        fprintf(stderr, "usage: bench_gpu check FILE GENES | step GENES PRECISION STEPS | "
                        "kernels GENES PRECISION | list GENES PRECISION GB/S GFLOP/S | "
                        "sample CONDITIONS DDIM PRECISION | limits PRECISION\n");
    if (st != SCP_OK) fprintf(stderr, "%s", scp_err_chain());
    gpu_step_end(&b);
    return scp_status_exit_code(st);
}
