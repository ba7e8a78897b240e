/* Scores as files. CSV fields are quoted as in RFC 4180; NaN is an empty field. */
#include "eval/score_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/jsonl.h"
#include "base/mem.h"
#include "eval/pred_file.h"

static scp_status add_quoted(scp_strbuf *b, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) return scp_strbuf_addf(b, "%s", text);
    SCP_TRY(scp_strbuf_addn(b, "\"", 1));
    for (; *text; text++) {
        if (*text == '"') SCP_TRY(scp_strbuf_addn(b, "\"", 1));
        SCP_TRY(scp_strbuf_addn(b, text, 1));
    }
    return scp_strbuf_addn(b, "\"", 1);
}

/* A further field of a line. */
static scp_status add_real(scp_strbuf *b, double v)
{
    char text[SCP_REAL_TEXT];
    if (isnan(v)) return scp_strbuf_addn(b, ",", 1);
    return scp_strbuf_addf(b, ",%s", scp_print_real(v, text));
}

/* Names of the metrics, each followed by its *_nan0 twin where it has one. */
static scp_status add_header(scp_strbuf *b, const scp_metric_columns *cols)
{
    for (size_t c = 0; c < cols->n; c++) {
        SCP_TRY(scp_strbuf_addf(b, ",%s", scp_metric_shared_name(&cols->col[c])));
        if (cols->col[c].nan0)
            SCP_TRY(scp_strbuf_addf(b, ",%s_nan0", scp_metric_shared_name(&cols->col[c])));
    }
    return scp_strbuf_addn(b, "\n", 1);
}

static scp_status add_condition(scp_strbuf *b, const scp_scores *s, const scp_dataset *d, size_t i)
{
    int32_t post = d->post[s->row[i]];
    char dose[SCP_REAL_TEXT], *label = NULL;
    SCP_TRY(scp_pred_label(d->drug[s->drug[i]], d->p_dose[post], &label));
    scp_status st = add_quoted(b, label);
    free(label);
    SCP_TRY(st);
    const char *const name[] = { d->line[s->line[i]], d->drug[s->drug[i]],
                                 scp_print_real(d->p_dose[post], dose),
                                 d->plate[d->p_plate[post]] };
    for (size_t k = 0; k < sizeof name / sizeof name[0]; k++) {
        SCP_TRY(scp_strbuf_addn(b, ",", 1));
        SCP_TRY(add_quoted(b, name[k]));
    }
    SCP_TRY(scp_strbuf_addf(b, ",%d", (int)s->group[i]));
    for (size_t c = 0; c < s->cols.n; c++) {
        double v = scp_scores_value(s, 0, i, c);
        SCP_TRY(add_real(b, v));
        if (s->cols.col[c].nan0) SCP_TRY(add_real(b, isnan(v) ? 0 : v));
    }
    return scp_strbuf_addn(b, "\n", 1);
}

/* Rows of this rank's share of the conditions. */
static scp_status add_share(scp_comm *comm, const scp_scores *s, const scp_dataset *d,
                            scp_strbuf *b)
{
    size_t begin, end;
    scp_comm_share(comm, s->n, &begin, &end);
    SCP_TRY(scp_strbuf_addn(b, "", 0));
    for (size_t i = begin; i < end; i++) SCP_TRY(add_condition(b, s, d, i));
    return SCP_OK;
}

static scp_status write_rows(const scp_scores *s, const char *rows, size_t n, const char *path)
{
    scp_strbuf b = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_strbuf_addf(&b, "perturbation,cell_line,drug,dose_uM,plate,label_group_n"));
    SCP_GOTO(done, add_header(&b, &s->cols));
    SCP_GOTO(done, scp_strbuf_addn(&b, rows, n));
    SCP_GOTO(done, scp_fs_write_text(path, b.text, b.len));
done:
    scp_strbuf_fini(&b);
    return st;
}

scp_status scp_scores_write_results(scp_comm *comm, const scp_scores *s, const scp_dataset *d,
                                    const char *path)
{
    SCP_ARG(comm && s && d && path, "communicator, scores, data set and path are required");
    scp_status st = SCP_OK;
    scp_strbuf mine = { 0 };
    char *all = NULL;
    size_t n = 0;
    SCP_GOTO(done, scp_agree(comm, add_share(comm, s, d, &mine)));
    SCP_GOTO(done,
             scp_comm_allgatherv(comm, mine.text, mine.len, SCP_COMM_U8, (void **)&all, &n, NULL));
    st = scp_comm_rank(comm) == 0 ? write_rows(s, all, n, path) : SCP_OK;
    st = scp_agree(comm, st);
done:
    free(all);
    scp_strbuf_fini(&mine);
    return st;
}

