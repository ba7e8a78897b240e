/* scppdm_eval and scppdm_predict: models on splits, tables on stdout, files in the run folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/run_models.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/dose.h"
#include "eval/score_files.h"
#include "report/score_table.h"

typedef struct evaluation {
    scp_comm *comm;
    const scp_run_settings *s;
    const scp_run_open *o;
    char dir[SCP_PATH_MAX]; /* of the score files */
    scp_scores *scores; /* [splits][models], as far as they are done */
    size_t n;
} evaluation;

/* Names are checked before the work, not after half of it. */
static scp_status check_splits(const scp_text_list *splits)
{
    scp_split split;
    for (size_t i = 0; i < splits->n; i++) SCP_TRY(scp_split_parse(splits->v[i], &split));
    return SCP_OK;
}

static scp_status split_rows(const scp_run_open *o, const char *name, int32_t **rows, size_t *n)
{
    scp_split split;
    SCP_TRY(scp_split_parse(name, &split));
    return scp_dataset_rows(&o->data, split, rows, n);
}

/* One table under a heading. */
static scp_status print_table(const scp_run_settings *s, scp_table *t, const char *heading)
{
    scp_strbuf text = { 0 };
    scp_status st = scp_strbuf_addf(&text, "\n%s\n", heading);
    if (st == SCP_OK) st = scp_table_print(t, (scp_table_format)s->eval.format, true, &text);
    if (st == SCP_OK) scp_app_result(text.text);
    scp_strbuf_fini(&text);
    return st;
}

static scp_status print_tables(const scp_run_settings *s, const scp_scores *scores, size_t n,
                               size_t n_rows, const char *split)
{
    const scp_score_figure figure[] = { SCP_FIGURE_MEDIAN, SCP_FIGURE_MEAN };
    const char *const word[] = { "median", "mean" };
    char heading[128];
    for (int i = 0; i < 3; i++) {
        scp_table t = { 0 };
        if (i == 2 && !scores->dose.n) break; /* no drug at two doses in one line */
        scp_status st = i < 2 ? scp_score_table(scores, n, figure[i], NULL, &t)
                              : scp_dose_table(scores, n, &t);
        snprintf(heading, sizeof heading, i < 2 ? "%s: %s over %zu conditions" : "%s: dose behaviour",
                 split, word[i < 2 ? i : 0], n_rows);
        if (st == SCP_OK) st = print_table(s, &t, heading);
        scp_table_fini(&t);
        SCP_TRY(st);
    }
    return SCP_OK;
}

/* How much intervals around the predictions hold, for models with a spread. */
static scp_status print_coverage(const scp_run_settings *s, const scp_scores *scores, size_t n,
                                 const char *split)
{
    scp_table t = { 0 };
    char heading[128];
    bool found;
    scp_status st = scp_coverage_table(scores, n, &t, &found);
    snprintf(heading, sizeof heading, "%s: coverage of prediction intervals", split);
    if (st == SCP_OK && found) st = print_table(s, &t, heading);
    scp_table_fini(&t);
    return st;
}

/* Files of one split in <run>/eval/<split>, and the truth in the same layout as the predictions. */
static scp_status write_split(const evaluation *e, const scp_scores *scores, size_t n,
                              const int32_t *rows, size_t n_rows, const char *split)
{
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(dir, sizeof dir, "%s/%s", e->dir, split));
    SCP_TRY(scp_scores_write_split(scores, n, &e->o->data, dir));
    SCP_TRY(scp_str_format(path, sizeof path, "%s/real_%s.h5ad", e->s->paths.run, split));
    if (e->s->eval.h5ad) SCP_TRY(scp_pred_write_real(&e->o->data, rows, n_rows, path));
    SCP_TRY(print_tables(e->s, scores, n, n_rows, split));
    return print_coverage(e->s, scores, n, split);
}

static scp_status score_models(evaluation *e, scp_run_models *m, const int32_t *rows, size_t n,
                               const char *split)
{
    scp_predictor *p = NULL;
    char path[SCP_PATH_MAX];
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(m->n, sizeof *p, &p));
    SCP_GOTO(done, scp_str_format(path, sizeof path, "%s/pred_%s.h5ad", e->s->paths.run, split));
    for (size_t i = 0; i < m->n; i++)
        p[i] = scp_run_model_predictor(&m->v[i], i == 0 && e->s->eval.h5ad ? path : NULL);
    SCP_GOTO(done, scp_evaluate(e->comm, &e->o->data, rows, n, split, p, m->n, &e->s->metrics,
                                e->scores + e->n));
    e->n += m->n;
    st = scp_comm_rank(e->comm) == 0 ? write_split(e, e->scores + e->n - m->n, m->n, rows, n, split)
                                     : SCP_OK;
    SCP_GOTO(done, scp_agree(e->comm, st));
done:
    free(p);
    return st;
}

static scp_status evaluate_split(evaluation *e, const char *split)
{
    int32_t *rows = NULL;
    size_t n;
    scp_run_models m = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(scp_agree(e->comm, split_rows(e->o, split, &rows, &n)));
    if (!n) {
        scp_log(SCP_LOG_WARN, "split %s has no conditions: nothing to score", split);
        goto done;
    }
    SCP_GOTO(done, scp_run_models_open(e->comm, e->s, e->o, rows, n, &m));
    SCP_GOTO(done, score_models(e, &m, rows, n, split));
done:
    scp_run_models_close(&m);
    free(rows);
    return st;
}

