/* A model ready to take one training step on a made-up screen: the denoiser with all its losses, or
 * the autoencoder. For gradient checks, parity of backends, and timing. */
#ifndef SCP_TESTS_MODEL_TOY_H
#define SCP_TESTS_MODEL_TOY_H

#include "diffusion/method.h"
#include "io/dataset.h"
#include "model/baseline.h"
#include "model/drug_label.h"
#include "tensor/plan.h"
#include "train/screen.h"
#include "train/tables.h"

typedef struct toy {
    scp_method m;
    scp_dataset data;
    scp_device *dev;
    scp_params *params;
    scp_graph *g;
    scp_plan *plan;
    scp_node *loss;
    scp_train_nodes nodes; /* denoiser                     */
    scp_vae_nodes vae;     /* autoencoder                  */
    scp_baseline_nodes baseline;
    scp_baseline_config baseline_cfg;
    scp_drug_labels labels; /* baseline */
    scp_latent_stats stats;
    scp_tables tables;
    void *profiles; /* view of x: autoencoder, baseline */
    void *scaled;   /* baseline: phi_s of the labels */
    scp_step step;
} toy;

/* Settings as "key=value", NULL at the end. The tiny ones make a network of a few thousand weights.
 */
extern const char *const toy_tiny[];

/** The denoiser on `device`, B pairs and the settings' negatives, all three losses with the weights
 *  1, 0.7 and 0.4. Latents are random. Settings: base, then extra (either may be NULL).
 *  toy_stop also after an error. */
scp_status toy_denoiser(toy *t, const char *device, const screen_size *size, int64_t B,
                        const char *const *base, const char *const *extra) SCP_MUST_USE;
/** The same, stored as F16 or BF16 where mixed precision does so. */
scp_status toy_denoiser_as(toy *t, const char *device, const screen_size *size, int64_t B,
                           const char *const *base, const char *const *extra,
                           scp_dtype store) SCP_MUST_USE;
/** The autoencoder, KL weight 0.3. */
scp_status toy_vae(toy *t, const char *device, const screen_size *size, int64_t B,
                   const char *const *base, const char *const *extra) SCP_MUST_USE;
/** A baseline network of B pairs. */
scp_status toy_baseline(toy *t, const char *device, const screen_size *size, int64_t B,
                        scp_baseline_kind kind) SCP_MUST_USE;
void toy_stop(toy *t);

/** Add N(0, sd) to every weight, rounded to float: leaves no layer at zero. */
scp_status toy_shake(toy *t, double sd) SCP_MUST_USE;
/** Give `to` the weights of `from`, rounded to float. Same settings, any devices. */
scp_status toy_copy(toy *to, const toy *from) SCP_MUST_USE;

scp_status toy_forward(toy *t, double *loss) SCP_MUST_USE;
/** Forward and backward; g [trainable] gets the gradient. */
scp_status toy_gradient(toy *t, double *loss, double *g) SCP_MUST_USE;
/** Largest |gradient| of the parameters whose names contain `part`; *n gets their number. */
double toy_largest(const toy *t, const double *g, const char *part, size_t *n);

#endif
