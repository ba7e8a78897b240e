/* The backends of this build, best last: device "auto" takes the last one that is available. */
#include "config.h"

#include "backend/cpu/cpu_ops.h"
#include "backend/ref/ref_ops.h"
#ifdef HAVE_CUDA
#include "backend/cuda/register.h"
#endif

const scp_backend *const scp_backends[] = {
    &scp_ref_backend,
    &scp_cpu_backend,
#ifdef HAVE_CUDA
    &scp_cuda_backend,
#endif
    NULL,
};
