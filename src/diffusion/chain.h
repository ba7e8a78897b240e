/* The guided DDIM chain on a device: all steps of a block of conditions without the host, recorded
 * once and replayed where the device can. The same numbers as scp_ddim_sample over the guided
 * network (diffusion/ddim.h), in the reals of the device.
 *
 * One step is a graph: z goes to all passes, which are one batch; their weighted sum is the guided
 * output; z' = a z + b out, with a and b of the step from tables. What depends on neither z nor the
 * step runs once for the conditions, and the time's own network once a step, not once a row
 * (scp_plan_enqueue_head). Not collective. */
#ifndef SCP_DIFFUSION_CHAIN_H
#define SCP_DIFFUSION_CHAIN_H

#include "diffusion/method.h"
#include "diffusion/schedule.h"

typedef struct scp_chain scp_chain;

/* Sizes of a chain. */
typedef struct scp_chain_sizes {
    int64_t block, passes, steps; /* conditions, passes of the guidance rule, DDIM steps    */
    scp_dtype store; /* of the network: SCP_REAL, F16 or BF16; z and guidance are real */
} scp_chain_sizes;

/* What does not depend on z, rows in the order of passes: [passes, block, width]. */
typedef struct scp_chain_conditions {
    const float *pre, *drug, *fused; /* widths: latent, model.drug_dim, model.cond_dim */
    const double *weight;            /* [passes, block] of the passes                  */
} scp_chain_conditions;

/** @param model  weights, borrowed: those in its W arena at the first run after scp_chain_set,
 * which is due again when they changed. *out: scp_chain_destroy. */
scp_status scp_chain_create(const scp_method *m, const scp_schedule *schedule, scp_params *model,
                            const scp_chain_sizes *sizes, scp_chain **out) SCP_MUST_USE;
void scp_chain_destroy(scp_chain **c);

scp_status scp_chain_set(scp_chain *c, const scp_chain_conditions *in) SCP_MUST_USE;

/** z [block, latent]: noise in, sample out. */
scp_status scp_chain_run(scp_chain *c, double *z) SCP_MUST_USE;

#endif
