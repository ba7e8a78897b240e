/* Predictions of linear and mlp, see model/baseline_run.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/baseline_run.h"
#include "tensor/plan.h"

struct scp_baseline_run {
    scp_baseline_kind kind;
    const scp_dataset *d;
    const scp_drug_labels *labels;
    scp_baseline_states states;
    size_t block;
    scp_graph *g;
    scp_plan *plan;
    scp_node *state, *phi, *out;
    float *pre, *scaled, *result; /* [block, S], [block, 1024], [block, G] */
};

static scp_status build(scp_baseline_run *r, scp_params *params, const scp_baseline_config *cfg)
{
    int64_t B = (int64_t)r->block, G = (int64_t)r->d->G;
    SCP_TRY(scp_graph_create(params, &r->g));
    r->state = scp_input(r->g, "state", SCP_REAL, SCP_SHAPE(B, (int64_t)r->states.width));
    r->phi = scp_input(r->g, "phi", SCP_REAL, SCP_SHAPE(B, SCP_FP_BITS));
    r->out = scp_output(r->g, scp_baseline_build(r->g, r->kind, cfg, r->state, r->phi, G));
    SCP_TRY(scp_graph_status(r->g));
    SCP_TRY(scp_plan_create(r->g, NULL, NULL, &r->plan));
    SCP_TRY(scp_alloc(r->block * r->states.width, sizeof(float), &r->pre));
    SCP_TRY(scp_alloc(r->block * r->d->G, sizeof(float), &r->result));
    return scp_alloc(r->block * SCP_FP_BITS, sizeof(float), &r->scaled);
}

scp_status scp_baseline_run_create(scp_params *params, scp_baseline_kind kind,
                                   const scp_baseline_config *cfg, const scp_dataset *d,
                                   const scp_drug_labels *labels,
                                   const scp_baseline_states *states, size_t block,
                                   scp_baseline_run **out)
{
    scp_baseline_run *r = NULL;
    SCP_TRY(scp_alloc(1, sizeof *r, &r));
    *r = (scp_baseline_run){
        .kind = kind, .d = d, .labels = labels, .states = *states, .block = block
    };
    scp_status st = build(r, params, cfg);
    if (st != SCP_OK) scp_baseline_run_destroy(&r);
    *out = r;
    return st;
}

void scp_baseline_run_destroy(scp_baseline_run **r)
{
    if (!r || !*r) return;
    scp_plan_destroy(&(*r)->plan);
    scp_graph_destroy(&(*r)->g);
    free((*r)->pre);
    free((*r)->scaled);
    free((*r)->result);
    free(*r);
    *r = NULL;
}

/* At most a block; the rows left over keep what an earlier block left there. */
static scp_status run_block(scp_baseline_run *r, const int32_t *rows, size_t n, float *out)
{
    const scp_dataset *d = r->d;
    const size_t S = r->states.width;
    for (size_t i = 0; i < n; i++) {
        memcpy(r->pre + i * S, r->states.x + (size_t)d->pre[rows[i]] * S, S * sizeof *r->pre);
        scp_drug_labels_scaled(r->labels, d, (size_t)r->labels->of_pair[rows[i]],
                               r->scaled + i * SCP_FP_BITS);
    }
    SCP_TRY(scp_plan_feed_f32(r->plan, r->state, r->pre));
    SCP_TRY(scp_plan_feed_f32(r->plan, r->phi, r->scaled));
    SCP_TRY(scp_plan_forward(r->plan, &(scp_step){ .train = false }));
    SCP_TRY(scp_plan_fetch_f32(r->plan, r->out, r->result));
    bool shifts = scp_baseline_shifts(r->kind);
    for (size_t i = 0; i < n; i++) {
        const float *pre = d->x + (size_t)d->pre[rows[i]] * d->G;
        for (size_t g = 0, at = i * d->G; g < d->G; g++, at++)
            out[at] = r->result[at] + (shifts ? pre[g] : 0);
    }
    return SCP_OK;
}

scp_status scp_baseline_run_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    scp_baseline_run *r = ctx;
    for (size_t i = 0; i < n; i += r->block)
        SCP_TRY(run_block(r, rows + i, n - i < r->block ? n - i : r->block, out + i * r->d->G));
    return SCP_OK;
}
