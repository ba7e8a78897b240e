/* Settings of an optimisation run. Two tables: one for the denoiser ("train.") with the paper's
 * values, one for the autoencoder ("vae_train."). */
#ifndef SCP_TRAIN_CONFIG_H
#define SCP_TRAIN_CONFIG_H

#include "conf/option.h"
#include "dev/device.h"

typedef enum scp_precision { SCP_FP32, SCP_FP16, SCP_BF16_STORE } scp_precision;

typedef struct scp_train_config {
    int64_t steps;
    int64_t batch;          /* rows of the global batch; dealt evenly to the ranks           */
    double lr;              /* after the warm-up                                              */
    int64_t warmup;         /* steps over which the rate rises linearly from 0                */
    double weight_decay, beta1, beta2, eps;
    double clip;            /* largest norm of the gradient; 0: no clipping                   */
    double ema;             /* decay of the moving average of the weights                     */
    int64_t seed;
    int64_t log_every, checkpoint_every, validate_every, keep;
    int precision;          /* scp_precision: how activations and weights are stored       */
    int64_t stop_after;     /* stop and checkpoint after this many steps of this run; 0: never */
    bool accept_changes;    /* resume although the schedule differs from the checkpoint's        */
    bool tensorboard;       /* write event files too                                             */
} scp_train_config;

extern const scp_option scp_train_options[];     /* "train."     */
extern const scp_option scp_vae_train_options[]; /* "vae_train." */

/** Learning rate at a step (0-based): linear warm-up, then linear decay to 0 at `steps` [paper App.
 *  D]. */
double scp_train_lr(const scp_train_config *c, int64_t step);

/* What a setting decides: which samples a step sees (seed, batch); how far it goes (steps, rates,
 * decay); how it is computed and scored (precision, validate_every). */
typedef enum scp_train_part { SCP_TRAIN_ORDER, SCP_TRAIN_SCHEDULE, SCP_TRAIN_RULES } scp_train_part;

/** The settings of one part, as scp_conf_dump would write them under `prefix` ("train",
 *  "vae_train"). Appends. */
scp_status scp_train_config_text(const scp_train_config *c, const char *prefix,
                                 scp_train_part part, scp_strbuf *out) SCP_MUST_USE;

/** Storage of a plan for this precision (scp_plan_create_as). */
scp_dtype scp_train_storage(const scp_train_config *c);

#endif
