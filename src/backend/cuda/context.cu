/* Opening a device: stream, cuBLASLt, and the few buffers that all kernels share. See cuda.h. */
#include "backend/cuda/gemm.h"
#include "backend/cuda/kernel.cuh"
#include "backend/cuda/memory.h"

extern "C" {
#include "base/mem.h"
}

namespace
{

template <class T> scp_status zeroed(scp_cuda *cu, size_t n, T **out)
{
    void *p = nullptr;
    SCP_CUDA(cudaMalloc(&p, n * sizeof(T)));
    *out = (T *)p;
    SCP_CUDA(cudaMemsetAsync(p, 0, n * sizeof(T), (cudaStream_t)cu->stream));
    return SCP_OK;
}

scp_status fill(scp_cuda *cu, int index)
{
    cudaStream_t stream = nullptr, beside = nullptr;
    cudaEvent_t event = nullptr;
    SCP_CUDA(cudaSetDevice(index));
    SCP_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    cu->stream = stream;
    SCP_CUDA(cudaStreamCreateWithFlags(&beside, cudaStreamNonBlocking));
    cu->beside = beside;
    SCP_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    cu->fork = event;
    SCP_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    cu->joined = event;
    SCP_CUDA(cudaDeviceGetAttribute(&cu->processors, cudaDevAttrMultiProcessorCount, index));
    SCP_TRY(scp_cuda_gemm_open(cu));
    SCP_TRY(zeroed(cu, 2 * (size_t)SCP_CUDA_PARTIALS, &cu->partial));
    SCP_TRY(zeroed(cu, SCP_CUDA_TICKETS, &cu->tickets));
    SCP_TRY(zeroed(cu, 8, &cu->result));
    SCP_TRY(zeroed(cu, 4, &cu->rates));
    SCP_TRY(zeroed(cu, 1, &cu->fault));
    SCP_CUDA(cudaStreamSynchronize(stream));
    return SCP_OK;
}

} // namespace

scp_status scp_cuda_open(scp_device *dev, int index)
{
    scp_cuda *cu = nullptr;
    int count = 0;
    SCP_CUDA(cudaGetDeviceCount(&count));
    if (index >= count)
        SCP_FAIL(SCP_EDEVICE, "there is no cuda:%d: this machine has %d CUDA device%s", index,
                 count, count == 1 ? "" : "s");
    SCP_TRY(scp_alloc(1, sizeof *cu, &cu));
    dev->impl = cu;
    const scp_status st = fill(cu, index);
    if (st != SCP_OK) scp_cuda_close(dev);
    return st;
}

void scp_cuda_close(scp_device *dev)
{
    scp_cuda *cu = scp_cuda_of(dev);
    if (!cu) return;
    if (cu->stream) (void)cudaStreamSynchronize((cudaStream_t)cu->stream);
    scp_cuda_side_close(cu);
    scp_cuda_gemm_close(cu);
    (void)cudaFree(cu->partial);
    (void)cudaFree(cu->tickets);
    (void)cudaFree(cu->result);
    (void)cudaFree(cu->rates);
    (void)cudaFree(cu->fault);
    if (cu->fork) (void)cudaEventDestroy((cudaEvent_t)cu->fork);
    if (cu->joined) (void)cudaEventDestroy((cudaEvent_t)cu->joined);
    if (cu->beside) (void)cudaStreamDestroy((cudaStream_t)cu->beside);
    if (cu->stream) (void)cudaStreamDestroy((cudaStream_t)cu->stream);
    free(cu);
    dev->impl = nullptr;
}

scp_status scp_cuda_check(scp_cuda *cu)
{
    int32_t fault = 0;
    SCP_CUDA(cudaMemcpyAsync(&fault, cu->fault, sizeof fault, cudaMemcpyDeviceToHost,
                             (cudaStream_t)cu->stream));
    SCP_CUDA(cudaStreamSynchronize((cudaStream_t)cu->stream));
    if (fault & SCP_CUDA_FAULT_INDEX)
        SCP_FAIL(SCP_EINTERNAL, "a row id is outside the table it is for");
    if (fault & SCP_CUDA_FAULT_TIME)
        SCP_FAIL(SCP_EINTERNAL, "a diffusion time is outside the schedule");
    if (fault & SCP_CUDA_FAULT_ROWS)
        SCP_FAIL(SCP_EUSAGE, "batch normalisation needs 2 rows or more in the global batch: raise "
                             "the batch size");
    return SCP_OK;
}
