/* The variance-preserving schedule with linear betas [paper 3.1, App. D] and its tables. Pure. */
#ifndef SCP_DIFFUSION_SCHEDULE_H
#define SCP_DIFFUSION_SCHEDULE_H

#include <stdint.h>

#include "base/status.h"

typedef struct scp_schedule {
    int64_t T;
    double *abar;    /* [T] cumulative product of 1 - beta; t = 0 is the cleanest */
    double *signal;  /* [T] sqrt(abar)      */
    double *noise;   /* [T] sqrt(1 - abar)  */
} scp_schedule;

/** Linear betas from beta_first to beta_last, both scaled by 1000/T. s: scp_schedule_fini. */
scp_status scp_schedule_init(scp_schedule *s, int64_t T, double beta_first,
                             double beta_last) SCP_MUST_USE;
void scp_schedule_fini(scp_schedule *s);

/** Time visited by a sampler of n steps at step i (0-based): evenly spaced, T-1 first. n <= T. */
static inline int64_t scp_schedule_time(const scp_schedule *s, int64_t n, int64_t i)
{
    return s->T - 1 - i * s->T / n;
}

/** z_0 and eps of a network output: eps-prediction or v = signal eps - noise z_0.
 *  out, z_t, z0, eps [n]. */
void scp_schedule_split(const scp_schedule *s, int64_t t, bool is_v, const double *out,
                        const double *z_t, int64_t n, double *z0, double *eps);

/** One DDIM step, eta 0, from t to t_next (-1: to z_0): signal' z_0 + noise' eps, in place in z_t
 *  [n]. */
void scp_schedule_ddim(const scp_schedule *s, int64_t t_next, const double *z0, const double *eps,
                       int64_t n, double *z_t);

#endif
