/* Gene set enrichment on the page [paper App. H.1]: the agreement of truth and prediction over all
 * conditions, their NES against each other, and running sums of one condition [Figure 5]. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "eval/reduce.h"
#include "report/enrichment.h"
#include "report/figures.h"

enum { SHOWN = 4, SCATTER = 20000 };

static const char *const agreement_title[] = {
    [SCP_AGREE_PEARSON] = "Pearson of NES",
    [SCP_AGREE_SPEARMAN] = "Spearman of NES",
    [SCP_AGREE_SIGN] = "sets with the same sign",
    [SCP_AGREE_JACCARD] = "overlap of enriched sets",
    [SCP_AGREE_TRUE] = "enriched in the truth",
    [SCP_AGREE_PRED] = "enriched in the prediction",
    [SCP_AGREE_BOTH] = "enriched in both, same sign",
};

static scp_status put_agreement(const scp_report_run *r, const char *split, const scp_enrichment *e)
{
    scp_table t = { 0 };
    char name[128];
    double *v = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(2 * e->n, sizeof *v, &v));
    SCP_GOTO(done, scp_table_init(&t, split));
    SCP_GOTO(done, scp_table_add_column(&t, "median", NAN, 3));
    SCP_GOTO(done, scp_table_add_column(&t, "mean", NAN, 3));
    SCP_GOTO(done, scp_table_add_column(&t, "conditions", NAN, -1));
    SCP_GOTO(done, scp_table_add_column(&t, "without", NAN, -1));
    for (size_t k = 0; k < SCP_AGREEMENT; k++) {
        scp_reduction m;
        for (size_t i = 0; i < e->n; i++) v[i] = e->agreement[i * SCP_AGREEMENT + k];
        scp_reduce(v, e->n, v + e->n, &m);
        SCP_GOTO(done, scp_table_add_row(
                           &t, agreement_title[k],
                           (double[]){ m.median, m.mean, (double)m.n, (double)m.n_nan }, true));
    }
    SCP_GOTO(done,
             scp_table_note(&t,
                            "Per condition over %zu gene sets of %lld to %lld genes (%zu sets of "
                            "the file have no such size here); genes ranked by logFC; %lld random "
                            "sets of each size; enriched: FDR up to %g; overlap: enriched in both "
                            "with one sign, of those enriched in either",
                            e->n_sets, (long long)r->s->gsea.min_size,
                            (long long)r->s->gsea.max_size, scp_gsea_dropped(e->sets),
                            (long long)r->s->gsea.permutations, r->s->gsea.fdr));
    SCP_GOTO(done, scp_str_format(name, sizeof name, "%sgsea_agreement_%.60s", r->prefix, split));
    st = scp_page_table(r->p, &t, false, name);
done:
    free(v);
    scp_table_fini(&t);
    return st;
}

static scp_status fill_scatter(const scp_report_run *r, const scp_enrichment *e, scp_figure *f,
                               size_t *shown)
{
    size_t n = e->n * e->n_sets, m = n < SCATTER ? n : SCATTER;
    *shown = m;
    SCP_TRY(scp_strbuf_addf(&f->data, "# NES true\tNES predicted\tenriched in the truth\n"));
    for (size_t i = 0; i < m; i++) {
        size_t at = m == n ? i : i * n / m;
        if (isnan(e->truth[at].nes) || isnan(e->pred[at].nes)) continue;
        SCP_TRY(scp_strbuf_addf(&f->data, "%.5g\t%.5g\t%d\n", e->truth[at].nes, e->pred[at].nes,
                                e->truth[at].fdr <= r->s->gsea.fdr));
    }
    return scp_strbuf_addf(
        &f->script,
        "set size ratio -1\nset xlabel 'NES, truth'\nset ylabel 'NES, prediction'\n"
        "set xzeroaxis lt 1 lc rgb '#888888'\nset yzeroaxis lt 1 lc rgb '#888888'\n"
        "SIZE = %g\nplot DATA using (int($3) == 0 ? $1 : NaN):2 with points pt 7 ps SIZE lc rgb "
        "GREY "
        "notitle, \\\n    DATA using (int($3) == 1 ? $1 : NaN):2 with points pt 7 ps SIZE lc rgb "
        "MODEL "
        "notitle, \\\n    x with lines lw 1 dt 2 lc rgb '#333333' title 'equal', \\\n    keyentry "
        "with "
        "points pt 7 ps 1 lc rgb MODEL title 'enriched in the truth', keyentry with points pt 7 ps "
        "1 "
        "lc rgb GREY title 'not enriched'\n",
        m > 3000 ? 0.2 : 0.4);
}

static scp_status put_scatter(const scp_report_run *r, const char *split, const scp_enrichment *e)
{
    scp_figure f;
    char stem[80];
    size_t shown;
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(stem, sizeof stem, "gsea_nes_%.50s", split));
    SCP_TRY(scp_figure_init(&f, r->prefix, stem, 720, 480));
    SCP_GOTO(done, fill_scatter(r, e, &f, &shown));
    SCP_GOTO(done,
             scp_strbuf_addf(&f.caption,
                             "Normalised enrichment scores of predicted and true rankings: %zu "
                             "of %zu pairs of a condition and a gene set. Coloured: enriched in "
                             "the truth (FDR up to %g).",
                             shown, e->n * e->n_sets, r->s->gsea.fdr));
    st = scp_page_figure(r->p, &f);
done:
    scp_figure_fini(&f);
    return st;
}

/* The condition with most enriched sets in the truth; among these, of largest |NES|. */
static size_t choose_condition(const scp_enrichment *e)
{
    size_t best = 0;
    double most = -1;
    for (size_t i = 0; i < e->n; i++) {
        double score = 1e6 * e->agreement[i * SCP_AGREEMENT + SCP_AGREE_TRUE];
        for (size_t k = 0; k < e->n_sets; k++)
            if (!isnan(e->truth[i * e->n_sets + k].nes))
                score += fabs(e->truth[i * e->n_sets + k].nes);
        if (!(score > most)) continue;
        most = score;
        best = i;
    }
    return best;
}

