/* scppdm_eval --compare A,B,...: paired tests of the first run against each other one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/eval_set.h"
#include "base/fs.h"
#include "eval/score_read.h"
#include "io/tsv.h"

enum { DIGITS = 4 };

/* The result file of a run folder, or the file itself. */
static scp_status results_of(const char *what, const char *split, char *path)
{
    if (!scp_fs_is_dir(what)) return scp_str_format(path, SCP_PATH_MAX, "%s", what);
    return scp_str_format(path, SCP_PATH_MAX, "%s/eval/%s/results.csv", what, split);
}

/* Is this a run folder that was scored, on other splits maybe? */
static bool has_scores(const char *run)
{
    char path[SCP_PATH_MAX];
    return scp_fs_join(path, sizeof path, run, "eval") == SCP_OK && scp_fs_is_dir(path);
}

/* Are there result files in the folder itself? */
static scp_status has_files(const char *dir, bool *has)
{
    char **name = NULL;
    size_t n = 0;
    SCP_TRY(scp_fs_list(dir, "results.csv", &name, &n));
    *has = n > 0;
    scp_fs_list_free(name, n);
    return SCP_OK;
}

/* Rows of a run, of a results.csv, or of a folder that cell-eval wrote. */
static scp_status read_rows(const char *what, const char *split, scp_score_rows *out)
{
    char path[SCP_PATH_MAX];
    bool files = false;
    SCP_TRY(results_of(what, split, path));
    if (!scp_fs_is_dir(what)) return scp_score_rows_read(path, out);
    if (!scp_fs_exists(path)) {
        if (!has_scores(what)) SCP_TRY(has_files(what, &files));
        if (files) return scp_score_rows_read_folder(what, out);
        SCP_FAIL(SCP_ENOINPUT,
                 "%s does not exist: score the run first (scppdm_eval --run %s --splits %s)", path,
                 what, split);
    }
    return scp_score_rows_read(path, out);
}

static scp_status build_table(const scp_score_match *m, const char *a, const char *b, scp_table *t)
{
    static const char *const title[] = {
        "mean of A", "mean of B", "A - B", "low", "high", "p", "q"
    };
    SCP_TRY(scp_table_init(t, "comparison"));
    for (size_t i = 0; i < sizeof title / sizeof title[0]; i++)
        SCP_TRY(scp_table_add_column(t, title[i], NAN, DIGITS));
    SCP_TRY(scp_table_add_column(t, "n", NAN, -1));
    for (size_t c = 0; c < m->n_cols; c++) {
        const scp_comparison *v = &m->comparison[c];
        const double row[] = { v->mean_a, v->mean_b, v->difference, v->low,
                               v->high,   v->p,      v->q,          (double)v->n };
        SCP_TRY(scp_table_add_row(t, m->name[c], row, false));
    }
    SCP_TRY(scp_table_note(t,
                           "A: %s; B: %s; %zu conditions in both, %zu of A alone, %zu of B alone",
                           a, b, m->n, m->only_a, m->only_b));
    return scp_table_note(t, "low, high: 95 %% of the bootstrap over conditions; p: Wilcoxon's "
                             "signed-rank test, two-sided; q: p adjusted over the metrics "
                             "(Benjamini-Hochberg)");
}

static scp_status add_rows(scp_tsv_writer *w, const scp_score_match *m, const char *split,
                           const char *a, const char *b)
{
    for (size_t c = 0; w && c < m->n_cols; c++) {
        const scp_comparison *v = &m->comparison[c];
        const double figure[] = {
            v->mean_a, v->mean_b, v->difference, v->low, v->high, v->p, v->q
        };
        SCP_TRY(scp_tsv_add_text(w, split));
        SCP_TRY(scp_tsv_add_text(w, a));
        SCP_TRY(scp_tsv_add_text(w, b));
        SCP_TRY(scp_tsv_add_text(w, m->name[c]));
        SCP_TRY(scp_tsv_add_int(w, (int64_t)v->n));
        for (size_t i = 0; i < sizeof figure / sizeof figure[0]; i++)
            SCP_TRY(scp_tsv_add_real(w, figure[i]));
    }
    return SCP_OK;
}

static scp_status compare_one(const scp_run_settings *s, const char *split, const char *a,
                              const char *b, scp_tsv_writer *w)
{
    scp_score_rows rows[2] = { { 0 } };
    scp_score_match m = { 0 };
    scp_table t = { 0 };
    char heading[64];
    scp_status st = SCP_OK;
    SCP_GOTO(done, read_rows(a, split, &rows[0]));
    SCP_GOTO(done, read_rows(b, split, &rows[1]));
    SCP_GOTO(done,
             scp_score_rows_compare(&rows[0], &rows[1], s->metrics.bootstrap, s->metrics.seed, &m));
    SCP_GOTO(done, build_table(&m, a, b, &t));
    snprintf(heading, sizeof heading, "%s: comparison", split);
    SCP_GOTO(done, scp_eval_print(s, &t, false, heading));
    SCP_GOTO(done, add_rows(w, &m, split, a, b));
done:
    scp_table_fini(&t);
    scp_score_match_fini(&m);
    scp_score_rows_fini(&rows[0]);
    scp_score_rows_fini(&rows[1]);
    return st;
}

static scp_status compare_all(const scp_run_settings *s)
{
    static const char *const column[] = { "split",  "a",          "b",   "metric", "n", "mean_a",
                                          "mean_b", "difference", "low", "high",   "p", "q" };
    const scp_text_list *run = &s->eval.compare;
    scp_tsv_writer *w = NULL;
    scp_status st = SCP_OK;
    if (run->n < 2) SCP_FAIL(SCP_EUSAGE, "--compare takes two runs or more: --compare A,B");
    if (s->eval.output)
        SCP_GOTO(done, scp_tsv_writer_create(column, sizeof column / sizeof column[0], &w));
    for (size_t i = 0; i < s->eval.splits.n; i++)
        for (size_t k = 1; k < run->n; k++)
            SCP_GOTO(done, compare_one(s, s->eval.splits.v[i], run->v[0], run->v[k], w));
    if (w) SCP_GOTO(done, scp_tsv_writer_commit(&w, s->eval.output));
done:
    scp_tsv_writer_abort(&w);
    return st;
}

scp_status scp_run_compare(scp_comm *comm, const scp_run_settings *s)
{
    return scp_agree(comm, scp_comm_rank(comm) == 0 ? compare_all(s) : SCP_OK);
}
