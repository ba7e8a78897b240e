/* See step_run.h. */
#include "step_run.h"

#include <dnnl.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "blas.h"
#include "data/sampler.h"
#include "tensor/half.h"
#include "tensor/optim.h"
#include "timing.h"

enum { LINES = 20, DRUGS = 50 }; /* 2,000 pairs */

static const scp_option_group train_groups[] = { { scp_train_options, 0, "train" }, { 0 } };

scp_status step_begin(step_run *b, int64_t genes, const char *const *settings)
{
    const screen_size size = { LINES, DRUGS, (int)genes, 1 };
    SCP_TRY(scp_conf_defaults(train_groups, &b->c));
    if (!b->batch) b->batch = STEP_BATCH;
    if (!b->ranks) b->ranks = 1;
    b->rows = (size_t)(b->batch / b->ranks);
    SCP_TRY(b->model == STEP_VAE
                ? toy_vae(&b->t, "cpu", &size, (int64_t)b->rows, settings, NULL)
                : toy_denoiser_as(&b->t, "cpu", &size, (int64_t)b->rows, settings, NULL, b->store));
    b->K = (size_t)b->t.m.diffusion.negatives;
    size_t most = b->K > b->rows ? b->K : b->rows;
    SCP_TRY(scp_alloc(most, sizeof *b->row, &b->row));
    return scp_alloc(most, sizeof *b->ids, &b->ids);
}

scp_status step_bind(step_run *b)
{
    if (b->model == STEP_VAE) return scp_plan_bind(b->t.plan, b->t.vae.profiles, b->t.profiles);
    return scp_tables_bind(&b->t.tables, b->t.plan, &b->t.nodes);
}

void step_end(step_run *b)
{
    toy_stop(&b->t);
    scp_conf_fini(train_groups, &b->c);
    free(b->row);
    free(b->ids);
}

static scp_status feed(step_run *b, const scp_node *input, const int32_t *of_pair, size_t n)
{
    for (size_t i = 0; i < n; i++) b->ids[i] = of_pair ? of_pair[b->row[i]] : b->row[i];
    return scp_plan_feed_i32(b->t.plan, input, b->ids);
}

static void draw_rows(step_run *b, size_t of, int64_t step)
{
    scp_sampler_rows(b->t.step.seed, of, (uint64_t)step, (uint64_t)b->batch,
                     (uint64_t)b->t.step.row0, b->rows, b->row);
}

/* Every profile is one to train on. */
static scp_status feed_vae(step_run *b, int64_t step)
{
    const double weights[2] = { 1, b->t.m.vae.beta };
    draw_rows(b, b->t.data.P, step);
    SCP_TRY(feed(b, b->t.vae.rows, NULL, b->rows));
    return scp_plan_feed_f64(b->t.plan, b->t.vae.weights, weights);
}

/* Every pair is a training pair here. */
scp_status step_feed(step_run *b, int64_t step)
{
    b->t.step.row0 = b->rank * (int64_t)b->rows;
    b->t.step.step = step;
    if (b->model == STEP_VAE) return feed_vae(b, step);
    const scp_dataset *d = &b->t.data;
    const scp_train_nodes *n = &b->t.nodes;
    const scp_diffusion_config *f = &b->t.m.diffusion;
    const double weights[3] = { 1, f->lambda_align, f->lambda_info };
    draw_rows(b, d->N, step);
    SCP_TRY(feed(b, n->pair, NULL, b->rows));
    SCP_TRY(feed(b, n->drug, b->t.tables.pair_drug, b->rows));
    SCP_TRY(feed(b, n->key, b->t.tables.pair_key, b->rows));
    SCP_TRY(feed(b, n->post, d->post, b->rows));
    SCP_TRY(feed(b, n->pre, d->pre, b->rows));
    scp_sampler_negatives(b->t.step.seed, d->N, (uint64_t)step, (uint64_t)b->batch,
                          (uint64_t)f->bank, b->K, b->row);
    SCP_TRY(feed(b, n->neg_key, b->t.tables.pair_key, b->K));
    SCP_TRY(feed(b, n->neg_post, d->post, b->K));
    SCP_TRY(feed(b, n->neg_pre, d->pre, b->K));
    return scp_plan_feed_f64(b->t.plan, n->weights, weights);
}

