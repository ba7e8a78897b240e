/* A trained baseline as a predictor, see predict_baseline.h. */
#include "eval/predict_baseline.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "diffusion/latents.h"
#include "diffusion/weights.h"
#include "model/baseline_run.h"
#include "model/ridge.h"

enum { BLOCK = 64 };

struct scp_predict_baseline {
    scp_baseline_kind kind;
    scp_baseline_config cfg;
    scp_ridge ridge;
    scp_drug_labels labels;
    scp_params *params;
    scp_baseline_run *run;
    float *mu; /* latents, where they are the states */
};

/* The settings that it was trained with. */
static scp_status read_settings(scp_predict_baseline *p, const scp_ckpt *c)
{
    char *text = NULL;
    SCP_TRY(scp_conf_defaults(scp_baseline_groups, &p->cfg));
    SCP_TRY(scp_ckpt_get_text(c, "method", &text));
    scp_status st = scp_conf_load_text(scp_baseline_groups, &p->cfg, text, strlen(text),
                                       "settings in the checkpoint");
    free(text);
    return st;
}

/* What the model sees of a control, and the hash of what it was trained on. */
static scp_status read_states(scp_predict_baseline *p, const scp_dataset *d, const char *run_dir,
                              scp_baseline_states *states, uint64_t *hash)
{
    int64_t Dz;
    *states = (scp_baseline_states){ d->x, d->G };
    *hash = d->hash;
    if (p->kind == SCP_BASELINE_RIDGE || p->cfg.state == SCP_BASELINE_PROFILE) return SCP_OK;
    SCP_TRY(scp_latents_read_any(run_dir, d, &Dz, &p->mu));
    *states = (scp_baseline_states){ p->mu, (size_t)Dz };
    *hash = scp_latents_hash(d, Dz, p->mu);
    return SCP_OK;
}

static scp_status load(scp_predict_baseline *p, scp_device *dev, const scp_dataset *d,
                       const char *run_dir, const scp_ckpt *c)
{
    scp_weights_head head;
    scp_baseline_states states;
    uint64_t hash;
    SCP_TRY(scp_weights_get_head(c, &head));
    SCP_TRY(read_settings(p, c));
    SCP_TRY(read_states(p, d, run_dir, &states, &hash));
    if (head.data_hash != hash)
        SCP_FAIL(SCP_EDATA,
                 "%s was trained on another shard%s than the one given: check --shard, or train it "
                 "again with --fresh",
                 scp_ckpt_path(c), p->mu ? ", or on latents of another autoencoder," : "");
    if (p->kind == SCP_BASELINE_RIDGE) return scp_ridge_get(c, d, &p->ridge);
    SCP_TRY(scp_drug_labels_init(d, &p->labels));
    SCP_TRY(scp_params_create_fixed(dev, 0, &p->params));
    SCP_TRY(scp_baseline_run_create(p->params, p->kind, &p->cfg, d, &p->labels, &states, BLOCK,
                                    &p->run));
    return scp_weights_load(c, p->params);
}

scp_status scp_predict_baseline_open(scp_device *dev, const scp_dataset *d, const char *run_dir,
                                     scp_baseline_kind kind, scp_predict_baseline **out)
{
    scp_predict_baseline *p = NULL;
    scp_ckpt *c = NULL;
    *out = NULL;
    SCP_TRY(scp_weights_open(run_dir, scp_baseline_name(kind), &c));
    scp_status st = scp_alloc(1, sizeof *p, &p);
    if (st == SCP_OK) {
        p->kind = kind;
        st = load(p, dev, d, run_dir, c);
    }
    scp_ckpt_close(&c);
    if (st != SCP_OK) scp_predict_baseline_close(&p);
    *out = p;
    return st;
}

void scp_predict_baseline_close(scp_predict_baseline **pp)
{
    if (!pp || !*pp) return;
    scp_predict_baseline *p = *pp;
    scp_baseline_run_destroy(&p->run);
    scp_params_destroy(&p->params);
    scp_drug_labels_fini(&p->labels);
    scp_ridge_fini(&p->ridge);
    scp_conf_fini(scp_baseline_groups, &p->cfg);
    free(p->mu);
    free(p);
    *pp = NULL;
}

scp_status scp_predict_baseline_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    scp_predict_baseline *p = ctx;
    return p->kind == SCP_BASELINE_RIDGE ? scp_ridge_fill(&p->ridge, rows, n, out)
                                         : scp_baseline_run_fill(p->run, rows, n, out);
}
