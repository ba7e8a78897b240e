/* Option rows and the learning-rate schedule, see config.h. */
#include "train/config.h"

#define FIELD(member) offsetof(scp_train_config, member)

/* The rows of one run; what differs between the two runs are names and defaults. */
#define ROWS(prefix, steps_, batch_, lr_, warmup_, decay_, beta2_, ema_, source)                                   \
    { prefix "steps", NULL, SCP_OPT_INT, FIELD(steps), steps_, 1, 1e9, NULL, "steps", "Training steps.", NULL },   \
    { prefix "batch", NULL, SCP_OPT_INT, FIELD(batch), batch_, 1, 1e7, NULL, "rows",                               \
      "Rows of the global batch; must be a multiple of the number of ranks.", source },                            \
    { prefix "lr", NULL, SCP_OPT_REAL, FIELD(lr), lr_, 0, 10, NULL, NULL, "Learning rate after the warm-up.",      \
      source },                                                                                                    \
    { prefix "warmup", NULL, SCP_OPT_INT, FIELD(warmup), warmup_, 0, 1e9, NULL, "steps",                           \
      "Steps over which the learning rate rises; it then falls linearly to 0.", source },                          \
    { prefix "weight_decay", NULL, SCP_OPT_REAL, FIELD(weight_decay), decay_, 0, 10, NULL, NULL,                   \
      "Decoupled weight decay of matrices.", source },                                                             \
    { prefix "beta1", NULL, SCP_OPT_REAL, FIELD(beta1), "0.9", 0, 0.999999, NULL, NULL, "AdamW beta1.", source },  \
    { prefix "beta2", NULL, SCP_OPT_REAL, FIELD(beta2), beta2_, 0, 0.999999, NULL, NULL, "AdamW beta2.", source }, \
    { prefix "eps", NULL, SCP_OPT_REAL, FIELD(eps), "1e-8", 1e-30, 1, NULL, NULL, "AdamW epsilon.", NULL },        \
    { prefix "clip", NULL, SCP_OPT_REAL, FIELD(clip), "1", 0, 1e9, NULL, NULL,                                     \
      "Largest norm of the gradient; 0 does not clip.", source },                                                  \
    { prefix "ema", NULL, SCP_OPT_REAL, FIELD(ema), ema_, 0, 0.999999, NULL, NULL,                                 \
      "Decay of the moving average of the weights, which evaluation uses.", source },                              \
    { prefix "seed", NULL, SCP_OPT_INT, FIELD(seed), "1", 0, 9e15, NULL, NULL,                                     \
      "Seed of initial weights, sample order, noise and dropout.", NULL },                                         \
    { prefix "log_every", NULL, SCP_OPT_INT, FIELD(log_every), "50", 1, 1e9, NULL, "steps",                        \
      "Steps between lines of metrics.jsonl.", NULL },                                                             \
    { prefix "checkpoint_every", NULL, SCP_OPT_INT, FIELD(checkpoint_every), "1000", 1, 1e9, NULL, "steps",        \
      "Steps between checkpoints; there is always one at the end.", NULL },                                        \
    { prefix "validate_every", NULL, SCP_OPT_INT, FIELD(validate_every), "0", 0, 1e9, NULL, "steps",               \
      "Steps between scores on the validation split; 0: at the end only.", NULL },                                 \
    { prefix "keep", NULL, SCP_OPT_INT, FIELD(keep), "3", 1, 1000, NULL, "files", "Checkpoints kept.", NULL },     \
    { prefix "stop_after", NULL, SCP_OPT_INT, FIELD(stop_after), "0", 0, 1e9, NULL, "steps",                       \
      "Checkpoint and stop after this many steps of this start; 0: run to the end.", NULL },                       \
    { 0 }

const scp_option scp_train_options[] = {
    ROWS("train.", "100000", "1024", "1e-4", "3000", "1e-5", "0.95", "0.999", "paper App. D"),
};

const scp_option scp_vae_train_options[] = {
    ROWS("vae_train.", "50000", "256", "5e-4", "0", "0.01", "0.999", "0.99", "scDiffusion"),
};

double scp_train_lr(const scp_train_config *c, int64_t step)
{
    if (step < c->warmup) return c->lr * (double)(step + 1) / (double)c->warmup;
    int64_t left = c->steps - step, span = c->steps - c->warmup;
    return left > 0 && span > 0 ? c->lr * (double)left / (double)span : 0;
}