/* The sets asked for, or the highest and the lowest NES of the truth. */
static scp_status choose_sets(const scp_report_run *r, const scp_enrichment *e, size_t condition,
                              size_t *set, size_t *n)
{
    const scp_gsea_result *t = e->truth + condition * e->n_sets;
    *n = 0;
    for (size_t i = 0; i < r->s->show_sets.n && *n < SHOWN; i++) {
        int64_t at = scp_gsea_find(e->sets, r->s->show_sets.v[i]);
        if (at >= 0)
            set[(*n)++] = (size_t)at;
        else
            SCP_TRY(scp_page_missing(r->p, "Running sum",
                                     "gene set %s is not in the file, or has no "
                                     "suitable number of the data's genes",
                                     r->s->show_sets.v[i]));
    }
    if (r->s->show_sets.n) return SCP_OK;
    size_t up = 0, down = 0;
    for (size_t k = 1; k < e->n_sets; k++) {
        if (t[k].nes > t[up].nes || isnan(t[up].nes)) up = k;
        if (t[k].nes < t[down].nes || isnan(t[down].nes)) down = k;
    }
    set[(*n)++] = up;
    if (down != up) set[(*n)++] = down;
    return SCP_OK;
}

/* Blocks of one set: the two sums, then the places of the hits of both. */
static scp_status add_curves(const scp_enrichment *e, size_t set, const double *truth,
                             const double *pred, size_t G, scp_strbuf *out)
{
    double *sum = NULL;
    uint32_t *hit[2] = { NULL, NULL };
    size_t k = scp_gsea_size(e->sets, set);
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(2 * G, sizeof *sum, &sum));
    SCP_GOTO(done, scp_alloc(k, sizeof *hit[0], &hit[0]));
    SCP_GOTO(done, scp_alloc(k, sizeof *hit[1], &hit[1]));
    SCP_GOTO(done, scp_gsea_curve(e->sets, truth, set, sum, hit[0]));
    SCP_GOTO(done, scp_gsea_curve(e->sets, pred, set, sum + G, hit[1]));
    SCP_GOTO(done, scp_strbuf_addf(out, "# rank\ttrue sum\tpredicted sum: "));
    SCP_GOTO(done, scp_strbuf_addf(out, "%s\n0\t0\t0\n", scp_gsea_name(e->sets, set)));
    for (size_t g = 0; g < G; g++)
        SCP_GOTO(done, scp_strbuf_addf(out, "%zu\t%.5g\t%.5g\n", g + 1, sum[g], sum[G + g]));
    SCP_GOTO(done, scp_strbuf_addf(out, "\n\n# rank of its genes in truth and prediction\n"));
    for (size_t j = 0; j < k; j++)
        SCP_GOTO(done, scp_strbuf_addf(out, "%u\t%u\n", hit[0][j] + 1, hit[1][j] + 1));
    st = scp_strbuf_addf(out, "\n\n");
