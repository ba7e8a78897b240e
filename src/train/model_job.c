/* The denoiser's training job, see model_job.h. */
#include "train/model_job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/sampler.h"
#include "diffusion/conditions.h"
#include "diffusion/latents.h"
#include "diffusion/weights.h"
#include "train/held.h"
#include "train/tables.h"

typedef struct model_ctx {
    const scp_train_setup *s;
    const scp_method *m;
    const scp_guidance *gd;
    const scp_train_config *cfg;
    scp_params *params, *vae;
    scp_graph *graph;
    scp_plan *plan;
    scp_train_nodes nodes;
    scp_tables tables;
    scp_latent_stats stats;
    float *mu;                /* [P, Dz]                                 */
    int32_t *train;           /* training pairs                          */
    size_t n_train;
    scp_held held;
    int32_t *neg;             /* [K] rows of the training list           */
    int32_t *ids;             /* [max(B, K)] staging of one input        */
    size_t local;
    scp_generator *gen;
} model_ctx;

/* Map rows through an id table of the pairs and feed the result to an input. */
static scp_status feed_ids(model_ctx *c, const scp_node *input, const int32_t *of_pair,
                           const int32_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int32_t pair = c->train[rows[i]];
        c->ids[i] = of_pair ? of_pair[pair] : pair;
    }
    return scp_plan_feed_i32(c->plan, input, c->ids);
}

static scp_status feed(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows, size_t n)
{
    model_ctx *c = ctx;
    const scp_dataset *d = c->s->data;
    const scp_diffusion_config *f = &c->m->diffusion;
    double ramp = f->ramp * (double)c->cfg->steps,
           rise = ramp > 0 ? fmin(1, (double)step / ramp) : 1;
    double weights[3] = { 1, f->lambda_align * rise, f->lambda_info * rise };
    size_t K = (size_t)f->negatives;
    SCP_TRY(feed_ids(c, c->nodes.pair, NULL, rows, n));
    SCP_TRY(feed_ids(c, c->nodes.drug, c->tables.pair_drug, rows, n));
    SCP_TRY(feed_ids(c, c->nodes.key, c->tables.pair_key, rows, n));
    SCP_TRY(feed_ids(c, c->nodes.post, d->post, rows, n));
    SCP_TRY(feed_ids(c, c->nodes.pre, d->pre, rows, n));
    scp_sampler_negatives((uint64_t)c->cfg->seed, c->n_train, (uint64_t)step,
                          (uint64_t)c->cfg->batch, (uint64_t)f->bank, K, c->neg);
    SCP_TRY(feed_ids(c, c->nodes.neg_key, c->tables.pair_key, c->neg, K));
    SCP_TRY(feed_ids(c, c->nodes.neg_post, d->post, c->neg, K));
    SCP_TRY(feed_ids(c, c->nodes.neg_pre, d->pre, c->neg, K));
    return scp_plan_feed_f64(plan, c->nodes.weights, weights);
}

static scp_status list_pairs(model_ctx *c)
{
    const scp_dataset *d = c->s->data;
    SCP_TRY(scp_held_init(&c->held, d));
    SCP_TRY(scp_alloc(d->N, sizeof *c->train, &c->train));
    for (size_t i = 0; i < d->N; i++)
        if (d->split[i] == SCP_SPLIT_TRAIN) c->train[c->n_train++] = (int32_t)i;
    if (!c->n_train) SCP_FAIL(SCP_EDATA, "the shard has no training pairs");
    return SCP_OK;
}

static scp_status fit_stats(model_ctx *c)
{
    const scp_dataset *d = c->s->data;
    int32_t *post = NULL, *pre = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_latent_stats_init(&c->stats, c->m->vae.latent));
    SCP_GOTO(done, scp_alloc(c->n_train, sizeof *post, &post));
    SCP_GOTO(done, scp_alloc(c->n_train, sizeof *pre, &pre));
    for (size_t i = 0; i < c->n_train; i++) {
        post[i] = d->post[c->train[i]];
        pre[i] = d->pre[c->train[i]];
    }
    scp_latent_stats_fit(&c->stats, c->m->diffusion.target, c->mu, post, pre, c->n_train);
done:
    free(post);
    free(pre);
    return st;
}

static scp_status predict(void *ctx, const int32_t *pair, size_t n, float *x)
{
    model_ctx *c = ctx;
    const scp_dataset *d = c->s->data;
    scp_picked picked;
    scp_status st = scp_conditions_pick(d, c->mu, (size_t)c->m->vae.latent, pair, n, &picked);
    if (st == SCP_OK) st = scp_generator_run(c->gen, &picked.c, x);
    scp_picked_fini(&picked);
    return st;
}

static scp_status validate(void *ctx, double *score)
{
    model_ctx *c = ctx;
    return scp_held_score(&c->held, c->s->comm, c->s->data, predict, c, score);
}

/* The statistics that undo the standardisation travel with the weights. */
static scp_status save(void *ctx, scp_ckpt_writer *w)
{
    return scp_weights_add_stats(w, &((model_ctx *)ctx)->stats);
}

