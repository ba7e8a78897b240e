/* scppdm_eval: models on splits, tables on stdout, files in the run folder. */
#include <stdlib.h>
#include <string.h>

#include "app/eval_set.h"
#include "base/fs.h"
#include "base/mem.h"
#include "eval/dose.h"
#include "eval/score_files.h"

typedef struct evaluation {
    const scp_run_settings *s;
    const scp_run_open *o;
    char dir[SCP_PATH_MAX]; /* of the score files */
    scp_eval_set *set;      /* [n], as far as they are done */
    size_t n;
} evaluation;

/* Names are checked before the work, not after half of it. */
static scp_status check_splits(const scp_text_list *splits)
{
    scp_split split;
    for (size_t i = 0; i < splits->n; i++) {
        SCP_TRY(scp_split_parse(splits->v[i], &split));
        for (size_t k = 0; k < i; k++)
            if (strcmp(splits->v[k], splits->v[i]) == 0)
                SCP_FAIL(SCP_EUSAGE, "eval.splits: '%s' is given twice; name each split once",
                         splits->v[i]);
    }
    return SCP_OK;
}

/* <run>/eval, or <run>/eval-<model> for an ablation, so that members of an array do not meet. */
static scp_status scores_dir(const scp_run_settings *s, char *dir, size_t size)
{
    bool ablation = strncmp(s->paths.model, "ablation-", 9) == 0;
    return scp_str_format(dir, size, "%s/eval%s%s", s->paths.run ? s->paths.run : "",
                          ablation ? "-" : "", ablation ? s->paths.model : "");
}

/* Scores of all sets in one list, which owns nothing: models, then ceilings, then those against the
 * truth. *models: those of the splits alone. */
typedef struct lists {
    scp_scores *all, *models;
    scp_deg_tests *tests;
    scp_scored_set *sets;
    size_t n_all, n_models, n_tests, n_sets;
} lists;

static void lists_fini(lists *l)
{
    free(l->all);
    free(l->models);
    free(l->tests);
    free(l->sets);
}

static scp_status lists_init(const evaluation *e, lists *l)
{
    size_t n = 0;
    *l = (lists){ 0 };
    for (size_t i = 0; i < e->n; i++) n += e->set[i].n + SCP_CEILINGS + e->set[i].n_truth;
    SCP_TRY(scp_alloc(n, sizeof *l->all, &l->all));
    SCP_TRY(scp_alloc(n, sizeof *l->models, &l->models));
    SCP_TRY(scp_alloc(e->n, sizeof *l->tests, &l->tests));
    SCP_TRY(scp_alloc(e->n, sizeof *l->sets, &l->sets));
    for (size_t i = 0; i < e->n; i++) {
        const scp_eval_set *set = &e->set[i];
        if (!set->n) continue;
        for (size_t m = 0; m < set->n; m++)
            l->all[l->n_all++] = l->models[l->n_models++] = set->model[m];
        for (int k = 0; k < SCP_CEILINGS; k++)
            if (set->ceiling[k].n) l->all[l->n_all++] = set->ceiling[k];
        for (size_t m = 0; m < set->n_truth; m++) l->all[l->n_all++] = set->truth[m];
        if (set->tests.n_tested) l->tests[l->n_tests++] = set->tests;
        l->sets[l->n_sets++] =
            (scp_scored_set){ .model = set->model, .ceiling = set->ceiling, .n = set->n };
    }
    return SCP_OK;
}

/* <dir>/<name> into path, for the call that follows. */
static scp_status file_in(const evaluation *e, char *path, const char *name)
{
    return scp_fs_join(path, SCP_PATH_MAX, e->dir, name);
}

