/* Memory of a CUDA device, see memory.h. Blocks are few and taken before the first step: one for a
 * plan, one for each arena of parameters, one for each resident table. */
#include "backend/cuda/memory.h"

#include <stdio.h>
#include <string.h>

#include "dev/cuda_check.h"

static cudaStream_t stream_of(const scp_device *dev)
{
    return (cudaStream_t)((const scp_cuda *)dev->impl)->stream;
}

scp_status scp_cuda_alloc(scp_device *dev, size_t bytes, void **out)
{
    size_t left = 0, total = 0;
    *out = NULL;
    SCP_CUDA(cudaSetDevice(dev->index));
    const cudaError_t e = cudaMalloc(out, bytes ? bytes : 1);
    if (e == cudaErrorMemoryAllocation) {
        (void)cudaGetLastError();
        (void)cudaMemGetInfo(&left, &total);
        SCP_FAIL(SCP_ENOMEM,
                 "cuda:%d: cannot take %.1f MiB, %.1f of %.1f MiB are left: use a smaller batch or "
                 "fewer genes, fewer ranks on this GPU, or --device cpu",
                 dev->index, (double)bytes / 1048576, (double)left / 1048576,
                 (double)total / 1048576);
    }
    SCP_CUDA(e);
    SCP_CUDA(cudaMemsetAsync(*out, 0, bytes ? bytes : 1, stream_of(dev)));
    return SCP_OK;
}

void scp_cuda_release(scp_device *dev, void *p)
{
    (void)cudaSetDevice(dev->index);
    (void)cudaStreamSynchronize(stream_of(dev));
    (void)cudaFree(p);
}

scp_status scp_cuda_write(scp_device *dev, void *dst, const void *host, size_t bytes)
{
    if (!bytes) return SCP_OK;
    SCP_CUDA(cudaMemcpyAsync(dst, host, bytes, cudaMemcpyHostToDevice, stream_of(dev)));
    SCP_CUDA(cudaStreamSynchronize(stream_of(dev)));
    return SCP_OK;
}

scp_status scp_cuda_read(scp_device *dev, void *host, const void *src, size_t bytes)
{
    if (!bytes) return SCP_OK;
    SCP_CUDA(cudaMemcpyAsync(host, src, bytes, cudaMemcpyDeviceToHost, stream_of(dev)));
    SCP_CUDA(cudaStreamSynchronize(stream_of(dev)));
    return SCP_OK;
}

scp_status scp_cuda_zero(scp_device *dev, void *dst, size_t bytes)
{
    const scp_cuda *cu = dev->impl;
    if (!bytes) return SCP_OK;
    if (cu->seen) cu->seen(cu->seen_by, "memset", 0, 0, 0);
    SCP_CUDA(cudaMemsetAsync(dst, 0, bytes, stream_of(dev)));
    return SCP_OK;
}

scp_status scp_cuda_memory(scp_device *dev, size_t *left, size_t *total)
{
    SCP_CUDA(cudaSetDevice(dev->index));
    SCP_CUDA(cudaMemGetInfo(left, total));
    return SCP_OK;
}

void scp_cuda_describe(const scp_device *dev, char *buf, size_t size)
{
    struct cudaDeviceProp prop;
    if (cudaGetDeviceProperties(&prop, dev->index) == cudaSuccess)
        snprintf(buf, size, "cuda:%d (%s)", dev->index, prop.name);
    else
        snprintf(buf, size, "cuda:%d", dev->index);
}

void scp_cuda_uuid(const scp_device *dev, uint8_t id[16])
{
    struct cudaDeviceProp prop;
    memset(id, 0, 16);
    if (cudaGetDeviceProperties(&prop, dev->index) == cudaSuccess) memcpy(id, prop.uuid.bytes, 16);
}
