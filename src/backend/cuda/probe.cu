/* Device probe of the CUDA backend. A program linked with cudart starts on machines without a
 * driver; the runtime then reports an error here, which becomes the reason shown to the user. */
#include "backend/cuda/probe.h"

#include <cstdio>

#include <cuda_runtime.h>

void scp_cuda_probe(int *count, char *why, size_t size)
{
    int n = 0, driver = 0;
    const cudaError_t e = cudaGetDeviceCount(&n);

    *count = 0;
    if (size > 0) why[0] = '\0';
    if (e == cudaSuccess && n > 0) {
        *count = n;
        return;
    }
    (void)cudaGetLastError();
    if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0)
        snprintf(why, size, "no CUDA device: this machine has no NVIDIA driver");
    else
        snprintf(why, size, "no CUDA device: %s",
                 e == cudaSuccess ? "the driver lists none" : cudaGetErrorString(e));
}
