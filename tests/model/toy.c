/* See toy.h. */
#include "model/toy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/sampler.h"

enum { SEED = 5, LATENTS = 100, SHAKE = 101 };

const char *const toy_tiny[] = { "vae.latent=16",
                                 "vae.hidden=12,10",
                                 "model.widths=20,16",
                                 "model.time_dim=12",
                                 "model.tokens=4",
                                 "model.heads=2",
                                 "model.blocks=1",
                                 "model.drug_hidden=9,8",
                                 "model.drug_dim=8",
                                 "model.cond_dim=8",
                                 "model.film_hidden=6",
                                 "diffusion.T=50",
                                 "diffusion.negatives=10",
                                 "diffusion.bank=16",
                                 "diffusion.drop_pre=0.4",
                                 "diffusion.drop_drug=0.4",
                                 NULL };

static scp_status configure(scp_method *m, const char *const *settings)
{
    char key[64];
    for (; settings && *settings; settings++) {
        const char *equals = strchr(*settings, '=');
        SCP_ARG(equals, "setting %s has no value", *settings);
        SCP_TRY(scp_str_format(key, sizeof key, "%.*s", (int)(equals - *settings), *settings));
        SCP_TRY(scp_conf_set(scp_method_groups, m, key, equals + 1, "test"));
    }
    return SCP_OK;
}

static scp_status begin(toy *t, const char *device, const screen_size *size,
                        const char *const *base, const char *const *extra)
{
    *t = (toy){ .step = { .seed = SEED, .step = 3, .train = true } };
    SCP_TRY(scp_conf_defaults(scp_method_groups, &t->m));
    SCP_TRY(configure(&t->m, base));
    SCP_TRY(configure(&t->m, extra));
    SCP_TRY(scp_method_check(&t->m));
    SCP_TRY(screen_make(size, &t->data));
    SCP_TRY(scp_device_open(device, &t->dev));
    SCP_TRY(scp_params_create(t->dev, SEED, &t->params));
    return scp_graph_create(t->params, &t->g);
}

/* Random latents of every profile, their statistics over all pairs, and the tables made of them. */
static scp_status make_tables(toy *t)
{
    const scp_dataset *d = &t->data;
    size_t Dz = (size_t)t->m.vae.latent;
    float *mu = NULL;
    double *row = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_latent_stats_init(&t->stats, t->m.vae.latent));
    SCP_GOTO(done, scp_alloc(d->P * Dz, sizeof *mu, &mu));
    SCP_GOTO(done, scp_alloc(Dz, sizeof *row, &row));
    for (size_t p = 0; p < d->P; p++) {
        scp_rng_fill_normal(SEED, LATENTS, 0, p, Dz, row);
        for (size_t k = 0; k < Dz; k++) mu[p * Dz + k] = (float)row[k];
    }
    scp_latent_stats_fit(&t->stats, t->m.diffusion.target, mu, d->post, d->pre, d->N);
    SCP_GOTO(done, scp_tables_init(&t->tables, t->dev, &t->m, d, mu, &t->stats));
    SCP_GOTO(done, scp_tables_bind(&t->tables, t->plan, &t->nodes));
done:
    free(mu);
    free(row);
    return st;
}

static scp_status feed(toy *t, const scp_node *input, const int32_t *of_pair, const int32_t *pair,
                       size_t n, int32_t *work)
{
    for (size_t i = 0; i < n; i++) work[i] = of_pair ? of_pair[pair[i]] : pair[i];
    return scp_plan_feed_i32(t->plan, input, work);
}

static scp_status feed_denoiser(toy *t, size_t B)
{
    static const double weights[3] = { 1, 0.7, 0.4 };
    const scp_dataset *d = &t->data;
    const scp_train_nodes *n = &t->nodes;
    size_t K = (size_t)t->m.diffusion.negatives, most = B > K ? B : K;
    int32_t *rows = NULL, *neg = NULL, *work = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(B, sizeof *rows, &rows));
    SCP_GOTO(done, scp_alloc(K, sizeof *neg, &neg));
    SCP_GOTO(done, scp_alloc(most, sizeof *work, &work));
    scp_sampler_rows(SEED, d->N, 3, B, 0, B, rows);
    scp_sampler_negatives(SEED, d->N, 3, B, (uint64_t)t->m.diffusion.bank, K, neg);
    neg[0] = rows[0]; /* one negative with the key of a positive: left out of its row */
    SCP_GOTO(done, feed(t, n->pair, NULL, rows, B, work));
    SCP_GOTO(done, feed(t, n->drug, t->tables.pair_drug, rows, B, work));
    SCP_GOTO(done, feed(t, n->key, t->tables.pair_key, rows, B, work));
    SCP_GOTO(done, feed(t, n->post, d->post, rows, B, work));
    SCP_GOTO(done, feed(t, n->pre, d->pre, rows, B, work));
    SCP_GOTO(done, feed(t, n->neg_key, t->tables.pair_key, neg, K, work));
    SCP_GOTO(done, feed(t, n->neg_post, d->post, neg, K, work));
    SCP_GOTO(done, feed(t, n->neg_pre, d->pre, neg, K, work));
    SCP_GOTO(done, scp_plan_feed_f64(t->plan, n->weights, weights));
