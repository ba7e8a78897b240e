/* One training step of the denoiser as a job takes it: sample, feed, forward, backward, clip,
 * AdamW, moving average. Defaults of the method, made-up tables, one process.
 *
 * usage: bench_step time STEPS     seconds of a step: median, min, max; of its forward, backward
 * and update (medians); GFLOP/s of one product; seconds of the step's products at that rate; peak
 * MiB bench_step check FILE     a step without dropout: inputs, weights and draws go to FILE;
 * prints the loss, the norm of the gradient, the loss after the update
 *
 * Both print one line on stdout. Threads: OMP_NUM_THREADS. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/cpu/gemm.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "data/sampler.h"
#include "model/toy.h"
#include "step_export.h"
#include "tensor/optim.h"
#include "timing.h"
#include "train/config.h"

enum { B = 256, WARM = 5, LINES = 20, DRUGS = 50, GENES = 2000 }; /* 2,000 pairs */

static const scp_option_group train_groups[] = { { scp_train_options, 0, "train" }, { 0 } };
static const double check_lr = 1e-3; /* large enough for one update to show */

typedef struct bench {
    toy t;
    scp_train_config c;
    int32_t *row, *ids; /* [max(B, K)] */
    size_t K;
    double norm; /* of the last gradient */
} bench;

static scp_status bench_begin(bench *b, const char *const *settings)
{
    const screen_size size = { LINES, DRUGS, GENES, 1 };
    SCP_TRY(scp_conf_defaults(train_groups, &b->c));
    SCP_TRY(toy_denoiser(&b->t, "cpu", &size, B, settings, NULL));
    b->K = (size_t)b->t.m.diffusion.negatives;
    size_t most = b->K > B ? b->K : B;
    SCP_TRY(scp_alloc(most, sizeof *b->row, &b->row));
    return scp_alloc(most, sizeof *b->ids, &b->ids);
}

static void bench_end(bench *b)
{
    toy_stop(&b->t);
    scp_conf_fini(train_groups, &b->c);
    free(b->row);
    free(b->ids);
}

static scp_status feed(bench *b, const scp_node *input, const int32_t *of_pair, size_t n)
{
    for (size_t i = 0; i < n; i++) b->ids[i] = of_pair ? of_pair[b->row[i]] : b->row[i];
    return scp_plan_feed_i32(b->t.plan, input, b->ids);
}

/* Every pair is a training pair here. */
static scp_status feed_step(bench *b, int64_t step)
{
    const scp_dataset *d = &b->t.data;
    const scp_train_nodes *n = &b->t.nodes;
    const scp_diffusion_config *f = &b->t.m.diffusion;
    const double weights[3] = { 1, f->lambda_align, f->lambda_info };
    scp_sampler_rows(b->t.step.seed, d->N, (uint64_t)step, B, 0, B, b->row);
    SCP_TRY(feed(b, n->pair, NULL, B));
    SCP_TRY(feed(b, n->drug, b->t.tables.pair_drug, B));
    SCP_TRY(feed(b, n->key, b->t.tables.pair_key, B));
    SCP_TRY(feed(b, n->post, d->post, B));
    SCP_TRY(feed(b, n->pre, d->pre, B));
    scp_sampler_negatives(b->t.step.seed, d->N, (uint64_t)step, B, (uint64_t)f->bank, b->K, b->row);
    SCP_TRY(feed(b, n->neg_key, b->t.tables.pair_key, b->K));
    SCP_TRY(feed(b, n->neg_post, d->post, b->K));
    SCP_TRY(feed(b, n->neg_pre, d->pre, b->K));
    return scp_plan_feed_f64(b->t.plan, n->weights, weights);
}

/* Clip, AdamW, moving average. t is 1 at the first update. */
static scp_status update(bench *b, double lr, int64_t t)
{
    const scp_train_config *c = &b->c;
    scp_params *p = b->t.params;
    const scp_optim_impl *optim = b->t.dev->backend->optim;
    size_t n = scp_params_trainable(p);
    void *g = scp_params_arena(p, SCP_ARENA_G);
    double squares;
    SCP_TRY(optim->sum_squares(b->t.dev, g, n, &squares));
    b->norm = sqrt(squares);
    scp_adamw h = { .lr = lr,
                    .beta1 = c->beta1,
                    .beta2 = c->beta2,
                    .eps = c->eps,
                    .decay = c->weight_decay,
                    .grad_scale = b->norm > c->clip ? c->clip / (b->norm + 1e-6) : 1,
                    .ema_decay = c->ema,
                    .t = t };
    return optim->adamw(b->t.dev, &h, n, scp_params_arena(p, SCP_ARENA_W), g,
                        scp_params_arena(p, SCP_ARENA_M), scp_params_arena(p, SCP_ARENA_V),
                        scp_params_arena(p, SCP_ARENA_EMA), scp_params_decay_mask(p));
}