done:
    free(sum);
    free(hit[0]);
    free(hit[1]);
    return st;
}

/* "truth: NES 1.69, FDR 0.066" */
static scp_status add_figures(scp_strbuf *out, const char *side, const scp_gsea_result *r)
{
    SCP_TRY(scp_strbuf_addf(out, "%s: NES %.2f, FDR ", side, r->nes));
    return r->fdr < 0.001 ? scp_strbuf_addf(out, "< 0.001") : scp_strbuf_addf(out, "%.2g", r->fdr);
}

/* One column of the picture: the sums above, the hits below. */
static scp_status add_column(const scp_enrichment *e, size_t condition, size_t set, size_t column,
                             size_t columns, scp_strbuf *out)
{
    const scp_gsea_result *t = &e->truth[condition * e->n_sets + set],
                          *p = &e->pred[condition * e->n_sets + set];
    double width = 1.0 / (double)columns, left = (double)column * width;
    scp_strbuf text = { 0 }, second = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_short_text(&text, scp_gsea_name(e->sets, set), 48));
    SCP_GOTO(done, add_figures(&second, "truth", t));
    SCP_GOTO(done, add_figures(&second, "   prediction", p));
    SCP_GOTO(done, scp_strbuf_addf(out,
                                   "set lmargin at screen %.4f\nset rmargin at screen %.4f\n"
                                   "set tmargin at screen 0.83\nset bmargin at screen 0.36\n"
                                   "unset label\nset label 1 ",
                                   left + 0.085, left + width - 0.02));
    SCP_GOTO(done, scp_gnuplot_text(out, text.text));
    SCP_GOTO(done, scp_strbuf_addf(out, " at screen %.4f, 0.96 center\nset label 2 ",
                                   left + width / 2 + 0.03));
    SCP_GOTO(done, scp_gnuplot_text(out, second.text));
    st = scp_strbuf_addf(
        out,
        " at screen %.4f, 0.89 center font ',11'\nset xrange [0 : G]\nset yrange [*:*]\nset format "
        "x ''\nunset "
        "xlabel\nset ytics auto\nset border 3\nset ylabel 'running enrichment score'\nset key %s\n"
        "plot DATA index %zu using 1:2 with lines lw 2 lc rgb TRUTH title 'truth', '' index %zu "
        "using "
        "1:3 with lines lw 2 lc rgb MODEL title 'prediction', 0 with lines lw 1 lc rgb '#777777' "
        "notitle\n"
        "unset label\nunset key\nunset offsets\nset tmargin at screen 0.33\nset bmargin at screen "
        "0.15\nset "
        "yrange "
        "[0:2]\nunset ylabel\nset format x '%%g'\nset ytics ('truth' 1.5, 'predicted' 0.5) scale "
        "0\n"
        "set border 1\nset xlabel 'place in the ranked list of genes'\n"
        "plot DATA index %zu using 1:(1.1):(0):(0.8) with vectors nohead lw 0.8 lc rgb TRUTH, '' "
        "index "
        "%zu using 2:(0.1):(0):(0.8) with vectors nohead lw 0.8 lc rgb MODEL\n",
        left + width / 2 + 0.03, t->es > 0 ? "inside top right" : "inside bottom left", 2 * column,
        2 * column, 2 * column + 1, 2 * column + 1);
