/* Guidance chosen on the validation split, see choose.h. */
#include "train/choose.h"

#include <math.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/jsonl.h"
#include "base/log.h"
#include "diffusion/conditions.h"
#include "diffusion/generate.h"
#include "diffusion/latents.h"
#include "diffusion/weights.h"
#include "train/held.h"
#include "train/record.h"

#define FIELD(member) offsetof(scp_choose_config, member)

const scp_option scp_choose_options[] = {
    { "choose.s_p", NULL, SCP_OPT_REALS, FIELD(s_p), NULL, 0, 100, NULL, NULL,
      "Strengths of the state to choose from on the validation split after training; empty, with "
      "choose.s_0: guidance stays as it is set.",
      NULL },
    { "choose.s_0", NULL, SCP_OPT_REALS, FIELD(s_0), NULL, 0, 100, NULL, NULL,
      "Largest strengths of the drug to choose from.", NULL },
    { "choose.doubt", NULL, SCP_OPT_REALS, FIELD(doubt), NULL, 0, 1, NULL, NULL,
      "Doubts about new drugs (guidance.doubt) to choose from, by skill; empty: as it is set.",
      NULL },
    { "choose.residual", NULL, SCP_OPT_REALS, FIELD(residual), NULL, 0, 1, NULL, NULL,
      "Shares of residual decoding (guidance.residual) to choose from; 0 is profile decoding. "
      "Empty: decoding stays as it is set.",
      NULL },
    { "choose.readout", NULL, SCP_OPT_BOOL, FIELD(readout), "false", 0, 0, NULL, NULL,
      "Choose between draws and the posterior mean, too (parameterization v).", NULL },
    { "choose.by", NULL, SCP_OPT_ENUM, FIELD(by), "pearson", 0, 0, "pearson|skill", NULL,
      "What counts: mean Delta-Pearson of the pairs, or 1 - MSE / MSE of no change.", NULL },
    { 0 },
};

/* A trained run that predicts validation pairs. */
typedef struct chooser {
    const scp_train_setup *s;
    const scp_choose_config *cfg;
    scp_method m;
    scp_params *vae, *model;
    scp_latent_stats stats;
    scp_held held;
    float *mu;
    scp_generator *gen;
    char metrics[SCP_PATH_MAX];
    const char *stage;
    double best; /* of the candidates so far */
} chooser;

bool scp_choose_wanted(const scp_choose_config *cfg, const scp_method *m)
{
    return (cfg->s_p.n || cfg->s_0.n || cfg->doubt.n || cfg->residual.n) &&
           m->diffusion.objective == SCP_OBJECTIVE_DIFFUSION;
}

scp_guidance scp_choose_before(const scp_guidance *gd)
{
    scp_guidance alone = *gd;
    alone.s_p = alone.s_0 = alone.doubt = 0;
    return alone;
}

static scp_status predict(void *ctx, const int32_t *pair, size_t n, float *x)
{
    chooser *c = ctx;
    scp_picked picked;
    scp_status st =
        scp_conditions_pick(c->s->data, c->mu, (size_t)c->m.vae.latent, pair, n, &picked);
    if (st == SCP_OK) st = scp_generator_run(c->gen, &picked.c, x);
    scp_picked_fini(&picked);
    return st;
}

/* The share that a decoding adds of what the decoder misses. */
static double residual_of(const scp_guidance *gd)
{
    return gd->decode == SCP_DECODE_RESIDUAL ? gd->residual : 0;
}

static scp_status write_line(const chooser *c, const scp_guidance *gd, const scp_held_scores *v)
{
    scp_jsonl j = { 0 };
    const char *line;
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "event", "choose");
    scp_jsonl_text(&j, "stage", c->stage);
    scp_jsonl_real(&j, "s_p", gd->s_p);
    scp_jsonl_real(&j, "s_0", gd->s_0);
    scp_jsonl_real(&j, "doubt", gd->doubt);
    scp_jsonl_text(&j, "readout", gd->readout == SCP_READOUT_MEAN ? "mean" : "draws");
    scp_jsonl_real(&j, "residual", residual_of(gd));
    scp_jsonl_real(&j, "skill", v->skill);
    scp_jsonl_real(&j, "delta_pearson", v->pearson);
    scp_status st = scp_jsonl_end(&j, &line);
    if (st == SCP_OK) st = scp_jsonl_append(c->metrics, line);
    scp_jsonl_fini(&j);
    return st;
}

/* Score one candidate; it becomes *best when it is better than all before. */
static scp_status try_one(chooser *c, const scp_guidance *gd, int by, scp_guidance *best)
{
    const scp_dataset *d = c->s->data;
    scp_comm *comm = c->s->comm;
    scp_held_scores v;
    scp_status st = scp_generator_create(&c->m, gd, c->model, c->vae, &c->stats, d->fp, d->n_drugs,
                                         d->G, &c->gen);
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, scp_held_measure(&c->held, comm, d, predict, c, &v));
    SCP_GOTO(done, scp_agree(comm, scp_comm_rank(comm) == 0 ? write_line(c, gd, &v) : SCP_OK));
    const double score = by == SCP_CHOOSE_SKILL ? v.skill : v.pearson;
    if (!isnan(score) && !(c->best >= score)) { /* also the first one */
        c->best = score;
        *best = *gd;
    }
