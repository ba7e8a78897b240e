/* Paired comparisons of models, see comparisons.h. */
#include "report/comparisons.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/tsv.h"
#include "report/html.h"
#include "report/summary.h"

enum { DIGITS = 3, FIELDS = 4 };

static const double significant = 0.05; /* the largest q that is marked */

static const char *const field_name[FIELDS] = { "difference", "low", "high", "q" };
enum { DIFFERENCE, LOW, HIGH, Q };

/* The rows of a split as a grid: metrics down, other models across. */
typedef struct grid {
    scp_names *metric, *model;
    char first[128]; /* the model that the others are compared with */
    double *v;       /* [metrics, models, FIELDS], NaN: none */
    scp_metric_columns cols;
} grid;

static void grid_fini(grid *g)
{
    scp_names_destroy(&g->metric);
    scp_names_destroy(&g->model);
    free(g->v);
}

typedef struct columns {
    size_t split, a, b, metric, field[FIELDS];
} columns;

static scp_status find_columns(const scp_tsv *t, columns *c)
{
    SCP_TRY(scp_tsv_column(t, "split", &c->split));
    SCP_TRY(scp_tsv_column(t, "model_a", &c->a));
    SCP_TRY(scp_tsv_column(t, "model_b", &c->b));
    SCP_TRY(scp_tsv_column(t, "metric", &c->metric));
    for (int k = 0; k < FIELDS; k++) SCP_TRY(scp_tsv_column(t, field_name[k], &c->field[k]));
    return SCP_OK;
}

static bool of_split(const scp_tsv *t, const columns *c, size_t row, const char *split)
{
    return strcmp(scp_tsv_text(t, row, c->split), split) == 0;
}

/* Names of the grid, in the order of the file. */
static scp_status name_grid(const scp_tsv *t, const columns *c, const char *split, grid *g)
{
    size_t index;
    SCP_TRY(scp_names_create(&g->metric));
    SCP_TRY(scp_names_create(&g->model));
    for (size_t row = 0; row < scp_tsv_n_rows(t); row++) {
        if (!of_split(t, c, row, split)) continue;
        SCP_TRY(scp_str_format(g->first, sizeof g->first, "%.120s", scp_tsv_text(t, row, c->a)));
        SCP_TRY(scp_names_add(g->metric, scp_tsv_text(t, row, c->metric), &index));
        SCP_TRY(scp_names_add(g->model, scp_tsv_text(t, row, c->b), &index));
    }
    scp_summary_columns(g->metric, &g->cols);
    return SCP_OK;
}

static scp_status fill_grid(const scp_tsv *t, const columns *c, const char *split, grid *g)
{
    const size_t models = scp_names_count(g->model), n = scp_names_count(g->metric) * models;
    SCP_TRY(scp_alloc(n * FIELDS, sizeof *g->v, &g->v));
    for (size_t i = 0; i < n * FIELDS; i++) g->v[i] = NAN;
    for (size_t row = 0; row < scp_tsv_n_rows(t); row++) {
        if (!of_split(t, c, row, split)) continue;
        const size_t m = (size_t)scp_names_find(g->metric, scp_tsv_text(t, row, c->metric)),
                     b = (size_t)scp_names_find(g->model, scp_tsv_text(t, row, c->b));
        for (int k = 0; k < FIELDS; k++)
            if (*scp_tsv_text(t, row, c->field[k])) /* NaN is an empty field */
                SCP_TRY(scp_tsv_real(t, row, c->field[k], &g->v[(m * models + b) * FIELDS + k]));
    }
    return SCP_OK;
}

/* Difference, a star where q says so, and below them the interval and q. */
static scp_status add_cell(const double v[FIELDS], scp_strbuf *out)
{
    if (isnan(v[DIFFERENCE])) return scp_strbuf_addf(out, "<td>\xe2\x80\x93</td>");
    SCP_TRY(scp_strbuf_addf(out, "<td>%+.*f%s", DIGITS, v[DIFFERENCE],
                            v[Q] <= significant ? "*" : ""));
    SCP_TRY(scp_strbuf_addf(out, "<span class=\"ci\">"));
    if (!isnan(v[LOW]))
        SCP_TRY(scp_strbuf_addf(out, "%+.*f to %+.*f", DIGITS, v[LOW], DIGITS, v[HIGH]));
    if (!isnan(v[Q])) SCP_TRY(scp_strbuf_addf(out, "%sq %.2g", isnan(v[LOW]) ? "" : ", ", v[Q]));
    return scp_strbuf_addf(out, "</span></td>");
}

