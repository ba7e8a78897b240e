/* DDIM sampling and the one-pass posterior mean, see generate.h. */
#include "diffusion/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "diffusion/chain.h"
#include "diffusion/ddim.h"
#include "diffusion/decode.h"
#include "diffusion/net.h"
#include "io/dataset.h"
#include "tensor/plan.h"

/* What evaluates the network at the times of a chain of some length: through the host, or all on
 * the device. Each is there once it was needed. */
typedef struct walker {
    scp_net *net;
    scp_chain *chain;
    bool net_set, chain_set; /* they have the conditions of the block */
} walker;

struct scp_generator {
    scp_method m;
    scp_guidance gd;
    scp_params *model, *vae;
    const scp_latent_stats *stats;
    size_t G, n_drugs, block, n_pass, rows; /* rows = block * n_pass */
    scp_schedule schedule;
    scp_graph *cond_graph;
    scp_plan *cond_plan;
    scp_cond_in in;   /* inputs of the condition graph            */
    scp_cond cond;    /* its results                              */
    walker walker[2]; /* for predictions, and for samples of another length */
    scp_net *net;     /* that of the chain under way                         */
    int64_t at;       /* how many of its times are behind us                 */
    void *fp_memory;
    float *host[3]; /* pre, drug, fused of one block            */
    float *z_pre, *code, *feed;
    int32_t *drug, *mask;
    double *weight;                        /* [n_pass, block]                          */
    double *z, *z0, *eps, *out, *combined; /* [block, Dz]; out [rows, Dz] */
    bool on_device;                        /* whole chains without the host */
};

static scp_status build_condition(scp_generator *s)
{
    int64_t R = (int64_t)s->rows;
    SCP_TRY(scp_graph_create(s->model, &s->cond_graph));
    scp_graph *g = s->cond_graph;
    s->in = (scp_cond_in){ .z_pre = scp_input(g, "z_pre", SCP_REAL, SCP_SHAPE(R, s->m.vae.latent)),
                           .drugs = scp_resident(g, "drugs", SCP_U8,
                                                 SCP_SHAPE((int64_t)s->n_drugs, SCP_FP_BITS)),
                           .drug = scp_input(g, "drug", SCP_I32, SCP_SHAPE(R)),
                           .dose_code = scp_input(g, "dose", SCP_REAL, SCP_SHAPE(R, SCP_DOSE_CODE)),
                           .mask = scp_input(g, "mask", SCP_I32, SCP_SHAPE(R)) };
    scp_cond_build(g, &s->m.model, (int64_t)s->n_drugs, &s->in, &s->cond);
    scp_output(g, s->cond.pre);
    scp_output(g, s->cond.drug);
    scp_output(g, s->cond.fused);
    return scp_graph_status(g);
}

static scp_status bind_fingerprints(scp_generator *s, const uint8_t *fp)
{
    scp_device *dev = scp_params_device(s->model);
    const size_t bits = s->n_drugs * SCP_FP_BITS;
    SCP_TRY(scp_device_alloc(dev, bits, &s->fp_memory));
    SCP_TRY(dev->backend->write(dev, s->fp_memory, fp, bits));
    return scp_plan_bind(s->cond_plan, s->in.drugs, s->fp_memory);
}

static scp_status allocate(scp_generator *s)
{
    size_t Dz = (size_t)s->m.vae.latent;
    const int64_t widths[3] = { s->m.vae.latent, s->m.model.drug_dim, s->m.model.cond_dim };
    for (int i = 0; i < 3; i++)
        SCP_TRY(scp_alloc(s->rows * (size_t)widths[i], sizeof(float), &s->host[i]));
    SCP_TRY(scp_alloc(s->rows * Dz, sizeof(float), &s->z_pre));
    SCP_TRY(scp_alloc(s->rows * Dz, sizeof(float), &s->feed));
    SCP_TRY(scp_alloc(s->rows * SCP_DOSE_CODE, sizeof(float), &s->code));
    SCP_TRY(scp_alloc(s->rows, sizeof(int32_t), &s->drug));
    SCP_TRY(scp_alloc(s->rows, sizeof(int32_t), &s->mask));
    SCP_TRY(scp_alloc(s->rows, sizeof(double), &s->weight));
    SCP_TRY(scp_alloc(s->rows * Dz, sizeof(double), &s->out));
    double **parts[] = { &s->z, &s->z0, &s->eps, &s->combined };
    for (size_t i = 0; i < 4; i++) SCP_TRY(scp_alloc(s->block * Dz, sizeof(double), parts[i]));
    return SCP_OK;
}

