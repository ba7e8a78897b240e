/* Trained weights of a run folder: which checkpoint, its settings, its averaged weights. Layout of
 * a checkpoint: doc/man/scppdm-ckpt.5. Not collective. */
#ifndef SCP_DIFFUSION_WEIGHTS_H
#define SCP_DIFFUSION_WEIGHTS_H

#include "diffusion/method.h"
#include "io/ckpt.h"

/* What a checkpoint says about its run. */
typedef struct scp_weights_head {
    int64_t step;      /* steps done                                                      */
    int64_t steps;     /* steps the run was to have: the rate and the ramps follow from it */
    double best;       /* best validation score so far, NaN: none                         */
    int64_t best_step;
    int64_t seed, batch;
    uint64_t data_hash; /* of the shard (autoencoder) or of the latents (denoiser)        */
} scp_weights_head;

/** Add the head to a checkpoint; read it back. */
scp_status scp_weights_add_head(scp_ckpt_writer *w, const scp_weights_head *h) SCP_MUST_USE;
scp_status scp_weights_get_head(const scp_ckpt *c, scp_weights_head *h) SCP_MUST_USE;

/** Open the checkpoint of a stage ("vae", "train") to evaluate: <run>/<stage>/best.h5 when there is
 *  one, else the newest readable ckpt-<step>.h5. Where best.h5 is damaged: the checkpoint of its
 *  step, else (but for "vae", whose latents are those of best.h5: SCP_EDATA) the newest good one,
 *  with a warning in the log. SCP_ENOINPUT says which program makes it. *out: scp_ckpt_close. */
scp_status scp_weights_open(const char *run_dir, const char *stage, scp_ckpt **out) SCP_MUST_USE;

/** Put the moving average of a checkpoint into the arenas W and, if there is one, EMA of a finalized
 *  store. Every parameter of the store must be there with its size: SCP_EDATA names the one that is
 *  not. */
scp_status scp_weights_load(const scp_ckpt *c, scp_params *params) SCP_MUST_USE;

/** Add one arena of a store to a checkpoint, one array per parameter: "<arena>/<parameter>". */
scp_status scp_weights_add(scp_ckpt_writer *w, const scp_params *params, scp_arena a) SCP_MUST_USE;
/** Read one arena back. */
scp_status scp_weights_get(const scp_ckpt *c, scp_params *params, scp_arena from,
                           scp_arena to) SCP_MUST_USE;

/** Write the weights that evaluation uses (the moving average in checkpoint c) as safetensors, with
 *  the shapes of the store; "method" and "format" go to the metadata. */
scp_status scp_weights_export(const scp_ckpt *c, const scp_params *params,
                              const char *path) SCP_MUST_USE;

/** Settings of the method kept in a checkpoint. m: scp_conf_fini(scp_method_groups, m). */
scp_status scp_weights_method(const scp_ckpt *c, scp_method *m) SCP_MUST_USE;

/** Latent statistics kept in a checkpoint of the denoiser, and adding them. */
scp_status scp_weights_stats(const scp_ckpt *c, int64_t Dz, scp_latent_stats *stats) SCP_MUST_USE;
scp_status scp_weights_add_stats(scp_ckpt_writer *w, const scp_latent_stats *stats) SCP_MUST_USE;

/** A parameter store of fixed weights with the trained VAE of a run, the averaged ones. *out:
 *  scp_params_destroy. */
scp_status scp_weights_vae(scp_device *dev, const scp_vae_config *cfg, size_t G,
                           const char *run_dir, scp_params **out) SCP_MUST_USE;

#endif
