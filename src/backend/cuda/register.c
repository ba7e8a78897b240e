/* Entry of the CUDA backend in the table of backends. Where there is no device it says why, and
 * `--device auto` goes on to the CPU. */
#include "backend/cuda/register.h"

#include "backend/cuda/cuda_ops.h"
#include "backend/cuda/group.h"
#include "backend/cuda/memory.h"
#include "backend/cuda/probe.h"
#include "tensor/step.h"

static const scp_op_impl *const ops[] = {
    /* gemm_lt.cu */
    &scp_cuda_linear,
    /* elementwise.cu, dropout.cu */
    &scp_cuda_add,
    &scp_cuda_sub,
    &scp_cuda_mul,
    &scp_cuda_scale,
    &scp_cuda_act,
    &scp_cuda_prelu,
    &scp_cuda_clamp,
    &scp_cuda_dropout,
    /* layout.cu */
    &scp_cuda_concat,
    &scp_cuda_slice,
    &scp_cuda_gather,
    &scp_cuda_gather_dir,
    /* norm.cu, batchnorm.cu */
    &scp_cuda_layernorm,
    &scp_cuda_unit,
    &scp_cuda_batchnorm,
    /* attn.cu */
    &scp_cuda_attn,
    /* film.cu */
    &scp_cuda_film,
    &scp_cuda_film_ln,
    &scp_cuda_mask_select,
    /* diffuse.cu */
    &scp_cuda_four_state,
    &scp_cuda_rand_time,
    &scp_cuda_rand_normal,
    &scp_cuda_reparam,
    &scp_cuda_combine_t,
    /* loss.cu */
    &scp_cuda_mse,
    &scp_cuda_kl,
    &scp_cuda_align,
    &scp_cuda_loss_sum,
    /* infonce.cu */
    &scp_cuda_info_nce,
};

static const scp_step_impl step = { .load = scp_cuda_step_load,
                                    .seed = scp_cuda_step_seed,
                                    .update = scp_cuda_step_update };

static bool cuda_available(const char **why)
{
    static _Thread_local char reason[256];
    int count = 0;

    scp_cuda_probe(&count, reason, sizeof reason);
    *why = reason;
    return count > 0;
}

static int cuda_count(void)
{
    char reason[256];
    int count = 0;
    scp_cuda_probe(&count, reason, sizeof reason);
    return count;
}

/* Kernels clamp what they cannot report; who waits for the device gets to know. */
static scp_status cuda_sync(scp_device *dev)
{
    return scp_cuda_check(dev->impl);
}

const scp_backend scp_cuda_backend = {
    .name = "cuda",
    .real_size = sizeof(float),
    .available = cuda_available,
    .count = cuda_count,
    .open = scp_cuda_open,
    .close = scp_cuda_close,
    .alloc = scp_cuda_alloc,
    .release = scp_cuda_release,
    .write = scp_cuda_write,
    .read = scp_cuda_read,
    .zero = scp_cuda_zero,
    .sync = cuda_sync,
    .cast = scp_cuda_cast,
    .ops = ops,
    .n_ops = sizeof ops / sizeof ops[0],
    .group = &scp_cuda_group,
    .optim = &scp_cuda_optim,
    .step = &step,
    .async = &scp_cuda_async,
    .memory = scp_cuda_memory,
    .describe = scp_cuda_describe,
    .uuid = scp_cuda_uuid,
};
