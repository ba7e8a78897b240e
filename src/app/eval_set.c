/* One split from models to files and tables, see eval_set.h. */
#include "app/eval_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/bootstrap.h"
#include "eval/score_files.h"
#include "report/score_table.h"

typedef struct job {
    scp_comm *comm;
    const scp_run_settings *s;
    const scp_run_open *o;
    char dir[SCP_PATH_MAX]; /* <dir>/<split> */
    scp_run_models models;
    scp_predictor *predictor; /* [models.n] */
    char **h5ad;              /* [models.n] files of predictions, or NULL */
} job;

scp_status scp_eval_rows(const scp_run_open *o, const char *split, int32_t **rows, size_t *n)
{
    scp_split which;
    SCP_TRY(scp_split_parse(split, &which));
    return scp_dataset_rows(&o->data, which, rows, n);
}

/* Predictions are kept of the first model and of every trained one: the others are made at once. */
static scp_status name_files(job *j)
{
    char path[SCP_PATH_MAX], name[256];
    SCP_TRY(scp_alloc(j->models.n, sizeof *j->h5ad, &j->h5ad));
    for (size_t i = 0; i < j->models.n; i++) {
        const scp_run_model *m = &j->models.v[i];
        if (!j->s->eval.h5ad || m->file || m->truth || (i && m->means)) continue;
        SCP_TRY(scp_str_format(name, sizeof name, "%s", m->name));
        for (char *c = name; *c; c++)
            if (*c == '/') *c = '-';
        SCP_TRY(scp_str_format(path, sizeof path, "%s/pred_%s.h5ad", j->dir, name));
        SCP_TRY(scp_strdup(path, &j->h5ad[i]));
    }
    return SCP_OK;
}

static scp_status prepare(job *j, const char *dir, const char *split)
{
    SCP_TRY(scp_str_format(j->dir, sizeof j->dir, "%s/%s", dir, split));
    if (scp_comm_rank(j->comm) == 0) SCP_TRY(scp_fs_mkdirs(j->dir));
    SCP_TRY(name_files(j));
    SCP_TRY(scp_alloc(j->models.n, sizeof *j->predictor, &j->predictor));
    for (size_t i = 0; i < j->models.n; i++)
        j->predictor[i] = scp_run_model_predictor(&j->models.v[i], j->h5ad[i]);
    return SCP_OK;
}

static void job_fini(job *j)
{
    for (size_t i = 0; j->h5ad && i < j->models.n; i++) free(j->h5ad[i]);
    free(j->h5ad);
    free(j->predictor);
    scp_run_models_close(&j->models);
}

/* Files of others are not always of log1p expression: say what was cut. */
static void report_negative(const job *j, const scp_eval_set *set)
{
    for (size_t m = 0; m < set->n; m++) {
        const double share = set->model[m].all[SCP_METRIC_CLIPPED].mean;
        if (j->models.v[m].file && share > 0)
            scp_log(
                SCP_LOG_WARN,
                "%s: %.3g %% of the predicted values are below 0 and count as 0 (column clipped)",
                set->model[m].model, 100 * share);
    }
}

static scp_status score_models(job *j, scp_eval_set *set)
{
    const scp_metric_settings *m = &j->s->metrics;
    SCP_TRY(scp_agree(j->comm, scp_alloc(j->models.n, sizeof *set->model, &set->model)));
    SCP_TRY(scp_evaluate(j->comm, &j->o->data, set->rows, set->n_rows, set->split, j->predictor,
                         j->models.n, m, set->model));
    set->n = j->models.n;
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->model[i].model, scp_means_name(SCP_MEANS_REPLICATE)) == 0)
            SCP_TRY(scp_agree(j->comm, scp_ceiling_of_replicate(&set->model[i])));
    report_negative(j, set);
    return scp_bootstrap(j->comm, set->model, set->n, m->bootstrap, m->seed);
}

static scp_status measure_noise(job *j, scp_eval_set *set)
{
    const scp_metric_settings *m = &j->s->metrics;
    for (int k = 0; k < SCP_CEILINGS && j->s->eval.ceilings; k++) {
        SCP_TRY(scp_ceiling_run((scp_ceiling_kind)k, j->comm, &j->o->data, set->rows, set->n_rows,
                                set->split, m, &set->ceiling[k]));
        if (set->ceiling[k].n)
            SCP_TRY(scp_bootstrap(j->comm, &set->ceiling[k], 1, m->bootstrap, m->seed));
    }
    SCP_TRY(scp_agree(j->comm, scp_ceiling_apply(set->ceiling, set->model, set->n)));
    if (m->fdr > 0 && j->o->data.R)
        SCP_TRY(scp_deg_tests_run(j->comm, &j->o->data, set->model, m->fdr, &set->tests));
    return SCP_OK;
}

