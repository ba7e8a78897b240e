/* Violins of predicted and true logFC [paper Figure 3, right]: for chosen cell lines the genes that
 * change most, over the line's conditions; the truth to the left, the prediction to the right. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/figures.h"

enum {
    STEPS = 60,
    LINES = 3,
    LONG_NAME = 8 /* characters that fit below a violin */,
    LONG_LINE = 60
};
#define HALF_WIDTH 0.42 /* of a violin, in genes */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Silverman's rule of thumb; v [n] sorted. */
static double bandwidth(const double *v, size_t n)
{
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++) mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++) square += (v[i] - mean) * (v[i] - mean);
    double sd = n > 1 ? sqrt(square / (double)(n - 1)) : 0;
    double iqr = (v[(3 * (n - 1)) / 4] - v[(n - 1) / 4]) / 1.34;
    double s = iqr > 0 && iqr < sd ? iqr : sd;
    return fmax(0.9 * s * pow((double)n, -0.2), 0.01);
}

static double density(const double *v, size_t n, double h, double at)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += exp(-0.5 * (at - v[i]) * (at - v[i]) / (h * h));
    return sum / ((double)n * h * sqrt(2 * 3.14159265358979323846));
}

/* One half violin at x0 as a closed outline, then its median; v [n] is sorted here. */
static scp_status add_half(double *v, size_t n, double x0, double side, scp_strbuf *out)
{
    double peak = 0, d[STEPS + 1];
    qsort(v, n, sizeof *v, by_value);
    double h = bandwidth(v, n), low = v[0] - 2 * h, step = (v[n - 1] + 2 * h - low) / STEPS;
    for (int i = 0; i <= STEPS; i++) {
        d[i] = density(v, n, h, low + i * step);
        peak = fmax(peak, d[i]);
    }
    SCP_TRY(scp_strbuf_addf(out, "%.5g\t%.5g\n", x0, low));
    for (int i = 0; i <= STEPS; i++)
        SCP_TRY(scp_strbuf_addf(out, "%.5g\t%.5g\n", x0 + side * HALF_WIDTH * d[i] / peak,
                                low + i * step));
    SCP_TRY(scp_strbuf_addf(out, "%.5g\t%.5g\n\n\n", x0, low + STEPS * step));
    double median = (v[(n - 1) / 2] + v[n / 2]) / 2, width = density(v, n, h, median) / peak;
    return scp_strbuf_addf(out, "%.5g\t%.5g\t%.5g\n\n\n", x0, median, side * HALF_WIDTH * width);
}

/* A panel: the conditions of a line. */
typedef struct panel {
    size_t line, n;
    size_t *row;          /* [n] conditions */
    double *truth, *pred; /* [n, n_genes] logFC of the chosen genes */
    size_t *gene;         /* [n_genes] the most changed ones, most changed first */
} panel;

static void panel_fini(panel *v)
{
    free(v->row);
    free(v->truth);
    free(v->pred);
    free(v->gene);
}

/* The n_genes of largest mean true |logFC|; size [G]: sums of it, used up. */
static void choose_genes(panel *v, size_t G, size_t n_genes, double *size)
{
    for (size_t k = 0; k < n_genes; k++) {
        size_t best = 0;
        for (size_t g = 1; g < G; g++)
            if (size[g] > size[best]) best = g;
        v->gene[k] = best;
        size[best] = -1;
    }
}

