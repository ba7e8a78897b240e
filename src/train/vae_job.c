/* The VAE's training job, see vae_job.h. */
#include "train/vae_job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/vae_run.h"
#include "diffusion/latents.h"
#include "diffusion/weights.h"
#include "train/held.h"

enum { BLOCK = 64 }; /* rows encoded at a time */

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
    scp_held held;
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

static scp_status feed(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows, size_t n)
{
    vae_ctx *c = ctx;
    double ramp = c->vae->beta_ramp * (double)c->cfg->steps;
    double weights[2] = { 1, c->vae->beta * (ramp > 0 ? fmin(1, (double)step / ramp) : 1) };
    for (size_t i = 0; i < n; i++) c->batch[i] = c->items[rows[i]];
    SCP_TRY(scp_plan_feed_i32(plan, c->nodes.rows, c->batch));
    return scp_plan_feed_f64(plan, c->nodes.weights, weights);
}

/* Reconstruction of x_post: a score above 0 means that the latent space keeps the response. */
static scp_status reconstruct(void *ctx, const int32_t *pair, size_t n, float *x)
{
    vae_ctx *c = ctx;
    const scp_dataset *d = c->s->data;
    float *mu = NULL;
    SCP_TRY(scp_alloc(n * (size_t)c->vae->latent, sizeof *mu, &mu));
    for (size_t i = 0; i < n; i++)
        memcpy(x + i * d->G, d->x + (size_t)d->post[pair[i]] * d->G, d->G * sizeof *x);
    scp_status st = scp_vae_encode_rows(c->params, c->vae, x, n, d->G, BLOCK, mu);
    if (st == SCP_OK)
        st = scp_vae_decode_rows(c->params, c->vae, mu, n, d->G, BLOCK, SCP_VAE_CUT, x);
    free(mu);
    return st;
}

static scp_status validate(void *ctx, double *score)
{
    vae_ctx *c = ctx;
    return scp_held_score(&c->held, c->s->comm, c->s->data, reconstruct, c, score);
}

/* Start the decoder's output at the mean training profile, so that training begins with
 * differences. */
static scp_status start_at_mean(vae_ctx *c)
{
    const scp_dataset *d = c->s->data;
    double *mean = NULL;
    SCP_ARG(c->n_items, "there are no training profiles");
    SCP_TRY(scp_alloc(d->G, sizeof *mean, &mean));
    for (size_t i = 0; i < c->n_items; i++)
        for (size_t g = 0; g < d->G; g++)
            mean[g] += d->x[(size_t)c->items[i] * d->G + g] / (double)c->n_items;
    scp_status st = scp_params_start(c->params, SCP_VAE_OUTPUT_BIAS, mean, d->G);
    free(mean);
    return st;
}

static scp_status build(vae_ctx *c)
{
    const scp_dataset *d = c->s->data;
    int64_t B = c->cfg->batch / scp_comm_size(c->s->comm);
    SCP_TRY(list_items(c));
    SCP_TRY(scp_held_init(&c->held, d));
    SCP_TRY(scp_alloc((size_t)B, sizeof *c->batch, &c->batch));
    SCP_TRY(scp_params_create(c->s->dev, (uint64_t)c->cfg->seed, &c->params));
    SCP_TRY(scp_graph_create(c->params, &c->graph));
    scp_vae_build_train(c->graph, c->vae, (int64_t)d->P, (int64_t)d->G, B, &c->nodes);
    SCP_TRY(scp_graph_status(c->graph));
    SCP_TRY(scp_plan_create_as(c->graph, c->nodes.loss, c->s->comm, scp_train_storage(c->cfg),
                               &c->plan));
    SCP_TRY(start_at_mean(c));
    SCP_TRY(scp_device_view_f32(c->s->dev, d->x, d->P * d->G, &c->profiles));
    return scp_plan_bind(c->plan, c->nodes.profiles, c->profiles);
}

/* Latents by the weights that decode them later: the best by validation, which need not be the
 * last. */
static scp_status write_latents(vae_ctx *c)
{
    const scp_dataset *d = c->s->data;
    scp_params *trained = NULL;
    float *mu = NULL;
    scp_status st = scp_weights_vae(c->s->dev, c->vae, d->G, c->s->run_dir, &trained);
    if (st == SCP_OK) st = scp_alloc(d->P * (size_t)c->vae->latent, sizeof *mu, &mu);
    SCP_GOTO(done, scp_agree(c->s->comm, st));
    SCP_GOTO(done, scp_latents_encode(c->s->comm, trained, c->vae, d, mu));
    SCP_GOTO(done, scp_latents_write(c->s->comm, c->s->run_dir, d, c->vae->latent, mu));
done:
    scp_params_destroy(&trained);
    free(mu);
    return st;
}

scp_status scp_vae_job_run(const scp_train_setup *setup, const scp_vae_config *vae,
                           const scp_train_config *cfg, scp_job_result *out)
{
    vae_ctx c = { .s = setup, .vae = vae, .cfg = cfg };
    scp_status st = SCP_OK;
    if (cfg->batch % scp_comm_size(setup->comm))
        SCP_FAIL(SCP_EUSAGE,
                 "vae_train.batch (%lld) must be a multiple of the number of ranks (%d)",
                 (long long)cfg->batch, scp_comm_size(setup->comm));
    SCP_GOTO(done, scp_agree(setup->comm, build(&c)));
    scp_job job = { .stage = "vae",
                    .comm = setup->comm,
                    .params = c.params,
                    .plan = c.plan,
                    .cfg = cfg,
                    .run_dir = setup->run_dir,
                    .method_text = setup->method_text,
                    .config_text = setup->config_text,
                    .config_path = setup->config_path,
                    .data_hash = setup->data->hash,
                    .n_train = c.n_items,
                    .feed = feed,
                    .validate = c.held.n ? validate : NULL,
                    .ctx = &c,
                    .report = { c.nodes.loss, c.nodes.mse, c.nodes.kl },
                    .report_name = { "loss", "mse", "kl" },
                    .fresh = setup->fresh };
    if (setup->fresh) SCP_GOTO(done, scp_latents_discard(setup->comm, setup->run_dir));
    SCP_GOTO(done, scp_job_run(&job, out));
    SCP_GOTO(done, out->stop == SCP_STOP_DONE ? write_latents(&c)
                                              : scp_latents_discard(setup->comm, setup->run_dir));
done:
    scp_plan_destroy(&c.plan);
    scp_graph_destroy(&c.graph);
    scp_params_destroy(&c.params);
    scp_device_view_end(setup->dev, c.profiles, setup->data->x);
    free(c.items);
    scp_held_fini(&c.held);
    free(c.batch);
    return st;
}
