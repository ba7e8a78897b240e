/* The metrics of one condition [paper App. C].
 *
 * G genes, e pseudo-count; truth y = mu_post, control c = mu_pre, prediction p = max(0, mu_hat):
 *   LFC = log2((y + e) / (c + e)), predicted LFC = log2((p + e) / (c + e)), Delta = y - c, p - c.
 * S: the DEG set, the deg_k genes of largest |LFC|, ties by gene order. */
#include "eval/metrics.h"
#include "eval/stats.h"

#include <math.h>

#include "base/mem.h"

/* One view of a condition (logFC or Delta): values and average ranks, over all genes and over S. */
typedef struct view {
    double *all, *all_rank; /* [G] */
    double *deg, *deg_rank; /* [K] */
} view;

struct scp_pair {
    size_t G, K; /* K: genes in the DEG set */
    double pseudo;
    scp_metric_columns cols;
    size_t n_overlap;
    int64_t overlap_k[SCP_OVERLAP_MAX];
    const float *pre; /* control of the condition, borrowed */
    view true_lfc, true_delta, lfc, delta;
    double *y, *y_deg, *p, *p_deg; /* expression as fp64 [G], [K] */
    uint32_t *top, *pred_top;      /* [G] genes by |LFC|; the first K of top are S */
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

static void take_view(double **at, size_t G, size_t K, view *v)
{
    v->all = take(at, G);
    v->all_rank = take(at, G);
    v->deg = take(at, K);
    v->deg_rank = take(at, K);
}

scp_status scp_pair_create(size_t G, double pseudo, const scp_metric_settings *s, scp_pair **out)
{
    SCP_ARG(out && s && G > 0 && G < UINT32_MAX, "a pair needs settings and 1 to 2^32 - 2 genes");
    scp_status st = SCP_OK;
    scp_pair *p = NULL;
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    p->G = G;
    p->K = s->deg_k < (int64_t)G ? (size_t)s->deg_k : G;
    p->pseudo = pseudo;
    scp_metric_columns_init(s, G, &p->cols);
    p->n_overlap = s->overlap_k.n;
    for (size_t i = 0; i < p->n_overlap; i++)
        p->overlap_k[i] = p->cols.col[SCP_METRIC_OVERLAP + i].k;
    SCP_GOTO(fail, scp_alloc(10 * (G + p->K), sizeof *p->reals, &p->reals));
    SCP_GOTO(fail, scp_alloc(6 * G, sizeof *p->ints, &p->ints));
    SCP_GOTO(fail, scp_alloc(2 * G, sizeof *p->sort.key, &p->sort.key));
    double *at = p->reals;
    take_view(&at, G, p->K, &p->true_lfc);
    take_view(&at, G, p->K, &p->true_delta);
    take_view(&at, G, p->K, &p->lfc);
    take_view(&at, G, p->K, &p->delta);
    p->y = take(&at, G);
    p->p = take(&at, G);
    p->y_deg = take(&at, p->K);
    p->p_deg = take(&at, p->K);
    p->top = p->ints;
    p->pred_top = p->ints + G;
    p->order = p->ints + 2 * G;
    p->where = p->ints + 3 * G;
    p->sort.index = p->ints + 4 * G;
    *out = p;
    return SCP_OK;
fail:
    scp_pair_destroy(&p);
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

/* LFC and Delta of an expression profile x against the control. */
static void changes(const scp_pair *p, const double *x, double *lfc, double *delta)
{
    for (size_t g = 0; g < p->G; g++) {
        double c = p->pre[g];
        lfc[g] = log2((x[g] + p->pseudo) / (c + p->pseudo));
        delta[g] = x[g] - c;
    }
}

/* Ranks over all genes, values and ranks over the DEG set. */
static void complete_view(scp_pair *p, view *v)
{
    scp_average_ranks(v->all, p->G, p->sort, p->order, v->all_rank);
    gather(v->all, p->top, p->K, v->deg);
    scp_average_ranks(v->deg, p->K, p->sort, p->order, v->deg_rank);
}

void scp_pair_truth(scp_pair *p, const float *post, const float *pre)
{
    p->pre = pre;
    for (size_t g = 0; g < p->G; g++) p->y[g] = post[g];
    changes(p, p->y, p->true_lfc.all, p->true_delta.all);
    scp_argsort_magnitude(p->true_lfc.all, p->G, p->sort, p->top);
    gather(p->y, p->top, p->K, p->y_deg);
    complete_view(p, &p->true_lfc);
    complete_view(p, &p->true_delta);
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

static void correlations(const scp_pair *p, const view *truth, const view *pred, double out[4])
{
    out[0] = scp_pearson(truth->all, pred->all, p->G);
    out[1] = scp_pearson(truth->all_rank, pred->all_rank, p->G);
    out[2] = scp_pearson(truth->deg, pred->deg, p->K);
    out[3] = scp_pearson(truth->deg_rank, pred->deg_rank, p->K);
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

bool scp_pair_score(scp_pair *p, const float *pred, double *out)
{
    for (size_t i = 0; i < p->cols.n; i++) out[i] = NAN;
    if (!take_prediction(p, pred, &out[SCP_METRIC_CLIPPED])) return false;
    changes(p, p->p, p->lfc.all, p->delta.all);
    complete_view(p, &p->lfc);
    complete_view(p, &p->delta);
    gather(p->p, p->top, p->K, p->p_deg);

    correlations(p, &p->true_lfc, &p->lfc, out + SCP_METRIC_LFC_PEARSON);
    correlations(p, &p->true_delta, &p->delta, out + SCP_METRIC_DELTA_PEARSON);
    out[SCP_METRIC_EV] = scp_explained_variance(p->y, p->p, p->G);
    out[SCP_METRIC_EV_DEG] = scp_explained_variance(p->y_deg, p->p_deg, p->K);
    out[SCP_METRIC_EV_DELTA] = scp_explained_variance(p->true_delta.all, p->delta.all, p->G);
    out[SCP_METRIC_EV_DELTA_DEG] = scp_explained_variance(p->true_delta.deg, p->delta.deg, p->K);
    errors(p->y, p->p, p->G, &out[SCP_METRIC_MSE], &out[SCP_METRIC_MAE]);
    errors(p->true_delta.all, p->delta.all, p->G, &out[SCP_METRIC_MSE_DELTA],
           &out[SCP_METRIC_MAE_DELTA]);
    double size = norm(p->true_delta.all, p->G);
    out[SCP_METRIC_EFFECT] = norm(p->delta.all, p->G);
    out[SCP_METRIC_EFFECT_TRUE] = size;
    if (size > 0) out[SCP_METRIC_NORM_RATIO] = out[SCP_METRIC_EFFECT] / size;

    scp_argsort_magnitude(p->lfc.all, p->G, p->sort, p->pred_top);
    scp_top_overlap(p->top, p->pred_top, p->G, p->overlap_k, p->n_overlap, p->where,
                    out + SCP_METRIC_OVERLAP);
    return true;
}
