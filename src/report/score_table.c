/* Scores of several models as a table, with what a reader must know below it. */
#include "report/score_table.h"

#include <math.h>
#include <string.h>

#include "eval/replicates.h"
#include "model/means.h"

enum { DIGITS = 4 };

static double figure_of(const scp_scores *s, size_t p, size_t c, scp_score_figure figure)
{
    const scp_reduction *r = &s->all[p * s->cols.n + c];
    switch (figure) {
    case SCP_FIGURE_MEAN:
        return r->mean;
    case SCP_FIGURE_MEDIAN:
        return r->median;
    case SCP_FIGURE_MEAN_NAN0:
        return r->mean_nan0;
    case SCP_FIGURE_MEDIAN_NAN0:
        return r->median_nan0;
    case SCP_FIGURE_MACRO_DRUG:
        return s->by_drug[c].mean;
    case SCP_FIGURE_MACRO_LINE:
        return s->by_line[c].mean;
    }
    return NAN;
}

static const char *figure_name(scp_score_figure figure)
{
    static const char *const name[] = {
        [SCP_FIGURE_MEAN] = "mean over conditions",
        [SCP_FIGURE_MEDIAN] = "median over conditions",
        [SCP_FIGURE_MEAN_NAN0] = "mean over conditions, NaN as 0",
        [SCP_FIGURE_MEDIAN_NAN0] = "median over conditions, NaN as 0",
        [SCP_FIGURE_MACRO_DRUG] = "mean of the drugs' means",
        [SCP_FIGURE_MACRO_LINE] = "mean of the cell lines' means",
    };
    return name[figure];
}

/* Rows that read the truth they are scored against are not candidates for the best. */
bool scp_score_ranked(const char *model)
{
    for (int k = 0; k < SCP_CEILINGS; k++)
        if (strcmp(model, scp_ceiling_name((scp_ceiling_kind)k)) == 0) return false;
    return strcmp(model, scp_means_name(SCP_MEANS_ORACLE)) != 0 &&
           strcmp(model, scp_means_name(SCP_MEANS_REPLICATE)) != 0 &&
           strncmp(model, "autoencoder", strlen("autoencoder")) != 0;
}

static scp_status choose(const scp_scores *s, const char *const *columns, size_t *index, size_t *n)
{
    *n = 0;
    for (size_t c = 0; !columns && c < s->cols.n; c++) index[(*n)++] = c;
    for (; columns && columns[*n]; ++*n) {
        int c = scp_metric_columns_find(&s->cols, columns[*n]);
        if (c < 0) SCP_FAIL(SCP_EUSAGE, "there is no metric '%s'", columns[*n]);
        if (*n == SCP_METRIC_MAX) SCP_FAIL(SCP_EUSAGE, "more metrics than there are");
        index[*n] = (size_t)c;
    }
    return SCP_OK;
}

static scp_status add_notes(scp_table *t, const scp_scores *s, scp_score_figure figure)
{
    SCP_TRY(
        scp_table_note(t,
                       "%s; %zu conditions, %zu labels, %zu genes; pseudo-count %g; DEG: top %lld "
                       "genes by true |logFC|",
                       figure_name(figure), s->n, s->n_labels, s->G, s->pseudo[0],
                       (long long)(s->deg_k < (int64_t)s->G ? s->deg_k : (int64_t)s->G)));
    if (s->deg_k > (int64_t)s->G)
        SCP_TRY(scp_table_note(t, "there are fewer genes than the DEG set of %lld: it is all genes",
                               (long long)s->deg_k));
    for (size_t c = SCP_METRIC_OVERLAP; c < s->cols.n; c++)
        if (s->cols.col[c].k == (int64_t)s->G)
            SCP_TRY(scp_table_note(t, "%s uses all %zu genes: it is 1 for every prediction",
                                   s->cols.col[c].title, s->G));
    return scp_table_note(
        t, "EV: explained variance of the expression profile; EV of Delta: of the change. "
           "n, NaN: conditions with and without a Delta-Pearson");
}

static scp_status add_scores(scp_table *t, const scp_scores *s, const size_t *index, size_t n,
                             scp_score_figure figure)
{
    double v[SCP_METRIC_MAX + 2];
    for (size_t k = 0; k < n; k++) v[k] = figure_of(s, 0, index[k], figure);
    v[n] = (double)s->all[SCP_METRIC_DELTA_PEARSON].n;
    v[n + 1] = (double)s->all[SCP_METRIC_DELTA_PEARSON].n_nan;
    return scp_table_add_row(t, s->model, v, scp_score_ranked(s->model));
}

scp_status scp_score_table(const scp_scores *s, size_t n, scp_score_figure figure,
                           const char *const *columns, scp_table *t)
{
    SCP_ARG(s && n && t, "scores and table are required");
    size_t index[SCP_METRIC_MAX], n_index;
    SCP_TRY(choose(s, columns, index, &n_index));
    SCP_TRY(scp_table_init(t, s->split));
    for (size_t k = 0; k < n_index; k++) {
        const scp_metric_column *c = &s->cols.col[index[k]];
        SCP_TRY(scp_table_add_column(t, c->title, c->best, DIGITS));
    }
    SCP_TRY(scp_table_add_column(t, "n", NAN, -1));
    SCP_TRY(scp_table_add_column(t, "NaN", NAN, -1));
    for (size_t m = 0; m < n; m++) SCP_TRY(add_scores(t, &s[m], index, n_index, figure));
    return add_notes(t, s, figure);
}

