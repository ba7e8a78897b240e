/* The mean of several trained runs as one predictor: networks that were started from other seeds
 * (and may have autoencoders of their own) err in part by chance, and their mean does not. The
 * profiles are averaged after decoding, cut at 0 as each would be alone. Not collective. */
#ifndef SCP_EVAL_ENSEMBLE_H
#define SCP_EVAL_ENSEMBLE_H

#include "eval/predict.h"

typedef struct scp_ensemble scp_ensemble;

/** Open the stage of every run folder run_dir [n], n > 0, as scp_predict_open does, all with the
 *  same guidance. *out: scp_ensemble_close. */
scp_status scp_ensemble_open(scp_device *dev, const scp_dataset *d, const char *const *run_dir,
                             size_t n, const char *stage, const scp_guidance *guidance,
                             scp_ensemble **out) SCP_MUST_USE;
void scp_ensemble_close(scp_ensemble **e);

/** Predict pairs of the data set: out [n, G]. A scp_predictor.fill; ctx is the scp_ensemble. */
scp_status scp_ensemble_fill(void *ctx, const int32_t *rows, size_t n, float *out) SCP_MUST_USE;

#endif