done:
    free(rows);
    free(neg);
    free(work);
    return st;
}

scp_status toy_denoiser(toy *t, const char *device, const screen_size *size, int64_t B,
                        const char *const *base, const char *const *extra)
{
    return toy_denoiser_as(t, device, size, B, base, extra, SCP_REAL);
}

scp_status toy_denoiser_as(toy *t, const char *device, const screen_size *size, int64_t B,
                           const char *const *base, const char *const *extra, scp_dtype store)
{
    SCP_TRY(begin(t, device, size, base, extra));
    const scp_dataset *d = &t->data;
    scp_train_sizes sizes = { .B = B,
                              .K = t->m.diffusion.negatives,
                              .P = (int64_t)d->P,
                              .N = (int64_t)d->N,
                              .G = (int64_t)d->G,
                              .n_drugs = (int64_t)d->n_drugs };
    scp_method_build_train(t->g, &t->m, &sizes, &t->nodes);
    t->loss = t->nodes.loss;
    SCP_TRY(scp_plan_create_as(t->g, t->loss, NULL, store, &t->plan));
    SCP_TRY(make_tables(t));
    return feed_denoiser(t, (size_t)B);
}

static scp_status upload_profiles(toy *t)
{
    return scp_device_view_f32(t->dev, t->data.x, t->data.P * t->data.G, &t->profiles);
}

scp_status toy_vae(toy *t, const char *device, const screen_size *size, int64_t B,
                   const char *const *base, const char *const *extra)
{
    static const double weights[2] = { 1, 0.3 };
    SCP_TRY(begin(t, device, size, base, extra));
    const scp_dataset *d = &t->data;
    int32_t *rows = NULL;
    scp_vae_build_train(t->g, &t->m.vae, (int64_t)d->P, (int64_t)d->G, B, &t->vae);
    t->loss = t->vae.loss;
    SCP_TRY(scp_plan_create(t->g, t->loss, NULL, &t->plan));
    SCP_TRY(upload_profiles(t));
    SCP_TRY(scp_plan_bind(t->plan, t->vae.profiles, t->profiles));
    SCP_TRY(scp_plan_feed_f64(t->plan, t->vae.weights, weights));
    SCP_TRY(scp_alloc((size_t)B, sizeof *rows, &rows));
    scp_sampler_rows(SEED, d->P, 3, (uint64_t)B, 0, (size_t)B, rows);
    scp_status st = scp_plan_feed_i32(t->plan, t->vae.rows, rows);
    free(rows);
    return st;
}

static scp_status upload_labels(toy *t)
{
    size_t n = t->labels.n * SCP_FP_BITS;
    float *host = NULL;
    SCP_TRY(scp_alloc(n, sizeof *host, &host));
    for (size_t i = 0; i < t->labels.n; i++)
        scp_drug_labels_scaled(&t->labels, &t->data, i, host + i * SCP_FP_BITS);
    scp_status st = scp_device_alloc(t->dev, scp_device_bytes(t->dev, SCP_REAL, n), &t->scaled);
    if (st == SCP_OK) st = scp_device_write_f32(t->dev, t->scaled, host, n);
    free(host);
    return st;
}

static scp_status feed_baseline(toy *t, size_t B)
{
    const scp_dataset *d = &t->data;
    int32_t *rows = NULL, *work = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(B, sizeof *rows, &rows));
    SCP_GOTO(done, scp_alloc(B, sizeof *work, &work));
    scp_sampler_rows(SEED, d->N, 3, B, 0, B, rows);
    SCP_GOTO(done, feed(t, t->baseline.pre, d->pre, rows, B, work));
    SCP_GOTO(done, feed(t, t->baseline.post, d->post, rows, B, work));
    SCP_GOTO(done, feed(t, t->baseline.label, t->labels.of_pair, rows, B, work));
done:
    free(rows);
    free(work);
    return st;
}

