/* Dose-response curves: the size of the effect, the norm of Delta, against the dose, predicted and
 * true, from the scores of the conditions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/csv.h"
#include "report/figures.h"

/* A condition as it stands in results.csv. */
enum { TICS = 6 /* of the axis of effects, at most */ };

typedef struct condition {
    const char *line, *drug; /* borrowed from the table */
    double dose, pred, truth;
} condition;

/* Conditions of one line and drug, by dose. */
typedef struct curve {
    size_t first, n, n_doses;
    double size; /* largest true effect */
} curve;

typedef struct curves {
    scp_tsv *table;
    condition *c; /* [n] sorted by line, drug, dose */
    size_t n;
    curve *v; /* [n_curves] with two doses or more, the most telling first */
    size_t n_curves;
} curves;

static void curves_fini(curves *x)
{
    scp_tsv_destroy(&x->table);
    free(x->c);
    free(x->v);
}

static int by_key(const void *a, const void *b)
{
    const condition *x = a, *y = b;
    int order = strcmp(x->line, y->line);
    if (!order) order = strcmp(x->drug, y->drug);
    return order ? order : (x->dose > y->dose) - (x->dose < y->dose);
}

static int by_size(const void *a, const void *b)
{
    const curve *x = a, *y = b;
    if (x->n_doses != y->n_doses) return x->n_doses < y->n_doses ? 1 : -1;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* An empty field is NaN: a prediction that was not finite. */
static scp_status number_at(const scp_tsv *t, size_t row, size_t column, double *out)
{
    *out = NAN;
    return scp_tsv_text(t, row, column)[0] ? scp_tsv_real(t, row, column, out) : SCP_OK;
}

static scp_status read_conditions(curves *x)
{
    size_t line, drug, dose, pred, truth;
    SCP_TRY(scp_tsv_column(x->table, "cell_line", &line));
    SCP_TRY(scp_tsv_column(x->table, "drug", &drug));
    SCP_TRY(scp_tsv_column(x->table, "dose_uM", &dose));
    SCP_TRY(scp_tsv_column(x->table, "effect", &pred));
    SCP_TRY(scp_tsv_column(x->table, "effect_true", &truth));
    SCP_TRY(scp_alloc(scp_tsv_n_rows(x->table), sizeof *x->c, &x->c));
    for (x->n = 0; x->n < scp_tsv_n_rows(x->table); x->n++) {
        condition *c = &x->c[x->n];
        c->line = scp_tsv_text(x->table, x->n, line);
        c->drug = scp_tsv_text(x->table, x->n, drug);
        SCP_TRY(scp_tsv_real(x->table, x->n, dose, &c->dose));
        SCP_TRY(number_at(x->table, x->n, pred, &c->pred));
        SCP_TRY(number_at(x->table, x->n, truth, &c->truth));
    }
    return SCP_OK;
}

static bool same_curve(const condition *a, const condition *b)
{
    return strcmp(a->line, b->line) == 0 && strcmp(a->drug, b->drug) == 0;
}

static scp_status find_curves(curves *x)
{
    qsort(x->c, x->n, sizeof *x->c, by_key);
    SCP_TRY(scp_alloc(x->n, sizeof *x->v, &x->v));
    for (size_t i = 0, end; i < x->n; i = end) {
        curve v = { .first = i, .n_doses = 1, .size = x->c[i].truth };
        for (end = i + 1; end < x->n && same_curve(&x->c[i], &x->c[end]); end++) {
            v.n_doses += x->c[end].dose > x->c[end - 1].dose;
            v.size = fmax(v.size, x->c[end].truth);
        }
        v.n = end - i;
        if (v.n_doses > 1) x->v[x->n_curves++] = v;
    }
    qsort(x->v, x->n_curves, sizeof *x->v, by_size);
    return SCP_OK;
}

/* Plates of one dose averaged. */
static scp_status add_curve(const curves *x, const curve *v, scp_strbuf *out)
{
    const condition *c = x->c + v->first;
    SCP_TRY(scp_strbuf_addf(out, "# dose_uM\ttrue\tpredicted\tplates: "));
    SCP_TRY(scp_tsv_field(out, c->line));
    SCP_TRY(scp_strbuf_addf(out, ", "));
    SCP_TRY(scp_tsv_field(out, c->drug));
    SCP_TRY(scp_strbuf_addf(out, "\n"));
    for (size_t i = 0, end; i < v->n; i = end) {
        double truth = 0, pred = 0;
        for (end = i; end < v->n && !(c[end].dose > c[i].dose); end++) {
            truth += c[end].truth;
            pred += c[end].pred;
        }
        SCP_TRY(scp_strbuf_addf(out, "%.9g\t%.9g\t%.9g\t%zu\n", c[i].dose,
                                truth / (double)(end - i), pred / (double)(end - i), end - i));
    }
    return scp_strbuf_addf(out, "\n\n");
}

/* The largest effect of a curve, true or predicted. */
static double highest(const curves *x, const curve *v)
{
    double most = 0;
    for (size_t i = v->first; i < v->first + v->n; i++)
        most = fmax(most, fmax(x->c[i].truth, x->c[i].pred));
    return most;
}

static scp_status add_panel(const scp_report_run *r, const curves *x, const curve *v, size_t index,
                            scp_strbuf *out)
{
    const condition *c = x->c + v->first;
    scp_strbuf title = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_short_text(&title, c->drug, 24));
    SCP_GOTO(done, scp_strbuf_addf(&title, ", "));
    SCP_GOTO(done, scp_line_text(r, &title, c->line, 14));
    SCP_GOTO(done, scp_strbuf_addf(out, "set title "));
    SCP_GOTO(done, scp_gnuplot_text(out, title.text));
    SCP_GOTO(done,
             scp_strbuf_addf(
                 out,
                 "\nset ytics %g\n%splot DATA index %zu using 1:2 with linespoints pt 7 ps 0.7 lw "
                 "2 lc rgb TRUTH "
                 "title 'truth', \\\n    DATA index %zu using 1:3 with linespoints pt 5 ps 0.7 lw "
                 "2 lc rgb MODEL title 'prediction'\nunset label\n",
                 scp_tic_step(1.15 * highest(x, v), TICS),
                 c->dose > 0 ? "set logscale x\n" : "unset logscale x\n", index, index));
done:
    scp_strbuf_fini(&title);
    return st;
}

