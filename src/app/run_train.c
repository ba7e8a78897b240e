/* Training programs: the autoencoder and the models on top of it. */
#include <math.h>
#include <string.h>

#include "app/run_common.h"
#include "base/log.h"
#include "train/baseline_job.h"
#include "train/model_job.h"
#include "train/vae_job.h"

/* The autoencoder's part of scp_method. */
static const scp_option_group vae_groups[] = {
    { scp_vae_options, offsetof(scp_method, vae), "vae" }, { 0 }
};

static scp_status finish(const char *stage, const scp_job_result *r)
{
    if (r->resumed_from == r->step)
        scp_log(SCP_LOG_INFO, "%s: all %lld steps were done before; --fresh starts over", stage,
                (long long)r->step);
    else
        scp_log(SCP_LOG_INFO, "%s: step %lld, loss %.5f, validation %.5f at step %lld, %.1f s%s",
                stage, (long long)r->step, r->loss, r->best, (long long)r->best_step, r->seconds,
                r->skipped ? ", some steps skipped" : "");
    if (r->stop == SCP_STOP_SIGNAL)
        SCP_FAIL(SCP_EREQUEUE,
                 "%s stopped by a signal at step %lld with a checkpoint; start it again to go on",
                 stage, (long long)r->step);
    return SCP_OK;
}

const char *scp_run_stage(const char *model)
{
    if (strcmp(model, "scppdm") == 0) return "train";
    if (strcmp(model, "regression") == 0 || strncmp(model, "ablation-", 9) == 0) return model;
    return scp_baseline_find(model, &(scp_baseline_kind){ 0 }) ? model : NULL;
}

static scp_train_setup setup_of(const scp_run_settings *s, const scp_run_open *o,
                                const scp_strbuf *method)
{
    return (scp_train_setup){ .comm = o->comm,
                              .dev = o->dev,
                              .data = &o->data,
                              .run_dir = s->paths.run,
                              .method_text = method->text,
                              .config_text = o->config.text,
                              .config_path = o->config_path,
                              .fresh = s->paths.fresh };
}

scp_status scp_run_vae(scp_comm *comm, scp_run_settings *s)
{
    scp_run_open o = { 0 };
    scp_strbuf method = { 0 };
    scp_job_result r;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_run_begin(comm, s, true, &o));
    SCP_GOTO(done, scp_agree(comm, scp_conf_dump(vae_groups, &s->method, &method)));
    scp_train_setup setup = setup_of(s, &o, &method);
    SCP_GOTO(done, scp_vae_job_run(&setup, &s->method.vae, &s->vae_train, &r));
    SCP_GOTO(done, finish("vae", &r));
done:
    scp_strbuf_fini(&method);
    scp_run_end(&o);
    return st;
}

/* A denoiser is trained and scored without guidance where guidance is chosen afterwards. */
static scp_status run_model(const scp_train_setup *setup, scp_run_settings *s, const char *stage,
                            scp_run_open *o, scp_job_result *r)
{
    const bool choose = scp_choose_wanted(&s->choose, &s->method);
    const scp_guidance before = choose ? scp_choose_before(&s->guidance) : s->guidance;
    SCP_TRY(scp_model_job_run(setup, stage, &s->method, &before, &s->train, r));
    if (!choose || r->stop != SCP_STOP_DONE) return SCP_OK;
    SCP_TRY(scp_choose_run(setup, stage, &s->choose, &s->guidance));
    return scp_agree(setup->comm,
                     scp_comm_rank(setup->comm) == 0 ? scp_run_keep_settings(s, o) : SCP_OK);
}

scp_status scp_run_train(scp_comm *comm, scp_run_settings *s)
{
    scp_run_open o = { 0 };
    scp_strbuf method = { 0 };
    scp_job_result r;
    scp_baseline_kind kind;
    const char *stage = scp_run_stage(s->paths.model);
    scp_status st = SCP_OK;
    if (!stage)
        SCP_FAIL(SCP_EUSAGE,
                 "--model %s cannot be trained: use scppdm, regression, ridge, linear, "
                 "linear_shift, mlp or mlp_shift (the means need no training)",
                 s->paths.model);
    const bool baseline = scp_baseline_find(stage, &kind);
    if (strcmp(stage, "regression") == 0) s->method.diffusion.objective = SCP_OBJECTIVE_REGRESSION;
    SCP_GOTO(done, scp_run_begin(comm, s, true, &o));
    st = baseline ? scp_conf_dump(scp_baseline_groups, &s->baseline, &method)
                  : scp_conf_dump(scp_method_groups, &s->method, &method);
    SCP_GOTO(done, scp_agree(comm, st));
    scp_train_setup setup = setup_of(s, &o, &method);
    if (baseline)
        SCP_GOTO(done, scp_baseline_job_run(&setup, kind, &s->baseline, &s->train, &r));
    else
        SCP_GOTO(done, run_model(&setup, s, stage, &o, &r));
    SCP_GOTO(done, finish(stage, &r));
done:
    scp_strbuf_fini(&method);
    scp_run_end(&o);
    return st;
}
