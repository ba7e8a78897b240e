/* See sample_run.h. */
#include "sample_run.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "diffusion/net.h"
#include "model/vae_run.h"
#include "sheet.h"

static const scp_option_group guidance_groups[] = { { scp_guidance_options, 0, "guidance" },
                                                    { 0 } };

/* Conditions at random: the drugs and doses of the screen, latents from noise. */
static scp_status fill_conditions(sample_run *r, size_t n)
{
    const size_t Dz = (size_t)r->t.m.vae.latent;
    double *row = NULL;
    SCP_TRY(scp_alloc(n * Dz, sizeof *r->mu, &r->mu));
    SCP_TRY(scp_alloc(n, sizeof *r->drug, &r->drug));
    SCP_TRY(scp_alloc(n, sizeof *r->dose, &r->dose));
    SCP_TRY(scp_alloc(n, sizeof *r->id, &r->id));
    SCP_TRY(scp_alloc(Dz, sizeof *row, &row));
    for (size_t i = 0; i < n; i++) {
        scp_rng_fill_normal(1, 100, 0, i, Dz, row);
        for (size_t k = 0; k < Dz; k++) r->mu[i * Dz + k] = (float)row[k];
        r->drug[i] = (int32_t)(i % SAMPLE_DRUGS);
        r->dose[i] = i % 2 ? 5 : 0.5;
        r->id[i] = i;
    }
    free(row);
    r->c = (scp_conditions){
        .n = n, .mu_pre = r->mu, .drug = r->drug, .dose = r->dose, .id = r->id
    };
    return SCP_OK;
}

/* The decoder's parameters come with its first use. */
static scp_status make_decoder(sample_run *r)
{
    const size_t Dz = (size_t)r->t.m.vae.latent;
    float *z = NULL, *x = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_params_create_fixed(r->t.dev, 7, &r->vae));
    SCP_GOTO(done, scp_alloc(Dz, sizeof *z, &z));
    SCP_GOTO(done, scp_alloc(r->genes, sizeof *x, &x));
    SCP_GOTO(done,
             scp_vae_decode_rows(r->vae, &r->t.m.vae, z, 1, r->genes, 1, SCP_VAE_CUT, x));
done:
    free(z);
    free(x);
    return st;
}

scp_status sample_begin(sample_run *r, const char *device, int64_t n, int64_t ddim, int64_t genes,
                        scp_dtype store)
{
    const screen_size small = { SAMPLE_LINES, SAMPLE_DRUGS, SAMPLE_SMALL, 1 };
    *r = (sample_run){ .genes = (size_t)genes };
    SCP_TRY(scp_conf_defaults(guidance_groups, &r->gd));
    SCP_TRY(toy_denoiser(&r->t, device, &small, 8, NULL, NULL));
    SCP_TRY(toy_shake(&r->t, 0.02));
    SCP_TRY(make_decoder(r));
    r->gd.ddim_steps = ddim;
    while (scp_guidance_storage(&r->gd) != store) r->gd.precision++;
    r->gd.block = n < 256 ? n : 256;
    SCP_TRY(sample_plan(r));
    return fill_conditions(r, (size_t)n);
}

scp_status sample_plan(sample_run *r)
{
    scp_generator_destroy(&r->gen);
    return scp_generator_create(&r->t.m, &r->gd, r->t.params, r->vae, &r->t.stats, r->t.data.fp,
                                r->t.data.n_drugs, r->genes, &r->gen);
}

void sample_end(sample_run *r)
{
    scp_generator_destroy(&r->gen);
    scp_params_destroy(&r->vae);
    toy_stop(&r->t);
    free(r->mu);
    free(r->drug);
    free(r->dose);
    free(r->id);
}

/* What each condition is made of: dose code, noise, and what each pass of the guidance weighs. */
static scp_status add_conditions(sheet *s, const sample_run *r)
{
    const int64_t n = (int64_t)r->c.n, Dz = r->t.m.vae.latent;
    scp_pass pass[SCP_PASS_MAX];
    const int64_t passes = scp_guidance_passes(&r->gd, 1, pass);
    void *room;
    double *work = NULL; /* [n, the widest] */
    scp_status st = SCP_OK;
    SCP_TRY(sheet_room(s, &SCP_SHAPE(passes), sizeof(int32_t), &room));
    int32_t *mask = room;
    SCP_TRY(scp_alloc((size_t)(n * Dz), sizeof *work, &work));
    for (int64_t p = 0; p < passes; p++) mask[p] = pass[p].mask;
    SCP_GOTO(done, sheet_add(s, SCP_ST_I32, "", "mask", &SCP_SHAPE(passes), mask));
    for (int64_t i = 0; i < n; i++) {
        (void)scp_guidance_passes(&r->gd, r->dose[i], pass);
        for (int64_t p = 0; p < passes; p++) work[p * n + i] = pass[p].weight;
    }
    SCP_GOTO(done, sheet_add_reals(s, "weight", &SCP_SHAPE(passes, n), work));
    for (int64_t i = 0; i < n; i++) scp_dose_code(r->dose[i], work + i * SCP_DOSE_CODE);
    SCP_GOTO(done, sheet_add_reals(s, "dose", &SCP_SHAPE(n, SCP_DOSE_CODE), work));
    for (int64_t i = 0; i < n; i++)
        scp_rng_fill_normal((uint64_t)r->gd.seed, SCP_RNG_DDIM, 0, r->id[i], (size_t)Dz,
                            work + i * Dz);
    SCP_GOTO(done, sheet_add_reals(s, "noise", &SCP_SHAPE(n, Dz), work));
    SCP_GOTO(done, sheet_add(s, SCP_ST_F32, "", "mu_pre", &SCP_SHAPE(n, Dz), r->mu));
    SCP_GOTO(done, sheet_add(s, SCP_ST_I32, "", "drug", &SCP_SHAPE(n), r->drug));
done:
    free(work);
    return st;
}