static scp_status check(const scp_method *m, const scp_guidance *gd)
{
    SCP_TRY(scp_method_check(m));
    if (gd->ddim_steps > m->diffusion.T)
        SCP_FAIL(SCP_EUSAGE, "guidance.ddim_steps (%lld) exceeds diffusion.T (%lld)",
                 (long long)gd->ddim_steps, (long long)m->diffusion.T);
    if (gd->rescale > 0 && gd->doubt > 0)
        SCP_FAIL(SCP_EUSAGE, "guidance.rescale undoes guidance.doubt: use one of them");
    if (gd->readout == SCP_READOUT_MEAN && m->diffusion.parameterization != SCP_PREDICT_V &&
        m->diffusion.objective == SCP_OBJECTIVE_DIFFUSION)
        SCP_FAIL(SCP_EUSAGE,
                 "guidance.readout=mean needs a model trained with diffusion.parameterization=v");
    return SCP_OK;
}

/* Evaluations of the network for one prediction. */
static int64_t prediction_steps(const scp_generator *s)
{
    const bool once =
        s->m.diffusion.objective == SCP_OBJECTIVE_REGRESSION || s->gd.readout == SCP_READOUT_MEAN;
    return once ? 1 : s->gd.ddim_steps;
}

/* The network at the times of a chain of so many steps. */
static scp_status build_network(scp_generator *s, int64_t steps, scp_net **out)
{
    const bool regression = s->m.diffusion.objective == SCP_OBJECTIVE_REGRESSION;
    int64_t *time = NULL;
    SCP_TRY(scp_alloc((size_t)steps, sizeof *time, &time));
    for (int64_t k = 0; k < steps; k++)
        time[k] = regression ? 0 : scp_schedule_time(&s->schedule, steps, k);
    scp_status st = scp_net_create(&s->m, s->model, time, steps, (int64_t)s->rows, out);
    free(time);
    return st;
}

static scp_status build_chain(scp_generator *s, int64_t steps, scp_chain **out)
{
    const scp_chain_sizes size = { (int64_t)s->block, (int64_t)s->n_pass, steps,
                                   scp_guidance_storage(&s->gd) };
    return scp_chain_create(&s->m, &s->schedule, s->model, &size, out);
}

/* Does a whole chain run on the device? */
static bool is_chained(const scp_generator *s)
{
    return s->on_device && !(s->gd.rescale > 0) &&
           s->m.diffusion.objective != SCP_OBJECTIVE_REGRESSION;
}

static walker *walker_of(scp_generator *s, int64_t steps)
{
    return &s->walker[steps != prediction_steps(s)];
}

scp_status scp_generator_create(const scp_method *m, const scp_guidance *gd, scp_params *model,
                                scp_params *vae, const scp_latent_stats *stats, const uint8_t *fp,
                                size_t n_drugs, size_t G, scp_generator **out)
{
    scp_generator *s = NULL;
    scp_pass pass[SCP_PASS_MAX];
    scp_status st = SCP_OK;
    SCP_TRY(check(m, gd));
    SCP_TRY(scp_alloc(1, sizeof *s, &s));
    *s = (scp_generator){ .m = *m,
                          .gd = *gd,
                          .model = model,
                          .vae = vae,
                          .stats = stats,
                          .G = G,
                          .n_drugs = n_drugs,
                          .block = (size_t)gd->block };
    if (m->diffusion.objective == SCP_OBJECTIVE_REGRESSION) s->gd.kind = SCP_GUIDANCE_NONE;
    s->n_pass = (size_t)scp_guidance_passes(&s->gd, 1, pass);
    s->rows = s->block * s->n_pass;
    s->on_device = !scp_params_device(model)->backend->host;
    SCP_GOTO(fail, scp_schedule_init(&s->schedule, m->diffusion.T, m->diffusion.beta_first,
                                     m->diffusion.beta_last));
    SCP_GOTO(fail, build_condition(s));
    /* both graphs now: weights are loaded into the parameters that they create */
    walker *first = walker_of(s, prediction_steps(s));
    SCP_GOTO(fail, is_chained(s) ? build_chain(s, prediction_steps(s), &first->chain)
                                 : build_network(s, prediction_steps(s), &first->net));
    SCP_GOTO(fail, scp_plan_create(s->cond_graph, NULL, NULL, &s->cond_plan));
    SCP_GOTO(fail, allocate(s));
    SCP_GOTO(fail, bind_fingerprints(s, fp));
    *out = s;
    return SCP_OK;
fail:
    scp_generator_destroy(&s);
    return st;
}

