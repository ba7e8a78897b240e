/* The metrics of one condition [paper App. C].
 *
 * G genes, e pseudo-count; truth y = mu_post, control c = mu_pre, prediction p = max(0, mu_hat):
 *   LFC = log2((y + e) / (c + e)), predicted LFC = log2((p + e) / (c + e)), Delta = y - c, p - c.
 * S: the DEG set, the deg_k genes of largest |LFC|, ties by gene order. */
#include "eval/metrics.h"
#include "eval/stats.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* Values and their average ranks. */
typedef struct ranked {
    double *v, *rank;
} ranked;

/* What the truth is at one pseudo-count. */
typedef struct at_pseudo {
    double pseudo;
    ranked lfc;                /* [G] */
    ranked deg_lfc, deg_delta; /* [K] over S */
    double *deg_y;             /* [K] */
    uint32_t *top;             /* [n_top] genes by |LFC|; the first K are S */
} at_pseudo;

struct scp_pair {
    size_t G, K, n_top, n_pseudo; /* K: genes of S; n_top: the largest set of all */
    scp_metric_columns cols;
    size_t n_overlap;
    int64_t overlap_k[SCP_OVERLAP_MAX];
    const float *pre; /* control of the condition, borrowed */
    at_pseudo truth[SCP_PSEUDO_MAX];
    ranked true_delta, lfc, delta; /* [G] */
    ranked deg;                    /* [K] of the prediction */
    double *y, *p, *deg_p;         /* expression as fp64 [G], [G], [K] */
    uint32_t *pred_top;            /* [n_top] */
    uint32_t *order, *where;       /* [G] scratch */
    scp_sort_scratch sort;
    double *reals; /* the arena behind the arrays above */
    uint32_t *ints;
};

static double *take(double **at, size_t n)
{
    double *here = *at;
    *at += n;
    return here;
}

static ranked take_ranked(double **at, size_t n)
{
    ranked r = { .v = take(at, n), .rank = take(at, n) };
    return r;
}

/* Places in the arenas: G x (8 + 2 n_pseudo) + K x (3 + 5 n_pseudo) reals, G x 4 + n_top x
 * (1 + n_pseudo) integers. */
static scp_status place_arrays(scp_pair *p)
{
    const size_t G = p->G, K = p->K, E = p->n_pseudo;
    SCP_TRY(scp_alloc(G * (8 + 2 * E) + K * (3 + 5 * E), sizeof *p->reals, &p->reals));
    SCP_TRY(scp_alloc(4 * G + p->n_top * (1 + E), sizeof *p->ints, &p->ints));
    SCP_TRY(scp_alloc(2 * G, sizeof *p->sort.key, &p->sort.key));
    double *at = p->reals;
    p->true_delta = take_ranked(&at, G);
    p->lfc = take_ranked(&at, G);
    p->delta = take_ranked(&at, G);
    p->y = take(&at, G);
    p->p = take(&at, G);
    p->deg = take_ranked(&at, K);
    p->deg_p = take(&at, K);
    p->order = p->ints;
    p->where = p->ints + G;
    p->sort.index = p->ints + 2 * G;
    p->pred_top = p->ints + 4 * G;
    for (size_t e = 0; e < E; e++) {
        at_pseudo *t = &p->truth[e];
        t->lfc = take_ranked(&at, G);
        t->deg_lfc = take_ranked(&at, K);
        t->deg_delta = take_ranked(&at, K);
        t->deg_y = take(&at, K);
        t->top = p->pred_top + (e + 1) * p->n_top;
    }
    return SCP_OK;
}

scp_status scp_pair_create(size_t G, const double *pseudo, size_t n_pseudo,
                           const scp_metric_settings *s, scp_pair **out)
{
    SCP_ARG(out && s && pseudo && n_pseudo > 0 && n_pseudo <= SCP_PSEUDO_MAX && G > 0 &&
                G < UINT32_MAX,
            "a pair needs settings, pseudo-counts and 1 to 2^32 - 2 genes");
    scp_pair *p = NULL;
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    p->G = G;
    p->K = p->n_top = s->deg_k < (int64_t)G ? (size_t)s->deg_k : G;
    p->n_pseudo = n_pseudo;
    for (size_t e = 0; e < n_pseudo; e++) p->truth[e].pseudo = pseudo[e];
    scp_metric_columns_init(s, G, &p->cols);
    p->n_overlap = s->overlap_k.n;
    for (size_t i = 0; i < p->n_overlap; i++) {
        p->overlap_k[i] = p->cols.col[SCP_METRIC_OVERLAP + i].k;
        if ((size_t)p->overlap_k[i] > p->n_top) p->n_top = (size_t)p->overlap_k[i];
    }
    scp_status st = place_arrays(p);
    if (st != SCP_OK) scp_pair_destroy(&p);
    *out = p;
    return st;
}

void scp_pair_destroy(scp_pair **p)
{
    if (!p || !*p) return;
    free((*p)->sort.key);
    free((*p)->ints);
    free((*p)->reals);
    free(*p);
    *p = NULL;
}

static void gather(const double *all, const uint32_t *gene, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = all[gene[i]];
}

static void rank(scp_pair *p, const ranked *r, size_t n)
{
    scp_average_ranks(r->v, n, p->sort, p->order, r->rank);
}

/* The values of S out of all, and their ranks. */
static void rank_deg(scp_pair *p, const double *all, const uint32_t *top, const ranked *deg)
{
    gather(all, top, p->K, deg->v);
    rank(p, deg, p->K);
}

