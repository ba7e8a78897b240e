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

/* Squared errors of the prediction and of no change on one pair. */
static void add_errors(const scp_dataset *d, int32_t pair, const float *x, double sum[2])
{
    const float *post = d->x + (size_t)d->post[pair] * d->G,
                *pre = d->x + (size_t)d->pre[pair] * d->G;
    for (size_t g = 0; g < d->G; g++) {
        double error = (double)x[g] - post[g], change = (double)pre[g] - post[g];
        sum[0] += error * error;
        sum[1] += change * change;
    }
}

static scp_status score_share(const scp_dataset *d, const int32_t *pair, size_t n,
                              scp_held_predict predict, void *ctx, double sum[2])
{
    float *x = NULL;
    if (!n) return SCP_OK;
    SCP_TRY(scp_alloc(n * d->G, sizeof *x, &x));
    scp_status st = predict(ctx, pair, n, x);
    for (size_t i = 0; st == SCP_OK && i < n; i++) add_errors(d, pair[i], x + i * d->G, sum);
    free(x);
    return st;
}

scp_status scp_held_score(const scp_held *h, scp_comm *comm, const scp_dataset *d,
                          scp_held_predict predict, void *ctx, double *score)
{
    double sum[2] = { 0, 0 };
    size_t begin, end;
    scp_comm_share(comm, h->n, &begin, &end);
    SCP_TRY(scp_agree(comm, score_share(d, h->pair + begin, end - begin, predict, ctx, sum)));
    SCP_TRY(scp_comm_allreduce(comm, sum, 2, SCP_COMM_F64, SCP_COMM_SUM));
    *score = sum[1] > 0 ? 1 - sum[0] / sum[1] : NAN;
    return SCP_OK;
}
