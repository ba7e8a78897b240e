/* Two models on the same conditions: resampled differences and signed ranks, see bootstrap.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/bootstrap.h"
#include "eval/significance.h"

typedef struct pairing {
    size_t n, cols, resamples;
    double *d;                   /* [n, cols] differences, 0 where one has no value */
    double *valid;               /* [n, cols] 1 where both have one */
    double *sum, *weight, *mean; /* [cols], [cols], [resamples, cols] */
    double *one, *size, *rank;   /* [max(n, cols, resamples)] of a column */
    uint32_t *order, *words, *count;
    scp_sort_scratch sort;
} pairing;

static void pairing_fini(pairing *w)
{
    void *owned[] = { w->d,    w->valid, w->sum,   w->weight, w->mean,     w->one,       w->size,
                      w->rank, w->order, w->words, w->count,  w->sort.key, w->sort.index };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
}

static scp_status pairing_init(pairing *w, size_t n, size_t cols, size_t resamples)
{
    size_t room = n > cols ? n : cols;
    if (resamples > room) room = resamples;
    *w = (pairing){ .n = n, .cols = cols, .resamples = resamples };
    SCP_TRY(scp_alloc(n * cols, sizeof *w->d, &w->d));
    SCP_TRY(scp_alloc(n * cols, sizeof *w->valid, &w->valid));
    SCP_TRY(scp_alloc(cols, sizeof *w->sum, &w->sum));
    SCP_TRY(scp_alloc(cols, sizeof *w->weight, &w->weight));
    SCP_TRY(scp_alloc(resamples * cols, sizeof *w->mean, &w->mean));
    SCP_TRY(scp_alloc(room, sizeof *w->one, &w->one));
    SCP_TRY(scp_alloc(room, sizeof *w->size, &w->size));
    SCP_TRY(scp_alloc(room, sizeof *w->rank, &w->rank));
    SCP_TRY(scp_alloc(room, sizeof *w->order, &w->order));
    SCP_TRY(scp_alloc(n + 4, sizeof *w->words, &w->words));
    SCP_TRY(scp_alloc(n, sizeof *w->count, &w->count));
    SCP_TRY(scp_alloc(2 * room, sizeof *w->sort.key, &w->sort.key));
    return scp_alloc(2 * room, sizeof *w->sort.index, &w->sort.index);
}

/* Sums over the conditions, weighed by counts (NULL: each once). */
static void add_up(const pairing *w, const uint32_t *count, const double *x, double *sum)
{
    memset(sum, 0, w->cols * sizeof *sum);
    for (size_t i = 0; i < w->n; i++) {
        const double times = count ? count[i] : 1;
        for (size_t c = 0; c < w->cols; c++) sum[c] += times * x[i * w->cols + c];
    }
}

/* Differences of a and b, and the means of both where both have a value. */
static void subtract(pairing *w, const double *a, const double *b, scp_comparison *out)
{
    for (size_t c = 0; c < w->cols; c++) out[c] = (scp_comparison){ .p = NAN, .q = NAN };
    for (size_t i = 0; i < w->n; i++)
        for (size_t c = 0; c < w->cols; c++) {
            const size_t at = i * w->cols + c;
            const bool both = !isnan(a[at]) && !isnan(b[at]);
            w->d[at] = both ? a[at] - b[at] : 0;
            w->valid[at] = both;
            out[c].n += both;
            out[c].mean_a += both ? a[at] : 0;
            out[c].mean_b += both ? b[at] : 0;
        }
    for (size_t c = 0; c < w->cols; c++) {
        out[c].mean_a = out[c].n ? out[c].mean_a / (double)out[c].n : NAN;
        out[c].mean_b = out[c].n ? out[c].mean_b / (double)out[c].n : NAN;
        out[c].difference = out[c].mean_a - out[c].mean_b;
    }
}

static void resample_pairs(pairing *w, int64_t seed, scp_comparison *out)
{
    for (size_t r = 0; r < w->resamples; r++) {
        scp_bootstrap_draw((uint64_t)seed, r, w->n, w->words, w->count);
        add_up(w, w->count, w->d, w->sum);
        add_up(w, w->count, w->valid, w->weight);
        for (size_t c = 0; c < w->cols; c++)
            w->mean[r * w->cols + c] = w->weight[c] > 0 ? w->sum[c] / w->weight[c] : NAN;
    }
    for (size_t c = 0; c < w->cols; c++) {
        for (size_t r = 0; r < w->resamples; r++) w->one[r] = w->mean[r * w->cols + c];
        const scp_interval ci = scp_bootstrap_middle(w->one, w->resamples);
        out[c].low = ci.low;
        out[c].high = ci.high;
    }
}

static void test_pairs(pairing *w, scp_comparison *out)
{
    size_t tests = 0;
    for (size_t c = 0; c < w->cols; c++) {
        size_t kept = 0;
        for (size_t i = 0; i < w->n; i++)
            if (w->valid[i * w->cols + c] > 0) w->one[kept++] = w->d[i * w->cols + c];
        out[c].p = scp_wilcoxon(w->one, kept, w->sort, w->order, w->size, w->rank);
    }
    for (size_t c = 0; c < w->cols; c++)
        if (!isnan(out[c].p)) w->one[tests++] = out[c].p;
    scp_bh_adjust(w->one, tests, w->sort, w->order, w->one);
    for (size_t c = 0, k = 0; c < w->cols; c++)
        if (!isnan(out[c].p)) out[c].q = w->one[k++];
}

scp_status scp_compare(const double *a, const double *b, size_t n, size_t cols, int64_t resamples,
                       int64_t seed, scp_comparison *out)
{
    SCP_ARG(a && b && n && cols && resamples >= 0 && out, "values and a result are required");
    pairing w;
    scp_status st = pairing_init(&w, n, cols, (size_t)resamples);
    if (st == SCP_OK) {
        subtract(&w, a, b, out);
        resample_pairs(&w, seed, out);
        test_pairs(&w, out);
    }
    pairing_fini(&w);
    return st;
}

/* The values of a model, a row a condition; those of a label once, in its first row. Columns that
 * are no scores are left out. */
static scp_status values_of(const scp_scores *s, double **out)
{
    SCP_TRY(scp_alloc(s->n * s->cols.n, sizeof **out, out));
    for (size_t i = 0; i < s->n; i++)
        for (size_t c = 0; c < s->cols.n; c++) {
            const scp_metric_column *col = &s->cols.col[c];
            const bool again = col->per_label && i && s->label[i] == s->label[i - 1];
            (*out)[i * s->cols.n + c] =
                again || isnan(col->best) ? NAN : scp_scores_value(s, 0, i, c);
        }
    return SCP_OK;
}

scp_status scp_compare_scores(const scp_scores *a, const scp_scores *b, int64_t resamples,
                              int64_t seed, scp_comparison *out)
{
    SCP_ARG(a && b && out && a->n == b->n && a->cols.n == b->cols.n,
            "two models of one set are required");
    double *x = NULL, *y = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, values_of(a, &x));
    SCP_GOTO(done, values_of(b, &y));
    SCP_GOTO(done, scp_compare(x, y, a->n, a->cols.n, resamples, seed, out));
done:
    free(x);
    free(y);
    return st;
}
