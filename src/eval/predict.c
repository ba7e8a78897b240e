/* A trained run as a predictor, see predict.h. */
#include "eval/predict.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "diffusion/conditions.h"
#include "diffusion/decode.h"
#include "diffusion/latents.h"
#include "diffusion/weights.h"

struct scp_predict {
    const scp_dataset *d;
    scp_method m;
    scp_params *vae, *model;
    scp_latent_stats stats;
    float *mu;
    scp_generator *gen;
    size_t samples;        /* of a spread */
    scp_guidance decoding; /* how the autoencoder decodes */
};

static scp_status check_data(const scp_predict *p, const scp_ckpt *c)
{
    scp_weights_head head;
    SCP_TRY(scp_weights_get_head(c, &head));
    if (head.data_hash != scp_latents_hash(p->d, p->m.vae.latent, p->mu))
        SCP_FAIL(SCP_EDATA,
                 "%s was trained on other latents than those of the run folder (the autoencoder "
                 "was trained again): train it again with --fresh",
                 scp_ckpt_path(c));
    return SCP_OK;
}

/* The generator's graphs create the parameters; then the weights come in. */
static scp_status load_model(scp_predict *p, const scp_ckpt *c, scp_device *dev,
                             const scp_guidance *gd)
{
    SCP_TRY(scp_weights_stats(c, p->m.vae.latent, &p->stats));
    SCP_TRY(scp_params_create_fixed(dev, 0, &p->model));
    SCP_TRY(scp_generator_create(&p->m, gd, p->model, p->vae, &p->stats, p->d->fp, p->d->n_drugs,
                                 p->d->G, &p->gen));
    return scp_weights_load(c, p->model);
}

static scp_status open_run(scp_predict *p, scp_device *dev, const char *run_dir, const char *stage,
                           const scp_guidance *gd)
{
    scp_ckpt *c = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_weights_open(run_dir, stage, &c));
    SCP_GOTO(done, scp_weights_method(c, &p->m));
    SCP_GOTO(done, scp_latents_read(run_dir, p->d, p->m.vae.latent, &p->mu));
    SCP_GOTO(done, check_data(p, c));
    SCP_GOTO(done, scp_weights_vae(dev, &p->m.vae, p->d->G, run_dir, &p->vae));
    SCP_GOTO(done, load_model(p, c, dev, gd));
done:
    scp_ckpt_close(&c);
    return st;
}

static scp_status open_vae(scp_predict *p, scp_device *dev, const char *run_dir)
{
    scp_ckpt *c = NULL;
    SCP_TRY(scp_weights_open(run_dir, "vae", &c));
    scp_status st = scp_weights_method(c, &p->m);
    scp_ckpt_close(&c);
    SCP_TRY(st);
    SCP_TRY(scp_latents_read(run_dir, p->d, p->m.vae.latent, &p->mu));
    return scp_weights_vae(dev, &p->m.vae, p->d->G, run_dir, &p->vae);
}

scp_status scp_predict_open_autoencoder(scp_device *dev, const scp_dataset *d, const char *run_dir,
                                        const scp_guidance *decoding, scp_predict **out)
{
    scp_predict *p = NULL;
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    p->d = d;
    p->decoding = *decoding;
    scp_status st = open_vae(p, dev, run_dir);
    if (st != SCP_OK) scp_predict_close(&p);
    *out = p;
    return st;
}

scp_status scp_predict_open(scp_device *dev, const scp_dataset *d, const char *run_dir,
                            const char *stage, const scp_guidance *gd, scp_predict **out)
{
    scp_predict *p = NULL;
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    p->d = d;
    p->samples = (size_t)gd->spread;
    scp_status st = open_run(p, dev, run_dir, stage, gd);
    if (st != SCP_OK) scp_predict_close(&p);
    *out = p;
    return st;
}

void scp_predict_close(scp_predict **pp)
{
    if (!pp || !*pp) return;
    scp_predict *p = *pp;
    scp_generator_destroy(&p->gen);
    scp_params_destroy(&p->model);
    scp_params_destroy(&p->vae);
    scp_latent_stats_fini(&p->stats);
    scp_conf_fini(scp_method_groups, &p->m);
    free(p->mu);
    free(p);
    *pp = NULL;
}

/* The generator's function for some pairs. */
static scp_status generate(scp_predict *p, const int32_t *rows, size_t n, float *out,
                           scp_status (*run)(scp_generator *, const scp_conditions *, float *))
{
    scp_picked picked;
    scp_status st = scp_conditions_pick(p->d, p->mu, (size_t)p->m.vae.latent, rows, n, &picked);
    if (st == SCP_OK) st = run(p->gen, &picked.c, out);
    scp_picked_fini(&picked);
    return st;
}

scp_status scp_predict_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    return generate(ctx, rows, n, out, scp_generator_run);
}

size_t scp_predict_samples(const scp_predict *p)
{
    return p->m.diffusion.objective == SCP_OBJECTIVE_REGRESSION || !p->gen ? 0 : p->samples;
}

scp_status scp_predict_spread(void *ctx, const int32_t *rows, size_t n, float *sd)
{
    return generate(ctx, rows, n, sd, scp_generator_spread);
}

/* D(z_post) of the pairs, decoded as predictions are. */
static scp_status decode_post(scp_predict *p, const scp_picked *picked, const int32_t *rows,
                              float *out)
{
    const size_t Dz = (size_t)p->m.vae.latent, n = picked->c.n;
    float *mu = NULL;
    SCP_TRY(scp_alloc(n * Dz, sizeof *mu, &mu));
    for (size_t i = 0; i < n; i++)
        memcpy(mu + i * Dz, p->mu + (size_t)p->d->post[rows[i]] * Dz, Dz * sizeof *mu);
    scp_status st =
        scp_decode_profiles(p->vae, &p->m.vae, &p->decoding, &picked->c, p->d->G, mu, out);
    free(mu);
    return st;
}

scp_status scp_predict_fill_autoencoder(void *ctx, const int32_t *rows, size_t n, float *out)
{
    scp_predict *p = ctx;
    scp_picked picked;
    scp_status st = scp_conditions_pick(p->d, p->mu, (size_t)p->m.vae.latent, rows, n, &picked);
    if (st == SCP_OK) st = decode_post(p, &picked, rows, out);
    scp_picked_fini(&picked);
    return st;
}