void scp_generator_destroy(scp_generator **gp)
{
    if (!gp || !*gp) return;
    scp_generator *s = *gp;
    for (int i = 0; i < 2; i++) {
        scp_chain_destroy(&s->walker[i].chain);
        scp_net_destroy(&s->walker[i].net);
    }
    scp_plan_destroy(&s->cond_plan);
    scp_graph_destroy(&s->cond_graph);
    scp_device_release(scp_params_device(s->model), s->fp_memory);
    scp_schedule_fini(&s->schedule);
    void *owned[] = { s->host[0], s->host[1], s->host[2], s->z_pre, s->code, s->feed, s->drug,
                      s->mask,    s->weight,  s->z,       s->z0,    s->eps,  s->out,  s->combined };
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) free(owned[i]);
    free(s);
    *gp = NULL;
}

/* Encode the conditions of one block, every pass with its mask. */
static scp_status set_conditions(scp_generator *s, const scp_conditions *c, size_t first, size_t n)
{
    size_t Dz = (size_t)s->m.vae.latent;
    double code[SCP_DOSE_CODE];
    scp_pass pass[SCP_PASS_MAX];
    for (size_t p = 0; p < s->n_pass; p++)
        for (size_t i = 0; i < s->block; i++) {
            size_t from = first + (i < n ? i : 0), to = p * s->block + i;
            const int n_pass = scp_guidance_passes(&s->gd, c->dose[from], pass);
            if (c->unseen && c->unseen[from]) scp_guidance_doubt(&s->gd, pass, n_pass);
            s->mask[to] = pass[p].mask;
            s->weight[to] = pass[p].weight;
            s->drug[to] = c->drug[from];
            scp_dose_code(c->dose[from], code);
            for (size_t k = 0; k < SCP_DOSE_CODE; k++)
                s->code[to * SCP_DOSE_CODE + k] = (float)code[k];
            for (size_t k = 0; k < Dz; k++)
                s->z_pre[to * Dz + k] = (float)((c->mu_pre[from * Dz + k] - s->stats->pre_mean[k]) /
                                                s->stats->pre_std[k]);
        }
    for (int i = 0; i < 2; i++) s->walker[i].net_set = s->walker[i].chain_set = false;
    SCP_TRY(scp_plan_feed_f32(s->cond_plan, s->in.z_pre, s->z_pre));
    SCP_TRY(scp_plan_feed_i32(s->cond_plan, s->in.drug, s->drug));
    SCP_TRY(scp_plan_feed_f32(s->cond_plan, s->in.dose_code, s->code));
    SCP_TRY(scp_plan_feed_i32(s->cond_plan, s->in.mask, s->mask));
    SCP_TRY(scp_plan_forward(s->cond_plan, &(scp_step){ .train = false }));
    const scp_node *from[3] = { s->cond.pre, s->cond.drug, s->cond.fused };
    for (int i = 0; i < 3; i++) SCP_TRY(scp_plan_fetch_f32(s->cond_plan, from[i], s->host[i]));
    return SCP_OK;
}