/* The same predictions against the truth of a synthetic screen, for the conditions that it knows.
 */
static scp_status score_truth(job *j, scp_eval_set *set)
{
    const scp_metric_settings *m = &j->s->metrics;
    char path[SCP_PATH_MAX] = "", split[64];
    scp_synth_truth *truth = NULL;
    size_t n;
    scp_status st = SCP_OK;
    /* All ranks go on, or none: what one sees in a folder of its node another may not. */
    if (scp_comm_rank(j->comm) == 0) st = scp_run_truth_path(j->s, j->o, path, sizeof path);
    SCP_TRY(scp_agree(j->comm, st));
    SCP_TRY(scp_comm_bcast(j->comm, path, sizeof path, SCP_COMM_U8, 0));
    if (!path[0]) return SCP_OK;
    SCP_GOTO(done, scp_agree(j->comm, scp_synth_truth_open(path, &j->o->data, SCP_SYNTH_EXACT,
                                                           set->rows, set->n_rows, &truth)));
    const int32_t *rows = scp_synth_truth_rows(truth, &n);
    scp_log(SCP_LOG_INFO, "%s: true effects of %zu of %zu conditions", path, n, set->n_rows);
    if (!n) goto done;
    for (size_t i = 0; i < j->models.n; i++) j->predictor[i].h5ad = NULL;
    const scp_truth against = { .fill = scp_synth_truth_fill, .ctx = truth };
    snprintf(split, sizeof split, "%s_truth", set->split);
    SCP_GOTO(done, scp_agree(j->comm, scp_alloc(j->models.n, sizeof *set->truth, &set->truth)));
    SCP_GOTO(done, scp_evaluate_against(j->comm, &j->o->data, &against, rows, n, split,
                                        j->predictor, j->models.n, m, set->truth));
    set->n_truth = j->models.n;
    SCP_GOTO(done, scp_bootstrap(j->comm, set->truth, set->n_truth, m->bootstrap, m->seed));
done:
    scp_synth_truth_close(&truth);
    return st;
}

/* The truth of the split in the layout of the predictions. */
static scp_status write_real(const job *j, const scp_eval_set *set)
{
    char path[SCP_PATH_MAX];
    if (scp_comm_rank(j->comm) != 0 || !j->s->eval.h5ad) return SCP_OK;
    SCP_TRY(scp_fs_join(path, sizeof path, j->dir, "real.h5ad"));
    return scp_pred_write_real(&j->o->data, set->rows, set->n_rows, path);
}

/* Result files of the split, and its truth. */
static scp_status write_set(const job *j, const scp_eval_set *set, const char *dir)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_scores_write_split(j->comm, set->model, set->n, &j->o->data, j->dir));
    SCP_TRY(scp_agree(j->comm, write_real(j, set)));
    if (!set->n_truth) return SCP_OK;
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s_truth", dir, set->split));
    return scp_scores_write_split(j->comm, set->truth, set->n_truth, &j->o->data, path);
}

scp_status scp_eval_set_run(scp_comm *comm, const scp_run_settings *s, const scp_run_open *o,
                            const char *dir, const char *split, scp_eval_set *set)
{
    job j = { .comm = comm, .s = s, .o = o };
    scp_status st = SCP_OK;
    *set = (scp_eval_set){ .split = split };
    SCP_TRY(scp_agree(comm, scp_eval_rows(o, split, &set->rows, &set->n_rows)));
    if (!set->n_rows) {
        scp_log(SCP_LOG_WARN, "split %s has no conditions: nothing to score", split);
        return SCP_OK;
    }
    SCP_GOTO(done, scp_run_models_open(comm, s, o, set->rows, set->n_rows, &j.models));
    SCP_GOTO(done, scp_agree(comm, prepare(&j, dir, split)));
    SCP_GOTO(done, score_models(&j, set));
    SCP_GOTO(done, measure_noise(&j, set));
    SCP_GOTO(done, score_truth(&j, set));
    SCP_GOTO(done, write_set(&j, set, dir));
done:
    job_fini(&j);
    return st;
}

void scp_eval_set_fini(scp_eval_set *set)
{
    for (size_t i = 0; i < set->n; i++) scp_scores_fini(&set->model[i]);
    for (size_t i = 0; i < set->n_truth; i++) scp_scores_fini(&set->truth[i]);
    for (int k = 0; k < SCP_CEILINGS; k++) scp_scores_fini(&set->ceiling[k]);
    scp_deg_tests_fini(&set->tests);
    free(set->model);
    free(set->truth);
    free(set->rows);
    *set = (scp_eval_set){ 0 };
}

