/* Made-up conditions for the benchmarks of the sampler, and their export for peers. */
#ifndef SCP_BENCH_SAMPLE_RUN_H
#define SCP_BENCH_SAMPLE_RUN_H

#include "diffusion/generate.h"
#include "model/toy.h"

enum { SAMPLE_LINES = 20, SAMPLE_DRUGS = 50, SAMPLE_SMALL = 64 }; /* genes of the denoiser's toy */

typedef struct sample_run {
    toy t; /* the denoiser                      */
    scp_params *vae;
    scp_guidance gd;
    scp_generator *gen;
    size_t genes;
    scp_conditions c;
    float *mu; /* what scp_conditions borrows */
    int32_t *drug;
    double *dose;
    uint64_t *id;
} sample_run;

/** Defaults of the method on a device, `n` conditions, guidance of three passes in `ddim` steps, a
 *  decoder of `genes` genes, the network stored as `store` (REAL, F16, BF16; on a GPU). No layer
 *  is at zero. End with sample_end, also after a failure. */
scp_status sample_begin(sample_run *r, const char *device, int64_t n, int64_t ddim,
                        int64_t genes, scp_dtype store) SCP_MUST_USE;
void sample_end(sample_run *r);

/** Plan the sampler anew. */
scp_status sample_plan(sample_run *r) SCP_MUST_USE;

/** Write weights ("w:" before the parameter's name), conditions, noise, the guidance as passes and
 *  weights, the schedule, and the latents and profiles that came out; settings as metadata. */
scp_status sample_export(sample_run *r, const float *mu_hat, const float *x_hat,
                         const char *path) SCP_MUST_USE;

/** GFLOP of the products of a DDIM step: when everything runs for every row, when what does not
 *  depend on z has been done. */
scp_status sample_flops(sample_run *r, double *plain, double *later) SCP_MUST_USE;

#endif
