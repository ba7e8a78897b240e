/* Drug vectors of a trained network, see drug_embed.h: the condition graph alone, one row a drug.
 */
#include "eval/drug_embed.h"

#include <stdlib.h>

#include "base/mem.h"
#include "diffusion/latents.h"
#include "diffusion/weights.h"
#include "model/denoiser.h"
#include "tensor/plan.h"

typedef struct embedder {
    scp_method m;
    scp_params *params;
    scp_graph *graph;
    scp_plan *plan;
    scp_cond_in in;
    scp_cond cond;
    void *fp; /* fingerprints on the device */
} embedder;

static scp_status build(embedder *e, const scp_dataset *d)
{
    int64_t n = (int64_t)d->n_drugs;
    SCP_TRY(scp_graph_create(e->params, &e->graph));
    scp_graph *g = e->graph;
    e->in = (scp_cond_in){ .z_pre = scp_input(g, "z_pre", SCP_REAL, SCP_SHAPE(n, e->m.vae.latent)),
                           .drugs = scp_resident(g, "drugs", SCP_U8, SCP_SHAPE(n, SCP_FP_BITS)),
                           .drug = scp_input(g, "drug", SCP_I32, SCP_SHAPE(n)),
                           .dose_code = scp_input(g, "dose", SCP_REAL, SCP_SHAPE(n, SCP_DOSE_CODE)),
                           .mask = scp_input(g, "mask", SCP_I32, SCP_SHAPE(n)) };
    scp_cond_build(g, &e->m.model, n, &e->in, &e->cond);
    scp_output(g, e->cond.z_drug);
    SCP_TRY(scp_graph_status(g));
    return scp_plan_create(g, NULL, NULL, &e->plan);
}

/* All drugs in order, at one dose; the state does not matter. */
static scp_status feed(embedder *e, const scp_dataset *d, double dose)
{
    size_t n = d->n_drugs, Dz = (size_t)e->m.vae.latent;
    double code[SCP_DOSE_CODE];
    float *x = NULL;
    int32_t *index = NULL;
    scp_status st = SCP_OK;
    size_t widest = Dz > SCP_DOSE_CODE ? Dz : SCP_DOSE_CODE;
    SCP_GOTO(done, scp_alloc(n * widest, sizeof *x, &x));
    SCP_GOTO(done, scp_alloc(n, sizeof *index, &index));
    SCP_GOTO(done, scp_plan_feed_f32(e->plan, e->in.z_pre, x));
    SCP_GOTO(done, scp_plan_feed_i32(e->plan, e->in.mask, index));
    for (size_t i = 0; i < n; i++) index[i] = (int32_t)i;
    SCP_GOTO(done, scp_plan_feed_i32(e->plan, e->in.drug, index));
    scp_dose_code(dose, code);
    for (size_t i = 0; i < n * SCP_DOSE_CODE; i++) x[i] = (float)code[i % SCP_DOSE_CODE];
    st = scp_plan_feed_f32(e->plan, e->in.dose_code, x);
done:
    free(x);
    free(index);
    return st;
}

static scp_status run(embedder *e, scp_device *dev, const scp_ckpt *c, const scp_dataset *d,
                      double dose, float *out)
{
    size_t bits = d->n_drugs * SCP_FP_BITS;
    SCP_TRY(scp_params_create_fixed(dev, 0, &e->params));
    SCP_TRY(build(e, d));
    SCP_TRY(scp_weights_load(c, e->params));
    SCP_TRY(scp_device_alloc(dev, bits, &e->fp));
    SCP_TRY(dev->backend->write(dev, e->fp, d->fp, bits));
    SCP_TRY(scp_plan_bind(e->plan, e->in.drugs, e->fp));
    SCP_TRY(feed(e, d, dose));
    SCP_TRY(scp_plan_forward(e->plan, &(scp_step){ .train = false }));
    return scp_plan_fetch_f32(e->plan, e->cond.z_drug, out);
}

/* The run's latents name the shard that they were made of. */
static scp_status check_shard(const embedder *e, const scp_dataset *d, const char *run_dir)
{
    float *mu = NULL;
    scp_status st = scp_latents_read(run_dir, d, e->m.vae.latent, &mu);
    free(mu);
    return st;
}

scp_status scp_drug_embed(scp_device *dev, const scp_dataset *d, const char *run_dir, double dose,
                          float **out, size_t *dim)
{
    SCP_ARG(dev && d && run_dir && out && dim, "device, data set and run are required");
    embedder e = { 0 };
    scp_ckpt *c = NULL;
    scp_status st = SCP_OK;
    *out = NULL;
    SCP_GOTO(done, scp_weights_open(run_dir, "train", &c));
    SCP_GOTO(done, scp_weights_method(c, &e.m));
    SCP_GOTO(done, check_shard(&e, d, run_dir));
    *dim = (size_t)e.m.model.drug_dim;
    SCP_GOTO(done, scp_alloc(d->n_drugs * *dim, sizeof **out, out));
    SCP_GOTO(done, run(&e, dev, c, d, dose, *out));
done:
    if (e.fp) scp_device_release(dev, e.fp);
    scp_plan_destroy(&e.plan);
    scp_graph_destroy(&e.graph);
    scp_params_destroy(&e.params);
    scp_conf_fini(scp_method_groups, &e.m);
    scp_ckpt_close(&c);
    if (st != SCP_OK) free(*out);
    if (st != SCP_OK) *out = NULL;
    return st;
}
