/* Bars of the full model and the ablations, mean and standard error over runs [paper Figure 4]. */
#include <math.h>
#include <stdlib.h>

#include "report/ablation.h"
#include "report/figures.h"

/* Has some row a value of this figure? */
static bool has_figure(const scp_table *t, size_t i)
{
    for (size_t r = 0; r < t->n_rows; r++)
        if (!isnan(t->value[r * t->n_cols + 2 * i])) return true;
    return false;
}

/* A line a figure, two fields a row of the table: mean and standard error. */
static scp_status fill(const scp_table *t, scp_figure *f)
{
    const char *title[SCP_ABLATION_FIGURES];
    size_t n = 0;
    SCP_TRY(scp_strbuf_addf(&f->data, "# figure"));
    for (size_t r = 0; r < t->n_rows; r++)
        SCP_TRY(scp_strbuf_addf(&f->data, "\t%s\ts.e.", t->row[r]));
    SCP_TRY(scp_strbuf_addf(&f->data, "\n"));
    for (size_t i = 0; i < SCP_ABLATION_FIGURES; i++) {
        if (!has_figure(t, i)) continue;
        title[n++] = t->col[2 * i].title;
        SCP_TRY(scp_strbuf_addf(&f->data, "%zu", n));
        for (size_t r = 0; r < t->n_rows; r++) {
            char mean[SCP_REAL_TEXT], error[SCP_REAL_TEXT];
            const double *v = t->value + r * t->n_cols + 2 * i;
            SCP_TRY(scp_strbuf_addf(&f->data, "\t%s\t%s", scp_print_real(v[0], mean),
                                    scp_print_real(v[1], error)));
        }
        SCP_TRY(scp_strbuf_addf(&f->data, "\n"));
    }
    SCP_TRY(scp_gnuplot_array(&f->script, "FIGURE", title, n));
    SCP_TRY(scp_gnuplot_array(&f->script, "ROW", (const char *const *)t->row, t->n_rows));
    return scp_strbuf_addf(
        &f->script,
        "N = %zu\nW = 0.8 / N\nset boxwidth W * 0.92\nset xrange [0.4 : %zu.6]\nset yrange [* < 0 "
        ": 0 < *]\n"
        "set xtics scale 0 rotate by -25 ()\ndo for [i = 1:%zu] { set xtics add (FIGURE[i] i) }\n"
        "unset grid\nset grid y lt 1 lw 0.6 lc rgb '#e2e2e2'\nset ylabel 'score'\nset bmargin 7\n"
        "set xzeroaxis lt 1 lc rgb '#666666'\n"
        "plot for [r = 1:N] DATA using ($1 - 0.4 + (r - 0.5) * W):(column(2 * r)) with boxes lc "
        "rgb "
        "COLOUR[r] title ROW[r], \\\n    for [r = 1:N] DATA using ($1 - 0.4 + (r - 0.5) * "
        "W):(column(2 * "
        "r)):(column(2 * r + 1)) with yerrorbars pt 0 lw 1.2 lc rgb '#222222' notitle\n",
        t->n_rows, n, n);
}

static scp_status put(const scp_table *t, const char *split, scp_page *p)
{
    scp_figure f;
    char stem[80];
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(stem, sizeof stem, "ablations_%.50s", split));
    SCP_TRY(scp_figure_init(&f, "", stem, 1000, 420));
    SCP_GOTO(done, fill(t, &f));
    SCP_GOTO(done,
             scp_strbuf_addf(&f.caption,
                             "%s: full model and ablations; error bars: standard error over runs "
                             "(none with one run).",
                             scp_split_title(split)));
    SCP_GOTO(done, scp_page_figure(p, &f));
    SCP_GOTO(done, scp_str_format(stem, sizeof stem, "ablation_table_%.50s", split));
    st = scp_page_table(p, t, true, stem);
done:
    scp_figure_fini(&f);
    return st;
}

scp_status scp_fig_ablations(const scp_report_settings *s, char *const *run, size_t n_runs,
                             scp_page *p)
{
    size_t shown = 0;
    SCP_TRY(scp_page_heading(p, 2, "Ablations"));
    for (size_t i = 0; i < s->splits.n; i++) {
        scp_table t = { 0 };
        bool found = false;
        scp_status st = scp_ablation_table_of(run, n_runs, s->splits.v[i], &t, &found);
        if (st == SCP_OK && found && t.n_rows > 1) {
            shown++;
            st = put(&t, s->splits.v[i], p);
        }
        scp_table_fini(&t);
        SCP_TRY(st);
    }
    if (shown) return SCP_OK;
    return scp_page_missing(p, "Ablations",
                            "no run has scores of an ablation (scppdm_ablate writes "
                            "eval-ablation-X/summary.json)");
}