done:
    scp_generator_destroy(&c->gen);
    return st;
}

static scp_status try_all(chooser *c, scp_guidance *gd)
{
    const scp_choose_config *cfg = c->cfg;
    const scp_guidance start = *gd;
    scp_guidance best = *gd;
    for (size_t i = 0; i < (cfg->s_p.n ? cfg->s_p.n : 1); i++)
        for (size_t k = 0; k < (cfg->s_0.n ? cfg->s_0.n : 1); k++) {
            scp_guidance one = start;
            if (cfg->s_p.n) one.s_p = cfg->s_p.v[i];
            if (cfg->s_0.n) one.s_0 = cfg->s_0.v[k];
            SCP_TRY(try_one(c, &one, cfg->by, &best));
        }
    if (cfg->readout && c->m.diffusion.parameterization == SCP_PREDICT_V) {
        scp_guidance other = best;
        other.readout = best.readout == SCP_READOUT_MEAN ? SCP_READOUT_DRAWS : SCP_READOUT_MEAN;
        SCP_TRY(try_one(c, &other, cfg->by, &best));
    }
    const scp_guidance strong = best;
    for (size_t i = 0; i < cfg->residual.n; i++) {
        scp_guidance one = strong;
        one.decode = cfg->residual.v[i] > 0 ? SCP_DECODE_RESIDUAL : SCP_DECODE_PROFILE;
        one.residual = cfg->residual.v[i];
        if (residual_of(&one) != residual_of(&strong)) SCP_TRY(try_one(c, &one, cfg->by, &best));
    }
    if (cfg->doubt.n) c->best = NAN;
    const scp_guidance sure = best;
    for (size_t i = 0; i < cfg->doubt.n; i++) {
        scp_guidance one = sure;
        one.doubt = cfg->doubt.v[i];
        SCP_TRY(try_one(c, &one, SCP_CHOOSE_SKILL, &best));
    }
    *gd = best;
    return SCP_OK;
}

/* The generator of a throw-away guidance creates the parameters; then the weights come in. */
static scp_status open_weights(chooser *c, const scp_ckpt *file, const scp_guidance *gd)
{
    const scp_dataset *d = c->s->data;
    SCP_TRY(scp_weights_method(file, &c->m));
    SCP_TRY(scp_weights_stats(file, c->m.vae.latent, &c->stats));
    SCP_TRY(scp_latents_read(c->s->run_dir, d, c->m.vae.latent, &c->mu));
    SCP_TRY(scp_weights_vae(c->s->dev, &c->m.vae, d->G, c->s->run_dir, &c->vae));
    SCP_TRY(scp_params_create_fixed(c->s->dev, 0, &c->model));
    SCP_TRY(scp_generator_create(&c->m, gd, c->model, c->vae, &c->stats, d->fp, d->n_drugs, d->G,
                                 &c->gen));
    scp_generator_destroy(&c->gen);
    return scp_weights_load(file, c->model);
}

static scp_status open_run(chooser *c, const scp_guidance *gd)
{
    scp_ckpt *file = NULL;
    SCP_TRY(scp_held_init(&c->held, c->s->data));
    SCP_TRY(scp_record_path(c->metrics, sizeof c->metrics, c->s->run_dir, c->stage));
    SCP_TRY(scp_weights_open(c->s->run_dir, c->stage, &file));
    scp_status st = open_weights(c, file, gd);
    scp_ckpt_close(&file);
    return st;
}

scp_status scp_choose_run(const scp_train_setup *setup, const char *stage,
                          const scp_choose_config *cfg, scp_guidance *gd)
{
    chooser c = { .s = setup, .cfg = cfg, .stage = stage, .best = NAN };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_agree(setup->comm, open_run(&c, gd)));
    if (!c.held.n) goto done;
    SCP_GOTO(done, try_all(&c, gd));
    scp_log(SCP_LOG_INFO,
            "%s: guidance chosen on %zu validation pairs: s_p %g, s_0 %g, readout %s, doubt %g, "
            "residual %g",
            stage, c.held.n, gd->s_p, gd->s_0, gd->readout == SCP_READOUT_MEAN ? "mean" : "draws",
            gd->doubt, residual_of(gd));
done:
    scp_params_destroy(&c.model);
    scp_params_destroy(&c.vae);
    scp_latent_stats_fini(&c.stats);
    scp_conf_fini(scp_method_groups, &c.m);
    scp_held_fini(&c.held);
    free(c.mu);
    return st;
}
