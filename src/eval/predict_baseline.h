/* Predictions of a trained baseline (model/baseline.h) of a run folder. Not collective. */
#ifndef SCP_EVAL_PREDICT_BASELINE_H
#define SCP_EVAL_PREDICT_BASELINE_H

#include "dev/device.h"
#include "io/dataset.h"
#include "model/baseline.h"

typedef struct scp_predict_baseline scp_predict_baseline;

/** Open <run>/<name of kind>. Everything borrowed must outlive it. SCP_ENOINPUT says which program
 *  makes it; SCP_EDATA: trained on another shard. *out: scp_predict_baseline_close. */
scp_status scp_predict_baseline_open(scp_device *dev, const scp_dataset *d, const char *run_dir,
                                     scp_baseline_kind kind,
                                     scp_predict_baseline **out) SCP_MUST_USE;
void scp_predict_baseline_close(scp_predict_baseline **p);

/** Predict pairs of the data set: out [n, G]. A scp_predictor.fill; ctx is the
 *  scp_predict_baseline. */
scp_status scp_predict_baseline_fill(void *ctx, const int32_t *rows, size_t n,
                                     float *out) SCP_MUST_USE;

#endif
