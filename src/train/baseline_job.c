/* Training jobs of the baselines, see baseline_job.h. */
#include "train/baseline_job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "diffusion/latents.h"
#include "diffusion/weights.h"
#include "model/baseline_run.h"
#include "model/ridge.h"
#include "train/held.h"

enum { BLOCK = 64 }; /* pairs predicted at a time */

typedef struct baseline_ctx {
    const scp_train_setup *s;
    scp_baseline_kind kind;
    const scp_baseline_config *cfg;
    const scp_train_config *train;
    scp_params *params;
    scp_graph *graph;
    scp_plan *plan;
    scp_baseline_nodes nodes;
    scp_drug_labels labels;
    void *profiles, *label_table; /* device memory                    */
    float *mu;                    /* [P, Dz] latents, where they are the states */
    int64_t Dz;                   /* 0: profiles are the states       */
    void *states;                 /* device memory of mu              */
    int32_t *pairs, *ids;         /* training pairs; one input's rows */
    size_t n_pairs;
    scp_held held;
    scp_baseline_run *run;
} baseline_ctx;

static scp_status feed_ids(baseline_ctx *c, const scp_node *input, const int32_t *of_pair,
                           const int32_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) c->ids[i] = of_pair[c->pairs[rows[i]]];
    return scp_plan_feed_i32(c->plan, input, c->ids);
}

static scp_status feed(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows, size_t n)
{
    baseline_ctx *c = ctx;
    (void)plan;
    (void)step;
    SCP_TRY(feed_ids(c, c->nodes.pre, c->s->data->pre, rows, n));
    SCP_TRY(feed_ids(c, c->nodes.post, c->s->data->post, rows, n));
    return feed_ids(c, c->nodes.label, c->labels.of_pair, rows, n);
}

static scp_status validate(void *ctx, double *score)
{
    baseline_ctx *c = ctx;
    return scp_held_score(&c->held, c->s->comm, c->s->data, scp_baseline_run_fill, c->run, score);
}

static scp_status upload_labels(baseline_ctx *c)
{
    size_t n = c->labels.n * SCP_FP_BITS;
    float *table = NULL;
    SCP_TRY(scp_alloc(n, sizeof *table, &table));
    for (size_t i = 0; i < c->labels.n; i++)
        scp_drug_labels_scaled(&c->labels, c->s->data, i, table + i * SCP_FP_BITS);
    scp_status st =
        scp_device_alloc(c->s->dev, scp_device_bytes(c->s->dev, SCP_REAL, n), &c->label_table);
    if (st == SCP_OK) st = scp_device_write_f32(c->s->dev, c->label_table, table, n);
    free(table);
    return st;
}

static scp_status list_pairs(baseline_ctx *c)
{
    const scp_dataset *d = c->s->data;
    SCP_TRY(scp_held_init(&c->held, d));
    SCP_TRY(scp_alloc(d->N, sizeof *c->pairs, &c->pairs));
    for (size_t i = 0; i < d->N; i++)
        if (d->split[i] == SCP_SPLIT_TRAIN) c->pairs[c->n_pairs++] = (int32_t)i;
    return SCP_OK;
}

/* The linear map has G x G weights, and the optimiser four more arrays of that size. */
static scp_status check_size(const baseline_ctx *c)
{
    const size_t most = 20000, G = c->s->data->G;
    if ((c->kind == SCP_BASELINE_LINEAR || c->kind == SCP_BASELINE_LINEAR_SHIFT) && G > most &&
        c->cfg->state == SCP_BASELINE_PROFILE)
        SCP_FAIL(SCP_EUSAGE,
                 "--model %s has genes x genes weights, on %zu genes %.1f billion: use "
                 "--baseline.state latent (after scppdm_vae), --model ridge, or a shard of at most "
                 "%zu genes (scppdm_prep --genes hvg:N)",
                 scp_baseline_name(c->kind), G, 1e-9 * (double)G * (double)G, most);
    return SCP_OK;
}

/* Start the output at the mean target of the training pairs, so that training begins with
 * differences. */