/* <run>/eval, or <run>/eval-<model> for an ablation, so that members of an array do not meet. */
static scp_status scores_dir(const scp_run_settings *s, char *dir, size_t size)
{
    bool ablation = strncmp(s->paths.model, "ablation-", 9) == 0;
    return scp_str_format(dir, size, "%s/eval%s%s", s->paths.run ? s->paths.run : "",
                          ablation ? "-" : "", ablation ? s->paths.model : "");
}

static scp_status write_summary(const evaluation *e)
{
    char path[SCP_PATH_MAX];
    if (!e->n) SCP_FAIL(SCP_EDATA, "none of the chosen splits has conditions in this shard");
    SCP_TRY(scp_fs_join(path, sizeof path, e->dir, "summary.json"));
    SCP_TRY(scp_scores_write_summary(e->scores, e->n, path));
    SCP_TRY(scp_fs_join(path, sizeof path, e->dir, "pseudo_sensitivity.tsv"));
    SCP_TRY(scp_scores_write_pseudo(e->scores, e->n, path));
    SCP_TRY(scp_fs_join(path, sizeof path, e->dir, "strata.tsv"));
    SCP_TRY(scp_scores_write_strata(e->scores, e->n, &e->o->data, path));
    SCP_TRY(scp_fs_join(path, sizeof path, e->dir, "dose.tsv"));
    return scp_scores_write_dose(e->scores, e->n, &e->o->data, path);
}

scp_status scp_run_eval(scp_comm *comm, scp_run_settings *s)
{
    scp_run_open o = { 0 };
    evaluation e = { .comm = comm, .s = s, .o = &o };
    size_t rows = s->eval.splits.n * (s->eval.models.n + s->eval.predictions.n);
    scp_status st = SCP_OK;
    if (!rows)
        SCP_FAIL(SCP_EUSAGE, "nothing to score: eval.splits and eval.models must not be empty");
    SCP_TRY(check_splits(&s->eval.splits));
    SCP_TRY(scp_metric_settings_check(&s->metrics));
    SCP_TRY(scores_dir(s, e.dir, sizeof e.dir));
    SCP_GOTO(done, scp_run_begin(comm, s, false, &o));
    SCP_GOTO(done, scp_agree(comm, scp_alloc(rows, sizeof *e.scores, &e.scores)));
    for (size_t i = 0; i < s->eval.splits.n; i++)
        SCP_GOTO(done, evaluate_split(&e, s->eval.splits.v[i]));
    SCP_GOTO(done, scp_agree(comm, scp_comm_rank(comm) == 0 ? write_summary(&e) : SCP_OK));
done:
    for (size_t i = 0; i < e.n; i++) scp_scores_fini(&e.scores[i]);
    free(e.scores);
    scp_run_end(&o);
    return st;
}

static scp_status predict_split(scp_comm *comm, const scp_run_settings *s, const scp_run_open *o,
                                const char *split)
{
    int32_t *rows = NULL;
    size_t n;
    char path[SCP_PATH_MAX];
    scp_run_models m = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(scp_agree(comm, split_rows(o, split, &rows, &n)));
    if (!n) SCP_FAIL_GOTO(done, SCP_EDATA, "split %s has no conditions to predict", split);
    if (s->eval.output)
        SCP_GOTO(done, scp_str_format(path, sizeof path, "%s", s->eval.output));
    else
        SCP_GOTO(done, scp_str_format(path, sizeof path, "%s/pred_%s.h5ad", s->paths.run, split));
    SCP_GOTO(done, scp_run_models_open(comm, s, o, rows, n, &m));
    scp_predictor p = scp_run_model_predictor(&m.v[0], path);
    SCP_GOTO(done, scp_pred_write(comm, &o->data, rows, n, &p, (size_t)s->metrics.block));
    if (scp_comm_rank(comm) == 0) scp_app_result(path);
done:
    scp_run_models_close(&m);
    free(rows);
    return st;
}

scp_status scp_run_predict(scp_comm *comm, scp_run_settings *s)
{
    scp_run_open o = { 0 };
    scp_status st = SCP_OK;
    if (!s->eval.splits.n || !s->eval.models.n)
        SCP_FAIL(SCP_EUSAGE, "eval.splits and eval.models must name what to predict");
    if (s->eval.output && s->eval.splits.n > 1)
        SCP_FAIL(SCP_EUSAGE,
                 "--output takes the predictions of one split: choose it with --splits");
    SCP_TRY(check_splits(&s->eval.splits));
    scp_run_settings one = *s; /* the file holds the first model: no other has to be there */
    one.eval.models.n = 1;
    one.eval.predictions.n = 0;
    SCP_GOTO(done, scp_run_begin(comm, s, false, &o));
    for (size_t i = 0; i < s->eval.splits.n; i++)
        SCP_GOTO(done, predict_split(comm, &one, &o, s->eval.splits.v[i]));
done:
    scp_run_end(&o);
    return st;
}
