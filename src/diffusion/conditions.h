/* Conditions of pairs of a shard, in the form that a generator takes. Not collective. */
#ifndef SCP_DIFFUSION_CONDITIONS_H
#define SCP_DIFFUSION_CONDITIONS_H

#include "io/dataset.h"
#include "diffusion/generate.h"

/* Conditions of some pairs, as a generator takes them; owns its arrays. */
typedef struct scp_picked {
    scp_conditions c;
    float *mu_pre;
    int32_t *drug;
    double *dose;
    uint64_t *id;
    const float **x_pre;
    uint8_t *unseen;
} scp_picked;

/** Conditions of pairs rows [n]; the noise key is a hash of line, drug, dose and plate names, so
 *  that a prediction does not depend on the order of a shard. A drug is unseen when no training
 * pair has it. */
scp_status scp_conditions_pick(const scp_dataset *d, const float *mu, size_t Dz,
                               const int32_t *rows, size_t n, scp_picked *out) SCP_MUST_USE;
void scp_picked_fini(scp_picked *c);

#endif
