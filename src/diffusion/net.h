/* The denoiser for fixed conditions at fixed times, through the host: what a sampler calls step
 * after step. What does not depend on z runs once: that of the conditions (tokens of GD-Attn, their
 * keys and values, its scale and shift) at the first run after scp_net_set, and so does the time's
 * own network, once for each time instead of once a row. Not collective. */
#ifndef SCP_DIFFUSION_NET_H
#define SCP_DIFFUSION_NET_H

#include "diffusion/method.h"

typedef struct scp_net scp_net;

/** @param model    weights, borrowed: those of its W arena at scp_net_set
 *  @param time [n] times from 0 to T - 1
 *  @param rows     rows of a run. *out: scp_net_destroy. */
scp_status scp_net_create(const scp_method *m, scp_params *model, const int64_t *time, int64_t n,
                          int64_t rows, scp_net **out) SCP_MUST_USE;
void scp_net_destroy(scp_net **net);

/** The conditions: pre [rows, latent], drug [rows, drug_dim], fused [rows, cond_dim]. */
scp_status scp_net_set(scp_net *net, const float *pre, const float *drug,
                       const float *fused) SCP_MUST_USE;

/** What the network makes of z [rows, latent] at time number k: out [rows, latent]. */
scp_status scp_net_run(scp_net *net, int64_t k, const float *z, double *out) SCP_MUST_USE;

/** Multiplications and additions of the products of the first run after scp_net_set, and of a later
 *  one. */
double scp_net_flops(const scp_net *net, bool later);

/** A table of time codes [n, time_dim] in device memory; scp_device_release. */
scp_status scp_net_time_table(scp_device *dev, const int64_t *time, int64_t n, int64_t time_dim,
                              void **out) SCP_MUST_USE;

#endif
