/* Operations on whole parameter arenas: norms and the optimiser step. One per backend. */
#ifndef SCP_TENSOR_OPTIM_H
#define SCP_TENSOR_OPTIM_H

#include "dev/device.h"

/* AdamW with decoupled decay [Loshchilov & Hutter], and an exponential moving average of the
 * weights. g' = g * grad_scale;  m = b1 m + (1-b1) g';  v = b2 v + (1-b2) g'^2 w -= lr ( m/(1-b1^t)
 * / (sqrt(v/(1-b2^t)) + eps) + decay w );  ema = ema_decay ema + (1-ema_decay) w */
typedef struct scp_adamw {
    double lr, beta1, beta2, eps, decay;
    double grad_scale; /* clipping factor */
    double ema_decay;
    int64_t t; /* 1 at the first step */
} scp_adamw;

typedef struct scp_optim_impl {
    /** Sum of squares of n reals, in fp64 with an order that does not depend on the thread count.
     */
    scp_status (*sum_squares)(scp_device *dev, const void *x, size_t n, double *out);
    /** One step over n reals; ema may be NULL. decay_mask [n] U8 (1 = decays) or NULL for all. */
    scp_status (*adamw)(scp_device *dev, const scp_adamw *h, size_t n, void *w, const void *g,
                        void *m, void *v, void *ema, const uint8_t *decay_mask);
    /** ema = ema_decay ema + (1 - ema_decay) w for reals outside the optimiser (states). */
    scp_status (*ema)(scp_device *dev, double ema_decay, size_t n, const void *w, void *ema);
} scp_optim_impl;

#endif
