/* Linear regression of the change x_post - x_pre on drug, dose and cell line, with a ridge penalty,
 * solved in closed form: the linear baseline at any number of genes.
 *
 *   u = [phi s ; s ; e_line],  s = log10(1 + dose),  phi the fingerprint
 *   x_hat = x_pre + mean change + (u - mean u) W,  W = (U'U + n lambda I)^-1 U'Y  on centred data
 *
 * over the n training pairs. Ranks share the work by genes, and all sums run in the order of the
 * pairs, so the result has the same bits on any number of ranks. */
#ifndef SCP_MODEL_RIDGE_H
#define SCP_MODEL_RIDGE_H

#include "comm/comm.h"
#include "io/ckpt.h"
#include "io/dataset.h"
#include "model/baseline.h"

typedef struct scp_ridge {
    const scp_dataset *d; /* borrowed: what scp_ridge_fill predicts pairs of         */
    size_t F, G;          /* inputs (SCP_FP_BITS + 1, and the lines when they are in) */
    double lambda;        /* the penalty that was taken                              */
    double mse;           /* its squared error on the validation pairs, NaN without  */
    float *W;             /* [F, G]                                                  */
    double *base;         /* [G] mean change less (mean u) W: what u = 0 gets        */
} scp_ridge;

/** Fit on the training pairs of d; every pair of val [n_val] has its say in the choice of lambda by
 *  the mean squared error of the predicted profile, cut at 0. Without validation pairs the middle
 *  one of cfg->lambda is taken. SCP_EDATA: no training pair. Collective. out: scp_ridge_fini. */
scp_status scp_ridge_fit(scp_comm *comm, const scp_dataset *d, const scp_baseline_config *cfg,
                         const int32_t *val, size_t n_val, scp_ridge *out) SCP_MUST_USE;
void scp_ridge_fini(scp_ridge *r);

/** Predict pairs of r->d: out [n, G], not cut at 0. A scp_predictor.fill; ctx is the scp_ridge. Not
 *  collective. */
scp_status scp_ridge_fill(void *ctx, const int32_t *rows, size_t n, float *out) SCP_MUST_USE;

/** Add a fitted model to a checkpoint; read it back for d. SCP_EDATA when it was fitted to another
 *  number of genes or lines. Not collective. */
scp_status scp_ridge_add(scp_ckpt_writer *w, const scp_ridge *r) SCP_MUST_USE;
scp_status scp_ridge_get(const scp_ckpt *c, const scp_dataset *d, scp_ridge *out) SCP_MUST_USE;

#endif
