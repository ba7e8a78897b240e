/* The optimiser of every host backend: closed forms under a constant gradient, PyTorch's AdamW
 * (golden/make_adamw.py), the decay mask, the clipping factor, averages that do not drift, and sums
 * of squares that no thread count changes. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "tap.h"
#include "tensor/optim.h"

/* Weights, gradient and moments of one optimiser on a device. */
typedef struct arenas {
    scp_device *dev;
    size_t n;
    void *w, *g, *m, *v, *ema, *decay_mask;
} arenas;

static void close_arenas(arenas *a)
{
    void *memory[] = { a->w, a->g, a->m, a->v, a->ema, a->decay_mask };
    for (size_t i = 0; a->dev && i < sizeof memory / sizeof memory[0]; i++)
        scp_device_release(a->dev, memory[i]);
    scp_device_close(&a->dev);
}

/* Weights and average start at w0, moments at zero. */
static scp_status open_arenas(arenas *a, const char *device, size_t n, const double *w0)
{
    *a = (arenas){ .n = n };
    SCP_TRY(scp_device_open(device, &a->dev));
    void **real[] = { &a->w, &a->g, &a->m, &a->v, &a->ema };
    for (size_t i = 0; i < sizeof real / sizeof real[0]; i++)
        SCP_TRY(scp_device_alloc(a->dev, scp_device_bytes(a->dev, SCP_REAL, n), real[i]));
    SCP_TRY(scp_device_alloc(a->dev, n, &a->decay_mask));
    SCP_TRY(scp_device_write_f64(a->dev, a->ema, w0, n));
    return scp_device_write_f64(a->dev, a->w, w0, n);
}

static scp_status take_step(arenas *a, const scp_adamw *h, const double *g,
                            const uint8_t *decay_mask, bool ema)
{
    SCP_TRY(scp_device_write_f64(a->dev, a->g, g, a->n));
    if (decay_mask) SCP_TRY(a->dev->backend->write(a->dev, a->decay_mask, decay_mask, a->n));
    return a->dev->backend->optim->adamw(a->dev, h, a->n, a->w, a->g, a->m, a->v,
                                         ema ? a->ema : NULL, decay_mask ? a->decay_mask : NULL);
}

/* Under a constant gradient both moments are unbiased at once, so a step is c = lr g/(|g| + eps):
 *   no decay  w_n = w_0 - n c,  ema_n = w_0 - c (n - D (1 - D^n)/(1 - D))      D = ema_decay
 *   decay d   w_n = a^n w_0 - c (1 - a^n)/(1 - a)                               a = 1 - lr d */
static void test_constant_gradient(const char *device, double tolerance)
{
    enum { N = 4, STEPS = 100 };
    const double w0[N] = { 1, -2, 0.5, 3 }, g[N] = { 0.3, -5, 1e-3, 0 };
    const uint8_t mask[N] = { 0, 0, 1, 1 };
    scp_adamw h = { .lr = 0.01,
                    .beta1 = 0.9,
                    .beta2 = 0.95,
                    .eps = 1e-8,
                    .decay = 0.2,
                    .grad_scale = 1,
                    .ema_decay = 0.9 };
    arenas a;
    double w[N] = { 0 }, ema[N] = { 0 }, shrink = 1 - h.lr * h.decay, D = h.ema_decay;
    scp_status st = open_arenas(&a, device, N, w0);
    for (h.t = 1; st == SCP_OK && h.t <= STEPS; h.t++) st = take_step(&a, &h, g, mask, true);
    if (st == SCP_OK) st = scp_device_read_f64(a.dev, w, a.w, N);
    if (st == SCP_OK) st = scp_device_read_f64(a.dev, ema, a.ema, N);
    tap_st(st, "%s: a hundred steps", device);
    for (int i = 0; i < N; i++) {
        double c = h.lr * g[i] / (fabs(g[i]) + h.eps), kept = pow(shrink, STEPS);
        double want = mask[i] ? kept * w0[i] - c * (1 - kept) / (1 - shrink) : w0[i] - STEPS * c;
        tap_rel(w[i], want, tolerance, "%s: weight %d after constant gradients", device, i);
        if (!mask[i])
            tap_rel(ema[i], w0[i] - c * (STEPS - D * (1 - pow(D, STEPS)) / (1 - D)), tolerance,
                    "%s: its average", device);
    }
    close_arenas(&a);
}

enum { GOLD_N = 6, GOLD_STEPS = 40 };

