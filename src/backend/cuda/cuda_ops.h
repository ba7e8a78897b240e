/* The operations of the cuda backend, by file. What each computes and the layout of a call:
 * tensor/op.h; how kernels get their stream and scalars: backend/cuda/cuda.h. */
#ifndef SCP_BACKEND_CUDA_OPS_H
#define SCP_BACKEND_CUDA_OPS_H

#include "backend/cuda/cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* gemm_lt.cu */
extern const scp_op_impl scp_cuda_linear;

/* elementwise.cu, dropout.cu */
extern const scp_op_impl scp_cuda_add, scp_cuda_sub, scp_cuda_mul, scp_cuda_scale, scp_cuda_act,
    scp_cuda_prelu, scp_cuda_clamp, scp_cuda_dropout;

/* layout.cu */
extern const scp_op_impl scp_cuda_concat, scp_cuda_slice, scp_cuda_gather, scp_cuda_gather_dir;

/* norm.cu, batchnorm.cu */
extern const scp_op_impl scp_cuda_layernorm, scp_cuda_unit, scp_cuda_batchnorm;

/* attn.cu */
extern const scp_op_impl scp_cuda_attn;

/* film.cu */
extern const scp_op_impl scp_cuda_film, scp_cuda_film_ln, scp_cuda_mask_select;

/* diffuse.cu */
extern const scp_op_impl scp_cuda_four_state, scp_cuda_rand_time, scp_cuda_rand_normal;
extern const scp_op_impl scp_cuda_reparam, scp_cuda_combine_t;

/* loss.cu */
extern const scp_op_impl scp_cuda_mse, scp_cuda_kl, scp_cuda_align, scp_cuda_loss_sum;

/* infonce.cu */
extern const scp_op_impl scp_cuda_info_nce;

/* optim.cu */
extern const scp_optim_impl scp_cuda_optim;

#ifdef __cplusplus
}
#endif

#endif
