/* One training step of the denoiser or the autoencoder in process, as a job takes it: what the
 * modes of bench_step share. Defaults of the method, made-up tables of 2,000 pairs. */
#ifndef SCP_BENCH_STEP_RUN_H
#define SCP_BENCH_STEP_RUN_H

#include "model/toy.h"
#include "train/config.h"

enum { STEP_BATCH = 256, STEP_WARM = 5 };

typedef enum step_model { STEP_DENOISER, STEP_VAE } step_model;

typedef struct step_run {
    step_model model;
    scp_dtype store;     /* SCP_BF16: precision bf16; the denoiser alone */
    int64_t batch;       /* of all ranks; 0: STEP_BATCH    */
    int64_t rank, ranks; /* 0 ranks: one                   */
    toy t;
    scp_train_config c;
    int32_t *row, *ids; /* [max(rows, K)] */
    size_t rows, K;     /* of this rank; negatives of each */
    double norm;        /* of the last gradient */
} step_run;

/** Build the model (b->model), plan and tables of `genes` genes; b->batch must divide by b->ranks.
 * settings: "key=value" of the method, NULL ends them; NULL for none. End with step_end, also after
 * a failure. */
scp_status step_begin(step_run *b, int64_t genes, const char *const *settings) SCP_MUST_USE;
void step_end(step_run *b);

/** Clip, AdamW, moving average. t is 1 at the first update. */
scp_status step_update(step_run *b, double lr, int64_t t) SCP_MUST_USE;

/** Bind the tables of the model to a plan that was made anew. */
scp_status step_bind(step_run *b) SCP_MUST_USE;

/** What a step begins with: rows, negatives and inputs of this rank. */
scp_status step_feed(step_run *b, int64_t step) SCP_MUST_USE;

/** A whole step. part: seconds of the step, its forward (with sampling and feeding), its backward,
 *  its update. */
scp_status step_timed(step_run *b, int64_t step, double part[4]) SCP_MUST_USE;

/** Multiplications and additions of the products of a node that a step cannot do without. */
double step_product_flops(const scp_node *n);

/** Bytes that a forward, or a backward, call of a node must read and write at least: inputs and
 *  result, and their gradients; backward of LINEAR reads x and W again. */
double step_call_bytes(const scp_node *n, bool backward);

/** Bytes/s of a copy between two arrays of 256 MB by all threads, read and written: best of 5. */
scp_status step_copy_rate(double *rate) SCP_MUST_USE;

/** FLOP/s of a product [M, K] x [N, K]^T, the best of up to 100 each by the device's own LINEAR, by
 *  oneDNN and by OpenBLAS. A device of the host. */
scp_status step_product_rate(scp_device *dev, int64_t M, int64_t K, int64_t N,
                             double *rate) SCP_MUST_USE;
/** The better of these at 256 x 1024 x 512 and at 256 x genes x 1024. */
scp_status step_ceiling(scp_device *dev, int64_t genes, double *rate) SCP_MUST_USE;

#endif