/* Statistic rows of cell-eval; a *_nan0 twin is a column of its own with nothing missing. */
static const char *const statistic[] = { "count", "null_count", "mean", "std", "min",
                                         "25%",   "50%",        "75%",  "max" };
enum { N_STATISTICS = sizeof statistic / sizeof statistic[0] };

static scp_status add_statistic(scp_strbuf *b, const scp_reduction *r, size_t k)
{
    const double figure[N_STATISTICS] = { (double)r->n, (double)r->n_nan, r->mean, r->std, r->min,
                                          r->q25,       r->median,        r->q75,  r->max };
    return add_real(b, figure[k]);
}

/* Reductions of every column with NaN as 0: twin [cols.n]. */
static scp_status reduce_twins(const scp_scores *s, scp_reduction *twin)
{
    double *v = NULL;
    SCP_TRY(scp_alloc(2 * s->n, sizeof *v, &v));
    for (size_t c = 0; c < s->cols.n; c++) {
        for (size_t i = 0; i < s->n; i++) {
            double x = scp_scores_value(s, 0, i, c);
            v[i] = isnan(x) ? 0 : x;
        }
        scp_reduce(v, s->n, v + s->n, &twin[c]);
    }
    free(v);
    return SCP_OK;
}

scp_status scp_scores_write_agg(const scp_scores *s, const char *path)
{
    SCP_ARG(s && path, "scores and path are required");
    scp_status st = SCP_OK;
    scp_strbuf b = { 0 };
    scp_reduction twin[SCP_METRIC_MAX];
    SCP_GOTO(done, reduce_twins(s, twin));
    SCP_GOTO(done, scp_strbuf_addf(&b, "statistic"));
    SCP_GOTO(done, add_header(&b, &s->cols));
    for (size_t k = 0; k < N_STATISTICS; k++) {
        SCP_GOTO(done, scp_strbuf_addf(&b, "%s", statistic[k]));
        for (size_t c = 0; c < s->cols.n; c++) {
            SCP_GOTO(done, add_statistic(&b, &s->all[c], k));
            if (s->cols.col[c].nan0) SCP_GOTO(done, add_statistic(&b, &twin[c], k));
        }
        SCP_GOTO(done, scp_strbuf_addn(&b, "\n", 1));
    }
    SCP_GOTO(done, scp_fs_write_text(path, b.text, b.len));
done:
    scp_strbuf_fini(&b);
    return st;
}

static scp_status write_model(scp_comm *comm, const scp_scores *s, const scp_dataset *d,
                              const char *dir, const char *prefix)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%sresults.csv", dir, prefix));
    SCP_TRY(scp_scores_write_results(comm, s, d, path));
    if (scp_comm_rank(comm) != 0) return SCP_OK;
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%sagg_results.csv", dir, prefix));
    return scp_scores_write_agg(s, path);
}

scp_status scp_scores_write_split(scp_comm *comm, const scp_scores *s, size_t n,
                                  const scp_dataset *d, const char *dir)
{
    SCP_ARG(comm && s && d && dir, "communicator, scores, data set and folder are required");
    SCP_TRY(scp_agree(comm, scp_comm_rank(comm) == 0 ? scp_fs_mkdirs(dir) : SCP_OK));
    for (size_t m = 0; m < n; m++) {
        char prefix[256] = "";
        if (m) SCP_TRY(scp_str_format(prefix, sizeof prefix, "%s_", s[m].model));
        for (char *c = prefix; *c; c++)
            if (*c == '/') *c = '-';
        SCP_TRY(scp_agree(comm, write_model(comm, &s[m], d, dir, prefix)));
    }
    return SCP_OK;
}

static void put_macro(scp_jsonl *j, const char *key, const scp_reduction *r)
{
    scp_jsonl_open(j, key);
    scp_jsonl_real(j, "mean", r->mean);
    scp_jsonl_real(j, "median", r->median);
    scp_jsonl_int(j, "groups", (int64_t)r->n);
    scp_jsonl_int(j, "groups_nan", (int64_t)r->n_nan);
    scp_jsonl_close(j);
}

/* [low, high] */
static void put_interval(scp_jsonl *j, const char *key, const scp_interval *v)
{
    char text[2][SCP_REAL_TEXT], json[2 * SCP_REAL_TEXT + 8];
    snprintf(json, sizeof json, "[%s, %s]",
             isnan(v->low) ? "null" : scp_print_real(v->low, text[0]),
             isnan(v->high) ? "null" : scp_print_real(v->high, text[1]));
    scp_jsonl_raw(j, key, json);
}

