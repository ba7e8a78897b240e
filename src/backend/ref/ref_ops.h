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

extern const scp_backend scp_ref_backend;

/* linear.c */
extern const scp_op_impl scp_ref_linear;

/* elementwise.c */
extern const scp_op_impl scp_ref_add, scp_ref_sub, scp_ref_mul, scp_ref_scale, scp_ref_act, scp_ref_prelu,
    scp_ref_clamp;

/* dropout.c */
extern const scp_op_impl scp_ref_dropout;

/* layout.c */
extern const scp_op_impl scp_ref_concat, scp_ref_slice, scp_ref_gather, scp_ref_gather_dir;

/* norm.c */
extern const scp_op_impl scp_ref_layernorm, scp_ref_batchnorm;

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
