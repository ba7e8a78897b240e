/* See gpu_step.h. */
#include "gpu/gpu_step.h"

#include <stdlib.h>

#include "base/mem.h"
#include "data/sampler.h"

static const scp_option_group train_groups[] = { { scp_train_options, 0, "train" }, { 0 } };

scp_status gpu_step_begin(gpu_step *b, int64_t genes, scp_dtype store, const char *const *settings)
{
    const screen_size size = { GPU_LINES, GPU_DRUGS, (int)genes, 1 };
    const char *device = getenv("SCP_TEST_DEVICE");
    SCP_TRY(scp_conf_defaults(train_groups, &b->c));
    b->c.batch = GPU_BATCH;
    b->store = store;
    SCP_TRY(scp_comm_create_self(&b->self));
    SCP_TRY(
        toy_denoiser_as(&b->t, device ? device : "cuda", &size, GPU_BATCH, settings, NULL, store));
    b->K = (size_t)b->t.m.diffusion.negatives;
    size_t most = b->K > GPU_BATCH ? b->K : GPU_BATCH;
    SCP_TRY(scp_alloc(most, sizeof *b->neg, &b->neg));
    return scp_alloc(most, sizeof *b->ids, &b->ids);
}

void gpu_step_end(gpu_step *b)
{
    toy_stop(&b->t);
    scp_comm_destroy(&b->self);
    scp_conf_fini(train_groups, &b->c);
    free(b->neg);
    free(b->ids);
}

scp_status gpu_step_replan(gpu_step *b)
{
    scp_plan_destroy(&b->t.plan);
    SCP_TRY(scp_plan_create_as(b->t.g, b->t.loss, NULL, b->store, &b->t.plan));
    return scp_tables_bind(&b->t.tables, b->t.plan, &b->t.nodes);
}

static scp_status feed_ids(gpu_step *b, const scp_node *input, const int32_t *of_pair,
                           const int32_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) b->ids[i] = of_pair ? of_pair[rows[i]] : rows[i];
    return scp_plan_feed_i32(b->t.plan, input, b->ids);
}

/* Every pair is a training pair here. */
static scp_status feed(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows, size_t n)
{
    gpu_step *b = ctx;
    const scp_dataset *d = &b->t.data;
    const scp_train_nodes *node = &b->t.nodes;
    const scp_diffusion_config *f = &b->t.m.diffusion;
    const double weights[3] = { 1, f->lambda_align, f->lambda_info };
    SCP_TRY(feed_ids(b, node->pair, NULL, rows, n));
    SCP_TRY(feed_ids(b, node->drug, b->t.tables.pair_drug, rows, n));
    SCP_TRY(feed_ids(b, node->key, b->t.tables.pair_key, rows, n));
    SCP_TRY(feed_ids(b, node->post, d->post, rows, n));
    SCP_TRY(feed_ids(b, node->pre, d->pre, rows, n));
    scp_sampler_negatives((uint64_t)b->c.seed, d->N, (uint64_t)step, GPU_BATCH, (uint64_t)f->bank,
                          b->K, b->neg);
    SCP_TRY(feed_ids(b, node->neg_key, b->t.tables.pair_key, b->neg, b->K));
    SCP_TRY(feed_ids(b, node->neg_post, d->post, b->neg, b->K));
    SCP_TRY(feed_ids(b, node->neg_pre, d->pre, b->neg, b->K));
    return scp_plan_feed_f64(plan, node->weights, weights);
}

scp_job gpu_step_job(gpu_step *b, bool direct)
{
    return (scp_job){ .stage = "bench",
                      .comm = b->self,
                      .params = b->t.params,
                      .plan = b->t.plan,
                      .cfg = &b->c,
                      .n_train = b->t.data.N,
                      .feed = feed,
                      .ctx = b,
                      .direct = direct };
}
