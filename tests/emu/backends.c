/* The backends of the emulation's tests: "cuda" is the one that runs on the host. */
#include "backend/cpu/cpu_ops.h"
#include "backend/cuda/register.h"
#include "backend/ref/ref_ops.h"

const scp_backend *const scp_backends[] = { &scp_ref_backend, &scp_cpu_backend, &scp_cuda_backend,
                                            NULL };