scp_status step_update(step_run *b, double lr, int64_t t)
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
    SCP_TRY(optim->adamw(b->t.dev, &h, n, scp_params_arena(p, SCP_ARENA_W), g,
                         scp_params_arena(p, SCP_ARENA_M), scp_params_arena(p, SCP_ARENA_V),
                         scp_params_arena(p, SCP_ARENA_EMA), scp_params_decay_mask(p)));
    if (b->store == SCP_REAL) return SCP_OK;
    void *half;
    SCP_TRY(scp_params_half(p, b->store, &half));
    memcpy(half, scp_params_arena(p, SCP_ARENA_W), n * sizeof(float));
    scp_half_round(b->store, half, sizeof(float), n);
    return SCP_OK;
}

scp_status step_timed(step_run *b, int64_t step, double part[4])
{
    double at[4];
    at[0] = scp_clock_seconds();
    SCP_TRY(step_feed(b, step));
    SCP_TRY(scp_plan_forward(b->t.plan, &b->t.step));
    at[1] = scp_clock_seconds();
    SCP_TRY(scp_plan_backward(b->t.plan));
    at[2] = scp_clock_seconds();
    SCP_TRY(step_update(b, scp_train_lr(&b->c, step), step + 1));
    at[3] = scp_clock_seconds();
    part[0] = at[3] - at[0];
    for (int i = 0; i < 3; i++) part[i + 1] = at[i + 1] - at[i];
    return SCP_OK;
}

double step_product_flops(const scp_node *n)
{
    const scp_node *x = n->in[0], *y = n->in[1];
    double D = (double)scp_shape_last(&n->shape), rows = (double)scp_shape_rows(&n->shape);
    if (n->op == SCP_OP_LINEAR)
        return 2 * rows * D * (double)scp_shape_last(&x->shape) *
               (1 + x->needs_grad + (x != y && y->needs_grad)); /* W W^T: one product for both */
    if (n->op == SCP_OP_ATTN) /* S, O; dV, dP, dQ, dK */
        return 2 * rows * D * (double)y->shape.d[1] * 6;
    if (n->op != SCP_OP_ALIGN && n->op != SCP_OP_INFO_NCE) return 0;
    double R = (double)x->shape.d[0], W = (double)x->shape.d[1], sum = 2 * R * W * W * 2;
    if (n->op == SCP_OP_INFO_NCE) sum += 2 * R * W * (double)n->in[2]->shape.d[0] * 3;
    return sum; /* z M, dM; over the negatives */
}

static double bytes_of(const scp_node *n)
{
    double size = n->dtype == SCP_U8 ? 1 : 4;
    return size * (double)scp_shape_count(&n->shape);
}

/* Bytes of a node's table that a gather touches are those of its result. */
static double bytes_in(const scp_node *n, int i)
{
    bool table = n->in[i]->op == SCP_OP_TABLE;
    return table && scp_shape_count(&n->in[i]->shape) > scp_shape_count(&n->shape)
               ? (n->op == SCP_OP_GATHER_DIR ? 2 : 1) * bytes_of(n)
               : bytes_of(n->in[i]);
}

double step_call_bytes(const scp_node *n, bool backward)
{
    double sum = bytes_of(n);
    for (int i = 0; i < n->n_in; i++) {
        if (!backward) sum += bytes_in(n, i);
        if (backward && n->in[i]->needs_grad) sum += 2 * bytes_of(n->in[i]);
    }
    if (backward && n->op == SCP_OP_LINEAR) /* dx = dy W, dW = dy^T x */
        sum += n->in[0]->needs_grad * bytes_of(n->in[1]) +
               n->in[1]->needs_grad * bytes_of(n->in[0]);
    return sum;
}

/* LINEAR of this backend. */
static const scp_op_impl *linear_of(const scp_backend *backend)
{
    for (size_t i = 0; i < backend->n_ops; i++)
        if (backend->ops[i]->op == SCP_OP_LINEAR) return backend->ops[i];
    return NULL;
}

/* A product y = x W^T. */
typedef struct product {
    int64_t M, K, N;
    float *x, *w, *y;
} product;

