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

static scp_status adamw(scp_device *dev, const scp_adamw *h, size_t n, void *weights,
                        const void *grad, void *first, void *second, void *average,
                        const uint8_t *decay_mask)
{
    float *w = weights, *m = first, *v = second;
    const float *g = grad;
    float scale = (float)h->grad_scale, rate1 = (float)(1 - h->beta1),
          rate2 = (float)(1 - h->beta2);
    float step = (float)(h->lr / (1 - pow(h->beta1, (double)h->t)));
    float root = (float)(1 / sqrt(1 - pow(h->beta2, (double)h->t))), eps = (float)h->eps;
    float shrink = (float)(h->lr * h->decay);
#pragma omp parallel for simd if (parallel : n > SCP_PAR_MIN)
    for (size_t i = 0; i < n; i++) {
        float gi = g[i] * scale, decay = !decay_mask || decay_mask[i] ? shrink : 0.0f;
        m[i] += rate1 * (gi - m[i]);
        v[i] += rate2 * (gi * gi - v[i]);
        w[i] -= step * m[i] / (sqrtf(v[i]) * root + eps) + decay * w[i];
    }
    return average ? ema(dev, h->ema_decay, n, weights, average) : SCP_OK;
}

const scp_optim_impl scp_cpu_optim = { .sum_squares = sum_squares, .adamw = adamw, .ema = ema };
