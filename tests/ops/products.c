/* The products of LINEAR on "cpu" at awkward sizes, every kernel edge among them: against fp64
 * loops, the same bits by one, two and three threads, and nothing written beside the results. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/machine.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tap.h"
#include "tensor/half.h"
#include "tensor/op.h"

enum { MOST = 560 * 560, GUARD = 64 };

typedef struct problem {
    int64_t R, I, O;
    bool bias, add;
    float *x, *w, *b, *dy;     /* given */
    float *y, *dx, *dw;        /* results, GUARD more elements on either side */
    float *y0;                 /* what the sums were added to */
    scp_dtype emulated;
} problem;

static float *take(size_t n, uint64_t stream)
{
    double *z = NULL;
    float *v = NULL;
    if (scp_alloc(n, sizeof *z, &z) != SCP_OK || scp_alloc(n, sizeof *v, &v) != SCP_OK) return NULL;
    scp_rng_fill_normal(7, 90, 0, stream, n, z);
    for (size_t i = 0; i < n; i++) v[i] = (float)z[i];
    free(z);
    return v;
}

/* Elements on both sides of a result [n]: put a number there, or say whether it still is. */
static bool guard(float *v, int64_t n, bool put)
{
    const float number = 12345.5f;
    bool intact = true;
    for (int64_t i = 0; i < 2 * GUARD; i++) {
        float *at = i < GUARD ? v - 1 - i : v + n + i - GUARD;
        if (put) *at = number;
        intact = intact && *at == number;
    }
    return intact;
}

static bool guards(problem *p, bool put)
{
    bool y = guard(p->y, p->R * p->O, put), dx = guard(p->dx, p->R * p->I, put);
    return guard(p->dw, p->O * p->I, put) && y && dx;
}

static scp_status run(scp_device *dev, problem *p)
{
    const scp_op_impl *op = NULL;
    for (size_t i = 0; i < dev->backend->n_ops; i++)
        if (dev->backend->ops[i]->op == SCP_OP_LINEAR) op = dev->backend->ops[i];
    SCP_ARG(op, "no LINEAR");
    scp_node x = { .shape = SCP_SHAPE(p->R, p->I) }, w = { .shape = SCP_SHAPE(p->O, p->I) };
    scp_node b = { .shape = SCP_SHAPE(p->O) };
    scp_node y = { .op = SCP_OP_LINEAR,
                   .shape = SCP_SHAPE(p->R, p->O),
                   .n_in = p->bias ? 3 : 2,
                   .in = { &x, &w, &b } };
    scp_call c = { .node = &y,
                   .in = { p->x, p->w, p->b },
                   .out = p->y,
                   .emulated = p->emulated,
                   .dev = dev };
    guards(p, true);
    memcpy(p->dx, p->y0, (size_t)(p->R * p->I) * sizeof *p->dx);
    memcpy(p->dw, p->y0, (size_t)(p->O * p->I) * sizeof *p->dw);
    SCP_TRY(op->fwd(&c));
    c.dout = p->dy;
    c.din[0] = p->dx;
    c.din[1] = p->dw;
    c.add[0] = c.add[1] = p->add;
    return op->bwd(&c);
}

/* Largest error of C [m, n] against start + sum over k of a b, with the strides of a and b, over
 * the size of the terms. */
static double error(const float *C, int64_t m, int64_t n, int64_t k, const float *a, int64_t ai,
                    int64_t ak, const float *b, int64_t bk, int64_t bj, const float *start,
                    int64_t start_row)
{
    double worst = 0;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = start ? start[i * start_row + j] : 0, size = fabs(sum) + 1;
            for (int64_t p = 0; p < k; p++) {
                double term = (double)a[i * ai + p * ak] * b[p * bk + j * bj];
                sum += term;
                size += fabs(term);
            }
            double off = fabs(C[i * n + j] - sum) / size;
            worst = off > worst || off != off ? off : worst;
        }
    return worst;
}

static void check(scp_device *dev, problem *p)
{
    if (run(dev, p) != SCP_OK) {
        tap_ok(false, "ran: %s", scp_err_chain());
        return;
    }
    const bool intact = guards(p, false);
    double of_y = error(p->y, p->R, p->O, p->I, p->x, p->I, 1, p->w, 1, p->I,
                        p->bias ? p->b : NULL, 0);
    double of_dx = error(p->dx, p->R, p->I, p->O, p->dy, p->O, 1, p->w, p->I, 1,
                         p->add ? p->y0 : NULL, p->I);
    double of_dw = error(p->dw, p->O, p->I, p->R, p->dy, 1, p->O, p->x, p->I, 1,
                         p->add ? p->y0 : NULL, p->I);
    tap_ok(of_y < 1e-6 && of_dx < 1e-6 && of_dw < 1e-6 && intact,
           "%lld x %lld > %lld%s%s: %.1e %.1e %.1e of the terms%s", (long long)p->R,
           (long long)p->I, (long long)p->O, p->bias ? ", bias" : "", p->add ? ", added" : "", of_y,
           of_dx, of_dw, intact ? "" : ", and something was written beside them");
}