static scp_status start_at_mean(baseline_ctx *c)
{
    const scp_dataset *d = c->s->data;
    const bool shifts = scp_baseline_shifts(c->kind);
    double *mean = NULL;
    SCP_TRY(scp_alloc(d->G, sizeof *mean, &mean));
    for (size_t i = 0; i < c->n_pairs; i++) {
        const float *post = d->x + (size_t)d->post[c->pairs[i]] * d->G,
                    *pre = d->x + (size_t)d->pre[c->pairs[i]] * d->G;
        for (size_t g = 0; g < d->G; g++)
            mean[g] += ((double)post[g] - (shifts ? pre[g] : 0)) / (double)c->n_pairs;
    }
    scp_status st = scp_params_start(c->params, scp_baseline_output_bias(c->kind), mean, d->G);
    free(mean);
    return st;
}

static scp_status build(baseline_ctx *c)
{
    const scp_dataset *d = c->s->data;
    SCP_TRY(check_size(c));
    int64_t B = c->train->batch / scp_comm_size(c->s->comm);
    SCP_TRY(list_pairs(c));
    if (c->cfg->state == SCP_BASELINE_LATENT)
        SCP_TRY(scp_latents_read_any(c->s->run_dir, d, &c->Dz, &c->mu));
    SCP_TRY(scp_alloc((size_t)B, sizeof *c->ids, &c->ids));
    SCP_TRY(scp_drug_labels_init(d, &c->labels));
    SCP_TRY(scp_params_create(c->s->dev, (uint64_t)c->train->seed, &c->params));
    SCP_TRY(scp_graph_create(c->params, &c->graph));
    scp_baseline_build_train(c->graph, c->kind, c->cfg, (int64_t)d->P, (int64_t)d->G, c->Dz,
                             (int64_t)c->labels.n, B, &c->nodes);
    SCP_TRY(scp_graph_status(c->graph));
    SCP_TRY(scp_plan_create_as(c->graph, c->nodes.loss, c->s->comm, scp_train_storage(c->train),
                               &c->plan));
    SCP_TRY(start_at_mean(c));
    SCP_TRY(scp_device_view_f32(c->s->dev, d->x, d->P * d->G, &c->profiles));
    if (c->Dz) {
        SCP_TRY(scp_device_view_f32(c->s->dev, c->mu, d->P * (size_t)c->Dz, &c->states));
        SCP_TRY(scp_plan_bind(c->plan, c->nodes.states, c->states));
    }
    SCP_TRY(upload_labels(c));
    SCP_TRY(scp_plan_bind(c->plan, c->nodes.profiles, c->profiles));
    SCP_TRY(scp_plan_bind(c->plan, c->nodes.labels, c->label_table));
    const scp_baseline_states states = { c->Dz ? c->mu : d->x, c->Dz ? (size_t)c->Dz : d->G };
    return scp_baseline_run_create(c->params, c->kind, c->cfg, d, &c->labels, &states, BLOCK,
                                   &c->run);
}

static void release(baseline_ctx *c)
{
    scp_baseline_run_destroy(&c->run);
    scp_plan_destroy(&c->plan);
    scp_graph_destroy(&c->graph);
    scp_params_destroy(&c->params);
    scp_device_view_end(c->s->dev, c->profiles, c->s->data->x);
    scp_device_view_end(c->s->dev, c->states, c->mu);
    scp_device_release(c->s->dev, c->label_table);
    scp_drug_labels_fini(&c->labels);
    scp_held_fini(&c->held);
    free(c->mu);
    free(c->pairs);
    free(c->ids);
}

static scp_status run_network(baseline_ctx *c, scp_job_result *out)
{
    const scp_train_setup *s = c->s;
    scp_status st = SCP_OK;
    if (c->train->batch % scp_comm_size(s->comm))
        SCP_FAIL(SCP_EUSAGE, "train.batch (%lld) must be a multiple of the number of ranks (%d)",
                 (long long)c->train->batch, scp_comm_size(s->comm));
    SCP_GOTO(done, scp_agree(s->comm, build(c)));
    scp_job job = { .stage = scp_baseline_name(c->kind),
                    .comm = s->comm,
                    .params = c->params,
                    .plan = c->plan,
                    .cfg = c->train,
                    .run_dir = s->run_dir,
                    .method_text = s->method_text,
                    .config_text = s->config_text,
                    .config_path = s->config_path,
                    .data_hash = c->Dz ? scp_latents_hash(s->data, c->Dz, c->mu) : s->data->hash,
                    .n_train = c->n_pairs,
                    .feed = feed,
                    .validate = c->held.n ? validate : NULL,
                    .ctx = c,
                    .report = { c->nodes.loss },
                    .report_name = { "loss" },
                    .fresh = s->fresh };
    SCP_GOTO(done, scp_job_run(&job, out));
done:
    release(c);
    return st;
}

