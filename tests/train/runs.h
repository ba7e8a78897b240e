/* Training runs on a made-up screen, inside a test: settings, one call per stage, the curve of a
 * run. */
#ifndef SCP_TESTS_TRAIN_RUNS_H
#define SCP_TESTS_TRAIN_RUNS_H

#include "diffusion/guidance.h"
#include "diffusion/method.h"
#include "train/loop.h"
#include "train/screen.h"

/* Everything that a run needs but ranks, device and folder. */
typedef struct runs {
    scp_method m;
    scp_train_config train, vae_train;
    scp_guidance gd;
    scp_dataset data;
} runs;

/** Settings as "key=value", NULL at the end: base, then extra (either may be NULL). runs_stop also
 * after an error. */
scp_status runs_start(runs *r, const screen_size *size, const char *const *base,
                      const char *const *extra) SCP_MUST_USE;
void runs_stop(runs *r);
scp_status runs_set(runs *r, const char *const *settings) SCP_MUST_USE;

/** Steps of tests: 16 rows a batch, a short warm-up, a line of metrics per step. */
extern const char *const runs_short[];

/** Train the autoencoder, or the denoiser (its folder has an autoencoder). Collective. */
scp_status runs_vae(const runs *r, scp_comm *comm, const char *device, const char *dir, bool fresh,
                    scp_job_result *out) SCP_MUST_USE;
scp_status runs_model(const runs *r, scp_comm *comm, const char *device, const char *dir,
                      bool fresh, scp_job_result *out) SCP_MUST_USE;

/** Make folder `dir` that shares the autoencoder of the run folder `from`. */
scp_status runs_share_vae(const char *from, const char *dir) SCP_MUST_USE;

/** Losses of steps 1..n of a stage from <dir>/metrics.jsonl; the last line of a step counts.
 * SCP_EDATA when a step is missing. */
scp_status runs_curve(const char *dir, const char *stage, int64_t n, double *loss) SCP_MUST_USE;
/** Largest |a/b - 1|. */
double runs_difference(const double *a, const double *b, int64_t n);

#endif