scp_status scp_dose_table(const scp_scores *s, size_t n, scp_table *t)
{
    SCP_ARG(s && n && t, "scores and table are required");
    SCP_TRY(scp_table_init(t, s->split));
    SCP_TRY(scp_table_add_column(t, "Spearman, predicted", NAN, DIGITS));
    SCP_TRY(scp_table_add_column(t, "Spearman, true", NAN, DIGITS));
    SCP_TRY(scp_table_add_column(t, "rising, predicted", NAN, DIGITS));
    SCP_TRY(scp_table_add_column(t, "rising, true", NAN, DIGITS));
    SCP_TRY(scp_table_add_column(t, "order as in truth", 1, DIGITS));
    for (size_t m = 0; m < n; m++) {
        const scp_dose_summary *d = &s[m].dose;
        const double v[] = { d->spearman, d->spearman_true, d->rising, d->rising_true, d->order };
        SCP_TRY(scp_table_add_row(t, s[m].model, v, scp_score_ranked(s[m].model)));
    }
    return scp_table_note(
        t, "size of the effect (norm of Delta) against dose; means over %zu (line, drug)",
        s->dose.n);
}

/* The rows of one model: genes by kind of interval. */
static scp_status add_intervals(scp_table *t, const scp_scores *s)
{
    static const char *const genes[] = { "all genes", "expressed genes" }, *const kind[] = {
        "draws", "draws and noise"
    };
    for (int set = SCP_COVERAGE_ALL; set < SCP_COVERAGE_GENES; set++)
        for (int noise = 0; noise < 2; noise++) {
            double v[SCP_COVERAGE_LEVELS + 1];
            char label[256];
            for (int k = 0; k < SCP_COVERAGE_LEVELS; k++)
                v[k] = scp_coverage_share(&s->coverage, (scp_coverage_genes)set, k, noise);
            v[SCP_COVERAGE_LEVELS] =
                (double)(noise ? s->coverage.n_noise[set] : s->coverage.n[set]);
            SCP_TRY(scp_str_format(label, sizeof label, "%s, %s, %s", s->model, genes[set],
                                   kind[noise]));
            SCP_TRY(scp_table_add_row(t, label, v, false));
        }
    return SCP_OK;
}

scp_status scp_coverage_table(const scp_scores *s, size_t n, scp_table *t, bool *found)
{
    SCP_ARG(s && n && t && found, "scores and table are required");
    *found = false;
    SCP_TRY(scp_table_init(t, s->split));
    for (int k = 0; k < SCP_COVERAGE_LEVELS; k++) {
        char title[16];
        SCP_TRY(scp_str_format(title, sizeof title, "%g %%", 100 * scp_coverage_level[k]));
        SCP_TRY(scp_table_add_column(t, title, NAN, DIGITS));
    }
    SCP_TRY(scp_table_add_column(t, "values", NAN, -1));
    for (size_t m = 0; m < n; m++) {
        if (!s[m].coverage.samples) continue;
        *found = true;
        SCP_TRY(add_intervals(t, &s[m]));
        SCP_TRY(scp_table_note(t,
                               "%s: %lld samples; noise: of measuring a profile, from sub-bulks of "
                               "held-out keys",
                               s[m].model, (long long)s[m].coverage.samples));
    }
    return scp_table_note(t, "share of observed values within intervals that should hold so many");
}

scp_status scp_pseudo_table(const scp_scores *s, size_t n, scp_score_figure figure, scp_table *t)
{
    SCP_ARG(s && n && t, "scores and table are required");
    if (figure == SCP_FIGURE_MACRO_DRUG || figure == SCP_FIGURE_MACRO_LINE)
        SCP_FAIL(SCP_EUSAGE,
                 "the pseudo-count study has no macro averages: ask for mean or median");
    SCP_TRY(scp_table_init(t, s->split));
    for (size_t c = 0; c < s->cols.n; c++)
        if (s->cols.col[c].uses_pseudo)
            SCP_TRY(scp_table_add_column(t, s->cols.col[c].title, NAN, DIGITS));
    for (size_t m = 0; m < n; m++)
        for (size_t p = 0; p < s[m].n_pseudo; p++) {
            double v[SCP_METRIC_MAX];
            char label[256];
            size_t k = 0;
            for (size_t c = 0; c < s->cols.n; c++)
                if (s->cols.col[c].uses_pseudo) v[k++] = figure_of(&s[m], p, c, figure);
            SCP_TRY(scp_str_format(label, sizeof label, "%s, e = %g", s[m].model, s[m].pseudo[p]));
            SCP_TRY(scp_table_add_row(t, label, v, false));
        }
    return scp_table_note(t, "%s; e: pseudo-count of log2 fold changes", figure_name(figure));
}