static void check_threads(scp_device *dev, problem *p)
{
    size_t y = (size_t)(p->R * p->O) * sizeof(float), dx = (size_t)(p->R * p->I) * sizeof(float),
           dw = (size_t)(p->O * p->I) * sizeof(float);
    float *was = NULL;
    bool same = scp_alloc(3 * MOST, sizeof *was, &was) == SCP_OK;
#ifdef _OPENMP
    for (int threads = 1; same && threads <= 3; threads++) {
        omp_set_num_threads(threads);
        same = run(dev, p) == SCP_OK && guards(p, false);
        if (threads > 1)
            same = same && !memcmp(was, p->y, y) && !memcmp(was + MOST, p->dx, dx) &&
                   !memcmp(was + 2 * MOST, p->dw, dw);
        memcpy(was, p->y, y);
        memcpy(was + MOST, p->dx, dx);
        memcpy(was + 2 * MOST, p->dw, dw);
    }
    omp_set_num_threads(1);
#endif
    tap_ok(same, "%lld x %lld > %lld: the same bits by 1, 2 and 3 threads", (long long)p->R,
           (long long)p->I, (long long)p->O);
    free(was);
}

static void check_sizes(scp_device *dev, problem *p)
{
    static const int64_t sizes[][3] = {
        { 1, 1, 1 },     { 1, 300, 5 },   { 2, 3, 33 },    { 7, 17, 31 },  { 8, 16, 32 },
        { 9, 15, 16 },   { 17, 257, 40 }, { 33, 256, 48 }, { 65, 64, 65 }, { 130, 1, 70 },
        { 257, 31, 17 }, { 300, 16, 16 }, { 64, 530, 96 }, { 523, 40, 8 }, { 523, 260, 140 },
        { 300, 300, 530 }
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        p->R = sizes[i][0], p->I = sizes[i][1], p->O = sizes[i][2];
        for (int k = 0; k < 4; k++) {
            p->bias = k & 1;
            p->add = k & 2;
            check(dev, p);
        }
        check_threads(dev, p);
    }
}

/* Operands that are no values of bf16 tell which products run. */
static void check_which(scp_device *dev, problem *p)
{
    p->R = 40, p->I = 530, p->O = 33;
    p->bias = p->add = false;
    if (!tap_st(run(dev, p), "in bf16")) return;
    double off = error(p->y, p->R, p->O, p->I, p->x, p->I, 1, p->w, 1, p->I, NULL, 0);
    if (dev->backend->level >= 5)
        tap_ok(off > 1e-5 && off < 4e-3, "operands are rounded to 8 bits: %.1e", off);
    else
        tap_ok(off < 1e-6, "below level 5 operands stay as they are: %.1e", off);
}

int main(void)
{
    problem p = { .x = take(MOST, 1), .w = take(MOST, 2), .b = take(MOST, 3), .dy = take(MOST, 4),
                  .y0 = take(MOST, 8) };
    float *y = take(MOST + 2 * GUARD, 5), *dx = take(MOST + 2 * GUARD, 6),
          *dw = take(MOST + 2 * GUARD, 7);
    char name[64];
    scp_device *dev = NULL;
    if (!p.x || !p.w || !p.b || !p.dy || !p.y0 || !y || !dx || !dw ||
        scp_device_open("cpu", &dev) != SCP_OK) {
        fprintf(stderr, "%s", scp_err_chain());
        return 99;
    }
    scp_device_name(dev, name, sizeof name);
    tap_diag("device: %s", name);
    p.y = y + GUARD, p.dx = dx + GUARD, p.dw = dw + GUARD;
    check_sizes(dev, &p);
    tap_diag("products of values of bf16, as such from level 5 on");
    p.emulated = SCP_BF16;
    check_which(dev, &p);
    scp_half_round(SCP_BF16, p.x, sizeof *p.x, MOST);
    scp_half_round(SCP_BF16, p.w, sizeof *p.w, MOST);
    scp_half_round(SCP_BF16, p.dy, sizeof *p.dy, MOST);
    check_sizes(dev, &p);
    scp_device_close(&dev);
    float *all[] = { p.x, p.w, p.b, p.dy, p.y0, y, dx, dw };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
    return tap_done();
}
