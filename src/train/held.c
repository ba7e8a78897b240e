/* Validation pairs and their score, see held.h. */
#include "train/held.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

enum { MAX_PAIRS = 512 };

static bool is_held(const scp_dataset *d, size_t i)
{
    return d->split[i] == SCP_SPLIT_VAL_UC || d->split[i] == SCP_SPLIT_VAL_UD;
}

scp_status scp_held_init(scp_held *h, const scp_dataset *d)
{
    size_t all = 0, seen = 0;
    *h = (scp_held){ 0 };
    SCP_TRY(scp_alloc(MAX_PAIRS, sizeof *h->pair, &h->pair));
    for (size_t i = 0; i < d->N; i++) all += is_held(d, i);
    size_t stride = all / MAX_PAIRS + 1;
    for (size_t i = 0; i < d->N; i++)
        if (is_held(d, i) && seen++ % stride == 0) h->pair[h->n++] = (int32_t)i;
    return SCP_OK;
}

void scp_held_fini(scp_held *h)
{
    free(h->pair);
    *h = (scp_held){ 0 };
}

/* Sums over pairs: squared errors of the prediction and of no change, correlations. */
typedef enum sum_of { ERROR, CHANGE, PEARSON, SUMS } sum_of;

/* Correlation of predicted and true change over genes; 0 where one is constant. */
static double change_pearson(const float *x, const float *post, const float *pre, size_t G)
{
    double mean[2] = { 0, 0 }, square[2] = { 0, 0 }, product = 0;
    for (size_t g = 0; g < G; g++) {
        mean[0] += ((double)x[g] - pre[g]) / (double)G;
        mean[1] += ((double)post[g] - pre[g]) / (double)G;
    }
    for (size_t g = 0; g < G; g++) {
        double a = (double)x[g] - pre[g] - mean[0], b = (double)post[g] - pre[g] - mean[1];
        square[0] += a * a;
        square[1] += b * b;
        product += a * b;
    }
    return square[0] > 0 && square[1] > 0 ? product / sqrt(square[0] * square[1]) : 0;
}

static void add_pair(const scp_dataset *d, int32_t pair, const float *x, double sum[SUMS])
{
    const float *post = d->x + (size_t)d->post[pair] * d->G,
                *pre = d->x + (size_t)d->pre[pair] * d->G;
    for (size_t g = 0; g < d->G; g++) {
        double error = (double)x[g] - post[g], change = (double)pre[g] - post[g];
        sum[ERROR] += error * error;
        sum[CHANGE] += change * change;
    }
    sum[PEARSON] += change_pearson(x, post, pre, d->G);
}

static scp_status score_share(const scp_dataset *d, const int32_t *pair, size_t n,
                              scp_held_predict predict, void *ctx, double sum[SUMS])
{
    float *x = NULL;
    if (!n) return SCP_OK;
    SCP_TRY(scp_alloc(n * d->G, sizeof *x, &x));
    scp_status st = predict(ctx, pair, n, x);
    for (size_t i = 0; st == SCP_OK && i < n; i++) add_pair(d, pair[i], x + i * d->G, sum);
    free(x);
    return st;
}

scp_status scp_held_measure(const scp_held *h, scp_comm *comm, const scp_dataset *d,
                            scp_held_predict predict, void *ctx, scp_held_scores *out)
{
    double sum[SUMS] = { 0 };
    size_t begin, end;
    scp_comm_share(comm, h->n, &begin, &end);
    SCP_TRY(scp_agree(comm, score_share(d, h->pair + begin, end - begin, predict, ctx, sum)));
    SCP_TRY(scp_comm_allreduce(comm, sum, SUMS, SCP_COMM_F64, SCP_COMM_SUM));
    out->skill = sum[CHANGE] > 0 ? 1 - sum[ERROR] / sum[CHANGE] : NAN;
    out->pearson = h->n ? sum[PEARSON] / (double)h->n : NAN;
    return SCP_OK;
}

scp_status scp_held_score(const scp_held *h, scp_comm *comm, const scp_dataset *d,
                          scp_held_predict predict, void *ctx, double *score)
{
    scp_held_scores v;
    SCP_TRY(scp_held_measure(h, comm, d, predict, ctx, &v));
    *score = v.skill;
    return SCP_OK;
}
