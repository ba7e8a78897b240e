/* The ref backend: fp64, plain loops, host memory. */
#include "backend/host.h"
#include "backend/ref/ref_ops.h"

static const scp_op_impl *const ops[] = {
    /* linear.c */
    &scp_ref_linear,
    /* elementwise.c, dropout.c */
    &scp_ref_add,
    &scp_ref_sub,
    &scp_ref_mul,
    &scp_ref_scale,
    &scp_ref_act,
    &scp_ref_prelu,
    &scp_ref_clamp,
    &scp_ref_dropout,
    /* layout.c */
    &scp_ref_concat,
    &scp_ref_slice,
    &scp_ref_gather,
    &scp_ref_gather_dir,
    /* norm.c */
    &scp_ref_layernorm,
    &scp_ref_unit,
    &scp_ref_batchnorm,
    /* attn.c */
    &scp_ref_attn,
    /* film.c */
    &scp_ref_film,
    &scp_ref_film_ln,
    &scp_ref_mask_select,
    /* diffuse.c */
    &scp_ref_four_state,
    &scp_ref_rand_time,
    &scp_ref_rand_normal,
    &scp_ref_reparam,
    &scp_ref_combine_t,
    /* loss.c */
    &scp_ref_mse,
    &scp_ref_kl,
    &scp_ref_align,
    &scp_ref_loss_sum,
    /* infonce.c */
    &scp_ref_info_nce,
};

const scp_backend scp_ref_backend = {
    .name = "ref",
    .real_size = sizeof(double),
    .host = true,
    .available = scp_host_available,
    .alloc = scp_host_alloc,
    .release = scp_host_release,
    .write = scp_host_write,
    .read = scp_host_read,
    .zero = scp_host_zero,
    .ops = ops,
    .n_ops = sizeof ops / sizeof ops[0],
    .optim = &scp_ref_optim,
    .step = &scp_host_step,
};