static scp_status ridge_path(const scp_train_setup *s, char *path, size_t size)
{
    return scp_str_format(path, size, "%s/%s/best.h5", s->run_dir,
                          scp_baseline_name(SCP_BASELINE_RIDGE));
}

/* A fit of the same data and settings that is in the folder already. Rank 0. */
static bool ridge_is_there(const scp_train_setup *s)
{
    char path[SCP_PATH_MAX], *text = NULL;
    scp_ckpt *c = NULL;
    scp_weights_head head;
    bool same = false;
    if (s->fresh || ridge_path(s, path, sizeof path) != SCP_OK || !scp_fs_exists(path))
        return false;
    if (scp_ckpt_open(path, &c) == SCP_OK && scp_weights_get_head(c, &head) == SCP_OK &&
        scp_ckpt_get_text(c, "method", &text) == SCP_OK)
        same = head.data_hash == s->data->hash && strcmp(text, s->method_text) == 0;
    scp_err_clear();
    free(text);
    scp_ckpt_close(&c);
    return same;
}

static scp_status write_ridge(const scp_train_setup *s, const scp_ridge *r, double score)
{
    char path[SCP_PATH_MAX], dir[SCP_PATH_MAX];
    scp_ckpt_writer *w = NULL;
    const scp_weights_head head = {
        .step = 1, .steps = 1, .best = score, .best_step = 1, .data_hash = s->data->hash
    };
    SCP_TRY(ridge_path(s, path, sizeof path));
    SCP_TRY(scp_fs_join(dir, sizeof dir, s->run_dir, scp_baseline_name(SCP_BASELINE_RIDGE)));
    SCP_TRY(scp_fs_mkdirs(dir));
    if (s->config_path)
        SCP_TRY(scp_fs_write_text(s->config_path, s->config_text, strlen(s->config_text)));
    SCP_TRY(scp_ckpt_writer_create(path, &w));
    scp_status st = scp_weights_add_head(w, &head);
    if (st == SCP_OK) st = scp_ckpt_add_text(w, "method", s->method_text);
    if (st == SCP_OK) st = scp_ckpt_add_text(w, "config", s->config_text);
    if (st == SCP_OK) st = scp_ridge_add(w, r);
    if (st == SCP_OK) return scp_ckpt_writer_commit(&w);
    scp_ckpt_writer_abort(&w);
    return st;
}

static scp_status run_ridge(baseline_ctx *c, scp_job_result *out)
{
    const scp_train_setup *s = c->s;
    const double start = scp_clock_seconds();
    scp_ridge r = { 0 };
    double score = NAN;
    int32_t there = scp_comm_rank(s->comm) == 0 && ridge_is_there(s);
    scp_status st = SCP_OK;
    *out = (scp_job_result){ .step = 1, .resumed_from = 1, .loss = NAN, .best = NAN };
    SCP_TRY(scp_comm_bcast(s->comm, &there, 1, SCP_COMM_I32, 0));
    if (there) return SCP_OK;
    out->resumed_from = 0;
    SCP_GOTO(done, scp_agree(s->comm, list_pairs(c)));
    SCP_GOTO(done, scp_ridge_fit(s->comm, s->data, c->cfg, c->held.pair, c->held.n, &r));
    SCP_GOTO(done, scp_held_score(&c->held, s->comm, s->data, scp_ridge_fill, &r, &score));
    SCP_GOTO(done,
             scp_agree(s->comm, scp_comm_rank(s->comm) == 0 ? write_ridge(s, &r, score) : SCP_OK));
    scp_log(SCP_LOG_INFO, "ridge: lambda %g of %zu inputs, validation error %.6g", r.lambda, r.F,
            r.mse);
    *out = (scp_job_result){ .step = 1, .loss = r.mse, .best = score, .best_step = 1 };
    out->seconds = scp_clock_seconds() - start;
done:
    scp_ridge_fini(&r);
    release(c);
    return st;
}

scp_status scp_baseline_job_run(const scp_train_setup *setup, scp_baseline_kind kind,
                                const scp_baseline_config *cfg, const scp_train_config *train,
                                scp_job_result *out)
{
    baseline_ctx c = { .s = setup, .kind = kind, .cfg = cfg, .train = train };
    return kind == SCP_BASELINE_RIDGE ? run_ridge(&c, out) : run_network(&c, out);
}
