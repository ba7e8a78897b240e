/* Matrix products of the models by the cpu backend, by oneDNN and by OpenBLAS, each with all
 * threads in one call: GFLOP/s of y = x W^T, dx = dy W and dW = dy^T x.
 *
 * usage: bench_products [RUNS]     median of RUNS (default 30) passes over a set of weights that is
 *                                  larger than the caches, as those of a step are: no weights are
 *                                  used twice before all others were
 *
 * Table on stdout. Threads: OMP_NUM_THREADS. */
#include <dnnl.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "blas.h"
#include "tensor/op.h"
#include "timing.h"

enum { FORWARD, BY_INPUT, BY_WEIGHTS, DIRECTIONS, WEIGHTS = 16 << 20, MOST = 1 << 22 };

typedef struct problem {
    int64_t M, K, N; /* rows, in, out */
    float *x, *dy, *w, *y, *dw;
} problem;

typedef scp_status product(scp_device *dev, const problem *p, int direction, const float *w);

static const scp_op_impl *linear; /* of the device */

static scp_status by_ours(scp_device *dev, const problem *p, int direction, const float *w)
{
    scp_node x = { .shape = SCP_SHAPE(p->M, p->K) }, of_w = { .shape = SCP_SHAPE(p->N, p->K) };
    scp_node y = { .shape = SCP_SHAPE(p->M, p->N), .n_in = 2, .in = { &x, &of_w } };
    scp_call c = { .node = &y, .in = { p->x, w }, .out = p->y, .dout = p->dy, .dev = dev };
    if (direction == FORWARD) return linear->fwd(&c);
    c.din[direction == BY_INPUT ? 0 : 1] = direction == BY_INPUT ? p->y : p->dw;
    return linear->bwd(&c);
}

static scp_status by_onednn(scp_device *dev, const problem *p, int direction, const float *w)
{
    dnnl_status_t st = dnnl_success;
    (void)dev;
    if (direction == FORWARD)
        st = dnnl_sgemm('N', 'T', p->M, p->N, p->K, 1, p->x, p->K, w, p->K, 0, p->y, p->N);
    if (direction == BY_INPUT)
        st = dnnl_sgemm('N', 'N', p->M, p->K, p->N, 1, p->dy, p->N, w, p->K, 0, p->y, p->K);
    if (direction == BY_WEIGHTS)
        st = dnnl_sgemm('T', 'N', p->N, p->K, p->M, 1, p->dy, p->N, p->x, p->K, 0, p->dw, p->K);
    if (st != dnnl_success) SCP_FAIL(SCP_EINTERNAL, "dnnl_sgemm");
    return SCP_OK;
}

static scp_status by_openblas(scp_device *dev, const problem *p, int direction, const float *w)
{
    const int M = (int)p->M, K = (int)p->K, N = (int)p->N;
    (void)dev;
    if (direction == FORWARD)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, M, N, K, 1, p->x, K, w, K, 0, p->y, N);
    if (direction == BY_INPUT)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, M, K, N, 1, p->dy, N, w, K, 0, p->y,
                    K);
    if (direction == BY_WEIGHTS)
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, N, K, M, 1, p->dy, N, p->x, K, 0,
                    p->dw, K);
    return SCP_OK;
}

/* GFLOP/s: the median over runs, each over enough weights to fill the set. */
static scp_status rate(scp_device *dev, const problem *p, int direction, product *by, int runs,
                       double *out)
{
    double t[TIMING_MAX];
    const int64_t size = p->K * p->N, sets = WEIGHTS / size < 1 ? 1 : WEIGHTS / size,
                  calls = sets > 64 ? 64 : sets;
    for (int run = -1; run < runs; run++) {
        double start = scp_clock_seconds();
        for (int64_t i = 0; i < calls; i++) {
            problem q = *p;
            q.dw = p->dw + i * (sets / calls) * size;
            SCP_TRY(by(dev, &q, direction, p->w + i * (sets / calls) * size));
        }
        if (run >= 0) t[run] = (scp_clock_seconds() - start) / (double)calls;
    }
    *out = 2e-9 * (double)p->M * (double)size / timing_median(t, (size_t)runs);
    return SCP_OK;
}

