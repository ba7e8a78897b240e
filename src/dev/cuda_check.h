/* Checked CUDA calls: evaluate once, keep the text of the call and the vendor's message, map to a
 * status. For files that include the CUDA runtime, in C and C++. */
#ifndef SCP_DEV_CUDA_CHECK_H
#define SCP_DEV_CUDA_CHECK_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "base/status.h"
#ifdef __cplusplus
}
#endif

static inline scp_status scp_cuda_status(cudaError_t e)
{
    return e == cudaErrorMemoryAllocation ? SCP_ENOMEM : SCP_EDEVICE;
}

#define SCP_CUDA(call)                                                                             \
    do {                                                                                           \
        cudaError_t scp_cuda_e_ = (call);                                                          \
        if (scp_cuda_e_ != cudaSuccess)                                                            \
            return scp_err_raise(scp_cuda_status(scp_cuda_e_), __FILE__, __LINE__, #call,          \
                                 "CUDA: %s", cudaGetErrorString(scp_cuda_e_));                     \
    } while (0)
#define SCP_CUDA_GOTO(label, call)                                                                 \
    do {                                                                                           \
        cudaError_t scp_cuda_e_ = (call);                                                          \
        if (scp_cuda_e_ != cudaSuccess) {                                                          \
            st = scp_err_raise(scp_cuda_status(scp_cuda_e_), __FILE__, __LINE__, #call,            \
                               "CUDA: %s", cudaGetErrorString(scp_cuda_e_));                       \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)

#endif