static void put_reliability(scp_jsonl *j, const scp_scores *s, size_t c)
{
    char key[40];
    if (s->ci) {
        put_interval(j, "mean_ci", &s->ci[c].mean);
        put_interval(j, "median_ci", &s->ci[c].median);
    }
    for (int k = 0; k < SCP_CEILINGS; k++) {
        if (!s->of_ceiling[k] || isnan(s->of_ceiling[k][c])) continue;
        snprintf(key, sizeof key, "of_%s", scp_ceiling_name((scp_ceiling_kind)k));
        scp_jsonl_real(j, key, s->of_ceiling[k][c]);
    }
}

static void put_metric(scp_jsonl *j, const scp_scores *s, size_t c)
{
    const scp_reduction *r = &s->all[c];
    scp_jsonl_open(j, scp_metric_shared_name(&s->cols.col[c]));
    scp_jsonl_real(j, "mean", r->mean);
    scp_jsonl_real(j, "median", r->median);
    scp_jsonl_real(j, "std", r->std);
    scp_jsonl_int(j, "n", (int64_t)r->n);
    scp_jsonl_int(j, "n_nan", (int64_t)r->n_nan);
    if (s->cols.col[c].nan0) {
        scp_jsonl_real(j, "mean_nan0", r->mean_nan0);
        scp_jsonl_real(j, "median_nan0", r->median_nan0);
    }
    put_reliability(j, s, c);
    put_macro(j, "by_drug", &s->by_drug[c]);
    put_macro(j, "by_line", &s->by_line[c]);
    scp_jsonl_real(j, "best", s->cols.col[c].best);
    if (s->cols.col[c].k) scp_jsonl_int(j, "k_used", s->cols.col[c].k);
    scp_jsonl_close(j);
}

static void put_pseudo(scp_jsonl *j, const scp_scores *s)
{
    scp_jsonl_open(j, "pseudo_study");
    for (size_t p = 0; p < s->n_pseudo; p++) {
        char key[SCP_REAL_TEXT];
        scp_jsonl_open(j, scp_print_real(s->pseudo[p], key));
        for (size_t c = 0; c < s->cols.n; c++) {
            if (!s->cols.col[c].uses_pseudo) continue;
            scp_jsonl_open(j, scp_metric_shared_name(&s->cols.col[c]));
            scp_jsonl_real(j, "mean", s->all[p * s->cols.n + c].mean);
            scp_jsonl_real(j, "median", s->all[p * s->cols.n + c].median);
            scp_jsonl_close(j);
        }
        scp_jsonl_close(j);
    }
    scp_jsonl_close(j);
}

static void put_dose(scp_jsonl *j, const scp_dose_summary *d)
{
    scp_jsonl_open(j, "dose");
    scp_jsonl_int(j, "groups", (int64_t)d->n);
    scp_jsonl_real(j, "spearman", d->spearman);
    scp_jsonl_real(j, "spearman_true", d->spearman_true);
    scp_jsonl_real(j, "rising", d->rising);
    scp_jsonl_real(j, "rising_true", d->rising_true);
    scp_jsonl_real(j, "order", d->order);
    scp_jsonl_close(j);
}

/* "all": { "draws": { "0.5": share, ... }, "draws_and_noise": ... } */
static void put_intervals(scp_jsonl *j, const scp_coverage *c, scp_coverage_genes genes)
{
    static const char *const kind[] = { "draws", "draws_and_noise" };
    char key[SCP_REAL_TEXT];
    scp_jsonl_int(j, "values", c->n[genes]);
    for (int noise = 0; noise < 2; noise++) {
        scp_jsonl_open(j, kind[noise]);
        for (int k = 0; k < SCP_COVERAGE_LEVELS; k++)
            scp_jsonl_real(j, scp_print_real(scp_coverage_level[k], key),
                           scp_coverage_share(c, genes, k, noise));
        scp_jsonl_close(j);
    }
}

static void put_coverage(scp_jsonl *j, const scp_coverage *c)
{
    if (!c->samples) return;
    scp_jsonl_open(j, "coverage");
    scp_jsonl_int(j, "samples", c->samples);
    scp_jsonl_open(j, "all_genes");
    put_intervals(j, c, SCP_COVERAGE_ALL);
    scp_jsonl_close(j);
    scp_jsonl_open(j, "expressed_genes");
    put_intervals(j, c, SCP_COVERAGE_EXPRESSED);
    scp_jsonl_close(j);
    scp_jsonl_close(j);
}

static void put_scores(scp_jsonl *j, const scp_scores *s)
{
    scp_jsonl_open(j, s->split);
    scp_jsonl_int(j, "conditions", (int64_t)s->n);
    scp_jsonl_int(j, "labels", (int64_t)s->n_labels);
    scp_jsonl_int(j, "not_finite", (int64_t)s->n_bad);
    scp_jsonl_open(j, "metrics");
    for (size_t c = 0; c < s->cols.n; c++) put_metric(j, s, c);
    scp_jsonl_close(j);
    put_dose(j, &s->dose);
    put_coverage(j, &s->coverage);
    put_pseudo(j, s);
    scp_jsonl_close(j);
}