/* The state after every step: w, m, v, ema of each element. */
static scp_status run_golden(const char *device, double state[GOLD_STEPS + 1][4][GOLD_N])
{
    const uint8_t mask[GOLD_N] = { 0, 1, 0, 1, 0, 1 };
    scp_adamw h = { .lr = 0.05,
                    .beta1 = 0.9,
                    .beta2 = 0.95,
                    .eps = 1e-8,
                    .decay = 0.1,
                    .grad_scale = 0.5,
                    .ema_decay = 0.99 };
    double w0[GOLD_N], g[GOLD_N];
    arenas a;
    scp_status st;
    for (int i = 0; i < GOLD_N; i++) w0[i] = cos(1.1 * i);
    SCP_GOTO(done, open_arenas(&a, device, GOLD_N, w0));
    for (h.t = 1; h.t <= GOLD_STEPS; h.t++) {
        const void *arena[] = { a.w, a.m, a.v, a.ema };
        for (int i = 0; i < GOLD_N; i++)
            g[i] = (sin(0.7 * (double)h.t + 1.3 * i) + 0.2 * i) / h.grad_scale;
        SCP_GOTO(done, take_step(&a, &h, g, mask, true));
        for (int k = 0; k < 4; k++)
            SCP_GOTO(done, scp_device_read_f64(a.dev, state[h.t][k], arena[k], GOLD_N));
    }
done:
    close_arenas(&a);
    return st;
}

static void test_golden(const char *device, double tolerance)
{
    static const char *const name[4] = { "weight", "first moment", "second moment", "average" };
    static double state[GOLD_STEPS + 1][4][GOLD_N];
    char path[SCP_PATH_MAX], *text = NULL, *cell[6];
    size_t len;
    int rows = 0;
    snprintf(path, sizeof path, "%s/tests/ops/golden/adamw.tsv",
             getenv("top_srcdir") ? getenv("top_srcdir") : ".");
    if (!tap_st(scp_fs_read_text(path, &text, &len), "read %s", path)) return;
    tap_st(run_golden(device, state), "%s: steps of the golden run", device);
    double worst[4] = { 0 };
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        int64_t step, i;
        double want;
        if (scp_str_split(line, '\t', cell, 6) != 6 || strcmp(cell[0], "step") == 0) continue;
        if (scp_parse_int(cell[0], &step) != SCP_OK || scp_parse_int(cell[1], &i) != SCP_OK) break;
        for (int k = 0; k < 4 && scp_parse_real(cell[2 + k], &want) == SCP_OK; k++)
            worst[k] = fmax(worst[k], fabs(state[step][k][i] - want) / fmax(1, fabs(want)));
        rows++;
    }
    tap_ok(rows == 4 * GOLD_N, "all rows of the golden table");
    for (int k = 0; k < 4; k++)
        tap_near(worst[k], 0, tolerance, "%s: %s of PyTorch's AdamW", device, name[k]);
    free(text);
}

/* No mask decays all; no average is allowed; the factor scales the gradient. */
static void test_options(const char *device)
{
    const double w0[2] = { 2, -4 }, g[2] = { 1, 1 }, g4[2] = { 4, 4 };
    const uint8_t all[2] = { 1, 1 };
    scp_adamw h = { .lr = 0.1,
                    .beta1 = 0.9,
                    .beta2 = 0.999,
                    .eps = 0.5,
                    .decay = 0.3,
                    .grad_scale = 1,
                    .ema_decay = 0.9,
                    .t = 1 },
              quarter = h;
    arenas a[3];
    double w[3][2], ema[2];
    quarter.grad_scale = 0.25;
    bool ok = true;
    for (int i = 0; i < 3; i++)
        ok &= tap_st(open_arenas(&a[i], device, 2, w0), "%s: arenas", device);
    if (ok && tap_st(take_step(&a[0], &h, g, all, true), "with mask and average") &&
        tap_st(take_step(&a[1], &h, g, NULL, false), "without") &&
        tap_st(take_step(&a[2], &quarter, g4, NULL, false), "with a clipping factor")) {
        for (int i = 0; i < 3; i++) tap_st(scp_device_read_f64(a[i].dev, w[i], a[i].w, 2), "read");
        tap_st(scp_device_read_f64(a[1].dev, ema, a[1].ema, 2), "read");
        tap_ok(memcmp(w[0], w[1], sizeof w[0]) == 0, "%s: no mask is a mask of ones", device);
        tap_ok(memcmp(w[0], w[2], sizeof w[0]) == 0, "%s: a quarter of four gradients is one",
               device);
        tap_ok(memcmp(ema, w0, sizeof ema) == 0, "%s: an average that is not asked for stays",
               device);
        tap_near(w[0][0], 2 - 0.1 * (1 / 1.5 + 0.3 * 2), 1e-6, "%s: first step in figures", device);
    }
    for (int i = 0; i < 3; i++) close_arenas(&a[i]);
}

