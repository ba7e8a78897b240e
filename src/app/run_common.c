/* Settings of the run programs and what they open, see run.h and run_common.h. */
#include "app/run_common.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sig.h"
#include "comm/world.h"
#include "io/shard.h"

static const scp_option path_rows[] = {
    { "run", NULL, SCP_OPT_TEXT, offsetof(scp_run_paths, run), NULL, 0, 0, NULL, NULL,
      "Run folder: settings, checkpoints, metrics, scores. Required.", NULL },
    { "shard", NULL, SCP_OPT_TEXT, offsetof(scp_run_paths, shard), NULL, 0, 0, NULL, NULL,
      "Shard file of scppdm_prep; the default is the one that the run folder was made with.",
      NULL },
    { "device", NULL, SCP_OPT_TEXT, offsetof(scp_run_paths, device), "auto", 0, 0, NULL, NULL,
      "auto (a GPU where there is one, else cpu), cpu, ref (fp64 oracle), or cuda[:N] when "
      "configured --with-cuda; without N the ranks of a node take its GPUs in turn.",
      NULL },
    { "train.model", "model", SCP_OPT_TEXT, offsetof(scp_run_paths, model), "scppdm", 0, 0, NULL,
      NULL,
      "Model to train: scppdm; regression (the same network without diffusion, a reference row); "
      "the baselines ridge, linear, linear_shift, mlp, mlp_shift; scppdm_ablate sets ablation-A to "
      "ablation-F.",
      NULL },
    { "fresh", NULL, SCP_OPT_BOOL, offsetof(scp_run_paths, fresh), "false", 0, 0, NULL, NULL,
      "Start over although the run folder has checkpoints.", NULL },
    { "comm_timeout", "comm-timeout", SCP_OPT_REAL, offsetof(scp_run_paths, comm_timeout), "900", 0,
      1e9, NULL, "s",
      "End the job (exit code 75) when a collective operation of a training does not end in this "
      "time, or one of scoring and predicting, whose ranks get done apart, in 16 times of it; 0: "
      "wait for ever.",
      NULL },
    { 0 },
};

static const scp_option eval_rows[] = {
    { "eval.models", "models", SCP_OPT_TEXTS, offsetof(scp_eval_choice, models),
      "scppdm,perturb_mean,context_mean,global_mean,no_change", 0, 0, NULL, NULL,
      "Rows of the score table: scppdm, regression, ensemble (the mean of scppdm of this run and "
      "of eval.members), autoencoder (ceiling of the latent space), each of these with _residual "
      "after its name, too: decoded as a change on the control; ridge, linear, linear_shift, mlp, "
      "mlp_shift; perturb_mean, perturb_mean_state, nearest_drug, context_mean, global_mean, "
      "line_mean, no_change, replicate; of a synthetic screen truth (what noise leaves of a "
      "perfect prediction) and, with --effects gp, kriging (the best possible one).",
      NULL },
    { "eval.splits", "splits", SCP_OPT_TEXTS, offsetof(scp_eval_choice, splits), "uc,ud", 0, 0,
      NULL, NULL, "Sets of conditions to score or predict: uc, ud, val_uc, val_ud, train.", NULL },
    { "eval.members", "members", SCP_OPT_TEXTS, offsetof(scp_eval_choice, members), NULL, 0, 0,
      NULL, NULL,
      "Run folders of the row ensemble besides --run: the same shard, trained from other seeds.",
      NULL },
    { "eval.predictions", "predictions", SCP_OPT_TEXTS, offsetof(scp_eval_choice, predictions),
      NULL, 0, 0, NULL, NULL, "Prediction files (.h5ad) of other models to score as further rows.",
      NULL },
    { "eval.allow_missing", NULL, SCP_OPT_BOOL, offsetof(scp_eval_choice, allow_missing), "false",
      0,
      0, NULL, NULL,
      "Conditions without a row in a prediction file are NaN and counted, instead of an error.",
      NULL },
    { "eval.probe", "probe", SCP_OPT_BOOL, offsetof(scp_eval_choice, probe), "true", 0, 0, NULL,
      NULL, "Look at prediction files in a process of its own first, which a damaged file may "
      "kill.",
      NULL },
    { "eval.format", "format", SCP_OPT_ENUM, offsetof(scp_eval_choice, format), "text", 0, 0,
      "text|markdown", NULL, "Form of the tables on stdout.", NULL },
    { "eval.h5ad", NULL, SCP_OPT_BOOL, offsetof(scp_eval_choice, h5ad), "true", 0, 0, NULL, NULL,
      "Write real.h5ad and pred_<model>.h5ad of the first model and of every trained one to "
      "<run>/eval/<split>, ready for cell-eval.",
      NULL },
    { "eval.ceilings", NULL, SCP_OPT_BOOL, offsetof(scp_eval_choice, ceilings), "true", 0, 0, NULL,
      NULL,
      "Score the noise ceilings as well: within_well (half of a key's cells predicts the other "
      "half) and between_plate (the key on its other plates).",
      NULL },
    { "eval.truth", NULL, SCP_OPT_TEXT, offsetof(scp_eval_choice, truth), "auto", 0, 0, NULL, NULL,
      "Score against the truth of a synthetic screen, too: truth.h5 of scppdm_synth; auto: the one "
      "beside the plates that the shard was made of, if there is one; none.",
      NULL },
    { "eval.output", "output", SCP_OPT_TEXT, offsetof(scp_eval_choice, output), NULL, 0, 0, NULL,
      NULL,
      "scppdm_predict: file to write; the default is <run>/pred_<split>.h5ad. scppdm_eval "
      "--compare: the comparison as a table with tabs.",
      NULL },
    { "eval.compare", "compare", SCP_OPT_TEXTS, offsetof(scp_eval_choice, compare), NULL, 0, 0,
      NULL,
      NULL,
      "Compare runs that were scored instead of scoring: run folders, results.csv files or folders "
      "that cell-eval wrote, the first against each other one, condition by condition.",
      NULL },
    { 0 },
};

