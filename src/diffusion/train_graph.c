/* The training graph: four-state masking, q-sample, denoiser, losses [paper eq. 2, 8-14]. */
#include "base/rng.h"
#include "io/dataset.h"
#include "diffusion/method.h"

static void leaves(scp_graph *g, const scp_method *m, const scp_train_sizes *s, scp_train_nodes *o)
{
    int64_t Dz = m->vae.latent, T = m->diffusion.T;
    o->profiles = scp_resident(g, "profiles", SCP_REAL, SCP_SHAPE(s->P, s->G));
    o->z_pre = scp_resident(g, "z_pre", SCP_REAL, SCP_SHAPE(s->N, Dz));
    o->z_0 = scp_resident(g, "z_0", SCP_REAL, SCP_SHAPE(s->N, Dz));
    o->dose = scp_resident(g, "dose", SCP_REAL, SCP_SHAPE(s->N, SCP_DOSE_CODE));
    o->drugs = scp_resident(g, "drugs", SCP_U8, SCP_SHAPE(s->n_drugs, SCP_FP_BITS));
    o->signal = scp_resident(g, "signal", SCP_REAL, SCP_SHAPE(T));
    o->noise = scp_resident(g, "noise", SCP_REAL, SCP_SHAPE(T));
    o->neg_noise = scp_resident(g, "neg_noise", SCP_REAL, SCP_SHAPE(T));
    o->time = scp_resident(g, "time", SCP_REAL, SCP_SHAPE(T, m->model.time_dim));
    o->pair = scp_input(g, "pair", SCP_I32, SCP_SHAPE(s->B));
    o->drug = scp_input(g, "drug", SCP_I32, SCP_SHAPE(s->B));
    o->post = scp_input(g, "post", SCP_I32, SCP_SHAPE(s->B));
    o->pre = scp_input(g, "pre", SCP_I32, SCP_SHAPE(s->B));
    o->key = scp_input(g, "key", SCP_I32, SCP_SHAPE(s->B));
    o->neg_post = scp_input(g, "neg_post", SCP_I32, SCP_SHAPE(s->K));
    o->neg_pre = scp_input(g, "neg_pre", SCP_I32, SCP_SHAPE(s->K));
    o->neg_key = scp_input(g, "neg_key", SCP_I32, SCP_SHAPE(s->K));
    o->weights = scp_input(g, "weights", SCP_REAL, SCP_SHAPE(3));
}

/* L_denoise [eq. 13], as a mean over latent dimensions. Regression: the network sees zeros at t = 0
 * and is fitted to z_0 itself. */
static scp_node *denoise_loss(scp_graph *g, const scp_method *m, const scp_train_nodes *o,
                              const scp_cond *cond, int64_t B)
{
    const scp_diffusion_config *d = &m->diffusion;
    bool regression = d->objective == SCP_OBJECTIVE_REGRESSION;
    scp_node *z_0 = scp_gather(g, o->z_0, o->pair);
    scp_node *t = scp_rand_time(g, "t", B, regression ? 1 : d->T);
    scp_node *eps = scp_rand_normal(g, "eps", SCP_RNG_NOISE, B, m->vae.latent);
    scp_node *z_t =
        regression ? scp_scale(g, z_0, 0) : scp_combine_t(g, z_0, eps, t, o->signal, o->noise);
    scp_node *target = eps;
    if (regression) target = z_0;
    else if (d->parameterization == SCP_PREDICT_V)
        target = scp_combine_t(g, eps, z_0, t, o->signal, o->neg_noise);
    const scp_time_in time = { .code = scp_gather(g, o->time, t) };
    scp_node *out = scp_denoiser_build(g, &m->model, z_t, &time, cond);
    return scp_mse(g, out, target);
}

/* Response directions through W, stored transposed [drug_dim, G]: p = V W, n = V' W, M = W^T W.
 * Inner products with W z~ and its norm need nothing else, so W z~ is never formed over genes. */
static void response_losses(scp_graph *g, const scp_method *m, scp_node *z, int64_t G,
                            scp_train_nodes *o)
{
    scp_node *W = scp_param(g, "response/W", SCP_SHAPE(m->model.drug_dim, G),
                            (scp_init){ SCP_INIT_NORMAL, 0.02 });
    scp_node *M = scp_matmul_t(g, W, W);
    scp_node *p = scp_matmul_t(g, scp_gather_dir(g, o->profiles, o->post, o->pre), W);
    scp_node *n = scp_matmul_t(g, scp_gather_dir(g, o->profiles, o->neg_post, o->neg_pre), W);
    o->align = scp_output(g, scp_align(g, z, p, M));
    o->info = scp_output(g, scp_info_nce(g, z, p, n, M, o->key, o->neg_key, m->diffusion.tau));
}

void scp_method_build_train(scp_graph *g, const scp_method *m, const scp_train_sizes *s,
                            scp_train_nodes *o)
{
    scp_cond cond;
    leaves(g, m, s, o);
    scp_cond_in in = { .z_pre = scp_gather(g, o->z_pre, o->pair),
                       .drugs = o->drugs,
                       .drug = o->drug,
                       .dose_code = scp_gather(g, o->dose, o->pair),
                       .mask = scp_four_state(g, "mask", s->B, m->diffusion.drop_pre,
                                              m->diffusion.drop_drug) };
    scp_cond_build(g, &m->model, s->n_drugs, &in, &cond);
    o->denoise = scp_output(g, denoise_loss(g, m, o, &cond, s->B));
    response_losses(g, m, cond.z_drug, s->G, o);
    o->loss = scp_output(
        g, scp_loss_sum(g, 3, (scp_node *[]){ o->denoise, o->align, o->info }, o->weights));
}
