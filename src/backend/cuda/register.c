/* Entry of the CUDA backend in the table of backends. It holds no operation so far, so it is never
 * available: it says whether a device is missing or only the operations are, and `--device auto`
 * goes on to the CPU. */
#include "backend/cuda/register.h"

#include <stdio.h>

#include "backend/cuda/probe.h"

static bool cuda_available(const char **why)
{
    static _Thread_local char reason[256];
    int count = 0;

    scp_cuda_probe(&count, reason, sizeof reason);
    if (count > 0)
        snprintf(reason, sizeof reason,
                 "%d CUDA device%s found, but this version has no CUDA operations", count,
                 count == 1 ? "" : "s");
    *why = reason;
    return false;
}

const scp_backend scp_cuda_backend = {
    .name = "cuda",
    .real_size = sizeof(float),
    .available = cuda_available,
};
