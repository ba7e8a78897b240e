/* The VAE's graphs, see vae.h. */
#include "model/vae.h"

#include "base/rng.h"
#include "nn/nn.h"

const scp_option scp_vae_options[] = {
    { "vae.hidden", NULL, SCP_OPT_INTS, offsetof(scp_vae_config, hidden), "1024,1024,1024", 1,
      65536, NULL, NULL, "Widths of the encoder's hidden blocks; the decoder runs them backwards.",
      "SCimilarity v1.1" },
    { "vae.latent", NULL, SCP_OPT_INT, offsetof(scp_vae_config, latent), "128", 1, 4096, NULL, NULL,
      "Latent dimension D_z.", "paper App. D" },
    { "vae.latent_norm", NULL, SCP_OPT_ENUM, offsetof(scp_vae_config, latent_norm), "none", 0, 0,
      "none|l2", NULL,
      "Posterior means as they are, or of unit length (the denoiser standardises them either way).",
      "scDiffusion has l2" },
    { "vae.input_dropout", NULL, SCP_OPT_REAL, offsetof(scp_vae_config, input_dropout), "0", 0,
      0.99, NULL, NULL, "Dropout on the input profile.", "scDiffusion" },
    { "vae.dropout", NULL, SCP_OPT_REAL, offsetof(scp_vae_config, dropout), "0.15", 0, 0.99, NULL,
      NULL, "Dropout in the hidden blocks.", "paper App. D" },
    { "vae.beta", NULL, SCP_OPT_REAL, offsetof(scp_vae_config, beta), "1e-3", 0, 1e6, NULL, NULL,
      "Weight of the KL term, per latent dimension.", NULL },
    { "vae.beta_ramp", NULL, SCP_OPT_REAL, offsetof(scp_vae_config, beta_ramp), "0.1", 0, 1, NULL,
      NULL, "Share of the steps over which the KL weight rises from 0.", NULL },
    { 0 },
};

static scp_node *block(scp_graph *g, int i, scp_node *x, int64_t width, double dropout)
{
    scp_scope_push(g, "block%d", i);
    x = scp_dropout(g, "drop", x, dropout);
    x = scp_nn_prelu(g, "prelu", scp_nn_batchnorm(g, "bn", scp_nn_linear(g, "linear", x, width)));
    scp_scope_pop(g);
    return x;
}

void scp_vae_encode(scp_graph *g, const scp_vae_config *cfg, scp_node *x, scp_node **mu,
                    scp_node **logvar)
{
    scp_scope_push(g, "vae/encoder");
    for (size_t i = 0; i < cfg->hidden.n; i++)
        x = block(g, (int)i, x, cfg->hidden.v[i], i ? cfg->dropout : cfg->input_dropout);
    *mu = scp_nn_linear(g, "mean", x, cfg->latent);
    if (cfg->latent_norm == SCP_LATENT_NORM_L2) *mu = scp_unit(g, *mu);
    scp_node *W = NULL, *b = NULL;
    if (x) {
        W = scp_param(g, "logvar/W", SCP_SHAPE(cfg->latent, scp_shape_last(&x->shape)),
                      (scp_init){ SCP_INIT_CONST, 0 });
        b = scp_param(g, "logvar/b", SCP_SHAPE(cfg->latent), (scp_init){ SCP_INIT_CONST, -4 });
    }
    *logvar = scp_clamp(g, scp_linear(g, x, W, b), -10, 4);
    scp_scope_pop(g);
}

scp_node *scp_vae_decode(scp_graph *g, const scp_vae_config *cfg, scp_node *z, int64_t G)
{
    scp_scope_push(g, "vae/decoder");
    for (size_t i = 0; i < cfg->hidden.n; i++)
        z = block(g, (int)i, z, cfg->hidden.v[cfg->hidden.n - 1 - i], i ? cfg->dropout : 0);
    scp_node *x = scp_nn_linear(g, "out", z, G);
    scp_scope_pop(g);
    return x;
}

void scp_vae_build_train(scp_graph *g, const scp_vae_config *cfg, int64_t P, int64_t G, int64_t B,
                         scp_vae_nodes *out)
{
    scp_node *mu, *logvar;
    out->profiles = scp_resident(g, "profiles", SCP_REAL, SCP_SHAPE(P, G));
    out->rows = scp_input(g, "rows", SCP_I32, SCP_SHAPE(B));
    out->weights = scp_input(g, "weights", SCP_REAL, SCP_SHAPE(2));
    scp_node *x = scp_gather(g, out->profiles, out->rows);
    scp_vae_encode(g, cfg, x, &mu, &logvar);
    scp_node *eps = scp_rand_normal(g, "reparam", SCP_RNG_REPARAM, B, cfg->latent);
    scp_node *xhat = scp_vae_decode(g, cfg, scp_reparam(g, mu, logvar, eps), G);
    out->mse = scp_output(g, scp_mse(g, xhat, x));
    out->kl = scp_output(g, scp_kl(g, mu, logvar));
    out->loss =
        scp_output(g, scp_loss_sum(g, 2, (scp_node *[]){ out->mse, out->kl }, out->weights));
}
