/* Deterministic DDIM (eta 0), the integrator of the probability-flow ODE [paper App. A.1, A.4],
 * over any network: the generator's guided one, or a function whose answer is known. Pure. */
#ifndef SCP_DIFFUSION_DDIM_H
#define SCP_DIFFUSION_DDIM_H

#include "diffusion/schedule.h"

/** What the network predicts (eps or v) at time t for z [n] -> out [n]. */
typedef scp_status (*scp_ddim_network)(void *ctx, int64_t t, const double *z, double *out);

typedef struct scp_ddim {
    const scp_schedule *schedule;
    int64_t steps; /* 1 to schedule->T; the times are those of scp_schedule_time */
    bool is_v;     /* the network predicts v instead of the noise                */
    scp_ddim_network network;
    void *ctx;
} scp_ddim;

/** Take z from noise at t = T - 1 to t = 0 and beyond: on return z and z0 hold the sample.
 *  @param z [n] noise, overwritten; z0, eps, out [n] are working memory of the caller */
scp_status scp_ddim_sample(const scp_ddim *d, int64_t n, double *z, double *z0, double *eps,
                           double *out) SCP_MUST_USE;

#endif