static scp_status panel_init(scp_profiles *p, size_t line, double pseudo, size_t n_genes,
                             panel *v)
{
    double *size = NULL, *lfc = NULL;
    scp_status st = SCP_OK;
    *v = (panel){ .line = line };
    SCP_GOTO(done, scp_alloc(p->n, sizeof *v->row, &v->row));
    for (size_t i = 0; i < p->n; i++)
        if ((size_t)p->l[i] == line) v->row[v->n++] = i;
    SCP_GOTO(done, scp_alloc(v->n * n_genes, sizeof *v->truth, &v->truth));
    SCP_GOTO(done, scp_alloc(v->n * n_genes, sizeof *v->pred, &v->pred));
    SCP_GOTO(done, scp_alloc(n_genes, sizeof *v->gene, &v->gene));
    SCP_GOTO(done, scp_alloc(p->G, sizeof *size, &size));
    SCP_GOTO(done, scp_alloc(p->G, sizeof *lfc, &lfc));
    for (size_t i = 0; i < v->n; i++) {
        SCP_GOTO(done, scp_profiles_logfc(p, v->row[i], false, pseudo, lfc));
        for (size_t g = 0; g < p->G; g++) size[g] += fabs(lfc[g]);
    }
    choose_genes(v, p->G, n_genes, size);
    for (size_t i = 0; i < v->n; i++)
        for (int side = 0; side < 2; side++) {
            double *to = (side ? v->pred : v->truth) + i * n_genes;
            SCP_GOTO(done, scp_profiles_logfc(p, v->row[i], side, pseudo, lfc));
            for (size_t k = 0; k < n_genes; k++) to[k] = lfc[v->gene[k]];
        }
done:
    free(size);
    free(lfc);
    return st;
}

/* Blocks of the data: outline and median of the truth, then of the prediction, gene by gene. */
static scp_status add_data(const panel *v, size_t n_genes, char *const *gene, scp_strbuf *out)
{
    double *value = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(v->n, sizeof *value, &value));
    for (size_t k = 0; k < n_genes; k++)
        for (int side = 0; side < 2; side++) {
            const double *from = side ? v->pred : v->truth;
            for (size_t i = 0; i < v->n; i++) value[i] = from[i * n_genes + k];
            SCP_GOTO(done, scp_strbuf_addf(out, "# %s of ", side ? "prediction" : "truth"));
            SCP_GOTO(done, scp_tsv_field(out, gene[v->gene[k]]));
            SCP_GOTO(done, scp_strbuf_addf(out, ": outline, then x, median, half width\n"));
            SCP_GOTO(done, add_half(value, v->n, (double)k + 1, side ? 1 : -1, out));
        }
done:
    free(value);
    return st;
}

static size_t widest(const scp_profiles *p, const panel *v, size_t n_genes)
{
    size_t most = 0;
    for (size_t k = 0; k < n_genes; k++) {
        size_t len = strlen(p->gene[v->gene[k]]);
        most = len > most ? len : most;
    }
    return most;
}

static scp_status add_panel(const scp_report_run *r, const scp_profiles *p, const panel *v,
                            size_t n_genes, size_t first, scp_strbuf *out)
{
    scp_strbuf title = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done,
             scp_line_text(r, &title, scp_names_get(p->line, v->line), LONG_LINE));
    SCP_GOTO(done, scp_strbuf_addf(&title, " (%zu conditions)", v->n));
    SCP_GOTO(done, scp_strbuf_addf(out, "set title "));
    SCP_GOTO(done, scp_gnuplot_text(out, title.text));
    SCP_GOTO(done,
             scp_strbuf_addf(out, "\nset xtics %s (",
                             widest(p, v, n_genes) > LONG_NAME ? "rotate by -18" : "norotate"));
    for (size_t k = 0; k < n_genes; k++) {
        SCP_GOTO(done, scp_strbuf_addf(out, k ? ", " : ""));
        SCP_GOTO(done, scp_gnuplot_tic(out, p->gene[v->gene[k]]));
        SCP_GOTO(done, scp_strbuf_addf(out, " %zu", k + 1));
    }
    st = scp_strbuf_addf(
        out,
        ")\nF = %zu\nplot for [i = 0:N-1] DATA index F + 4 * i using 1:2 with filledcurves closed "
        "lc "
        "rgb TRUTH notitle, \\\n    for [i = 0:N-1] DATA index F + 4 * i + 2 using 1:2 with "
        "filledcurves closed lc rgb MODEL notitle, \\\n    for [i = 0:2*N-1] DATA index F + 2 * i "
        "+ 1 "
        "using 1:2:3:(0) with vectors nohead lw 1.6 lc rgb '#111111' notitle, \\\n    0 with lines "
        "lw "
        "1 lc rgb '#666666' notitle, \\\n    keyentry with boxes lc rgb TRUTH title 'truth', "
        "keyentry with boxes lc rgb MODEL title 'prediction'\n",
        first);
