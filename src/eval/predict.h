/* Predictions of a trained run: loads the checkpoints of a run folder and fills predicted profiles
 * for pairs of a shard, in the form that the scorer and the prediction writer take. Not
 * collective. */
#ifndef SCP_EVAL_PREDICT_H
#define SCP_EVAL_PREDICT_H

#include "io/dataset.h"
#include "diffusion/generate.h"

typedef struct scp_predict scp_predict;

/** Open a trained model. Everything borrowed must outlive it.
 *  @param stage  "train", or "regression" for the reference twin
 *  SCP_ENOINPUT names what is missing and the program that makes it; SCP_EDATA: trained on another
 *  shard. *out: scp_predict_close. */
scp_status scp_predict_open(scp_device *dev, const scp_dataset *d, const char *run_dir,
                            const char *stage, const scp_guidance *guidance,
                            scp_predict **out) SCP_MUST_USE;
/** Open the autoencoder of a run alone, for scp_predict_fill_autoencoder: no denoiser has to be
 *  trained. Of `decoding` the way of decoding alone counts. *out: scp_predict_close. */
scp_status scp_predict_open_autoencoder(scp_device *dev, const scp_dataset *d, const char *run_dir,
                                        const scp_guidance *decoding,
                                        scp_predict **out) SCP_MUST_USE;
void scp_predict_close(scp_predict **p);

/** Predict pairs of the dataset: out [n, G]. A scp_predictor.fill; ctx is the scp_predict. */
scp_status scp_predict_fill(void *ctx, const int32_t *rows, size_t n, float *out) SCP_MUST_USE;

/** Samples of a spread: guidance.spread, 0 for a network without a distribution. */
size_t scp_predict_samples(const scp_predict *p);
/** Standard deviation over these samples: sd [n, G]. A scp_predictor.spread; ctx is the
 * scp_predict. */
scp_status scp_predict_spread(void *ctx, const int32_t *rows, size_t n, float *sd) SCP_MUST_USE;

/** The autoencoder given the true treated profile: the ceiling of the latent space. */
scp_status scp_predict_fill_autoencoder(void *ctx, const int32_t *rows, size_t n,
                                        float *out) SCP_MUST_USE;

#endif
