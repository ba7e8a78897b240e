/* The VAE's training job, see vae_job.h. */
#include "train/vae_job.h"

#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/vae_run.h"
#include "diffusion/latents.h"

typedef struct vae_ctx {
    const scp_train_setup *s;
    const scp_vae_config *vae;
    const scp_train_config *cfg;
    scp_params *params;
    scp_graph *graph;
    scp_plan *plan;
    scp_vae_nodes nodes;
    void *profiles;          /* device copy of x                       */
    int32_t *items, *batch;  /* training profiles; those of one batch  */
    size_t n_items;
    int32_t *held;           /* validation pairs                       */
    size_t n_held;
} vae_ctx;

/* Profiles that training pairs use, each once, in order. */
static scp_status list_items(vae_ctx *c)
{
    const scp_dataset *d = c->s->data;
    uint8_t *used = NULL;
    SCP_TRY(scp_alloc(d->P, 1, &used));
    for (size_t i = 0; i < d->N; i++)
        if (d->split[i] == SCP_SPLIT_TRAIN) used[d->post[i]] = used[d->pre[i]] = 1;
    scp_status st = scp_alloc(d->P, sizeof *c->items, &c->items);
    for (size_t p = 0; st == SCP_OK && p < d->P; p++)
        if (used[p]) c->items[c->n_items++] = (int32_t)p;
    free(used);
    return st;
}

static scp_status list_held(vae_ctx *c)
{
    const scp_dataset *d = c->s->data;
    SCP_TRY(scp_alloc(d->N, sizeof *c->held, &c->held));
    for (size_t i = 0; i < d->N; i++)
        if (d->split[i] == SCP_SPLIT_VAL_UC || d->split[i] == SCP_SPLIT_VAL_UD) c->held[c->n_held++] = (int32_t)i;
    return SCP_OK;
}

static scp_status feed(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows, size_t n)
{
    vae_ctx *c = ctx;
    double ramp = c->vae->beta_ramp * (double)c->cfg->steps;
    double weights[2] = { 1, c->vae->beta * (ramp > 0 ? fmin(1, (double)step / ramp) : 1) };
    for (size_t i = 0; i < n; i++) c->batch[i] = c->items[rows[i]];
    SCP_TRY(scp_plan_feed_i32(plan, c->nodes.rows, c->batch));
    return scp_plan_feed_f64(plan, c->nodes.weights, weights);
}

/* Squared errors of reconstruction and of no change on one held-out pair. */
static void add_errors(const scp_dataset *d, int32_t pair, const float *recon, double sum[2])
{
    const float *post = d->x + (size_t)d->post[pair] * d->G, *pre = d->x + (size_t)d->pre[pair] * d->G;
    for (size_t g = 0; g < d->G; g++) {
        sum[0] += ((double)recon[g] - post[g]) * ((double)recon[g] - post[g]);
        sum[1] += ((double)pre[g] - post[g]) * ((double)pre[g] - post[g]);
    }
}

/* 1 - MSE(reconstruction of x_post) / MSE(x_pre): above 0 the latent space keeps the response. */
static scp_status validate_share(vae_ctx *c, size_t begin, size_t end, double sum[2])
{
    const scp_dataset *d = c->s->data;
    size_t n = end - begin, Dz = (size_t)c->vae->latent;
    float *x = NULL, *mu = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(n * d->G, sizeof *x, &x));
    SCP_GOTO(done, scp_alloc(n * Dz, sizeof *mu, &mu));
    for (size_t i = 0; i < n; i++)
        for (size_t g = 0; g < d->G; g++) x[i * d->G + g] = d->x[(size_t)d->post[c->held[begin + i]] * d->G + g];
    SCP_GOTO(done, scp_vae_encode_rows(c->params, c->vae, x, n, d->G, 64, mu));
    SCP_GOTO(done, scp_vae_decode_rows(c->params, c->vae, mu, n, d->G, 64, x));
    for (size_t i = 0; i < n; i++) add_errors(d, c->held[begin + i], x + i * d->G, sum);
done:
    free(x);
    free(mu);
    return st;
}

static scp_status validate(void *ctx, double *score)
{
    vae_ctx *c = ctx;
    double sum[2] = { 0, 0 };
    size_t begin, end;
    scp_comm_share(c->s->comm, c->n_held, &begin, &end);
    SCP_TRY(scp_agree(c->s->comm, validate_share(c, begin, end, sum)));
    SCP_TRY(scp_comm_allreduce(c->s->comm, sum, 2, SCP_COMM_F64, SCP_COMM_SUM));
    *score = sum[1] > 0 ? 1 - sum[0] / sum[1] : NAN;
    return SCP_OK;
}