static scp_status by_ours(scp_device *dev, const product *p)
{
    const scp_op_impl *linear = linear_of(dev->backend);
    scp_node x = { .shape = SCP_SHAPE(p->M, p->K) }, w = { .shape = SCP_SHAPE(p->N, p->K) };
    scp_node y = { .op = SCP_OP_LINEAR,
                   .shape = SCP_SHAPE(p->M, p->N),
                   .n_in = 2,
                   .in = { &x, &w } };
    SCP_ARG(linear, "device %s has no products", dev->backend->name);
    return linear->fwd(
        &(scp_call){ .node = &y, .in = { p->x, p->w }, .out = p->y, .dev = dev });
}

static scp_status by_onednn(scp_device *dev, const product *p)
{
    (void)dev;
    if (dnnl_sgemm('N', 'T', p->M, p->N, p->K, 1, p->x, p->K, p->w, p->K, 0, p->y, p->N) !=
        dnnl_success)
        SCP_FAIL(SCP_EINTERNAL, "dnnl_sgemm");
    return SCP_OK;
}

static scp_status by_openblas(scp_device *dev, const product *p)
{
    (void)dev;
    blas_own_threads(true);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)p->M, (int)p->N, (int)p->K, 1, p->x,
                (int)p->K, p->w, (int)p->K, 0, p->y, (int)p->N);
    blas_own_threads(false);
    return SCP_OK;
}

/* The best rate of all ways; large products are tried less often. */
static scp_status best_rate(scp_device *dev, const product *p, double *rate)
{
    static scp_status (*const by[])(scp_device *, const product *) = { by_ours, by_onednn,
                                                                       by_openblas };
    const double flops = 2.0 * (double)p->M * (double)p->K * (double)p->N;
    const int runs = (int)fmax(5, fmin(100, 2.7e10 / flops));
    for (size_t k = 0; k < sizeof by / sizeof by[0]; k++)
        for (int i = 0; i < runs; i++) {
            double start = scp_clock_seconds();
            SCP_TRY(by[k](dev, p));
            *rate = fmax(*rate, flops / (scp_clock_seconds() - start));
        }
    return SCP_OK;
}

scp_status step_product_rate(scp_device *dev, int64_t M, int64_t K, int64_t N, double *rate)
{
    product p = { M, K, N, NULL, NULL, NULL };
    scp_status st = SCP_OK;
    *rate = 0;
    SCP_GOTO(done, scp_alloc((size_t)(M * K), sizeof *p.x, &p.x));
    SCP_GOTO(done, scp_alloc((size_t)(N * K), sizeof *p.w, &p.w));
    SCP_GOTO(done, scp_alloc((size_t)(M * N), sizeof *p.y, &p.y));
    for (int64_t i = 0; i < M * K; i++) p.x[i] = (float)(i % 17) - 8;
    for (int64_t i = 0; i < N * K; i++) p.w[i] = (float)(i % 13) - 6;
    st = best_rate(dev, &p, rate);
done:
    free(p.x);
    free(p.w);
    free(p.y);
    return st;
}

scp_status step_ceiling(scp_device *dev, int64_t genes, double *rate)
{
    double wide;
    SCP_TRY(step_product_rate(dev, 256, 1024, 512, rate));
    SCP_TRY(step_product_rate(dev, 256, genes, 1024, &wide));
    *rate = fmax(*rate, wide);
    return SCP_OK;
}

scp_status step_copy_rate(double *rate)
{
    enum { N = 64 << 20, RUNS = 5 };
    float *x = NULL, *y = NULL;
    double best = INFINITY;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(N, sizeof *x, &x));
    SCP_GOTO(done, scp_alloc(N, sizeof *y, &y));
    for (int run = 0; run <= RUNS; run++) { /* the first touches the pages */
        double start = scp_clock_seconds();
#pragma omp parallel for simd
        for (int64_t i = 0; i < N; i++) y[i] = x[i] + 1;
        if (run) best = fmin(best, scp_clock_seconds() - start);
    }
    *rate = 2.0 * N * sizeof *x / best;
done:
    free(x);
    free(y);
    return st;
}
