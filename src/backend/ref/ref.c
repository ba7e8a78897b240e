/* The ref backend: fp64, plain loops, host memory. */
#include "backend/host.h"
#include "backend/ref/ref_ops.h"

static const scp_op_impl *const ops[] = {
    /* linear.c */
    &scp_ref_linear,
    /* elementwise.c, dropout.c */
    &scp_ref_add, &scp_ref_sub, &scp_ref_mul, &scp_ref_scale, &scp_ref_act, &scp_ref_prelu, &scp_ref_clamp,
    &scp_ref_dropout,
    /* layout.c */
    &scp_ref_concat, &scp_ref_slice, &scp_ref_gather, &scp_ref_gather_dir,
    /* norm.c */
    &scp_ref_layernorm, &scp_ref_batchnorm,
};

const scp_backend scp_ref_backend = {
    .name = "ref",
    .real_size = sizeof(double),
    .available = scp_host_available,
    .alloc = scp_host_alloc,
    .release = scp_host_release,
    .write = scp_host_write,
    .read = scp_host_read,
    .zero = scp_host_zero,
    .ops = ops,
    .n_ops = sizeof ops / sizeof ops[0],
    .optim = NULL,
};