/* Start the decoder's output at the mean training profile, so that training begins with differences. */
static scp_status start_at_mean(vae_ctx *c)
{
    const scp_dataset *d = c->s->data;
    int64_t index = scp_params_find(c->params, SCP_VAE_OUTPUT_BIAS);
    double *mean = NULL;
    SCP_ARG(index >= 0 && c->n_items, "the decoder has no output bias, or there are no training profiles");
    SCP_TRY(scp_alloc(d->G, sizeof *mean, &mean));
    for (size_t i = 0; i < c->n_items; i++)
        for (size_t g = 0; g < d->G; g++) mean[g] += d->x[(size_t)c->items[i] * d->G + g] / (double)c->n_items;
    size_t offset = scp_params_info(c->params, (size_t)index)->offset;
    scp_status st = scp_params_write_f64(c->params, SCP_ARENA_W, offset, d->G, mean);
    if (st == SCP_OK) st = scp_params_write_f64(c->params, SCP_ARENA_EMA, offset, d->G, mean);
    free(mean);
    return st;
}

static scp_status build(vae_ctx *c)
{
    const scp_dataset *d = c->s->data;
    int64_t B = c->cfg->batch / scp_comm_size(c->s->comm);
    SCP_TRY(list_items(c));
    SCP_TRY(list_held(c));
    SCP_TRY(scp_alloc((size_t)B, sizeof *c->batch, &c->batch));
    SCP_TRY(scp_params_create(c->s->dev, (uint64_t)c->cfg->seed, &c->params));
    SCP_TRY(scp_graph_create(c->params, &c->graph));
    scp_vae_build_train(c->graph, c->vae, (int64_t)d->P, (int64_t)d->G, B, &c->nodes);
    SCP_TRY(scp_graph_status(c->graph));
    SCP_TRY(scp_plan_create(c->graph, c->nodes.loss, c->s->comm, &c->plan));
    SCP_TRY(start_at_mean(c));
    SCP_TRY(scp_device_alloc(c->s->dev, scp_device_bytes(c->s->dev, SCP_REAL, d->P * d->G), &c->profiles));
    SCP_TRY(scp_device_write_f32(c->s->dev, c->profiles, d->x, d->P * d->G));
    return scp_plan_bind(c->plan, c->nodes.profiles, c->profiles);
}

static scp_status write_latents(vae_ctx *c)
{
    float *mu = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_agree(c->s->comm, scp_alloc(c->s->data->P * (size_t)c->vae->latent, sizeof *mu, &mu)));
    scp_params_swap_ema(c->params);
    SCP_GOTO(done, scp_latents_encode(c->s->comm, c->params, c->vae, c->s->data, mu));
    SCP_GOTO(done, scp_latents_write(c->s->comm, c->s->run_dir, c->s->data, c->vae->latent, mu));
done:
    scp_params_swap_ema(c->params);
    free(mu);
    return st;
}

scp_status scp_vae_job_run(const scp_train_setup *setup, const scp_vae_config *vae, const scp_train_config *cfg,
                           scp_job_result *out)
{
    vae_ctx c = { .s = setup, .vae = vae, .cfg = cfg };
    scp_status st = SCP_OK;
    if (cfg->batch % scp_comm_size(setup->comm))
        SCP_FAIL(SCP_EUSAGE, "vae_train.batch (%lld) must be a multiple of the number of ranks (%d)",
                 (long long)cfg->batch, scp_comm_size(setup->comm));
    SCP_GOTO(done, scp_agree(setup->comm, build(&c)));
    scp_job job = { .stage = "vae", .comm = setup->comm, .params = c.params, .plan = c.plan, .cfg = cfg,
                    .run_dir = setup->run_dir, .method_text = setup->method_text,
                    .config_text = setup->config_text, .data_hash = setup->data->hash,
                    .n_train = c.n_items, .feed = feed, .validate = c.n_held ? validate : NULL, .ctx = &c,
                    .report = { c.nodes.loss, c.nodes.mse, c.nodes.kl }, .report_name = { "loss", "mse", "kl" },
                    .fresh = setup->fresh };
    SCP_GOTO(done, scp_job_run(&job, out));
    if (out->stop == SCP_STOP_DONE) SCP_GOTO(done, write_latents(&c));
done:
    scp_plan_destroy(&c.plan);
    scp_graph_destroy(&c.graph);
    scp_params_destroy(&c.params);
    scp_device_release(setup->dev, c.profiles);
    free(c.items);
    free(c.held);
    free(c.batch);
    return st;
}
