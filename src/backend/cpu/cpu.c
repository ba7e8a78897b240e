/* The cpu backend: fp32, OpenMP and BLAS, host memory. */
#include "backend/host.h"
#include "backend/cpu/cpu_ops.h"

static const scp_op_impl *const ops[] = {
    /* linear.c */
    &scp_cpu_linear,
};

const scp_backend scp_cpu_backend = {
    .name = "cpu",
    .real_size = sizeof(float),
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
