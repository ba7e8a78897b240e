/* The operations of the cpu backend, by file: fp32 with OpenMP; results do not depend on the number
 * of threads. What each computes and the layout of a call: tensor/op.h. */
#ifndef SCP_BACKEND_CPU_OPS_H
#define SCP_BACKEND_CPU_OPS_H

#include "tensor/op.h"
#include "tensor/optim.h"

extern const scp_backend scp_cpu_backend;

/* linear.c */
extern const scp_op_impl scp_cpu_linear;

/* elementwise.c */
extern const scp_op_impl scp_cpu_add, scp_cpu_sub, scp_cpu_mul, scp_cpu_scale, scp_cpu_act,
    scp_cpu_prelu, scp_cpu_clamp;

/* dropout.c */
extern const scp_op_impl scp_cpu_dropout;

/* layout.c */
extern const scp_op_impl scp_cpu_concat, scp_cpu_slice, scp_cpu_gather, scp_cpu_gather_dir;

/* norm.c */
extern const scp_op_impl scp_cpu_layernorm, scp_cpu_batchnorm, scp_cpu_unit;

/* attn.c */
extern const scp_op_impl scp_cpu_attn;

/* film.c */
extern const scp_op_impl scp_cpu_film, scp_cpu_film_ln, scp_cpu_mask_select;

/* diffuse.c */
extern const scp_op_impl scp_cpu_four_state, scp_cpu_rand_time, scp_cpu_rand_normal;
extern const scp_op_impl scp_cpu_reparam, scp_cpu_combine_t;

/* loss.c */
extern const scp_op_impl scp_cpu_mse, scp_cpu_kl, scp_cpu_align, scp_cpu_loss_sum;

/* infonce.c */
extern const scp_op_impl scp_cpu_info_nce;

/* optim.c */
extern const scp_optim_impl scp_cpu_optim;

#endif
