/* The operations of the cpu backend, by file: fp32 with OpenMP; results do not depend on the number
 * of threads. What each computes and the layout of a call: tensor/op.h. */
#ifndef SCP_BACKEND_CPU_OPS_H
#define SCP_BACKEND_CPU_OPS_H

#include "backend/cpu/level.h"
#include "tensor/op.h"
#include "tensor/optim.h"

extern const scp_backend scp_cpu_backend;

/** What opening "cpu" gives: the backend with the kernels of the best level that this processor
 *  has. $SCPPDM_CPU_LEVEL (1, 3, 4 or 5) asks for a lower one; SCP_EUSAGE when it is none of
 *  these. */
scp_status scp_cpu_best(const scp_backend **out) SCP_MUST_USE;

/* All operations at one level. ops.c */
enum { SCP_CPU_OPS = 30 };
extern const scp_op_impl *const SCP_CPU(ops)[SCP_CPU_OPS];

/* linear.c */
extern const scp_op_impl SCP_CPU(linear);

/* elementwise.c */
extern const scp_op_impl SCP_CPU(add), SCP_CPU(sub), SCP_CPU(mul), SCP_CPU(scale), SCP_CPU(act),
    SCP_CPU(prelu), SCP_CPU(clamp);

/* dropout.c */
extern const scp_op_impl SCP_CPU(dropout);

/* layout.c */
extern const scp_op_impl SCP_CPU(concat), SCP_CPU(slice), SCP_CPU(gather), SCP_CPU(gather_dir);

/* norm.c */
extern const scp_op_impl SCP_CPU(layernorm), SCP_CPU(batchnorm), SCP_CPU(unit);

/* attn.c */
extern const scp_op_impl SCP_CPU(attn);

/* film.c */
extern const scp_op_impl SCP_CPU(film), SCP_CPU(film_ln), SCP_CPU(mask_select);

/* diffuse.c */
extern const scp_op_impl SCP_CPU(four_state), SCP_CPU(rand_time), SCP_CPU(rand_normal);
extern const scp_op_impl SCP_CPU(reparam), SCP_CPU(combine_t);

/* loss.c */
extern const scp_op_impl SCP_CPU(mse), SCP_CPU(kl), SCP_CPU(align), SCP_CPU(loss_sum);

/* infonce.c */
extern const scp_op_impl SCP_CPU(info_nce);

/* optim.c */
extern const scp_optim_impl SCP_CPU(optim);

#endif
