/* What the run programs share (scppdm_vae, _train, _predict, _eval, _ablate): one settings struct,
 * so that one YAML file serves them all, and one function each. */
#ifndef SCP_APP_RUN_H
#define SCP_APP_RUN_H

#include "comm/comm.h"
#include "diffusion/guidance.h"
#include "diffusion/method.h"
#include "eval/metrics.h"
#include "model/baseline.h"
#include "train/choose.h"
#include "train/config.h"

typedef struct scp_run_paths {
    char *run, *shard, *device;
    char *model;            /* registered model to train                       */
    bool fresh;
    double comm_timeout;    /* seconds until a collective counts as hung; 0: never */
} scp_run_paths;

typedef struct scp_eval_choice {
    scp_text_list models;   /* rows of the table                                */
    scp_text_list splits;   /* "uc", "ud", "val_uc", ...                        */
    scp_text_list members;  /* further run folders of the row `ensemble`        */
    scp_text_list predictions; /* foreign prediction files to score as well      */
    bool allow_missing;     /* conditions that a file lacks are NaN             */
    bool probe;             /* a process of its own looks at these files first  */
    int format;             /* scp_table_format: text, markdown                 */
    bool h5ad;              /* write real.h5ad and pred_<model>.h5ad            */
    bool ceilings;          /* score what the measurement itself could reach    */
    char *truth;            /* "auto", "none" or a truth.h5 of scppdm_synth     */
    char *output;           /* scppdm_predict, --compare: file to write         */
    scp_text_list compare;  /* run folders or result files to compare, instead of scoring */
} scp_eval_choice;

/* Sampling settings to score one after the other; an empty list: the setting of the run. */
typedef struct scp_sweep_choice {
    scp_real_list s_p, s_0, alpha, gamma;
    scp_int_list steps, draws;
    int64_t index; /* the point of an array's task; -1: all */
} scp_sweep_choice;

typedef struct scp_ablate_choice {
    int64_t index;          /* 0 to 5 for A to F; -1: a letter is given */
    char *collect;          /* folder of runs to print the table of      */
    const char *network;    /* stage whose network a D or E takes; not an option */
} scp_ablate_choice;

typedef struct scp_run_settings {
    scp_run_paths paths;
    scp_method method;
    scp_train_config vae_train, train;
    scp_baseline_config baseline;
    scp_guidance guidance;
    scp_choose_config choose;
    scp_metric_settings metrics;
    scp_eval_choice eval;
    scp_sweep_choice sweep;
    scp_ablate_choice ablate;
} scp_run_settings;

/** All rows of scp_run_settings. */
extern const scp_option_group scp_run_groups[];

/** For scp_app.base: <run>/config.yaml, or config-<model>.yaml for another model than scppdm that
 *  has one, so that a run folder remembers its settings. Not collective. */
scp_status scp_run_recall(const void *settings, char *path, size_t size) SCP_MUST_USE;

/** Train the autoencoder; write latents. SCP_EREQUEUE when stopped with a checkpoint.
 *  Collective. */
scp_status scp_run_vae(scp_comm *comm, scp_run_settings *s) SCP_MUST_USE;
/** Train a registered model. Where choose.* names candidates, s->guidance and <run>/config.yaml get
 *  the best of them on the validation split. Collective. */
scp_status scp_run_train(scp_comm *comm, scp_run_settings *s) SCP_MUST_USE;
/** Write the predictions of a split as AnnData. Collective. */
scp_status scp_run_predict(scp_comm *comm, scp_run_settings *s) SCP_MUST_USE;
/** Score models on splits; prints the tables on stdout (rank 0). With s->eval.compare or lists in
 *  s->sweep: the two below. Collective. */
scp_status scp_run_eval(scp_comm *comm, scp_run_settings *s) SCP_MUST_USE;
/** Compare the results of runs that were scored. Collective. */
scp_status scp_run_compare(scp_comm *comm, const scp_run_settings *s) SCP_MUST_USE;
/** Score the first model at every point of the grid of s->sweep, or at one: a row a point in
 *  <run>/eval/sweep. Collective. */
scp_status scp_run_sweep(scp_comm *comm, scp_run_settings *s) SCP_MUST_USE;
/** Train and score one ablation (args: its letter, or none with --index), or print the table of
 *  ablate.collect. Collective. */
scp_status scp_run_ablate(scp_comm *comm, scp_run_settings *s,
                          const scp_text_list *args) SCP_MUST_USE;
typedef struct scp_info_settings {
    char *run; /* run folder to look at; NULL: describe the build */
    bool json;
} scp_info_settings;

/** Rows over scp_info_settings. */
extern const scp_option_group scp_info_groups[];

/** Print on stdout (rank 0) version, libraries, communicator and devices, or the state of the runs
 *  in a folder. *code is the exit code on success. Collective. */
scp_status scp_run_info(scp_comm *comm, const scp_info_settings *s, int *code) SCP_MUST_USE;

#endif
