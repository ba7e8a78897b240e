/* The optimiser step of tensor/optim.h in fp32, one pass over memory. The moving averages are
 * written x += (1 - b)(y - x): in b x + (1 - b) y the two rounded factors do not sum to 1, and for
 * b = 0.9999 the average of constant weights would settle a relative 1.7e-4 below them. */
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"

#include <math.h>

static scp_status sum_squares(scp_device *dev, const void *x, size_t n, double *out)
{
    const float *v = x;
    double part[SCP_PARTS], total = 0;
    int64_t size = scp_part_size((int64_t)n), parts = ((int64_t)n + size - 1) / size;
    (void)dev;
#pragma omp parallel for if (n > SCP_PAR_MIN)
    for (int64_t p = 0; p < parts; p++) {
        double s = 0;
#pragma omp simd reduction(+ : s)
        for (int64_t i = p * size; i < scp_min((p + 1) * size, (int64_t)n); i++)
            s += (double)v[i] * v[i];
        part[p] = s;
    }
    for (int64_t p = 0; p < parts; p++) total += part[p];
    *out = total;
    return SCP_OK;
}

static scp_status ema(scp_device *dev, double decay, size_t n, const void *w, void *average)
{
    const float *from = w;
    float *to = average, rate = (float)(1 - decay);
    (void)dev;
#pragma omp parallel for simd if (parallel : n > SCP_PAR_MIN)
    for (size_t i = 0; i < n; i++) to[i] += rate * (from[i] - to[i]);
    return SCP_OK;
}

/* What adamw needs, rounded once. */
typedef struct rates {
    float scale, rate1, rate2, step, root, eps, shrink, average;
} rates;

/* Elements [0, n): moments, weights and their average in one pass. */
static void adamw_part(const rates *r, int64_t n, float *restrict w, const float *restrict g,
                       float *restrict m, float *restrict v, float *restrict average,
                       const uint8_t *restrict decays)
{
    const rates k = *r;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float gi = g[i] * k.scale, decay = k.shrink * (float)decays[i];
        float first = m[i] + k.rate1 * (gi - m[i]), second = v[i] + k.rate2 * (gi * gi - v[i]);
        float wi = w[i] - (k.step * first / (sqrtf(second) * k.root + k.eps) + decay * w[i]);
        m[i] = first;
        v[i] = second;
        w[i] = wi;
        average[i] += k.average * (wi - average[i]);
    }
}

/* Without an average, or without a mask, a part has one of its own that stays on the stack. */
static scp_status adamw(scp_device *dev, const scp_adamw *h, size_t n, void *weights,
                        const void *grad, void *first, void *second, void *average,
                        const uint8_t *decay_mask)
{
    enum { PART = 4096 };
    const rates r = { .scale = (float)h->grad_scale,
                      .rate1 = (float)(1 - h->beta1),
                      .rate2 = (float)(1 - h->beta2),
                      .step = (float)(h->lr / (1 - pow(h->beta1, (double)h->t))),
                      .root = (float)(1 / sqrt(1 - pow(h->beta2, (double)h->t))),
                      .eps = (float)h->eps,
                      .shrink = (float)(h->lr * h->decay),
                      .average = (float)(1 - h->ema_decay) };
    (void)dev;
#pragma omp parallel for schedule(static) if (n > SCP_PAR_MIN)
    for (int64_t at = 0; at < (int64_t)n; at += PART) {
        float none[PART];
        uint8_t all[PART];
        int64_t size = scp_min(PART, (int64_t)n - at);
        if (!average) memset(none, 0, sizeof none);
        if (!decay_mask) memset(all, 1, sizeof all);
        adamw_part(&r, size, (float *)weights + at, (const float *)grad + at, (float *)first + at,
                   (float *)second + at, average ? (float *)average + at : none,
                   decay_mask ? decay_mask + at : all);
    }
    return SCP_OK;
}

const scp_optim_impl SCP_CPU(optim) = { .sum_squares = sum_squares, .adamw = adamw, .ema = ema };