/* The average of weights that do not move is those weights. With 1 - D and D both rounded to fp32
 * and multiplied out it would settle a relative 1.7e-4 below them. */
static void test_average_does_not_drift(void)
{
    enum { TIMES = 20000 };
    const double w0[2] = { 0.7, -3 };
    double ema[2] = { 0 };
    arenas a;
    scp_status st = open_arenas(&a, "cpu", 2, w0);
    for (int i = 0; st == SCP_OK && i < TIMES; i++)
        st = a.dev->backend->optim->ema(a.dev, 0.9999, 2, a.w, a.ema);
    if (st == SCP_OK) st = scp_device_read_f64(a.dev, ema, a.ema, 2);
    tap_st(st, "cpu: twenty thousand averages");
    for (int i = 0; i < 2; i++)
        tap_near(ema[i], (float)w0[i], 0, "cpu: the average of a constant is the constant");
    close_arenas(&a);
}

/* sum over i < n of (i mod 7 - 3)^2 = 4 n for n a multiple of 7; numbers whose squares leave fp32
 */
static void test_sum_squares(const char *device)
{
    enum { N = 7 * 100003 };
    double *x = NULL, sum = 0, again = 0;
    arenas a = { 0 };
    if (!tap_st(scp_alloc(N, sizeof *x, &x), "memory")) return;
    for (int i = 0; i < N; i++) x[i] = i % 7 - 3;
    if (tap_st(open_arenas(&a, device, N, x), "%s: arenas", device)) {
        const scp_optim_impl *o = a.dev->backend->optim;
        tap_st(o->sum_squares(a.dev, a.w, N, &sum), "%s: sum of squares", device);
        tap_near(sum, 4.0 * N, 0, "%s: whole numbers sum exactly", device);
        tap_st(o->sum_squares(a.dev, a.w, 0, &sum), "%s: of nothing", device);
        tap_near(sum, 0, 0, "%s: is zero", device);
        scp_rng_fill_normal(1, 1, 0, 0, N, x);
        for (int i = 0; i < N; i++) x[i] *= 1e25;
        tap_st(scp_device_write_f64(a.dev, a.w, x, N), "write");
        omp_set_num_threads(1);
        tap_st(o->sum_squares(a.dev, a.w, N, &sum), "%s: on one thread", device);
        omp_set_num_threads(3);
        tap_st(o->sum_squares(a.dev, a.w, N, &again), "%s: on three", device);
        tap_ok(sum == again, "%s: the same bits", device);
        tap_rel(sum / (1e50 * N), 1, 0.01, "%s: squares beyond fp32 are summed in fp64", device);
    }
    close_arenas(&a);
    free(x);
}

/* Results of three steps on n weights: w, m, v and average of a device, one behind the other. */
static scp_status run_many(const char *device, size_t n, bool mask, bool average, double *out)
{
    scp_adamw h = { .lr = 0.01,
                    .beta1 = 0.9,
                    .beta2 = 0.95,
                    .eps = 1e-3,
                    .decay = 0.2,
                    .grad_scale = 0.5,
                    .ema_decay = 0.9 };
    double *x = NULL;
    uint8_t *decays = NULL;
    arenas a = { 0 };
    scp_status st;
    SCP_TRY(scp_alloc(n, sizeof *x, &x));
    SCP_GOTO(done, scp_alloc(n, 1, &decays));
    for (size_t i = 0; i < n; i++) decays[i] = i % 3 == 0;
    scp_rng_fill_normal(2, 1, 0, 0, n, x);
    SCP_GOTO(done, open_arenas(&a, device, n, x));
    for (h.t = 1; h.t <= 3; h.t++) {
        scp_rng_fill_normal(2, 2, (uint64_t)h.t, 0, n, x);
        SCP_GOTO(done, take_step(&a, &h, x, mask ? decays : NULL, average));
    }
    const void *arena[] = { a.w, a.m, a.v, a.ema };
    for (size_t k = 0; k < 4; k++)
        SCP_GOTO(done, scp_device_read_f64(a.dev, out + k * n, arena[k], n));
done:
    close_arenas(&a);
    free(decays);
    free(x);
    return st;
}

/* The pass over memory goes by parts that threads share: whole parts and one that is cut, with and
 * without mask and average, against ref; and the same bits whatever the threads. */