/* LFC of an expression profile x against the control, and its ranks. */
static void fold_change(scp_pair *p, const double *x, double pseudo, const ranked *lfc)
{
    for (size_t g = 0; g < p->G; g++)
        lfc->v[g] = log2((x[g] + pseudo) / ((double)p->pre[g] + pseudo));
    rank(p, lfc, p->G);
}

static void shift(scp_pair *p, const double *x, const ranked *delta)
{
    for (size_t g = 0; g < p->G; g++) delta->v[g] = x[g] - (double)p->pre[g];
    rank(p, delta, p->G);
}

void scp_pair_truth(scp_pair *p, const float *post, const float *pre)
{
    p->pre = pre;
    for (size_t g = 0; g < p->G; g++) p->y[g] = post[g];
    shift(p, p->y, &p->true_delta);
    for (size_t e = 0; e < p->n_pseudo; e++) {
        at_pseudo *t = &p->truth[e];
        fold_change(p, p->y, t->pseudo, &t->lfc);
        scp_top_magnitude(t->lfc.v, p->G, p->n_top, p->sort, t->top);
        rank_deg(p, t->lfc.v, t->top, &t->deg_lfc);
        rank_deg(p, p->true_delta.v, t->top, &t->deg_delta);
        gather(p->y, t->top, p->K, t->deg_y);
    }
}

/* Prediction as fp64, cut at 0. False when an entry is not finite. */
static bool take_prediction(scp_pair *p, const float *pred, double *clipped)
{
    size_t negative = 0;
    for (size_t g = 0; g < p->G; g++) {
        double x = pred[g];
        if (!isfinite(x)) return false;
        negative += x < 0;
        p->p[g] = x < 0 ? 0 : x;
    }
    *clipped = (double)negative / (double)p->G;
    return true;
}

/* out[0] Pearson's, out[1] Spearman's. */
static void correlate(const ranked *truth, const ranked *pred, size_t n, double out[2])
{
    out[0] = scp_pearson(truth->v, pred->v, n);
    out[1] = scp_pearson(truth->rank, pred->rank, n);
}

/* Mean squared and absolute difference. */
static void errors(const double *a, const double *b, size_t n, double *mse, double *mae)
{
    double squares = 0, absolutes = 0;
#pragma omp simd reduction(+ : squares, absolutes)
    for (size_t i = 0; i < n; i++) {
        double e = a[i] - b[i];
        squares += e * e;
        absolutes += fabs(e);
    }
    *mse = squares / (double)n;
    *mae = absolutes / (double)n;
}

static double norm(const double *x, size_t n)
{
    double squares = 0;
#pragma omp simd reduction(+ : squares)
    for (size_t i = 0; i < n; i++) squares += x[i] * x[i];
    return sqrt(squares);
}

/* The columns that no pseudo-count enters. */
static void score_expression(scp_pair *p, double *out)
{
    const ranked *truth = &p->true_delta;
    shift(p, p->p, &p->delta);
    correlate(truth, &p->delta, p->G, out + SCP_METRIC_DELTA_PEARSON);
    out[SCP_METRIC_EV] = scp_explained_variance(p->y, p->p, p->G);
    out[SCP_METRIC_EV_DELTA] = scp_explained_variance(truth->v, p->delta.v, p->G);
    errors(p->y, p->p, p->G, &out[SCP_METRIC_MSE], &out[SCP_METRIC_MAE]);
    errors(truth->v, p->delta.v, p->G, &out[SCP_METRIC_MSE_DELTA], &out[SCP_METRIC_MAE_DELTA]);
    double size = norm(truth->v, p->G);
    out[SCP_METRIC_EFFECT] = norm(p->delta.v, p->G);
    out[SCP_METRIC_EFFECT_TRUE] = size;
    if (size > 0) out[SCP_METRIC_NORM_RATIO] = out[SCP_METRIC_EFFECT] / size;
}

/* The others: fold changes, and everything over S. */
static void score_pseudo(scp_pair *p, const at_pseudo *t, double *out)
{
    fold_change(p, p->p, t->pseudo, &p->lfc);
    correlate(&t->lfc, &p->lfc, p->G, out + SCP_METRIC_LFC_PEARSON);
    rank_deg(p, p->lfc.v, t->top, &p->deg);
    correlate(&t->deg_lfc, &p->deg, p->K, out + SCP_METRIC_LFC_PEARSON_DEG);
    rank_deg(p, p->delta.v, t->top, &p->deg);
    correlate(&t->deg_delta, &p->deg, p->K, out + SCP_METRIC_DELTA_PEARSON_DEG);
    out[SCP_METRIC_EV_DELTA_DEG] = scp_explained_variance(t->deg_delta.v, p->deg.v, p->K);
    gather(p->p, t->top, p->K, p->deg_p);
    out[SCP_METRIC_EV_DEG] = scp_explained_variance(t->deg_y, p->deg_p, p->K);
    scp_top_magnitude(p->lfc.v, p->G, p->n_top, p->sort, p->pred_top);
    scp_top_overlap(t->top, p->pred_top, p->G, p->overlap_k, p->n_overlap, p->where,
                    out + SCP_METRIC_OVERLAP);
}

bool scp_pair_score(scp_pair *p, const float *pred, double *out)
{
    const size_t n = p->cols.n;
    for (size_t i = 0; i < p->n_pseudo * n; i++) out[i] = NAN;
    if (!take_prediction(p, pred, &out[SCP_METRIC_CLIPPED])) return false;
    score_expression(p, out);
    for (size_t e = 1; e < p->n_pseudo; e++) memcpy(out + e * n, out, n * sizeof *out);
    for (size_t e = 0; e < p->n_pseudo; e++) score_pseudo(p, &p->truth[e], out + e * n);
    return true;
}