static scp_status add_method(sheet *s, const sample_run *r, const scp_schedule *schedule)
{
    const scp_method *m = &r->t.m;
    const int64_t Dz = m->vae.latent;
    const scp_shape T = SCP_SHAPE(m->diffusion.T), D = SCP_SHAPE(Dz),
                    fp = r->t.nodes.drugs->shape;
    SCP_TRY(sheet_add_reals(s, "signal", &T, schedule->signal));
    SCP_TRY(sheet_add_reals(s, "noise_level", &T, schedule->noise));
    SCP_TRY(sheet_add_reals(s, "pre_mean", &D, r->t.stats.pre_mean));
    SCP_TRY(sheet_add_reals(s, "pre_std", &D, r->t.stats.pre_std));
    SCP_TRY(sheet_add_reals(s, "target_mean", &D, r->t.stats.target_mean));
    SCP_TRY(sheet_add_reals(s, "target_std", &D, r->t.stats.target_std));
    SCP_TRY(sheet_add(s, SCP_ST_U8, "", "drugs", &fp, r->t.data.fp));
    SCP_TRY(sheet_add_number(s, "steps", (double)r->gd.ddim_steps));
    SCP_TRY(sheet_add_number(s, "is_v", m->diffusion.parameterization == SCP_PREDICT_V));
    SCP_TRY(sheet_add_number(s, "shift", m->diffusion.target == SCP_TARGET_SHIFT));
    SCP_TRY(sheet_add_number(s, "time_dim", (double)m->model.time_dim));
    SCP_TRY(sheet_add_number(s, "tokens", (double)m->model.tokens));
    SCP_TRY(sheet_add_number(s, "heads", (double)m->model.heads));
    return sheet_add_number(s, "blocks", (double)m->model.blocks);
}

scp_status sample_export(sample_run *r, const float *mu_hat, const float *x_hat, const char *path)
{
    const int64_t n = (int64_t)r->c.n, Dz = r->t.m.vae.latent, G = (int64_t)r->genes;
    const scp_diffusion_config *d = &r->t.m.diffusion;
    scp_schedule schedule = { 0 };
    sheet *s = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(sheet_create(&s));
    SCP_GOTO(done, scp_schedule_init(&schedule, d->T, d->beta_first, d->beta_last));
    SCP_GOTO(done, sheet_add_weights(s, r->t.params));
    SCP_GOTO(done, sheet_add_weights(s, r->vae));
    SCP_GOTO(done, add_method(s, r, &schedule));
    SCP_GOTO(done, add_conditions(s, r));
    SCP_GOTO(done, sheet_add(s, SCP_ST_F32, "", "mu_hat", &SCP_SHAPE(n, Dz), mu_hat));
    SCP_GOTO(done, sheet_add(s, SCP_ST_F32, "", "x_hat", &SCP_SHAPE(n, G), x_hat));
    SCP_GOTO(done, sheet_write(s, path));
done:
    scp_schedule_fini(&schedule);
    sheet_destroy(&s);
    return st;
}

/* The network as training builds it: everything for every row. */
static scp_status plain_flops(sample_run *r, int64_t rows, double *out)
{
    const scp_method *m = &r->t.m;
    scp_graph *g = NULL;
    scp_plan *plan = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_graph_create(r->t.params, &g));
    const scp_cond cond = {
        .pre = scp_input(g, "pre", SCP_REAL, SCP_SHAPE(rows, m->vae.latent)),
        .drug = scp_input(g, "drug", SCP_REAL, SCP_SHAPE(rows, m->model.drug_dim)),
        .fused = scp_input(g, "fused", SCP_REAL, SCP_SHAPE(rows, m->model.cond_dim))
    };
    const scp_time_in time = { .code = scp_input(g, "code", SCP_REAL,
                                                 SCP_SHAPE(rows, m->model.time_dim)) };
    scp_node *z = scp_input(g, "z", SCP_REAL, SCP_SHAPE(rows, m->vae.latent));
    scp_output(g, scp_denoiser_build(g, &m->model, z, &time, &cond));
    SCP_GOTO(done, scp_plan_create(g, NULL, NULL, &plan));
    *out = scp_plan_flops(plan, false) / 1e9;
done:
    scp_plan_destroy(&plan);
    scp_graph_destroy(&g);
    return st;
}

scp_status sample_flops(sample_run *r, double *plain, double *later)
{
    scp_pass pass[SCP_PASS_MAX];
    const int64_t rows = r->gd.block * scp_guidance_passes(&r->gd, 1, pass), time = 0;
    scp_net *net = NULL;
    SCP_TRY(plain_flops(r, rows, plain));
    SCP_TRY(scp_net_create(&r->t.m, r->t.params, &time, 1, rows, &net));
    *later = scp_net_flops(net, true) / 1e9;
    scp_net_destroy(&net);
    return SCP_OK;
}