done:
    scp_strbuf_fini(&text);
    scp_strbuf_fini(&second);
    return st;
}

static scp_status fill_sums(const scp_report_run *r, const scp_enrichment *e, scp_profiles *p,
                            size_t condition, const size_t *set, size_t n, scp_figure *f)
{
    double *score = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(2 * p->G, sizeof *score, &score));
    SCP_GOTO(done, scp_profiles_logfc(p, condition, false, r->pseudo, score));
    SCP_GOTO(done, scp_profiles_logfc(p, condition, true, r->pseudo, score + p->G));
    SCP_GOTO(done, scp_strbuf_addf(&f->script, "G = %zu\nset grid\nset multiplot\n", p->G));
    for (size_t i = 0; i < n; i++) {
        SCP_GOTO(done, add_curves(e, set[i], score, score + p->G, p->G, &f->data));
        SCP_GOTO(done, add_column(e, condition, set[i], i, n, &f->script));
    }
    st = scp_strbuf_addf(&f->script, "unset multiplot\n");
done:
    free(score);
    return st;
}

static scp_status put_sums(const scp_report_run *r, const char *split, const scp_enrichment *e,
                           scp_profiles *p)
{
    scp_figure f;
    char stem[80];
    size_t condition = choose_condition(e), set[SHOWN], n;
    scp_status st = SCP_OK;
    SCP_TRY(choose_sets(r, e, condition, set, &n));
    if (!n) return SCP_OK;
    SCP_TRY(scp_str_format(stem, sizeof stem, "gsea_curves_%.50s", split));
    SCP_TRY(scp_figure_init(&f, r->prefix, stem, (int)(520 * n), 420));
    SCP_GOTO(done, fill_sums(r, e, p, condition, set, n, &f));
    SCP_GOTO(done,
             scp_strbuf_addf(&f.caption, "Running enrichment score and places of the sets' genes "
                                         "in the rankings of "));
    SCP_GOTO(done, scp_profiles_label(p, condition, &f.caption));
    SCP_GOTO(done, scp_strbuf_addf(&f.caption, r->s->show_sets.n
                                                   ? ", the condition with most enriched sets."
                                                   : ", the condition with most enriched sets: the "
                                                     "sets of highest and lowest true NES."));
    st = scp_page_figure(r->p, &f);
done:
    scp_figure_fini(&f);
    return st;
}

/* Rank 0. */
static scp_status put_all(const scp_report_run *r, const char *split, const scp_enrichment *e)
{
    scp_profiles p = { 0 };
    scp_strbuf text = { 0 };
    char path[SCP_PATH_MAX];
    scp_status st = SCP_OK;
    SCP_GOTO(done, put_agreement(r, split, e));
    SCP_GOTO(done, put_scatter(r, split, e));
    SCP_GOTO(done, scp_profiles_open(r->run, split, r->model, &p));
    SCP_GOTO(done, put_sums(r, split, e, &p));
    SCP_GOTO(done, scp_enrichment_long(e, &p, &text));
    SCP_GOTO(done, scp_str_format(path, sizeof path, "%s/%sgsea_%.60s.tsv", scp_page_dir(r->p),
                                  r->prefix, split));
    st = scp_fs_write_text(path, text.text, text.len);
done:
    scp_strbuf_fini(&text);
    scp_profiles_close(&p);
    return st;
}

scp_status scp_fig_enrichment(scp_comm *comm, const scp_report_run *r, const char *split,
                              const scp_gmt *gmt)
{
    scp_enrichment e;
    bool root = scp_comm_rank(comm) == 0;
    scp_status st =
        scp_enrichment_run(comm, r->run, split, r->model, gmt, &r->s->gsea, r->pseudo, &e);
    if (st == SCP_OK && root)
        st = e.n_sets ? put_all(r, split, &e)
                      : scp_page_missing(r->p, "Enrichment of gene sets", "%s", e.why);
    st = scp_agree(comm, st);
    scp_enrichment_fini(&e);
    return st;
}
