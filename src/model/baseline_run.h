/* A baseline that is a network (linear, mlp) over pairs of a data set: predictions with the weights
 * that its store holds. Not collective. */
#ifndef SCP_MODEL_BASELINE_RUN_H
#define SCP_MODEL_BASELINE_RUN_H

#include "io/dataset.h"
#include "model/baseline.h"
#include "model/drug_label.h"

typedef struct scp_baseline_run scp_baseline_run;

/* What the model sees of a control: rows of all profiles. */
typedef struct scp_baseline_states {
    const float *x; /* [P, width]: the profiles, or their latents */
    size_t width;
} scp_baseline_states;

/** Build the graph, which creates the parameters in the store. Everything is borrowed; pairs are
 *  predicted `block` at a time. *out: scp_baseline_run_destroy. */
scp_status scp_baseline_run_create(scp_params *params, scp_baseline_kind kind,
                                   const scp_baseline_config *cfg, const scp_dataset *d,
                                   const scp_drug_labels *labels,
                                   const scp_baseline_states *states, size_t block,
                                   scp_baseline_run **out) SCP_MUST_USE;
void scp_baseline_run_destroy(scp_baseline_run **r);

/** Predict pairs: out [n, G], not cut at 0. A scp_predictor.fill; ctx is the scp_baseline_run. */
scp_status scp_baseline_run_fill(void *ctx, const int32_t *rows, size_t n, float *out) SCP_MUST_USE;

#endif