scp_status toy_baseline(toy *t, const char *device, const screen_size *size, int64_t B,
                        scp_baseline_kind kind)
{
    SCP_TRY(begin(t, device, size, toy_tiny, NULL));
    const scp_dataset *d = &t->data;
    SCP_TRY(scp_conf_defaults(scp_baseline_groups, &t->baseline_cfg));
    SCP_TRY(scp_conf_set(scp_baseline_groups, &t->baseline_cfg, "baseline.adapter", "7,5", "test"));
    SCP_TRY(scp_conf_set(scp_baseline_groups, &t->baseline_cfg, "baseline.hidden", "9,8", "test"));
    SCP_TRY(scp_drug_labels_init(d, &t->labels));
    scp_baseline_build_train(t->g, kind, &t->baseline_cfg, (int64_t)d->P, (int64_t)d->G, 0,
                             (int64_t)t->labels.n, B, &t->baseline);
    t->loss = t->baseline.loss;
    SCP_TRY(scp_plan_create(t->g, t->loss, NULL, &t->plan));
    SCP_TRY(upload_profiles(t));
    SCP_TRY(upload_labels(t));
    SCP_TRY(scp_plan_bind(t->plan, t->baseline.profiles, t->profiles));
    SCP_TRY(scp_plan_bind(t->plan, t->baseline.labels, t->scaled));
    return feed_baseline(t, (size_t)B);
}

void toy_stop(toy *t)
{
    scp_plan_destroy(&t->plan);
    scp_graph_destroy(&t->g);
    scp_tables_fini(&t->tables);
    scp_params_destroy(&t->params);
    if (t->dev) scp_device_view_end(t->dev, t->profiles, t->data.x);
    if (t->dev) scp_device_release(t->dev, t->scaled);
    scp_drug_labels_fini(&t->labels);
    scp_conf_fini(scp_baseline_groups, &t->baseline_cfg);
    scp_device_close(&t->dev);
    scp_latent_stats_fini(&t->stats);
    scp_dataset_fini(&t->data);
    scp_conf_fini(scp_method_groups, &t->m);
    *t = (toy){ 0 };
}

scp_status toy_shake(toy *t, double sd)
{
    for (size_t i = 0; i < scp_params_count(t->params); i++) {
        const scp_param_info *info = scp_params_info(t->params, i);
        double *w = NULL, *noise = NULL;
        if (info->state) continue;
        scp_status st = scp_alloc(info->count, sizeof *w, &w);
        if (st == SCP_OK) st = scp_alloc(info->count, sizeof *noise, &noise);
        if (st == SCP_OK)
            st = scp_params_read_f64(t->params, SCP_ARENA_W, info->offset, info->count, w);
        if (st == SCP_OK) {
            scp_rng_fill_normal(SEED, SHAKE, 0, i, info->count, noise);
            for (size_t k = 0; k < info->count; k++) w[k] = (double)(float)(w[k] + sd * noise[k]);
            st = scp_params_write_f64(t->params, SCP_ARENA_W, info->offset, info->count, w);
        }
        free(w);
        free(noise);
        SCP_TRY(st);
    }
    return SCP_OK;
}

scp_status toy_copy(toy *to, const toy *from)
{
    size_t n = scp_params_total(from->params);
    float *w = NULL;
    SCP_ARG(scp_params_total(to->params) == n, "the models differ");
    SCP_TRY(scp_alloc(n, sizeof *w, &w));
    scp_status st = scp_params_read_f32(from->params, SCP_ARENA_W, 0, n, w);
    if (st == SCP_OK) st = scp_params_write_f32(to->params, SCP_ARENA_W, 0, n, w);
    free(w);
    return st;
}

scp_status toy_forward(toy *t, double *loss)
{
    SCP_TRY(scp_plan_forward(t->plan, &t->step));
    return scp_plan_fetch_f64(t->plan, t->loss, loss);
}

scp_status toy_gradient(toy *t, double *loss, double *g)
{
    SCP_TRY(toy_forward(t, loss));
    SCP_TRY(scp_plan_backward(t->plan));
    return scp_params_read_f64(t->params, SCP_ARENA_G, 0, scp_params_trainable(t->params), g);
}

double toy_largest(const toy *t, const double *g, const char *part, size_t *n)
{
    double most = 0;
    *n = 0;
    for (size_t i = 0; i < scp_params_count(t->params); i++) {
        const scp_param_info *info = scp_params_info(t->params, i);
        if (info->state || !strstr(info->name, part)) continue;
        ++*n;
        for (size_t k = 0; k < info->count; k++) most = fmax(most, fabs(g[info->offset + k]));
    }
    return most;
}
