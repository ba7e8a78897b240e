/* The models of an evaluation by name: trained runs, means, prediction files. Private to
 * src/app. */
#ifndef SCP_APP_RUN_MODELS_H
#define SCP_APP_RUN_MODELS_H

#include "app/run_common.h"
#include "eval/ensemble.h"
#include "eval/evaluate.h"
#include "eval/pred_file.h"
#include "eval/predict.h"
#include "eval/predict_baseline.h"
#include "eval/synth_truth.h"
#include "model/means.h"

/* One row of the table. */
typedef struct scp_run_model {
    char *name;
    scp_predict *trained;
    scp_ensemble *ensemble;
    scp_predict_baseline *baseline;
    scp_means *means;
    scp_pred_file *file;
    scp_synth_truth *truth;
    bool autoencoder;
} scp_run_model;

typedef struct scp_run_models {
    scp_run_model *v;
    size_t n;
} scp_run_models;

/** SCP_EUSAGE when two models of s->eval have one name (that of a prediction file is its own,
 *  without folders), or one has that of a ceiling. */
scp_status scp_run_models_check(const scp_run_settings *s) SCP_MUST_USE;

/** Open every model of s->eval for these pairs. Collective. m: scp_run_models_close. */
scp_status scp_run_models_open(scp_comm *comm, const scp_run_settings *s, const scp_run_open *o,
                               const int32_t *rows, size_t n_rows, scp_run_models *m) SCP_MUST_USE;
void scp_run_models_close(scp_run_models *m);

/** The file with the truth of the screen, as eval.truth says; "" for none. */
scp_status scp_run_truth_path(const scp_run_settings *s, const scp_run_open *o, char *path,
                              size_t size) SCP_MUST_USE;

/** A model as the scorer sees it; h5ad (may be NULL) is borrowed. */
scp_predictor scp_run_model_predictor(scp_run_model *m, const char *h5ad);

#endif