static scp_status put(const scp_report_run *r, const char *split, const curves *x)
{
    scp_figure f;
    char stem[80];
    size_t n = (size_t)r->s->dose_curves < x->n_curves ? (size_t)r->s->dose_curves : x->n_curves;
    size_t rows = (n + 2) / 3;
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(stem, sizeof stem, "dose_response_%.50s", split));
    SCP_TRY(scp_figure_init(&f, r->prefix, stem, 1000, (int)(30 + 270 * rows)));
    SCP_GOTO(done,
             scp_strbuf_addf(
                 &f.script,
                 "set xlabel 'dose (\xc2\xb5M)'\nset ylabel '|Delta|'\nset "
                 "yrange [0:*]\nset offsets graph 0.05, graph 0.05, "
                 "graph 0.15, 0\nset format x '%%g'\nset xtics norotate\n"
                 "unset key\nset label 1 '\xe2\x97\x8f truth' at screen 0.49, screen 0.975 right "
                 "tc rgb TRUTH\nset label 2 '\xe2\x96\xa0 prediction' at screen 0.51, "
                 "screen 0.975 left tc rgb MODEL\nset lmargin 9\nset rmargin 2\nset "
                 "bmargin 5\nset multiplot layout %zu, 3 title ' '\n",
                 rows));
    for (size_t i = 0; i < n; i++) {
        SCP_GOTO(done, add_curve(x, &x->v[i], &f.data));
        SCP_GOTO(done, add_panel(r, x, &x->v[i], i, &f.script));
    }
    SCP_GOTO(done, scp_strbuf_addf(&f.script, "unset multiplot\n"));
    SCP_GOTO(done,
             scp_strbuf_addf(&f.caption,
                             "Dose-response: norm of the change of the profile (log1p scale) "
                             "against the dose; plates of one dose averaged. Of %zu pairs of a "
                             "cell line and a drug with two doses or more, those with most "
                             "doses, and among these of largest true effect.",
                             x->n_curves));
    st = scp_page_figure(r->p, &f);
done:
    scp_figure_fini(&f);
    return st;
}

scp_status scp_fig_dose(const scp_report_run *r, const char *split)
{
    char path[SCP_PATH_MAX];
    curves x = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(path, sizeof path, "%s/eval/%s/results.csv", r->run, split));
    if (!scp_fs_exists(path))
        return scp_page_missing(r->p, "Dose-response", "%s is not there", path);
    SCP_GOTO(done, scp_csv_read(path, &x.table));
    if (scp_tsv_find(x.table, "effect") < 0 || scp_tsv_find(x.table, "effect_true") < 0) {
        st = scp_page_missing(
            r->p, "Dose-response",
            "%s has no columns effect and effect_true: it is of another program or "
            "version; run scppdm_eval again",
            path);
        goto done;
    }
    SCP_GOTO(done, read_conditions(&x));
    SCP_GOTO(done, find_curves(&x));
    st = x.n_curves
             ? put(r, split, &x)
             : scp_page_missing(r->p, "Dose-response",
                                "no drug was scored at two doses in one cell line (%s)", split);
done:
    curves_fini(&x);
    return st;
}
