/* Scoring on the validation split while training: which pairs, and how well profiles are
 * predicted. */
#ifndef SCP_TRAIN_HELD_H
#define SCP_TRAIN_HELD_H

#include "comm/comm.h"
#include "io/dataset.h"

typedef struct scp_held {
    int32_t *pair; /* [n] validation pairs, an even sample of at most 512 */
    size_t n;
} scp_held;

/** List the validation pairs. h: scp_held_fini. Not collective. */
scp_status scp_held_init(scp_held *h, const scp_dataset *d) SCP_MUST_USE;
void scp_held_fini(scp_held *h);

/** Predict treated profiles of pairs [n]: x [n, G]. Not collective. */
typedef scp_status (*scp_held_predict)(void *ctx, const int32_t *pair, size_t n, float *x);

/* How well the validation pairs are predicted; NaN without pairs. */
typedef struct scp_held_scores {
    double skill;   /* 1 - MSE(prediction) / MSE(no change)                                      */
    double pearson; /* mean over pairs of the correlation of predicted and true change over genes;
                       a constant change counts as 0                                             */
} scp_held_scores;

/** Score the validation pairs, dealt to ranks. Collective. */
scp_status scp_held_measure(const scp_held *h, scp_comm *comm, const scp_dataset *d,
                            scp_held_predict predict, void *ctx, scp_held_scores *out) SCP_MUST_USE;

/** The skill alone: 1 - MSE(prediction) / MSE(no change) over the validation pairs, dealt to ranks:
 *  1 is perfect, above 0 is better than no change; NaN without pairs. Collective. */
scp_status scp_held_score(const scp_held *h, scp_comm *comm, const scp_dataset *d,
                          scp_held_predict predict, void *ctx, double *score) SCP_MUST_USE;

#endif