static scp_status row(scp_device *dev, const problem *p, int runs)
{
    static product *const by[] = { by_ours, by_onednn, by_openblas };
    char shape[40];
    SCP_TRY(scp_str_format(shape, sizeof shape, "%lld x %lld > %lld", (long long)p->M,
                           (long long)p->K, (long long)p->N));
    printf("%-20s", shape);
    for (int direction = 0; direction < DIRECTIONS; direction++)
        for (int i = 0; i < 3; i++) {
            double r;
            blas_own_threads(by[i] == by_openblas);
            scp_status st = rate(dev, p, direction, by[i], runs, &r);
            blas_own_threads(false);
            SCP_TRY(st);
            printf("%s %7.1f", i ? "" : " |", r);
        }
    printf("\n");
    return SCP_OK;
}

static scp_status table(scp_device *dev, problem *p, int runs)
{
    static const int64_t shapes[][3] = {
        { 256, 512, 512 },  { 256, 512, 256 },   { 256, 512, 1024 }, { 256, 1024, 512 },
        { 256, 256, 512 },  { 256, 1024, 128 },  { 256, 128, 128 },  { 256, 128, 16 },
        { 2048, 16, 16 },   { 1024, 2000, 128 }, { 256, 2000, 128 }, { 256, 2000, 1024 },
        { 256, 1024, 2000 }
    };
    printf("%-20s | %-23s | %-23s | %s\n", "GFLOP/s", "y = x W^T", "dx = dy W", "dW = dy^T x");
    printf("%-20s", "rows x in > out");
    for (int i = 0; i < 3; i++) printf(" | %7s %7s %7s", "ours", "oneDNN", "OpenBL.");
    printf("\n");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        p->M = shapes[i][0], p->K = shapes[i][1], p->N = shapes[i][2];
        SCP_TRY(row(dev, p, runs));
    }
    return SCP_OK;
}

static scp_status run(int runs)
{
    problem p = { 0 };
    scp_device *dev = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_device_open("cpu", &dev));
    for (size_t i = 0; i < dev->backend->n_ops; i++)
        if (dev->backend->ops[i]->op == SCP_OP_LINEAR) linear = dev->backend->ops[i];
    SCP_GOTO(done, scp_device_alloc(dev, MOST * sizeof *p.x, (void **)&p.x));
    SCP_GOTO(done, scp_device_alloc(dev, MOST * sizeof *p.dy, (void **)&p.dy));
    SCP_GOTO(done, scp_device_alloc(dev, MOST * sizeof *p.y, (void **)&p.y));
    SCP_GOTO(done, scp_device_alloc(dev, WEIGHTS * sizeof *p.w, (void **)&p.w));
    SCP_GOTO(done, scp_device_alloc(dev, WEIGHTS * sizeof *p.dw, (void **)&p.dw));
    for (int64_t i = 0; i < MOST; i++) p.x[i] = p.dy[i] = (float)(i % 17) - 8;
    for (int64_t i = 0; i < WEIGHTS; i++) p.w[i] = (float)(i % 13) - 6;
    st = table(dev, &p, runs);
done:
    for (int i = 0; i < 5; i++)
        scp_device_release(dev, ((float *[]){ p.x, p.dy, p.y, p.w, p.dw })[i]);
    scp_device_close(&dev);
    return st;
}

int main(int argc, char **argv)
{
    int64_t runs = 30;
    scp_status st = argc > 1 ? scp_parse_int(argv[1], &runs) : SCP_OK;
    if (st == SCP_OK && (runs < 1 || runs > TIMING_MAX)) st = SCP_EUSAGE;
    if (st == SCP_OK) st = run((int)runs);
    if (st != SCP_OK) fprintf(stderr, "usage: bench_products [RUNS]\n%s", scp_err_chain());
    return scp_status_exit_code(st);
}
