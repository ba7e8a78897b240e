/* The training loop: the same for the autoencoder and the denoiser.
 *
 * One step: feed row ids, forward, backward, average gradients over ranks, clip by the global norm,
 * AdamW, moving average. The order of samples and every random number are functions of (seed,
 * step), so a run that stops at any step and resumes gives the same weights bit for bit on the same
 * number of ranks, and the same curve to rounding on any number. */
#ifndef SCP_TRAIN_LOOP_H
#define SCP_TRAIN_LOOP_H

#include "comm/comm.h"
#include "io/ckpt.h"
#include "tensor/plan.h"
#include "train/config.h"

enum { SCP_JOB_REPORTS = 4 };

/* What to train. Everything is borrowed. */
typedef struct scp_job {
    const char *stage;                /* "vae" or "train": names checkpoints and metrics          */
    scp_comm *comm;
    scp_params *params;
    scp_plan *plan;                   /* with its loss; batch = cfg->batch / ranks                */
    const scp_train_config *cfg;
    const char *run_dir;              /* checkpoints are <run_dir>/<stage>/ckpt-<step>.h5         */
    const char *method_text;          /* vae, model, diffusion as YAML: must stay on resume */
    const char *config_text;          /* all resolved settings, kept in every checkpoint          */
    const char *config_path;          /* and in this file once the run goes ahead; NULL: no file  */
    const char *scoring_text;         /* how validate samples, as YAML: must stay; NULL: nothing  */
    const char *scoring_default;      /* the same by default: of what a checkpoint does not name  */
    uint64_t data_hash;               /* of the shard, or of its latents: must stay on resume     */
    size_t n_train;                   /* rows to draw from                                        */
    /** Feed this rank's rows (indices in 0..n_train-1) of a step. */
    scp_status (*feed)(void *ctx, scp_plan *plan, int64_t step, const int32_t *rows, size_t n);
    /** Score on the validation split with the weights in W, larger is better; NULL: none.
     *  Collective. */
    scp_status (*validate)(void *ctx, double *score);
    /** Further arrays for a checkpoint (rank 0), or NULL. */
    scp_status (*save)(void *ctx, scp_ckpt_writer *w);
    void *ctx;
    const scp_node *report[SCP_JOB_REPORTS]; /* scalars to log; [0] is the loss */
    const char *report_name[SCP_JOB_REPORTS];
    bool fresh;                       /* start over although there are checkpoints                */
    bool direct;                      /* never record a step to replay it                         */
    size_t bucket;                    /* reals of a bucket of gradients, 0: a million             */
} scp_job;

typedef enum scp_stop { SCP_STOP_DONE, SCP_STOP_SIGNAL, SCP_STOP_AFTER } scp_stop;

typedef struct scp_job_result {
    int64_t step;         /* steps done, earlier runs included       */
    int64_t resumed_from; /* 0 for a fresh start                     */
    int64_t skipped;      /* steps without update: gradient not finite */
    double loss;          /* last one logged                          */
    double seconds;       /* of this start                            */
    scp_stop stop;
    double best;          /* best validation score, NaN without        */
    int64_t best_step;
} scp_job_result;

/** Train to cfg->steps, from the newest checkpoint when there is one. Stops at an agreed step with
 *  a checkpoint on SIGUSR1, SIGTERM, SIGINT or stop_after. SCP_EDATA: a checkpoint of other data or
 *  settings; SCP_EINTERNAL: gradients stay not finite. Collective. */
scp_status scp_job_run(const scp_job *job, scp_job_result *out) SCP_MUST_USE;

#endif