done:
    scp_strbuf_fini(&title);
    return st;
}

/* Lines wanted, or those with most conditions. */
static scp_status choose_lines(const scp_report_run *r, const scp_profiles *p, size_t *line,
                               size_t *n)
{
    size_t n_lines = scp_names_count(p->line), *count = NULL;
    const scp_text_list *want = &r->s->lines;
    *n = 0;
    for (size_t i = 0; i < want->n && *n < LINES; i++) {
        int64_t at = scp_names_find(p->line, want->v[i]);
        if (at >= 0)
            line[(*n)++] = (size_t)at;
        else
            SCP_TRY(scp_page_missing(r->p, "Violins",
                                     "there is no cell line %s among the scored "
                                     "conditions",
                                     want->v[i]));
    }
    if (want->n) return SCP_OK;
    SCP_TRY(scp_alloc(n_lines, sizeof *count, &count));
    for (size_t i = 0; i < p->n; i++) count[p->l[i]]++;
    while (*n < LINES && *n < n_lines) {
        size_t best = 0;
        for (size_t i = 1; i < n_lines; i++)
            if (count[i] > count[best]) best = i;
        line[(*n)++] = best;
        count[best] = 0;
    }
    free(count);
    return SCP_OK;
}

static scp_status fill(const scp_report_run *r, scp_profiles *p, const size_t *line, size_t n,
                       scp_figure *f)
{
    size_t genes = (size_t)r->s->violin_genes < p->G ? (size_t)r->s->violin_genes : p->G;
    SCP_TRY(scp_strbuf_addf(
        &f->script,
        "N = %zu\nset xrange [0.4 : N + 0.6]\nset ylabel 'logFC (log\xe2\x82\x82)'\n"
        "set xtics scale 0\nunset grid\nset grid y lt 1 lw 0.6 lc rgb '#e2e2e2'\n"
        "set boxwidth 0.5\nset lmargin 9\nset rmargin 16\n"
        "set multiplot layout %zu, 1\n",
        genes, n));
    for (size_t i = 0; i < n; i++) {
        panel v;
        scp_status st = panel_init(p, line[i], r->pseudo, genes, &v);
        if (st == SCP_OK) st = add_data(&v, genes, p->gene, &f->data);
        if (st == SCP_OK) st = add_panel(r, p, &v, genes, i * 4 * genes, &f->script);
        panel_fini(&v);
        SCP_TRY(st);
    }
    return scp_strbuf_addf(&f->script, "unset multiplot\n");
}

scp_status scp_fig_violins(const scp_report_run *r, const char *split, scp_profiles *p)
{
    scp_figure f;
    size_t line[LINES], n;
    char stem[80];
    scp_status st = SCP_OK;
    SCP_TRY(choose_lines(r, p, line, &n));
    if (!n) return SCP_OK;
    SCP_TRY(scp_str_format(stem, sizeof stem, "violins_%.50s", split));
    SCP_TRY(scp_figure_init(&f, r->prefix, stem, 900, (int)(40 + 230 * n)));
    SCP_GOTO(done, fill(r, p, line, n, &f));
    SCP_GOTO(done, scp_strbuf_addf(&f.caption,
                                   "logFC of the genes that change most in a cell line, over its "
                                   "conditions: truth (left half) and prediction (right half). "
                                   "Densities by Gaussian kernels, each scaled to its peak; black: "
                                   "medians. Pseudo-count %g.",
                                   r->pseudo));
    st = scp_page_figure(r->p, &f);
done:
    scp_figure_fini(&f);
    return st;
}