static scp_status write_tables(const evaluation *e, const lists *l)
{
    const scp_dataset *d = &e->o->data;
    char path[SCP_PATH_MAX];
    SCP_TRY(file_in(e, path, "summary.json"));
    SCP_TRY(scp_scores_write_summary(l->all, l->n_all, l->tests, l->n_tests, path));
    SCP_TRY(file_in(e, path, "pseudo_sensitivity.tsv"));
    SCP_TRY(scp_scores_write_pseudo(l->models, l->n_models, path));
    SCP_TRY(file_in(e, path, "strata.tsv"));
    SCP_TRY(scp_scores_write_strata(l->models, l->n_models, d, path));
    SCP_TRY(file_in(e, path, "dose.tsv"));
    SCP_TRY(scp_scores_write_dose(l->models, l->n_models, d, path));
    SCP_TRY(file_in(e, path, "ceilings.tsv"));
    SCP_TRY(scp_ceilings_write(l->sets, l->n_sets, path));
    SCP_TRY(file_in(e, path, "significance.tsv"));
    return l->n_tests ? scp_deg_tests_write(l->tests, l->n_tests, d, path) : SCP_OK;
}

/* Tables over all splits; comparisons are made by all ranks, the rest by rank 0. */
static scp_status write_summary(scp_comm *comm, const evaluation *e)
{
    const scp_metric_settings *m = &e->s->metrics;
    char path[SCP_PATH_MAX];
    lists l;
    scp_status st = lists_init(e, &l);
    if (st == SCP_OK) st = file_in(e, path, "comparisons.tsv");
    SCP_GOTO(done, scp_agree(comm, st));
    if (!l.n_all)
        SCP_FAIL_GOTO(done, SCP_EDATA, "none of the chosen splits has conditions in this shard");
    SCP_GOTO(done,
             scp_comparisons_write(comm, l.sets, l.n_sets, m->bootstrap, m->seed, path));
    st = scp_agree(comm, scp_comm_rank(comm) == 0 ? write_tables(e, &l) : SCP_OK);
done:
    lists_fini(&l);
    return st;
}

static scp_status check_settings(const scp_run_settings *s)
{
    if (!s->eval.splits.n || !(s->eval.models.n + s->eval.predictions.n))
        SCP_FAIL(SCP_EUSAGE, "nothing to score: eval.splits must not be empty, and eval.models or "
                             "eval.predictions must name something");
    SCP_TRY(check_splits(&s->eval.splits));
    SCP_TRY(scp_run_models_check(s));
    return scp_metric_settings_check(&s->metrics);
}

static bool is_sweep(const scp_sweep_choice *c)
{
    return c->s_p.n || c->s_0.n || c->alpha.n || c->gamma.n || c->steps.n || c->draws.n;
}

scp_status scp_run_eval(scp_comm *comm, scp_run_settings *s)
{
    scp_run_open o = { 0 };
    evaluation e = { .s = s, .o = &o };
    scp_status st = SCP_OK;
    SCP_TRY(check_settings(s));
    if (s->eval.compare.n) return scp_run_compare(comm, s);
    if (is_sweep(&s->sweep)) return scp_run_sweep(comm, s);
    SCP_TRY(scores_dir(s, e.dir, sizeof e.dir));
    SCP_GOTO(done, scp_run_begin(comm, s, false, &o));
    SCP_GOTO(done, scp_agree(comm, scp_alloc(s->eval.splits.n, sizeof *e.set, &e.set)));
    for (; e.n < s->eval.splits.n; e.n++) {
        scp_eval_set *set = &e.set[e.n];
        SCP_GOTO(done, scp_eval_set_run(comm, s, &o, e.dir, s->eval.splits.v[e.n], set));
        st = scp_comm_rank(comm) == 0 ? scp_eval_set_print(s, set) : SCP_OK;
        SCP_GOTO(done, scp_agree(comm, st));
    }
    SCP_GOTO(done, write_summary(comm, &e));
done:
    for (size_t i = 0; e.set && i < s->eval.splits.n; i++) scp_eval_set_fini(&e.set[i]);
    free(e.set);
    scp_run_end(&o);
    return st;
}
