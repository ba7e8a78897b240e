/* The cpu backend: fp32, OpenMP and BLAS, host memory. */
#include "backend/host.h"
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/gemm.h"

static const scp_op_impl *const ops[] = {
    /* linear.c */
    &scp_cpu_linear,
    /* elementwise.c, dropout.c */
    &scp_cpu_add,
    &scp_cpu_sub,
    &scp_cpu_mul,
    &scp_cpu_scale,
    &scp_cpu_act,
    &scp_cpu_prelu,
    &scp_cpu_clamp,
    &scp_cpu_dropout,
    /* layout.c */
    &scp_cpu_concat,
    &scp_cpu_slice,
    &scp_cpu_gather,
    &scp_cpu_gather_dir,
    /* norm.c */
    &scp_cpu_layernorm,
    &scp_cpu_unit,
    &scp_cpu_batchnorm,
    /* attn.c */
    &scp_cpu_attn,
    /* film.c */
    &scp_cpu_film,
    &scp_cpu_film_ln,
    &scp_cpu_mask_select,
    /* diffuse.c */
    &scp_cpu_four_state,
    &scp_cpu_rand_time,
    &scp_cpu_rand_normal,
    &scp_cpu_reparam,
    &scp_cpu_combine_t,
    /* loss.c */
    &scp_cpu_mse,
    &scp_cpu_kl,
    &scp_cpu_align,
    &scp_cpu_loss_sum,
    /* infonce.c */
    &scp_cpu_info_nce,
};

static scp_status open_cpu(scp_device *dev, int index)
{
    (void)dev, (void)index;
    scp_gemm_open();
    return SCP_OK;
}

const scp_backend scp_cpu_backend = {
    .name = "cpu",
    .real_size = sizeof(float),
    .host = true,
    .available = scp_host_available,
    .open = open_cpu,
    .alloc = scp_host_alloc,
    .release = scp_host_release,
    .write = scp_host_write,
    .read = scp_host_read,
    .zero = scp_host_zero,
    .ops = ops,
    .n_ops = sizeof ops / sizeof ops[0],
    .optim = &scp_cpu_optim,
    .step = &scp_host_step,
};