static void put_settings(scp_jsonl *j, const scp_scores *s)
{
    bool all_genes = false; /* a K that is not below the number of genes */
    for (size_t c = 0; c < s->cols.n; c++) all_genes |= s->cols.col[c].k == (int64_t)s->G;
    scp_jsonl_open(j, "settings");
    scp_jsonl_real(j, "pseudo", s->pseudo[0]);
    scp_jsonl_int(j, "deg_k", s->deg_k);
    scp_jsonl_int(j, "resamples", s->resamples);
    scp_jsonl_int(j, "genes", (int64_t)s->G);
    scp_jsonl_bool(j, "some_k_is_all_genes", all_genes);
    scp_jsonl_text(j, "negative_predictions", "set to 0 before scoring; see clipped");
    scp_jsonl_text(
        j, "nan",
        "left out of mean and median and counted in n_nan; the nan0 figures take it as 0");
    scp_jsonl_close(j);
}

static bool same_model_before(const scp_scores *s, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(s[k].model, s[i].model) == 0) return true;
    return false;
}

static void put_tests(scp_jsonl *j, const scp_deg_tests *t)
{
    scp_jsonl_open(j, t->split);
    scp_jsonl_real(j, "fdr", t->level);
    scp_jsonl_int(j, "conditions", (int64_t)t->n);
    scp_jsonl_int(j, "tested", (int64_t)t->n_tested);
    scp_jsonl_open(j, "share_of_deg");
    for (size_t e = 0; e < t->n_pseudo; e++) {
        char key[SCP_REAL_TEXT];
        scp_jsonl_open(j, scp_print_real(t->pseudo[e], key));
        scp_jsonl_real(j, "mean", t->reduction[e].mean);
        scp_jsonl_real(j, "median", t->reduction[e].median);
        scp_jsonl_close(j);
    }
    scp_jsonl_close(j);
    scp_jsonl_close(j);
}

scp_status scp_scores_write_summary(const scp_scores *s, size_t n, const scp_deg_tests *tests,
                                    size_t n_tests, const char *path)
{
    SCP_ARG(s && n && path, "scores and path are required");
    scp_jsonl j = { 0 };
    scp_jsonl_begin(&j);
    put_settings(&j, s);
    scp_jsonl_open(&j, "models");
    for (size_t i = 0; i < n; i++) {
        if (same_model_before(s, i)) continue;
        scp_jsonl_open(&j, s[i].model);
        for (size_t k = i; k < n; k++)
            if (strcmp(s[k].model, s[i].model) == 0) put_scores(&j, &s[k]);
        scp_jsonl_close(&j);
    }
    scp_jsonl_close(&j);
    scp_jsonl_open(&j, "significance");
    for (size_t i = 0; i < n_tests; i++)
        if (tests[i].n_tested) put_tests(&j, &tests[i]);
    scp_jsonl_close(&j);
    const char *text = NULL;
    scp_status st = scp_jsonl_end(&j, &text);
    if (st == SCP_OK) st = scp_fs_write_text(path, text, strlen(text));
    scp_jsonl_fini(&j);
    return st;
}

static scp_status add_pseudo_rows(scp_strbuf *b, const scp_scores *s)
{
    char text[2][SCP_REAL_TEXT];
    for (size_t p = 0; p < s->n_pseudo; p++)
        for (size_t c = 0; c < s->cols.n; c++) {
            const scp_reduction *r = &s->all[p * s->cols.n + c];
            if (!s->cols.col[c].uses_pseudo) continue;
            SCP_TRY(scp_strbuf_addf(b, "%s\t%s\t%g\t%s\t%s\t%s\t%zu\t%zu\n", s->model, s->split,
                                    s->pseudo[p], s->cols.col[c].name,
                                    scp_print_real(r->mean, text[0]),
                                    scp_print_real(r->median, text[1]), r->n, r->n_nan));
        }
    return SCP_OK;
}

scp_status scp_scores_write_pseudo(const scp_scores *s, size_t n, const char *path)
{
    SCP_ARG(s && path, "scores and path are required");
    scp_status st = SCP_OK;
    scp_strbuf b = { 0 };
    SCP_GOTO(done, scp_strbuf_addf(&b, "model\tsplit\tpseudo\tmetric\tmean\tmedian\tn\tn_nan\n"));
    for (size_t i = 0; i < n; i++) SCP_GOTO(done, add_pseudo_rows(&b, &s[i]));
    SCP_GOTO(done, scp_fs_write_text(path, b.text, b.len));
done:
    scp_strbuf_fini(&b);
    return st;
}