#define SWEEP(name, kind, member, low, high, text)                                                \
    { "sweep." name, NULL, kind, offsetof(scp_sweep_choice, member), NULL, low, high, NULL, NULL, \
      text, NULL }
static const scp_option sweep_rows[] = {
    SWEEP("s_p", SCP_OPT_REALS, s_p, 0, 100, "Values of guidance.s_p to score the first model at."),
    SWEEP("s_0", SCP_OPT_REALS, s_0, 0, 100, "Values of guidance.s_0."),
    SWEEP("alpha", SCP_OPT_REALS, alpha, -100, 100, "Values of guidance.alpha."),
    SWEEP("gamma", SCP_OPT_REALS, gamma, -100, 100, "Values of guidance.gamma."),
    SWEEP("steps", SCP_OPT_INTS, steps, 1, 100000, "Values of guidance.ddim_steps."),
    SWEEP("draws", SCP_OPT_INTS, draws, 1, 4096, "Values of guidance.draws."),
    { "sweep.index", NULL, SCP_OPT_INT, offsetof(scp_sweep_choice, index), "-1", -1, 1e9, NULL,
      NULL,
      "Score one point of the grid alone, 0 to n - 1, as the task of a job array; the last value "
      "changes fastest. -1: all.",
      NULL },
    { 0 },
};
#undef SWEEP

static const scp_option ablate_rows[] = {
    { "index", NULL, SCP_OPT_INT, offsetof(scp_ablate_choice, index), "-1", -1, 5, NULL, NULL,
      "scppdm_ablate: number of the ablation, 0 to 5 for A to F, as in a job array.", NULL },
    { "collect", NULL, SCP_OPT_TEXT, offsetof(scp_ablate_choice, collect), NULL, 0, 0, NULL, NULL,
      "scppdm_ablate: print the table of the ablations found in this run folder, or in the run "
      "folders in it (one a seed), instead of training.",
      NULL },
    { 0 },
};

const scp_option_group scp_run_groups[] = {
    { path_rows, offsetof(scp_run_settings, paths), "run" },
    { scp_vae_options, offsetof(scp_run_settings, method.vae), "autoencoder" },
    { scp_vae_train_options, offsetof(scp_run_settings, vae_train), "training of the autoencoder" },
    { scp_denoiser_options, offsetof(scp_run_settings, method.model), "denoiser" },
    { scp_diffusion_options, offsetof(scp_run_settings, method.diffusion), "diffusion and losses" },
    { scp_train_options, offsetof(scp_run_settings, train), "training of the denoiser" },
    { scp_baseline_options, offsetof(scp_run_settings, baseline), "baselines" },
    { scp_guidance_options, offsetof(scp_run_settings, guidance), "sampling and guidance" },
    { scp_choose_options, offsetof(scp_run_settings, choose), "choice of guidance" },
    { scp_metric_options, offsetof(scp_run_settings, metrics), "metrics" },
    { eval_rows, offsetof(scp_run_settings, eval), "evaluation" },
    { sweep_rows, offsetof(scp_run_settings, sweep), "sweep of the sampling" },
    { ablate_rows, offsetof(scp_run_settings, ablate), "ablation" },
    { 0 },
};