static scp_status add_header(const grid *g, scp_strbuf *out)
{
    SCP_TRY(scp_strbuf_addf(out, "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">"));
    SCP_TRY(scp_html_text(out, g->first));
    SCP_TRY(scp_strbuf_addf(out, " minus</th>"));
    for (size_t b = 0; b < scp_names_count(g->model); b++) {
        SCP_TRY(scp_strbuf_addf(out, "<th scope=\"col\">"));
        SCP_TRY(scp_html_text(out, scp_names_get(g->model, b)));
        SCP_TRY(scp_strbuf_addf(out, "</th>"));
    }
    return scp_strbuf_addf(out, "</tr></thead>\n<tbody>\n");
}

static scp_status add_table(const grid *g, scp_strbuf *out)
{
    const size_t models = scp_names_count(g->model);
    SCP_TRY(add_header(g, out));
    for (size_t m = 0; m < scp_names_count(g->metric); m++) {
        const char *name = scp_names_get(g->metric, m);
        const int c = scp_metric_columns_find(&g->cols, name);
        const bool less = c >= 0 && g->cols.col[c].best == 0;
        SCP_TRY(scp_strbuf_addf(out, "<tr><th scope=\"row\">"));
        SCP_TRY(scp_html_text(out, c >= 0 ? g->cols.col[c].title : name));
        SCP_TRY(scp_strbuf_addf(out, "%s</th>", less ? " (less is better)" : ""));
        for (size_t b = 0; b < models; b++)
            SCP_TRY(add_cell(g->v + (m * models + b) * FIELDS, out));
        SCP_TRY(scp_strbuf_addf(out, "</tr>\n"));
    }
    return scp_strbuf_addf(out, "</tbody></table></div>\n");
}

/* The rows of the split as they stand in the run's file. */
static scp_status copy_rows(const scp_report_run *r, const scp_tsv *t, const columns *c,
                            const char *split, const char *file)
{
    char path[SCP_PATH_MAX];
    scp_strbuf b = { 0 };
    const size_t n = scp_tsv_n_columns(t);
    scp_status st = SCP_OK;
    for (size_t k = 0; k < n; k++)
        SCP_GOTO(done, scp_strbuf_addf(&b, "%s%s", scp_tsv_header(t, k), k + 1 < n ? "\t" : "\n"));
    for (size_t row = 0; row < scp_tsv_n_rows(t); row++)
        for (size_t k = 0; k < n && of_split(t, c, row, split); k++)
            SCP_GOTO(done, scp_strbuf_addf(&b, "%s%s", scp_tsv_text(t, row, k),
                                           k + 1 < n ? "\t" : "\n"));
    SCP_GOTO(done, scp_str_format(path, sizeof path, "%s/%s.tsv", scp_page_dir(r->p), file));
    st = scp_fs_write_text(path, b.text, b.len);
done:
    scp_strbuf_fini(&b);
    return st;
}

static scp_status put(const scp_report_run *r, const char *split, const scp_tsv *t,
                      const columns *c, const grid *g)
{
    char file[128];
    scp_strbuf html = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(file, sizeof file, "%scomparisons_%.60s", r->prefix, split));
    SCP_TRY(copy_rows(r, t, c, split, file));
    SCP_GOTO(done, scp_page_heading(r->p, 3, "Comparisons of models"));
    SCP_GOTO(done, add_table(g, &html));
    SCP_GOTO(done, scp_strbuf_addf(
                       &html,
                       "<p class=\"note\">Mean difference over the conditions that both models "
                       "have (discrimination: labels), below it the middle 95 %% of its bootstrap "
                       "and q: p of Wilcoxon's signed-rank test, two-sided, adjusted over the "
                       "metrics by Benjamini and Hochberg. * q at most %g.</p>\n<p class=\"note\">With p, "
                       "means and n: <code>%s.tsv</code></p>\n",
                       significant, file));
    st = scp_page_markup(r->p, html.text);
done:
    scp_strbuf_fini(&html);
    return st;
}

scp_status scp_comparisons_add(const scp_report_run *r, const char *split)
{
    char path[SCP_PATH_MAX];
    scp_tsv *t = NULL;
    columns c;
    grid g = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(path, sizeof path, "%s/eval/comparisons.tsv", r->run));
    if (!scp_fs_exists(path)) return SCP_OK;
    SCP_GOTO(done, scp_tsv_read(path, &t));
    SCP_GOTO(done, find_columns(t, &c));
    SCP_GOTO(done, name_grid(t, &c, split, &g));
    if (!scp_names_count(g.metric)) goto done;
    SCP_GOTO(done, fill_grid(t, &c, split, &g));
    st = put(r, split, t, &c, &g);
done:
    grid_fini(&g);
    scp_tsv_destroy(&t);
    return st;
}
