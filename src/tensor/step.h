/* The state of a training run in device memory, and the two ends of a step that work on it without
 * the host: load what the host decided about the step, and update the weights.
 *
 * The host writes one record a step (step number, rates, row ids, loss weights: all that it must
 * decide), for several steps ahead in one copy. A step begins by loading the next record and ends
 * with the update; in between run the ops of a plan. Every value that changes from step to step is
 * in device memory, so the same recorded calls serve every step: this is what a CUDA graph replays.
 * Not collective. */
#ifndef SCP_TENSOR_STEP_H
#define SCP_TENSOR_STEP_H

#include "tensor/op.h"

/* A record: this, padded to SCP_STEP_HEAD bytes, then the inputs of the plan (its feed block). */
typedef struct scp_step_record {
    scp_step step;           /* seed, step, row0, train                             */
    double lr;               /* learning rate                                       */
    double unbias1, unbias2; /* 1 - beta1^t, 1 - beta2^t; t is 1 at the first step  */
} scp_step_record;

enum { SCP_STEP_HEAD = 64 };

static inline size_t scp_step_record_bytes(size_t feed_bytes)
{
    return SCP_STEP_HEAD + (feed_bytes + 63) / 64 * 64;
}

/* Device memory. In a training run scp_call.step points at now.step. */
typedef struct scp_step_state {
    scp_step_record now; /* of the step under way                                        */
    int64_t next;        /* records read in this start: the next is in slot next % slots */
    /* kept from step to step */
    double loss_scale; /* the gradient of the loss starts with this; 1 without scaling */
    int64_t good;      /* finite steps since the scale last changed                    */
    int64_t bad;       /* steps skipped in a row, up to the last one                   */
    int64_t worst;     /* largest `bad` of this start                                  */
    int64_t skipped;   /* steps skipped in this start                                  */
    /* of the last step */
    int64_t found_inf; /* 1: the gradient was not finite, and nothing was updated      */
    double grad_norm;  /* of the unscaled gradient, before clipping                    */
    double grad_scale; /* what the optimiser multiplied with: clip factor / loss scale */
} scp_step_state;

/* Where a step reads its record. All device memory. */
typedef struct scp_step_ring {
    scp_step_state *state;
    const void *records; /* [slots] of scp_step_record_bytes(feed_bytes)  */
    int64_t slots;
    void *feed;        /* the inputs of the plan, one block             */
    size_t feed_bytes; /* a multiple of 4                               */
} scp_step_ring;

/* The update: settings are host values that never change during a run, the rest device memory. */
typedef struct scp_update {
    scp_step_state *state;
    double beta1, beta2, eps, decay, ema_decay;
    double clip;          /* largest norm of the gradient, 0: none                           */
    int64_t growth_every; /* finite steps after which the loss scale doubles; 0: no scaling  */
    size_t n, states;     /* trained reals; reals behind them in w and ema that only average */
    void *w, *g, *m, *v, *ema;
    const uint8_t *decay_mask;
    void *half;          /* [n] the new weights as half_type; NULL: not wanted              */
    scp_dtype half_type; /* F16 or BF16                                                     */
} scp_update;

/* The loss scale of a fresh run; after a gradient that is not finite it halves. */
#define SCP_SCALE_START  65536.0
#define SCP_SCALE_GROWTH 2000            /* finite steps until it doubles */
#define SCP_SCALE_MIN    6.103515625e-05 /* 2^-14 */
#define SCP_SCALE_MAX    16777216.0      /* 2^24  */

/* Per backend. All calls are enqueued on the device's main stream; nothing comes back. */
typedef struct scp_step_impl {
    /** now and the inputs from slot next % slots; next + 1. */
    scp_status (*load)(scp_device *dev, const scp_step_ring *r);
    /** Between forward and backward: *loss_grad = loss_scale + 0 * *loss (reals), so that a loss
     *  that is not finite makes a gradient that is not, whatever the backward pass drops. */
    scp_status (*seed)(scp_device *dev, const scp_step_state *state, const void *loss,
                       void *loss_grad);
    /** Norm of g / loss_scale, summed in fp64 in a fixed order. Not finite: found_inf = 1; bad,
     *  worst and skipped count; with growth_every the scale halves (not below SCP_SCALE_MIN) and
     *  good = 0; w, m, v, ema stay, but states of w that are not finite become those of ema. Else
     * scp_adamw of tensor/optim.h with lr and bias corrections of `now`, grad_scale = min(1, clip /
     * (norm + 1e-6)) / loss_scale; then ema, also of the states; bad = 0; with growth_every good +
     * 1, and at growth_every the scale doubles (not above SCP_SCALE_MAX) and good = 0. */
    scp_status (*update)(scp_device *dev, const scp_update *u);
} scp_step_impl;

#endif