/* The network at the times of a chain, with the conditions of the block. */
static scp_status ready_network(scp_generator *s, int64_t steps)
{
    walker *w = walker_of(s, steps);
    if (!w->net) SCP_TRY(build_network(s, steps, &w->net));
    if (!w->net_set) SCP_TRY(scp_net_set(w->net, s->host[0], s->host[1], s->host[2]));
    w->net_set = true;
    s->net = w->net;
    s->at = 0;
    return SCP_OK;
}

/* The guided network at the next time of the chain for z [block, Dz]: out [block, Dz] [eq. 15]. */
static scp_status guided(void *ctx, int64_t t, const double *z, double *out)
{
    scp_generator *s = ctx;
    size_t Dz = (size_t)s->m.vae.latent, count = s->block * Dz;
    (void)t;
    for (size_t p = 0; p < s->n_pass; p++)
        for (size_t i = 0; i < count; i++) s->feed[p * count + i] = (float)z[i];
    SCP_TRY(scp_net_run(s->net, s->at++, s->feed, s->out));
    scp_guidance_combine(&s->gd, s->n_pass, s->block, Dz, s->weight, s->out, out);
    return SCP_OK;
}

/* All steps on the device, from the noise in z; z0 gets the sample. */
static scp_status chained(scp_generator *s, int64_t steps)
{
    walker *w = walker_of(s, steps);
    const scp_chain_conditions in = { s->host[0], s->host[1], s->host[2], s->weight };
    if (!w->chain) SCP_TRY(build_chain(s, steps, &w->chain));
    if (!w->chain_set) SCP_TRY(scp_chain_set(w->chain, &in));
    w->chain_set = true;
    SCP_TRY(scp_chain_run(w->chain, s->z));
    memcpy(s->z0, s->z, s->block * (size_t)s->m.vae.latent * sizeof *s->z);
    return SCP_OK;
}

/* One draw for the block: leaves the standardised target in z0. */
static scp_status draw(scp_generator *s, const scp_conditions *c, size_t first, size_t n, int64_t r,
                       int64_t steps)
{
    size_t Dz = (size_t)s->m.vae.latent, count = s->block * Dz;
    const scp_ddim ddim = { .schedule = &s->schedule,
                            .steps = steps,
                            .is_v = s->m.diffusion.parameterization == SCP_PREDICT_V,
                            .network = guided,
                            .ctx = s };
    memset(s->z, 0, count * sizeof *s->z);
    if (s->m.diffusion.objective == SCP_OBJECTIVE_REGRESSION) {
        SCP_TRY(ready_network(s, 1));
        return guided(s, 0, s->z, s->z0);
    }
    for (size_t i = 0; i < n; i++)
        scp_rng_fill_normal((uint64_t)s->gd.seed, SCP_RNG_DDIM, (uint64_t)r, c->id[first + i], Dz,
                            s->z + i * Dz);
    if (is_chained(s)) return chained(s, steps);
    SCP_TRY(ready_network(s, steps));
    return scp_ddim_sample(&ddim, (int64_t)count, s->z, s->z0, s->eps, s->combined);
}

/* A standardised target [n, Dz] to the posterior mean that it stands for: mu_hat [n, Dz]. */
static void to_latent(const scp_generator *s, const scp_conditions *c, size_t first, size_t n,
                      const double *z0, float *mu_hat)
{
    const size_t Dz = (size_t)s->m.vae.latent;
    const bool shift = s->m.diffusion.target == SCP_TARGET_SHIFT;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < Dz; k++) {
            double mu = z0[i * Dz + k] * s->stats->target_std[k] + s->stats->target_mean[k];
            mu_hat[i * Dz + k] = (float)(mu + (shift ? c->mu_pre[(first + i) * Dz + k] : 0));
        }
}

static scp_status predict_block(scp_generator *s, const scp_conditions *c, size_t first, size_t n,
                                float *mu_hat)
{
    const size_t Dz = (size_t)s->m.vae.latent;
    const int64_t draws = s->m.diffusion.objective == SCP_OBJECTIVE_REGRESSION ? 1 : s->gd.draws,
                  steps = prediction_steps(s);
    double *sum = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(n * Dz, sizeof *sum, &sum));
    SCP_GOTO(done, set_conditions(s, c, first, n));
    for (int64_t r = 0; r < draws; r++) {
        SCP_GOTO(done, draw(s, c, first, n, r, steps));
        for (size_t i = 0; i < n * Dz; i++) sum[i] += s->z0[i] / (double)draws;
    }
    to_latent(s, c, first, n, sum, mu_hat + first * Dz);
