/* The optimiser step as written in tensor/optim.h. */
#include "backend/ref/ref_ops.h"

#include <math.h>

static scp_status sum_squares(scp_device *dev, const void *x, size_t n, double *out)
{
    const double *v = x;
    (void)dev;
    *out = 0;
    for (size_t i = 0; i < n; i++) *out += v[i] * v[i];
    return SCP_OK;
}

static scp_status ema(scp_device *dev, double decay, size_t n, const void *w, void *average)
{
    const double *from = w;
    double *to = average;
    (void)dev;
    for (size_t i = 0; i < n; i++) to[i] = decay * to[i] + (1 - decay) * from[i];
    return SCP_OK;
}

static scp_status adamw(scp_device *dev, const scp_adamw *h, size_t n, void *weights,
                        const void *grad, void *first, void *second, void *average,
                        const uint8_t *decay_mask)
{
    double *w = weights, *m = first, *v = second;
    const double *g = grad;
    double unbias1 = 1 - pow(h->beta1, (double)h->t), unbias2 = 1 - pow(h->beta2, (double)h->t);
    for (size_t i = 0; i < n; i++) {
        double gi = g[i] * h->grad_scale, decay = !decay_mask || decay_mask[i] ? h->decay : 0;
        m[i] = h->beta1 * m[i] + (1 - h->beta1) * gi;
        v[i] = h->beta2 * v[i] + (1 - h->beta2) * gi * gi;
        w[i] -= h->lr * (m[i] / unbias1 / (sqrt(v[i] / unbias2) + h->eps) + decay * w[i]);
    }
    return average ? ema(dev, h->ema_decay, n, weights, average) : SCP_OK;
}

const scp_optim_impl scp_ref_optim = { .sum_squares = sum_squares, .adamw = adamw, .ema = ema };
