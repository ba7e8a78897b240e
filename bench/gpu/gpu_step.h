/* The denoiser on a device as bench_gpu and its tests take it: defaults of the method, batch 256,
 * 1,024 negatives, 2,000 made-up pairs, one process. */
#ifndef SCP_BENCH_GPU_STEP_H
#define SCP_BENCH_GPU_STEP_H

#include "model/toy.h"
#include "train/stepper.h"

enum { GPU_BATCH = 256, GPU_LINES = 20, GPU_DRUGS = 50 };

typedef struct gpu_step {
    toy t;
    scp_dtype store;
    scp_train_config c;
    scp_comm *self;
    int32_t *neg, *ids;
    size_t K;
} gpu_step;

/** Build for `genes` genes, stored as `store`, on $SCP_TEST_DEVICE (cuda by default). settings:
 *  "key=value" of the method, NULL at the end; may be NULL. gpu_step_end, also after an error. */
scp_status gpu_step_begin(gpu_step *b, int64_t genes, scp_dtype store,
                          const char *const *settings) SCP_MUST_USE;
void gpu_step_end(gpu_step *b);

/** The plan once more, for a device whose table of operations was exchanged. */
scp_status gpu_step_replan(gpu_step *b) SCP_MUST_USE;

/** Training steps of it. `direct`: none is recorded. Borrows b. */
scp_job gpu_step_job(gpu_step *b, bool direct);

#endif
