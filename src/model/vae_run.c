/* Encoder and decoder over blocks of rows, see vae_run.h. */
#include "model/vae_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/plan.h"

/* One direction: a graph over a fixed block of rows, the last block padded with zeros. Whole blocks
 * go from src and to dst without a copy between. */
static scp_status run_blocks(scp_graph *g, const scp_node *in, const scp_node *out,
                             const float *src, size_t n, size_t block, float *dst)
{
    size_t in_width = (size_t)scp_shape_last(&in->shape),
           out_width = (size_t)scp_shape_last(&out->shape);
    scp_plan *plan = NULL;
    float *part = NULL, *result = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_plan_create(g, NULL, NULL, &plan));
    SCP_GOTO(done, scp_alloc(block * in_width, sizeof *part, &part));
    SCP_GOTO(done, scp_alloc(block * out_width, sizeof *result, &result));
    for (size_t i = 0; i < n; i += block) {
        size_t k = n - i < block ? n - i : block;
        bool whole = k == block;
        if (!whole) memcpy(part, src + i * in_width, k * in_width * sizeof *part);
        SCP_GOTO(done, scp_plan_feed_f32(plan, in, whole ? src + i * in_width : part));
        SCP_GOTO(done, scp_plan_forward(plan, &(scp_step){ .train = false }));
        SCP_GOTO(done, scp_plan_fetch_f32(plan, out, whole ? dst + i * out_width : result));
        if (!whole) memcpy(dst + i * out_width, result, k * out_width * sizeof *dst);
    }
done:
    free(part);
    free(result);
    scp_plan_destroy(&plan);
    return st;
}

scp_status scp_vae_encode_rows(scp_params *params, const scp_vae_config *cfg, const float *x,
                               size_t n, size_t G, size_t block, float *mu)
{
    scp_graph *g = NULL;
    scp_node *mean, *logvar;
    SCP_TRY(scp_graph_create(params, &g));
    scp_node *in = scp_input(g, "x", SCP_REAL, SCP_SHAPE((int64_t)block, (int64_t)G));
    scp_vae_encode(g, cfg, in, &mean, &logvar);
    scp_output(g, mean);
    scp_status st = scp_graph_status(g);
    if (st == SCP_OK) st = run_blocks(g, in, mean, x, n, block, mu);
    scp_graph_destroy(&g);
    return st;
}

scp_status scp_vae_decode_rows(scp_params *params, const scp_vae_config *cfg, const float *z,
                               size_t n, size_t G, size_t block, scp_vae_output output, float *x)
{
    scp_graph *g = NULL;
    SCP_TRY(scp_graph_create(params, &g));
    scp_node *in = scp_input(g, "z", SCP_REAL, SCP_SHAPE((int64_t)block, cfg->latent));
    scp_node *out = scp_vae_decode(g, cfg, in, (int64_t)G);
    if (output == SCP_VAE_CUT) out = scp_act_fn(g, out, SCP_ACT_RELU);
    scp_output(g, out);
    scp_status st = scp_graph_status(g);
    if (st == SCP_OK) st = run_blocks(g, in, out, z, n, block, x);
    scp_graph_destroy(&g);
    return st;
}
