/* Models by name, see run_models.h. */
#include "app/run_models.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/replicates.h"
#include "io/h5_probe.h"

/* What a prediction file is called in tables and result files. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Results are kept by name: ceilings are rows of the same tables. */
static scp_status check_name(const char *name, const char *key, const scp_names *before)
{
    for (int k = 0; k < SCP_CEILINGS; k++)
        if (strcmp(name, scp_ceiling_name((scp_ceiling_kind)k)) == 0)
            SCP_FAIL(SCP_EUSAGE, "%s: '%s' is the name of a ceiling; rename the file", key, name);
    if (scp_names_find(before, name) >= 0)
        SCP_FAIL(SCP_EUSAGE,
                 "%s: '%s' is given twice, and its results would overwrite each other; name each "
                 "model once, and rename prediction files so that their names (without folders) "
                 "differ, or score them into run folders of their own",
                 key, name);
    return SCP_OK;
}

scp_status scp_run_models_check(const scp_run_settings *s)
{
    const scp_text_list *models = &s->eval.models, *files = &s->eval.predictions;
    scp_names *names = NULL;
    scp_status st = SCP_OK;
    size_t index;
    SCP_GOTO(done, scp_names_create(&names));
    for (size_t i = 0; i < models->n + files->n; i++) {
        const bool file = i >= models->n;
        const char *name = file ? base_name(files->v[i - models->n]) : models->v[i];
        SCP_GOTO(done, check_name(name, file ? "eval.predictions" : "eval.models", names));
        SCP_GOTO(done, scp_names_add(names, name, &index));
    }
done:
    scp_names_destroy(&names);
    return st;
}

scp_status scp_run_truth_path(const scp_run_settings *s, const scp_run_open *o, char *path,
                              size_t size)
{
    const char *choice = s->eval.truth;
    path[0] = '\0';
    if (!choice || strcmp(choice, "none") == 0) return SCP_OK;
    if (strcmp(choice, "auto") == 0) return scp_synth_truth_find(&o->data, path, size);
    return scp_str_format(path, size, "%s", choice);
}

/* Rows of a synthetic screen: its truth, and the best that can be known of it. */
static scp_status open_truth(const scp_run_settings *s, const scp_run_open *o,
                             scp_synth_truth_kind kind, const int32_t *rows, size_t n,
                             scp_run_model *m)
{
    char path[SCP_PATH_MAX];
    size_t known;
    SCP_TRY(scp_run_truth_path(s, o, path, sizeof path));
    if (!path[0])
        SCP_FAIL(SCP_EUSAGE,
                 "eval.models: %s needs truth.h5 of scppdm_synth, which is not beside the plates "
                 "of the shard: name it with --eval.truth",
                 m->name);
    SCP_TRY(scp_synth_truth_open(path, &o->data, kind, rows, n, &m->truth));
    (void)scp_synth_truth_rows(m->truth, &known);
    if (known < n)
        SCP_FAIL(SCP_EDATA, "%s has the effects of %zu of %zu conditions: leave out %s", path,
                 known, n, m->name);
    return SCP_OK;
}

/* The run's own denoiser and those of eval.members. */
static scp_status open_ensemble(const scp_run_settings *s, const scp_run_open *o,
                                const scp_guidance *gd, scp_run_model *m)
{
    const scp_text_list *members = &s->eval.members;
    const char **dir = NULL;
    if (!members->n)
        SCP_FAIL(SCP_EUSAGE,
                 "eval.models: ensemble is the mean of several runs: name the other run folders "
                 "with --eval.members");
    SCP_TRY(scp_alloc(members->n + 1, sizeof *dir, &dir));
    dir[0] = s->paths.run;
    for (size_t i = 0; i < members->n; i++) dir[i + 1] = members->v[i];
    scp_status st = scp_ensemble_open(o->dev, &o->data, dir, members->n + 1,
                                      scp_run_stage("scppdm"), gd, &m->ensemble);
    free(dir);
    return st;
}

/* A row on top of the autoencoder: *known tells whether the name is that of one. With "_residual"
 * after it, the same weights are decoded as a change on the control. */
static scp_status open_latent(const scp_run_settings *s, const scp_run_open *o, scp_run_model *m,
                              bool *known)
{
    static const char suffix[] = "_residual";
    const size_t length = strlen(m->name), tail = sizeof suffix - 1;
    scp_guidance gd = s->guidance;
    char name[64];
    *known = false;
    SCP_TRY(scp_str_format(name, sizeof name, "%.*s", (int)(sizeof name - 1), m->name));
    if (length > tail && length < sizeof name && strcmp(name + length - tail, suffix) == 0) {
        name[length - tail] = '\0';
        gd.decode = SCP_DECODE_RESIDUAL;
        gd.residual = 1;
    }
    const char *stage = scp_run_stage(name);
    if (s->ablate.network && strcmp(name, s->paths.model) == 0) stage = s->ablate.network;
    m->autoencoder = strcmp(name, "autoencoder") == 0;
    *known = true;
    if (m->autoencoder)
        return scp_predict_open_autoencoder(o->dev, &o->data, s->paths.run, &gd, &m->trained);
    if (strcmp(name, "ensemble") == 0) return open_ensemble(s, o, &gd, m);
    *known = stage && !scp_baseline_find(name, &(scp_baseline_kind){ 0 });
    return *known ? scp_predict_open(o->dev, &o->data, s->paths.run, stage, &gd, &m->trained)
                  : SCP_OK;
}

