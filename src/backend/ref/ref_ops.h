/* The operations of the ref backend, by file: plain fp64 loops, the oracle of every other backend.
 * What each computes and the layout of a call: tensor/op.h. */
#ifndef SCP_BACKEND_REF_OPS_H
#define SCP_BACKEND_REF_OPS_H

#include "tensor/op.h"
#include "tensor/optim.h"

/** Deliver one gradient value as scp_call.add asks. */
static inline void scp_ref_put(double *d, bool add, double v)
{
    *d = add ? *d + v : v;
}

/** Clear the gradients of all inputs that are to be overwritten, for an op that then only adds. */
static inline void scp_ref_prepare(const scp_call *c)
{
    for (int i = 0; i < c->node->n_in; i++) {
        double *g = c->din[i];
        for (int64_t j = 0; g && !c->add[i] && j < scp_shape_count(&c->node->in[i]->shape); j++)
            g[j] = 0;
    }
}

static inline double scp_ref_dot(const double *a, const double *b, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

static inline bool scp_ref_is_zero(const double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] != 0) return false;
    return true;
}

extern const scp_backend scp_ref_backend;

/* linear.c */
extern const scp_op_impl scp_ref_linear;

/* elementwise.c */
extern const scp_op_impl scp_ref_add, scp_ref_sub, scp_ref_mul, scp_ref_scale, scp_ref_act,
    scp_ref_prelu, scp_ref_clamp;

/* dropout.c */
extern const scp_op_impl scp_ref_dropout;

/* layout.c */
extern const scp_op_impl scp_ref_concat, scp_ref_slice, scp_ref_gather, scp_ref_gather_dir;

/* norm.c */
extern const scp_op_impl scp_ref_layernorm, scp_ref_batchnorm, scp_ref_unit;

/* attn.c */
extern const scp_op_impl scp_ref_attn;

/* film.c */
extern const scp_op_impl scp_ref_film, scp_ref_film_ln, scp_ref_mask_select;

/* diffuse.c */
extern const scp_op_impl scp_ref_four_state, scp_ref_rand_time, scp_ref_rand_normal;
extern const scp_op_impl scp_ref_reparam, scp_ref_combine_t;

/* loss.c */
extern const scp_op_impl scp_ref_mse, scp_ref_kl, scp_ref_align, scp_ref_loss_sum;

/* infonce.c */
extern const scp_op_impl scp_ref_info_nce;

/* optim.c */
extern const scp_optim_impl scp_ref_optim;

#endif
