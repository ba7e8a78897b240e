/* Option rows and the learning-rate schedule, see config.h. */
#include "train/config.h"

#define FIELD(member) offsetof(scp_train_config, member)

/* clang-format off */
/* Rows of an integer and of a real setting; a key is the prefix of the run and a member. */
#define INT(prefix, member, def, min, max, unit, help, source)                                     \
    { prefix #member, NULL, SCP_OPT_INT, FIELD(member), def, min, max, NULL, unit, help, source }
#define REAL(prefix, member, def, min, max, help, source)                                          \
    { prefix #member, NULL, SCP_OPT_REAL, FIELD(member), def, min, max, NULL, NULL, help, source }

/* The rows of one run; what differs between the two runs are names and defaults. */
#define ROWS(prefix, steps_, batch_, lr_, warmup_, decay_, beta2_, ema_, source, rest)             \
    INT(prefix, steps, steps_, 1, 1e9, "steps", "Training steps.", NULL),                          \
    INT(prefix, batch, batch_, 1, 1e7, "rows",                                                     \
        "Rows of the global batch; must be a multiple of the number of ranks.", rest)  ,           \
    REAL(prefix, lr, lr_, 0, 10, "Learning rate after the warm-up.", source),                      \
    INT(prefix, warmup, warmup_, 0, 1e9, "steps",                                                  \
        "Steps over which the learning rate rises; it then falls linearly to 0.", rest)  ,         \
    REAL(prefix, weight_decay, decay_, 0, 10, "Decoupled weight decay of matrices.", source),      \
    REAL(prefix, beta1, "0.9", 0, 0.999999, "AdamW beta1.", rest)  ,                               \
    REAL(prefix, beta2, beta2_, 0, 0.999999, "AdamW beta2.", rest)  ,                              \
    REAL(prefix, eps, "1e-8", 1e-30, 1, "AdamW epsilon.", NULL),                                   \
    REAL(prefix, clip, "1", 0, 1e9, "Largest norm of the gradient; 0 does not clip.", rest)  ,     \
    REAL(prefix, ema, ema_, 0, 0.999999,                                                           \
        "Decay of the moving average of the weights, which evaluation uses.", rest)  ,             \
    INT(prefix, seed, "1", 0, 9e15, NULL,                                                          \
        "Seed of initial weights, sample order, noise and dropout.", NULL),                        \
    INT(prefix, log_every, "50", 1, 1e9, "steps", "Steps between lines of metrics.jsonl.", NULL),  \
    INT(prefix, checkpoint_every, "1000", 1, 1e9, "steps",                                         \
        "Steps between checkpoints; there is always one at the end.", NULL),                       \
    INT(prefix, validate_every, "1000", 0, 1e9, "steps",                                           \
        "Steps between scores on the validation split; 0: at the end only.", NULL),                \
    INT(prefix, keep, "3", 1, 1000, "files", "Checkpoints kept.", NULL),                           \
    { prefix "accept_changes", NULL, SCP_OPT_BOOL, FIELD(accept_changes), "false", 0, 0, NULL,     \
      NULL,                                                                                        \
      "Go on from a checkpoint although steps, rates, decay, precision or scoring were others "    \
      "then.",                                                                                     \
      NULL },                                                                                      \
    { prefix "tensorboard", NULL, SCP_OPT_BOOL, FIELD(tensorboard), "false", 0, 0, NULL, NULL,     \
      "Write event files for TensorBoard to <run>/tensorboard, too.", NULL },                      \
    { prefix "precision", NULL, SCP_OPT_ENUM, FIELD(precision), "fp32", 0, 0, "fp32|fp16|bf16",    \
      NULL,                                                                                        \
      "Storage of activations and weights in a step; fp16 scales the loss. Master weights, sums, " \
      "norms and losses are fp32 always. cpu and ref emulate it; LINEAR's products " \
      "in bf16 are made as such by cpu where the processor can (AVX512_BF16).",                  \
      "paper App. D" },                                                                            \
    INT(prefix, stop_after, "0", 0, 1e9, "steps",                                                  \
        "Checkpoint and stop after this many steps of this start; 0: run to the end.", NULL),      \
    { 0 }
/* clang-format on */

const scp_option scp_train_options[] = {
    ROWS("train.", "100000", "1024", "1e-4", "3000", "1e-5", "0.95", "0.999",
         "paper App. D", "paper App. D"),
};

const scp_option scp_vae_train_options[] = {
    ROWS("vae_train.", "50000", "256", "5e-4", "0", "0.01", "0.999", "0.99", "scDiffusion",
         NULL),
};

double scp_train_lr(const scp_train_config *c, int64_t step)
{
    if (step < c->warmup) return c->lr * (double)(step + 1) / (double)c->warmup;
    int64_t left = c->steps - step, span = c->steps - c->warmup;
    return left > 0 && span > 0 ? c->lr * (double)left / (double)span : 0;
}

typedef enum kind { WHOLE, REAL_NUMBER, PRECISION } kind;

/* What decides the weights, and which of them count as best. */
static const struct {
    const char *name;
    size_t at;
    kind kind;
    scp_train_part part;
} deciding[] = {
    { "seed", FIELD(seed), WHOLE, SCP_TRAIN_ORDER },
    { "batch", FIELD(batch), WHOLE, SCP_TRAIN_ORDER },
    { "steps", FIELD(steps), WHOLE, SCP_TRAIN_SCHEDULE },
    { "lr", FIELD(lr), REAL_NUMBER, SCP_TRAIN_SCHEDULE },
    { "warmup", FIELD(warmup), WHOLE, SCP_TRAIN_SCHEDULE },
    { "weight_decay", FIELD(weight_decay), REAL_NUMBER, SCP_TRAIN_SCHEDULE },
    { "beta1", FIELD(beta1), REAL_NUMBER, SCP_TRAIN_SCHEDULE },
    { "beta2", FIELD(beta2), REAL_NUMBER, SCP_TRAIN_SCHEDULE },
    { "eps", FIELD(eps), REAL_NUMBER, SCP_TRAIN_SCHEDULE },
    { "clip", FIELD(clip), REAL_NUMBER, SCP_TRAIN_SCHEDULE },
    { "ema", FIELD(ema), REAL_NUMBER, SCP_TRAIN_SCHEDULE },
    { "precision", FIELD(precision), PRECISION, SCP_TRAIN_RULES },
    { "validate_every", FIELD(validate_every), WHOLE, SCP_TRAIN_RULES },
};

static scp_status add_value(scp_strbuf *out, const char *name, kind k, const void *at)
{
    static const char *const precision[] = { "fp32", "fp16", "bf16" };
    char real[SCP_REAL_TEXT];
    switch (k) {
    case REAL_NUMBER:
        return scp_strbuf_addf(out, "  %s: %s\n", name, scp_print_real(*(const double *)at, real));
    case PRECISION: return scp_strbuf_addf(out, "  %s: %s\n", name, precision[*(const int *)at]);
    default:
        return scp_strbuf_addf(out, "  %s: %lld\n", name, (long long)*(const int64_t *)at);
    }
}

scp_status scp_train_config_text(const scp_train_config *c, const char *prefix,
                                 scp_train_part part, scp_strbuf *out)
{
    SCP_TRY(scp_strbuf_addf(out, "%s:\n", prefix));
    for (size_t i = 0; i < sizeof deciding / sizeof deciding[0]; i++) {
        const char *at = (const char *)c + deciding[i].at;
        if (deciding[i].part == part)
            SCP_TRY(add_value(out, deciding[i].name, deciding[i].kind, at));
    }
    return SCP_OK;
}

scp_dtype scp_train_storage(const scp_train_config *c)
{
    return c->precision == SCP_FP16         ? SCP_F16
           : c->precision == SCP_BF16_STORE ? SCP_BF16
                                            : SCP_REAL;
}
