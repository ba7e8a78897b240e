/* UMAP of predicted and true profiles by cell line [paper Figure 3, left]. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/figures.h"

/* Every (n / most)-th condition, so that thinning is even and does not depend on ranks. */
static size_t thinned(size_t i, size_t n, size_t most)
{
    return n <= most ? i : i * n / most;
}

static scp_status add_data(const scp_profiles *p, const scp_classes *c, const double *xy, size_t m,
                           scp_strbuf *out)
{
    SCP_TRY(scp_strbuf_addf(out, "# x\ty\tpredicted\tclass\tdose_uM\tcell_line\tdrug\n"));
    for (size_t i = 0; i < 2 * m; i++) {
        size_t at = thinned(i % m, p->n, m);
        SCP_TRY(scp_strbuf_addf(out, "%.5g\t%.5g\t%d\t%d\t%g\t", xy[2 * i], xy[2 * i + 1], i < m,
                                (int)c->of[i % m], p->dose[at]));
        SCP_TRY(scp_tsv_field(out, scp_names_get(p->line, (size_t)p->l[at])));
        SCP_TRY(scp_strbuf_addf(out, "\t"));
        SCP_TRY(scp_tsv_field(out, scp_names_get(p->drug, (size_t)p->d[at])));
        SCP_TRY(scp_strbuf_addf(out, "\n"));
    }
    return SCP_OK;
}

static scp_status add_script(const scp_classes *c, size_t m, scp_strbuf *out)
{
    SCP_TRY(scp_gnuplot_array(out, "NAME", (const char *const *)c->title, c->n));
    SCP_TRY(scp_strbuf_addf(out, "N = %zu\nSIZE = %g\n", c->n,
                            m > 800   ? 0.35
                            : m > 200 ? 0.5
                                      : 0.7));
    return scp_strbuf_addf(
        out,
        "stats DATA using 1 name 'X' nooutput\nstats DATA using 2 name 'Y' nooutput\n"
        "set xrange [X_min - 0.05 * (X_max - X_min) : X_max + 0.05 * (X_max - X_min)]\n"
        "set yrange [Y_min - 0.05 * (Y_max - Y_min) : Y_max + 0.05 * (Y_max - Y_min)]\n"
        "set format ''\nset tics scale 0\nunset grid\nset border 15 lc rgb '#999999'\n"
        "set xlabel 'UMAP 1'\nset ylabel 'UMAP 2' offset 1\n"
        "set multiplot\nset size 0.39, 1\nset tmargin 2.2\nset bmargin 2.5\n"
        "unset key\nset origin 0, 0\nset title 'Predicted'\n"
        "plot DATA using (int($3) == 1 && int($4) >= N ? $1 : NaN):2 with points pt 7 ps SIZE lc "
        "rgb "
        "GREY, \\\n    for [i = 1:N] DATA using (int($3) == 1 && int($4) == i - 1 ? $1 : NaN):2 "
        "with "
        "points pt SHAPE(i) ps SIZE lc rgb COLOUR[i]\n"
        "set origin 0.38, 0\nset title 'True'\nset size 0.62, 1\nset rmargin at screen 0.755\n"
        "set lmargin at screen 0.42\nset key at screen 0.775, screen 0.9 left top\n"
        "plot %s for [i = 1:N] DATA using (int($3) == 0 && int($4) == i - 1 ? $1 : NaN):2 with "
        "points pt SHAPE(i) "
        "ps SIZE lc rgb COLOUR[i] notitle%s\nunset multiplot\n",
        c->other
            ? "DATA using (int($3) == 0 && int($4) >= N ? $1 : NaN):2 with points pt 7 ps SIZE "
              "lc rgb GREY notitle, \\\n    keyentry with points pt 7 ps 1 lc rgb GREY title "
              "'other lines', \\\n    "
            : "",
        ", \\\n    for [i = 1:N] keyentry with points pt SHAPE(i) ps 1 lc rgb COLOUR[i] title "
        "NAME[i]");
}

static scp_status put(const scp_report_run *r, const char *split, const scp_profiles *p, size_t m,
                      const double *xy, const scp_classes *c)
{
    scp_figure f;
    char stem[80];
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(stem, sizeof stem, "umap_lines_%.50s", split));
    SCP_TRY(scp_figure_init(&f, r->prefix, stem, 980, 400));
    SCP_GOTO(done, add_data(p, c, xy, m, &f.data));
    SCP_GOTO(done, add_script(c, m, &f.script));
    SCP_GOTO(done,
             scp_strbuf_addf(&f.caption,
                             "UMAP of predicted (left) and true (right) treated profiles, laid "
                             "out together; %zu of %zu conditions, %zu genes. In brackets: "
                             "conditions of the line.",
                             m, p->n, p->G));
    st = scp_page_figure(r->p, &f);
done:
    scp_figure_fini(&f);
    return st;
}

scp_status scp_fig_lines(const scp_report_run *r, const char *split, const scp_profiles *p)
{
    size_t most = (size_t)r->s->umap.points / 2, m = p->n < most ? p->n : most;
    float *x = NULL;
    double *xy = NULL;
    int32_t *label = NULL;
    const char **name = NULL;
    scp_classes c = { 0 };
    scp_status st = SCP_OK;
    if (!scp_umap_available())
        return scp_page_missing(r->p, "UMAP by cell line",
                                "this build has no igraph (Debian: apt-get install libigraph-dev, "
                                "then configure again)");
    if (m < 4)
        return scp_page_missing(r->p, "UMAP by cell line", "%s has %zu conditions only", split, m);
    SCP_GOTO(done, scp_alloc(2 * m * p->G, sizeof *x, &x));
    SCP_GOTO(done, scp_alloc(4 * m, sizeof *xy, &xy));
    SCP_GOTO(done, scp_alloc(m, sizeof *label, &label));
    SCP_GOTO(done, scp_alloc(scp_names_count(p->line), sizeof *name, &name));
    for (size_t i = 0; i < scp_names_count(p->line); i++) name[i] = scp_names_get(p->line, i);
    for (size_t i = 0; i < m; i++) {
        size_t at = thinned(i, p->n, m);
        memcpy(x + i * p->G, p->pred + at * p->G, p->G * sizeof *x);
        memcpy(x + (m + i) * p->G, p->truth + at * p->G, p->G * sizeof *x);
        label[i] = p->l[at];
    }
    SCP_GOTO(done, scp_classes_make(label, m, name, scp_names_count(p->line), 1, &c));
    SCP_GOTO(done, scp_umap(x, 2 * m, p->G, &r->s->umap, xy));
    st = put(r, split, p, m, xy, &c);
done:
    free(x);
    free(xy);
    free(label);
    free(name);
    scp_classes_fini(&c);
    return st;
}
