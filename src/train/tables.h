/* Resident tables of a training run: what a step gathers from, on the device, and what the host
 * maps pairs through. Not collective. */
#ifndef SCP_TRAIN_TABLES_H
#define SCP_TRAIN_TABLES_H

#include "io/dataset.h"
#include "diffusion/generate.h"
#include "tensor/plan.h"

typedef struct scp_tables {
    scp_device *dev;
    const float *x;     /* the shard's profiles, which `profiles` may be a view of */
    void *profiles, *z_pre, *z_0, *dose, *drugs, *signal, *noise, *neg_noise,
        *time;          /* device memory */
    int32_t *pair_drug; /* [N] drug of a pair                                      */
    int32_t *pair_key;  /* [N] number of its (line, drug, dose): negatives exclude */
} scp_tables;

/** Build the tables of scp_train_nodes from latents mu [P, Dz] and their statistics. */
scp_status scp_tables_init(scp_tables *t, scp_device *dev, const scp_method *m,
                           const scp_dataset *d, const float *mu,
                           const scp_latent_stats *stats) SCP_MUST_USE;
void scp_tables_fini(scp_tables *t);
/** Bind them to the training graph's plan. */
scp_status scp_tables_bind(const scp_tables *t, scp_plan *plan,
                           const scp_train_nodes *n) SCP_MUST_USE;

#endif
