/* UMAP of predicted and true profiles by cell line [paper Figure 3, left]. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "eval/project.h"
#include "report/figures.h"

/* Dimensions that more than twice as many genes are laid out in. */
enum { DIMS = 1024, LONG_LINE = 30 };

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
                      size_t dims, const double *xy, const scp_classes *c)
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
    if (dims < p->G)
        SCP_GOTO(done, scp_strbuf_addf(&f.caption,
                                       " Distances by a random projection on %zu dimensions.",
                                       dims));
    st = scp_page_figure(r->p, &f);
done:
    scp_figure_fini(&f);
    return st;
}

/* The rows to lay out, predictions first, in fewer dimensions where genes are many: *out [2 m,
 * dims], owned by the caller. */
static scp_status gather(const scp_report_run *r, scp_profiles *p, size_t m, float **out,
                         size_t *dims)
{
    scp_projection *to = NULL;
    float *x = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_projection_create(p->G, DIMS, (uint64_t)r->s->umap.seed, &to));
    *dims = scp_projection_dims(to);
    SCP_GOTO(done, scp_alloc(p->G, sizeof *x, &x));
    SCP_GOTO(done, scp_alloc(2 * m * *dims, sizeof **out, out));
    for (size_t i = 0; i < 2 * m; i++) {
        SCP_GOTO(done, scp_profiles_row(p, thinned(i % m, p->n, m), i < m, x));
        scp_projection_apply(to, x, *out + i * *dims);
    }
done:
    free(x);
    scp_projection_destroy(&to);
    return st;
}

/* Names of the cell lines as they stand in the legend: *out [lines], scp_fs_list_free. */
static scp_status line_texts(const scp_report_run *r, const scp_profiles *p, char ***out)
{
    SCP_TRY(scp_alloc(scp_names_count(p->line), sizeof **out, out));
    for (size_t i = 0; i < scp_names_count(p->line); i++) {
        scp_strbuf text = { 0 };
        scp_status st = scp_line_text(r, &text, scp_names_get(p->line, i), LONG_LINE);
        (*out)[i] = text.text;
        SCP_TRY(st);
    }
    return SCP_OK;
}

scp_status scp_fig_lines(const scp_report_run *r, const char *split, scp_profiles *p)
{
    size_t most = (size_t)r->s->umap.points / 2, m = p->n < most ? p->n : most, dims = 0;
    float *x = NULL;
    double *xy = NULL;
    int32_t *label = NULL;
    char **name = NULL;
    scp_classes c = { 0 };
    scp_status st = SCP_OK;
    if (!scp_umap_available())
        return scp_page_missing(r->p, "UMAP by cell line",
                                "this build has no igraph (Debian: apt-get install libigraph-dev, "
                                "then configure again)");
    if (m < 4)
        return scp_page_missing(r->p, "UMAP by cell line", "%s has %zu conditions only", split, m);
    SCP_GOTO(done, gather(r, p, m, &x, &dims));
    SCP_GOTO(done, scp_alloc(4 * m, sizeof *xy, &xy));
    SCP_GOTO(done, scp_alloc(m, sizeof *label, &label));
    SCP_GOTO(done, line_texts(r, p, &name));
    for (size_t i = 0; i < m; i++) label[i] = p->l[thinned(i, p->n, m)];
    SCP_GOTO(done, scp_classes_make(label, m, (const char *const *)name, scp_names_count(p->line),
                                    1, &c));
    SCP_GOTO(done, scp_umap(x, 2 * m, dims, &r->s->umap, xy));
    st = put(r, split, p, m, dims, xy, &c);
done:
    free(x);
    free(xy);
    free(label);
    scp_fs_list_free(name, scp_names_count(p->line));
    scp_classes_fini(&c);
    return st;
}