/* Seconds of the whole step, its forward, its backward and its update. */
static scp_status timed_step(bench *b, int64_t step, double part[4])
{
    double at[4];
    at[0] = scp_clock_seconds();
    b->t.step.step = step;
    SCP_TRY(feed_step(b, step));
    SCP_TRY(scp_plan_forward(b->t.plan, &b->t.step));
    at[1] = scp_clock_seconds();
    SCP_TRY(scp_plan_backward(b->t.plan));
    at[2] = scp_clock_seconds();
    SCP_TRY(update(b, scp_train_lr(&b->c, step), step + 1));
    at[3] = scp_clock_seconds();
    part[0] = at[3] - at[0];
    for (int i = 0; i < 3; i++) part[i + 1] = at[i + 1] - at[i];
    return SCP_OK;
}

/* Multiplications and additions of the products that one step cannot do without. */
static double product_flops(const scp_graph *g)
{
    double sum = 0;
    for (size_t i = 0; i < scp_graph_size(g); i++) {
        const scp_node *n = scp_graph_node(g, i), *x = n->in[0], *y = n->in[1];
        double D = (double)scp_shape_last(&n->shape), rows = (double)scp_shape_rows(&n->shape);
        if (n->op == SCP_OP_LINEAR)
            sum += 2 * rows * D * (double)scp_shape_last(&x->shape) *
                   (1 + x->needs_grad + y->needs_grad);
        if (n->op == SCP_OP_ATTN) /* S, O; dV, dP, dQ, dK */
            sum += 2 * rows * D * (double)y->shape.d[1] * 6;
        if (n->op != SCP_OP_ALIGN && n->op != SCP_OP_INFO_NCE) continue;
        double R = (double)x->shape.d[0], W = (double)x->shape.d[1];
        sum += 2 * R * W * W * 2; /* z M, dM */
        if (n->op == SCP_OP_INFO_NCE) sum += 2 * R * W * (double)n->in[2]->shape.d[0] * 3;
    }
    return sum;
}

/* FLOP/s of a [256, 1024] x [1024, 512] product by the backend's own function, best of many. */
static scp_status product_rate(double *rate)
{
    enum { M = 256, K = 1024, N = 512, RUNS = 100 };
    float *x = NULL, *w = NULL, *y = NULL;
    double best = INFINITY;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(M * K, sizeof *x, &x));
    SCP_GOTO(done, scp_alloc(N * K, sizeof *w, &w));
    SCP_GOTO(done, scp_alloc(M * N, sizeof *y, &y));
    for (int i = 0; i < M * K; i++) x[i] = (float)(i % 17) - 8;
    for (int i = 0; i < N * K; i++) w[i] = (float)(i % 13) - 6;
    for (int i = 0; i < RUNS; i++) {
        double start = scp_clock_seconds();
        scp_gemm_nt(M, N, K, x, w, false, y);
        best = fmin(best, scp_clock_seconds() - start);
    }
    *rate = 2.0 * M * K * N / best;
done:
    free(x);
    free(w);
    free(y);
    return st;
}

static scp_status run_time(bench *b, int64_t steps)
{
    double part[4][TIMING_MAX], one[4] = { 0 }, rate;
    size_t n = 0;
    if (steps < 1 || steps > TIMING_MAX) SCP_FAIL(SCP_EUSAGE, "STEPS must be 1 to %d", TIMING_MAX);
    SCP_TRY(bench_begin(b, NULL));
    SCP_TRY(product_rate(&rate));
    for (int64_t step = 0; step < WARM + steps; step++) {
        SCP_TRY(timed_step(b, step, one));
        if (step < WARM) continue;
        for (int i = 0; i < 4; i++) part[i][n] = one[i];
        n++;
    }
    for (int i = 0; i < 4; i++) (void)timing_median(part[i], n); /* sorts */
    printf("%.6f %.6f %.6f %.6f %.6f %.6f %.1f %.6f %.1f\n", part[0][n / 2], part[0][0],
           part[0][n - 1], part[1][n / 2], part[2][n / 2], part[3][n / 2], rate / 1e9,
           product_flops(b->t.g) / rate, scp_mem_peak_mib());
    return SCP_OK;
}

static scp_status run_check(bench *b, const char *path)
{
    static const char *const no_dropout[] = { "model.dropout=0", NULL };
    double before, after;
    SCP_TRY(bench_begin(b, no_dropout));
    SCP_TRY(toy_shake(&b->t, 0.02));
    SCP_TRY(step_export(&b->t, &b->c, check_lr, path));
    SCP_TRY(toy_forward(&b->t, &before));
    SCP_TRY(scp_plan_backward(b->t.plan));
    SCP_TRY(update(b, check_lr, 1));
    SCP_TRY(toy_forward(&b->t, &after));
    printf("%.9g %.9g %.9g\n", before, b->norm, after);
    return SCP_OK;
}

int main(int argc, char **argv)
{
    static bench b;
    int64_t steps = 0;
    scp_status st = SCP_EUSAGE;
    if (argc == 3 && !strcmp(argv[1], "check"))
        st = run_check(&b, argv[2]);
    else if (argc == 3 && !strcmp(argv[1], "time") && scp_parse_int(argv[2], &steps) == SCP_OK)
        st = run_time(&b, steps);
    else
        fprintf(stderr, "usage: bench_step time STEPS | check FILE\n");
    if (st != SCP_OK) fprintf(stderr, "%s", scp_err_chain());
    bench_end(&b);
    return scp_status_exit_code(st);
}