static scp_status build(model_ctx *c)
{
    const scp_dataset *d = c->s->data;
    size_t Dz = (size_t)c->m->vae.latent, K = (size_t)c->m->diffusion.negatives;
    c->local = (size_t)(c->cfg->batch / scp_comm_size(c->s->comm));
    scp_train_sizes size = { .B = (int64_t)c->local,
                             .K = (int64_t)K,
                             .P = (int64_t)d->P,
                             .N = (int64_t)d->N,
                             .G = (int64_t)d->G,
                             .n_drugs = (int64_t)d->n_drugs };
    SCP_TRY(scp_method_check(c->m));
    SCP_TRY(list_pairs(c));
    SCP_TRY(scp_alloc(K, sizeof *c->neg, &c->neg));
    SCP_TRY(scp_alloc(c->local > K ? c->local : K, sizeof *c->ids, &c->ids));
    SCP_TRY(scp_latents_read(c->s->run_dir, d, (int64_t)Dz, &c->mu));
    SCP_TRY(fit_stats(c));
    SCP_TRY(scp_weights_vae(c->s->dev, &c->m->vae, d->G, c->s->run_dir, &c->vae));
    SCP_TRY(scp_params_create(c->s->dev, (uint64_t)c->cfg->seed, &c->params));
    SCP_TRY(scp_graph_create(c->params, &c->graph));
    scp_method_build_train(c->graph, c->m, &size, &c->nodes);
    SCP_TRY(scp_graph_status(c->graph));
    SCP_TRY(scp_plan_create_as(c->graph, c->nodes.loss, c->s->comm, scp_train_storage(c->cfg),
                               &c->plan));
    SCP_TRY(scp_tables_init(&c->tables, c->s->dev, c->m, d, c->mu, &c->stats));
    SCP_TRY(scp_tables_bind(&c->tables, c->plan, &c->nodes));
    if (!c->held.n) return SCP_OK;
    /* Here, not at the first score: guidance that cannot work is refused before any step. */
    return scp_generator_create(c->m, c->gd, c->params, c->vae, &c->stats, d->fp, d->n_drugs, d->G,
                                &c->gen);
}

static void release(model_ctx *c)
{
    scp_generator_destroy(&c->gen);
    scp_plan_destroy(&c->plan);
    scp_graph_destroy(&c->graph);
    scp_tables_fini(&c->tables);
    scp_params_destroy(&c->params);
    scp_params_destroy(&c->vae);
    scp_latent_stats_fini(&c->stats);
    free(c->mu);
    free(c->train);
    scp_held_fini(&c->held);
    free(c->neg);
    free(c->ids);
}

/* Guidance as it decides scores; blocks are a matter of memory, and spread is none of scores. */
static scp_status scoring_text(const scp_guidance *gd, scp_strbuf *out)
{
    static const scp_option_group groups[] = { { scp_guidance_options, 0, "guidance" }, { 0 } };
    scp_guidance g = *gd;
    g.block = 1;
    g.spread = 0;
    return scp_conf_dump(groups, &g, out);
}

/* The same by default: settings that came after a run began decided nothing then. */
static scp_status default_scoring_text(scp_strbuf *out)
{
    static const scp_option_group groups[] = { { scp_guidance_options, 0, "guidance" }, { 0 } };
    scp_guidance g = { 0 };
    SCP_TRY(scp_conf_defaults(groups, &g));
    return scoring_text(&g, out);
}

scp_status scp_model_job_run(const scp_train_setup *setup, const char *stage,
                             const scp_method *method, const scp_guidance *guidance,
                             const scp_train_config *cfg, scp_job_result *out)
{
    model_ctx c = { .s = setup, .m = method, .gd = guidance, .cfg = cfg };
    scp_strbuf scoring = { 0 }, scoring_default = { 0 };
    scp_status st = SCP_OK;
    if (cfg->batch % scp_comm_size(setup->comm))
        SCP_FAIL(SCP_EUSAGE, "train.batch (%lld) must be a multiple of the number of ranks (%d)",
                 (long long)cfg->batch, scp_comm_size(setup->comm));
    SCP_GOTO(done, scp_agree(setup->comm, build(&c)));
    SCP_GOTO(done, scp_agree(setup->comm, scoring_text(guidance, &scoring)));
    SCP_GOTO(done, scp_agree(setup->comm, default_scoring_text(&scoring_default)));
    scp_job job = { .stage = stage,
                    .comm = setup->comm,
                    .params = c.params,
                    .plan = c.plan,
                    .cfg = cfg,
                    .run_dir = setup->run_dir,
                    .method_text = setup->method_text,
                    .config_text = setup->config_text,
                    .config_path = setup->config_path,
                    .scoring_text = c.held.n ? scoring.text : NULL,
                    .scoring_default = scoring_default.text,
                    .data_hash = scp_latents_hash(setup->data, method->vae.latent, c.mu),
                    .n_train = c.n_train,
                    .feed = feed,
                    .validate = c.held.n ? validate : NULL,
                    .save = save,
                    .ctx = &c,
                    .report = { c.nodes.loss, c.nodes.denoise, c.nodes.align, c.nodes.info },
                    .report_name = { "loss", "denoise", "align", "info" },
                    .fresh = setup->fresh };
    SCP_GOTO(done, scp_job_run(&job, out));
done:
    scp_strbuf_fini(&scoring);
    scp_strbuf_fini(&scoring_default);
    release(&c);
    return st;
}