done:
    free(sum);
    return st;
}

void scp_generator_set_on_device(scp_generator *s, bool on_device)
{
    s->on_device = on_device;
}

scp_status scp_generator_latent(scp_generator *s, const scp_conditions *c, float *mu_hat)
{
    for (size_t i = 0; i < c->n; i += s->block)
        SCP_TRY(predict_block(s, c, i, c->n - i < s->block ? c->n - i : s->block, mu_hat));
    return SCP_OK;
}

static scp_status decode(scp_generator *s, const scp_conditions *c, const float *mu, float *x)
{
    return scp_decode_profiles(s->vae, &s->m.vae, &s->gd, c, s->G, mu, x);
}

scp_status scp_generator_run(scp_generator *s, const scp_conditions *c, float *x)
{
    float *mu = NULL;
    SCP_TRY(scp_alloc(c->n * (size_t)s->m.vae.latent, sizeof *mu, &mu));
    scp_status st = scp_generator_latent(s, c, mu);
    if (st == SCP_OK) st = decode(s, c, mu, x);
    free(mu);
    return st;
}

/* Welford's update by sample r (from 0) of mean and sum of squares [n]. */
static void add_sample(const float *x, size_t n, int64_t r, double *mean, double *squares)
{
    for (size_t i = 0; i < n; i++) {
        double step = x[i] - mean[i];
        mean[i] += step / (double)(r + 1);
        squares[i] += step * (x[i] - mean[i]);
    }
}

/* The conditions of one block: sd [n, G]. */
static scp_status spread_block(scp_generator *s, const scp_conditions *c, float *sd)
{
    const size_t Dz = (size_t)s->m.vae.latent, values = c->n * s->G;
    float *mu = NULL, *x = NULL;
    double *mean = NULL, *squares = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(c->n * Dz, sizeof *mu, &mu));
    SCP_GOTO(done, scp_alloc(values, sizeof *x, &x));
    SCP_GOTO(done, scp_alloc(values, sizeof *mean, &mean));
    SCP_GOTO(done, scp_alloc(values, sizeof *squares, &squares));
    SCP_GOTO(done, set_conditions(s, c, 0, c->n));
    for (int64_t r = 0; r < s->gd.spread; r++) {
        SCP_GOTO(done, draw(s, c, 0, c->n, r, s->gd.ddim_steps));
        to_latent(s, c, 0, c->n, s->z0, mu);
        SCP_GOTO(done, decode(s, c, mu, x));
        add_sample(x, values, r, mean, squares);
    }
    for (size_t i = 0; i < values; i++)
        sd[i] = (float)sqrt(squares[i] / (double)(s->gd.spread - 1));
done:
    free(mu);
    free(x);
    free(mean);
    free(squares);
    return st;
}

scp_status scp_generator_spread(scp_generator *s, const scp_conditions *c, float *sd)
{
    const size_t Dz = (size_t)s->m.vae.latent;
    if (s->gd.spread < 2 || s->m.diffusion.objective == SCP_OBJECTIVE_REGRESSION)
        SCP_FAIL(SCP_EUSAGE,
                 "a spread needs guidance.spread of at least 2 and a network trained by diffusion");
    for (size_t i = 0; i < c->n; i += s->block) {
        const scp_conditions block = { .n = c->n - i < s->block ? c->n - i : s->block,
                                       .mu_pre = c->mu_pre + i * Dz,
                                       .drug = c->drug + i,
                                       .dose = c->dose + i,
                                       .id = c->id + i,
                                       .x_pre = c->x_pre ? c->x_pre + i : NULL,
                                       .unseen = c->unseen ? c->unseen + i : NULL };
        SCP_TRY(spread_block(s, &block, sd + i * s->G));
    }
    return SCP_OK;
}