static void test_parts(size_t n, bool mask, bool average)
{
    double *want = NULL, *one = NULL, *got = NULL, worst = 0;
    const int threads = omp_get_max_threads();
    const char *how = mask ? average ? "mask, average" : "mask" : average ? "average" : "neither";
    bool same = true;
    scp_status st = scp_alloc(4 * n, sizeof *want, &want);
    if (st == SCP_OK) st = scp_alloc(4 * n, sizeof *one, &one);
    if (st == SCP_OK) st = scp_alloc(4 * n, sizeof *got, &got);
    if (st == SCP_OK) st = run_many("ref", n, mask, average, want);
    for (int t = 1; st == SCP_OK && t <= 3; t++) {
        omp_set_num_threads(t);
        st = run_many("cpu", n, mask, average, t == 1 ? one : got);
        same = same && (t == 1 || (st == SCP_OK && !memcmp(one, got, 4 * n * sizeof *one)));
    }
    omp_set_num_threads(threads);
    if (tap_st(st, "%zu weights, %s", n, how)) {
        for (size_t i = 0; i < 4 * n; i++) {
            double off = fabs(one[i] - want[i]);
            worst = off > worst || off != off ? off : worst;
        }
        tap_near(worst, 0, 2e-6, "%zu weights, %s: as ref", n, how);
        tap_ok(same, "%zu weights, %s: the same bits by one, two and three threads", n, how);
    }
    free(want);
    free(one);
    free(got);
}

/* The average that adamw keeps is what ema makes of the new weights. */
static void test_average_is_ema(void)
{
    enum { N = 3 * 4096 + 5 };
    static double w0[N], g[N], together[N], apart[N];
    const scp_adamw h = { .lr = 0.1,
                          .beta1 = 0.9,
                          .beta2 = 0.95,
                          .eps = 1e-8,
                          .grad_scale = 1,
                          .ema_decay = 0.97,
                          .t = 1 };
    arenas a = { 0 }, b = { 0 };
    scp_rng_fill_normal(3, 1, 0, 0, N, w0);
    scp_rng_fill_normal(3, 2, 0, 0, N, g);
    scp_status st = open_arenas(&a, "cpu", N, w0);
    if (st == SCP_OK) st = open_arenas(&b, "cpu", N, w0);
    if (st == SCP_OK) st = take_step(&a, &h, g, NULL, true);
    if (st == SCP_OK) st = take_step(&b, &h, g, NULL, false);
    if (st == SCP_OK) st = b.dev->backend->optim->ema(b.dev, h.ema_decay, N, b.w, b.ema);
    if (st == SCP_OK) st = scp_device_read_f64(a.dev, together, a.ema, N);
    if (st == SCP_OK) st = scp_device_read_f64(b.dev, apart, b.ema, N);
    tap_st(st, "an average in one pass and in two");
    double worst = 0;
    for (int i = 0; i < N; i++) worst = fmax(worst, fabs(together[i] - apart[i]));
    tap_near(worst, 0, 3e-7, "agree to a rounding");
    close_arenas(&a);
    close_arenas(&b);
}

static void test_ema(const char *device, double tolerance)
{
    const double w0[3] = { 1, 2, 3 }, w1[3] = { 5, -2, 3 };
    double ema[3] = { 0 };
    arenas a;
    if (tap_st(open_arenas(&a, device, 3, w0), "%s: arenas", device) &&
        tap_st(scp_device_write_f64(a.dev, a.w, w1, 3), "write") &&
        tap_st(a.dev->backend->optim->ema(a.dev, 0.75, 3, a.w, a.ema), "%s: average of states",
               device) &&
        tap_st(scp_device_read_f64(a.dev, ema, a.ema, 3), "read"))
        for (int i = 0; i < 3; i++)
            tap_near(ema[i], 0.75 * w0[i] + 0.25 * w1[i], tolerance, "%s: average of state %d",
                     device, i);
    close_arenas(&a);
}

int main(void)
{
    static const struct {
        const char *device;
        double tolerance;
    } host[] = { { "ref", 1e-12 }, { "cpu", 2e-6 } };
    for (int i = 0; i < 2; i++) {
        test_constant_gradient(host[i].device, host[i].tolerance);
        test_golden(host[i].device, host[i].tolerance);
        test_options(host[i].device);
        test_sum_squares(host[i].device);
        test_ema(host[i].device, host[i].tolerance);
    }
    test_average_does_not_drift();
    test_average_is_ema();
    for (int k = 0; k < 4; k++) {
        test_parts(3 * 4096 + 5, k & 1, k & 2);
        test_parts(100003, k & 1, k & 2);
    }
    return tap_done();
}