/* rows [n]: the pairs to be predicted. */
static scp_status open_named(scp_comm *comm, const scp_run_settings *s, const scp_run_open *o,
                             const int32_t *rows, size_t n, scp_run_model *m)
{
    scp_means_kind kind;
    scp_synth_truth_kind truth;
    scp_baseline_kind baseline;
    bool known;
    if (scp_baseline_find(m->name, &baseline))
        return scp_agree(comm, scp_predict_baseline_open(o->dev, &o->data, s->paths.run, baseline,
                                                         &m->baseline));
    SCP_TRY(scp_agree(comm, open_latent(s, o, m, &known)));
    if (known) return SCP_OK;
    if (scp_synth_truth_row(m->name, &truth))
        return scp_agree(comm, open_truth(s, o, truth, rows, n, m));
    if (scp_means_parse(m->name, &kind) != SCP_OK)
        SCP_FAIL(
            SCP_EUSAGE,
            "eval.models: unknown model '%s'; known are scppdm, regression, ensemble, autoencoder "
            "(each with _residual, too), ridge, linear, linear_shift, mlp, mlp_shift, "
            "perturb_mean, perturb_mean_state, nearest_drug, context_mean, global_mean, line_mean, "
            "no_change, replicate, truth, kriging",
            m->name);
    return scp_means_fit(kind, comm, &o->data, &m->means);
}

/* A mean that had to fall back to a coarser group says for how many conditions. */
static void report_backoff(const scp_run_model *m, const int32_t *rows, size_t n)
{
    scp_means_backoff b;
    if (!m->means) return;
    scp_means_count_backoff(m->means, rows, n, &b);
    if (b.n_nearest || b.n_none)
        scp_log(SCP_LOG_INFO,
                "%s: of %zu conditions, %zu by the nearest group, %zu unknown (predicted as x_pre)",
                m->name, n, b.n_nearest, b.n_none);
}

static scp_status open_file(const scp_run_settings *s, const scp_run_open *o, const char *path,
                            const int32_t *rows, size_t n, scp_run_model *m)
{
    scp_pred_file_report report;
    SCP_TRY(scp_strdup(base_name(path), &m->name));
    SCP_TRY(scp_pred_file_open(path, &o->data, rows, n, s->eval.allow_missing, &m->file, &report));
    scp_log(report.n_missing ? SCP_LOG_WARN : SCP_LOG_INFO, "%s: %s", path, report.text);
    return SCP_OK;
}

/* Files that others made are looked at by a process of their own first. Rank 0. */
static scp_status probe_files(const scp_text_list *files)
{
    static const char *const column[] = { "cell_name",  "cell_line", "cell_type",
                                          "celltype",   "plate",     "drug",
                                          "dose_uM",    "drugname_drugconc",
                                          "perturbation", "target_gene", "target" };
    for (size_t i = 0; i < files->n; i++) {
        const scp_probe_request r = { .path = files->v[i],
                                      .mode = SCP_PROBE_DESCRIBE,
                                      .obs = column,
                                      .n_obs = sizeof column / sizeof column[0] };
        SCP_TRY(scp_probe_files(&r, 1, 1));
    }
    return SCP_OK;
}

scp_status scp_run_models_open(scp_comm *comm, const scp_run_settings *s, const scp_run_open *o,
                               const int32_t *rows, size_t n_rows, scp_run_models *m)
{
    const scp_text_list *names = &s->eval.models, *files = &s->eval.predictions;
    *m = (scp_run_models){ 0 };
    SCP_TRY(scp_alloc(names->n + files->n, sizeof *m->v, &m->v));
    for (size_t i = 0; i < names->n; i++) {
        m->n++;
        SCP_TRY(scp_agree(comm, scp_strdup(names->v[i], &m->v[i].name)));
        SCP_TRY(open_named(comm, s, o, rows, n_rows, &m->v[i]));
        report_backoff(&m->v[i], rows, n_rows);
    }
    if (files->n && s->eval.probe)
        SCP_TRY(scp_agree(comm, scp_comm_rank(comm) == 0 ? probe_files(files) : SCP_OK));
    for (size_t i = 0; i < files->n; i++) {
        scp_run_model *file = &m->v[m->n++];
        SCP_TRY(scp_agree(comm, open_file(s, o, files->v[i], rows, n_rows, file)));
    }
    return SCP_OK;
}

void scp_run_models_close(scp_run_models *m)
{
    for (size_t i = 0; i < m->n; i++) {
        scp_predict_close(&m->v[i].trained);
        scp_ensemble_close(&m->v[i].ensemble);
        scp_predict_baseline_close(&m->v[i].baseline);
        scp_means_destroy(&m->v[i].means);
        scp_pred_file_close(&m->v[i].file);
        scp_synth_truth_close(&m->v[i].truth);
        free(m->v[i].name);
    }
    free(m->v);
    *m = (scp_run_models){ 0 };
}

scp_predictor scp_run_model_predictor(scp_run_model *m, const char *h5ad)
{
    scp_predictor p = { .name = m->name, .h5ad = h5ad };
    if (m->trained) {
        p.fill = m->autoencoder ? scp_predict_fill_autoencoder : scp_predict_fill;
        p.ctx = m->trained;
        p.samples = scp_predict_samples(m->trained);
        if (p.samples) p.spread = scp_predict_spread;
    } else if (m->ensemble) {
        p.fill = scp_ensemble_fill;
        p.ctx = m->ensemble;
    } else if (m->baseline) {
        p.fill = scp_predict_baseline_fill;
        p.ctx = m->baseline;
    } else if (m->means) {
        p.fill = scp_means_fill;
        p.ctx = m->means;
    } else if (m->truth) {
        p.fill = scp_synth_truth_fill;
        p.ctx = m->truth;
    } else {
        p.fill = scp_pred_file_fill;
        p.ctx = m->file;
    }
    return p;
}