scp_status scp_run_recall(const void *settings, char *path, size_t size)
{
    const scp_run_settings *s = settings;
    if (!s->paths.run) return SCP_OK;
    if (strcmp(s->paths.model, "scppdm") != 0) {
        SCP_TRY(scp_str_format(path, size, "%s/config-%s.yaml", s->paths.run, s->paths.model));
        if (scp_fs_exists(path)) return SCP_OK;
    }
    return scp_fs_join(path, size, s->paths.run, "config.yaml");
}

static scp_status prepare_folder(const scp_run_settings *s, bool create)
{
    if (!create) {
        if (!scp_fs_is_dir(s->paths.run))
            SCP_FAIL(SCP_ENOINPUT,
                     "run folder %s does not exist: train first (scppdm_vae, scppdm_train), or "
                     "make it, to score files and models that need no training",
                     s->paths.run);
        return SCP_OK;
    }
    SCP_TRY(scp_fs_mkdirs(s->paths.run));
    return scp_fs_check_writable(s->paths.run);
}

/* The settings as YAML, without those that belong to one start only. */
static scp_status dump_settings(const scp_run_settings *s, scp_strbuf *out)
{
    scp_run_settings kept = *s;
    kept.paths.fresh = false;
    kept.train.stop_after = kept.vae_train.stop_after = 0;
    kept.train.accept_changes = kept.vae_train.accept_changes = false;
    kept.ablate.index = -1;
    kept.ablate.collect = NULL;
    kept.eval.output = NULL;
    kept.eval.compare = (scp_text_list){ 0 };
    kept.sweep = (scp_sweep_choice){ .index = -1 };
    return scp_conf_dump(scp_run_groups, &kept, out);
}

scp_status scp_run_keep_settings(const scp_run_settings *s, scp_run_open *o)
{
    scp_strbuf_fini(&o->config);
    SCP_TRY(dump_settings(s, &o->config));
    return scp_fs_write_text(o->config_path, o->config.text, o->config.len);
}

/* Ranks train in step, but score and predict shares of their own and then meet: a hang there takes
 * longer to tell. */
static double patience(const scp_run_settings *s, bool trains)
{
    return s->paths.comm_timeout * (trains ? 1 : 16);
}

static scp_status begin_local(scp_run_settings *s, bool create, scp_run_open *o)
{
    if (!s->paths.run) SCP_FAIL(SCP_EUSAGE, "--run DIR is required (see --help)");
    if (!s->paths.shard)
        SCP_FAIL(SCP_EUSAGE, "--shard FILE is required: %s has no config.yaml that names one",
                 s->paths.run);
    if (create)
        SCP_TRY(scp_sig_install()); /* who trains stops with a checkpoint, others just end */
    SCP_TRY(scp_world_watch(patience(s, create), "--comm-timeout"));
    SCP_TRY(scp_device_open(s->paths.device, &o->dev));
    bool main_model = strcmp(s->paths.model, "scppdm") == 0;
    SCP_TRY(scp_str_format(o->config_path, sizeof o->config_path, "%s/config%s%s.yaml",
                           s->paths.run, main_model ? "" : "-", main_model ? "" : s->paths.model));
    return dump_settings(s, &o->config);
}

scp_status scp_run_begin(scp_comm *comm, scp_run_settings *s, bool create, scp_run_open *o)
{
    char device[128];
    *o = (scp_run_open){ 0 };
    /* The watchdog, which knows the step, speaks first; this is for what only a device waits
     * for. */
    const double most = patience(s, create);
    scp_comm_set_timeout(comm, most > 0 ? most + 30 : HUGE_VAL);
    SCP_TRY(scp_agree(comm, begin_local(s, create, o)));
    SCP_TRY(scp_comm_create_for(comm, o->dev, &o->own));
    scp_device_name(o->dev, device, sizeof device);
    o->comm = o->own ? o->own : comm;
    SCP_TRY(scp_shard_read(comm, s->paths.shard, &o->data));
    SCP_TRY(scp_agree(comm, scp_comm_rank(comm) == 0 ? prepare_folder(s, create) : SCP_OK));
    scp_log(SCP_LOG_INFO, "%d rank%s (%s), device %s; %zu pairs, %zu genes, %zu drugs, %zu lines",
            scp_comm_size(comm), scp_comm_size(comm) == 1 ? "" : "s", scp_comm_name(o->comm),
            device, o->data.N, o->data.G, o->data.n_drugs, o->data.n_lines);
    return SCP_OK;
}

void scp_run_end(scp_run_open *o)
{
    scp_dataset_fini(&o->data);
    scp_comm_destroy(&o->own);
    scp_device_close(&o->dev);
    scp_strbuf_fini(&o->config);
}