/* ---- tables ---- */

scp_status scp_eval_print(const scp_run_settings *s, const scp_table *t, bool transpose,
                          const char *heading)
{
    scp_strbuf text = { 0 };
    scp_status st = scp_strbuf_addf(&text, "\n%s\n", heading);
    if (st == SCP_OK) st = scp_table_print(t, (scp_table_format)s->eval.format, transpose, &text);
    if (st == SCP_OK) scp_app_result(text.text);
    scp_strbuf_fini(&text);
    return st;
}

static scp_status print_scores(const scp_run_settings *s, const scp_scores *scores, size_t n,
                               const char *against)
{
    const scp_score_figure figure[] = { SCP_FIGURE_MEDIAN, SCP_FIGURE_MEAN };
    const char *const word[] = { "median", "mean" };
    char heading[128];
    for (int i = 0; i < 2; i++) {
        scp_table t = { 0 };
        scp_status st = scp_score_table(scores, n, figure[i], NULL, &t);
        snprintf(heading, sizeof heading, "%s: %s over %zu conditions%s", scores->split, word[i],
                 scores->n, against);
        if (st == SCP_OK) st = scp_eval_print(s, &t, true, heading);
        scp_table_fini(&t);
        SCP_TRY(st);
    }
    return SCP_OK;
}

/* Models, then the ceilings that there are. */
static scp_status print_observed(const scp_run_settings *s, const scp_eval_set *set)
{
    scp_scores *all = NULL; /* copies that own nothing */
    size_t n = set->n;
    SCP_TRY(scp_alloc(n + SCP_CEILINGS, sizeof *all, &all));
    memcpy(all, set->model, n * sizeof *all);
    for (int k = 0; k < SCP_CEILINGS; k++)
        if (set->ceiling[k].n) all[n++] = set->ceiling[k];
    scp_status st = print_scores(s, all, n, "");
    free(all);
    return st;
}

static scp_status print_dose(const scp_run_settings *s, const scp_eval_set *set)
{
    scp_table t = { 0 };
    char heading[128];
    if (!set->model->dose.n) return SCP_OK; /* no drug at two doses in one line */
    scp_status st = scp_dose_table(set->model, set->n, &t);
    snprintf(heading, sizeof heading, "%s: dose behaviour", set->split);
    if (st == SCP_OK) st = scp_eval_print(s, &t, true, heading);
    scp_table_fini(&t);
    return st;
}

/* How much intervals around the predictions hold, for models with a spread. */
static scp_status print_coverage(const scp_run_settings *s, const scp_eval_set *set)
{
    scp_table t = { 0 };
    char heading[128];
    bool found;
    scp_status st = scp_coverage_table(set->model, set->n, &t, &found);
    snprintf(heading, sizeof heading, "%s: coverage of prediction intervals", set->split);
    if (st == SCP_OK && found) st = scp_eval_print(s, &t, true, heading);
    scp_table_fini(&t);
    return st;
}

static scp_status print_tests(const scp_eval_set *set)
{
    const scp_deg_tests *t = &set->tests;
    scp_strbuf b = { 0 };
    scp_status st = SCP_OK;
    if (!t->n_tested) return SCP_OK;
    SCP_GOTO(done, scp_strbuf_addf(
                       &b,
                       "\n%s: share of the top %lld genes by true |logFC| with FDR <= %g "
                       "(paired t-tests on sub-bulks, %zu of %zu conditions):",
                       set->split, (long long)set->model->deg_k, t->level, t->n_tested, t->n));
    for (size_t e = 0; e < t->n_pseudo; e++)
        SCP_GOTO(done, scp_strbuf_addf(&b, "%s %.3f with pseudo-count %g", e ? "," : "",
                                       t->reduction[e].mean, t->pseudo[e]));
    scp_app_result(b.text);
done:
    scp_strbuf_fini(&b);
    return st;
}

scp_status scp_eval_set_print(const scp_run_settings *s, const scp_eval_set *set)
{
    if (!set->n_rows) return SCP_OK;
    SCP_TRY(print_observed(s, set));
    SCP_TRY(print_tests(set));
    if (set->n_truth)
        SCP_TRY(print_scores(s, set->truth, set->n_truth, ", against the truth of the screen"));
    SCP_TRY(print_dose(s, set));
    return print_coverage(s, set);
}
