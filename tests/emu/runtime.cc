/* Memory, streams and graphs of the emulated device, see emu.h. Work is done when it is enqueued;
 * one capture at a time, of all streams together. */
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "cuda_runtime.h"
#include "emu/emu.h"
#include "emu/record.h"

struct CUstream_st {
    int unused;
};
struct CUevent_st {
    int unused;
};
struct CUgraph_st {
    std::vector<std::function<cudaError_t()>> work;
};
struct CUgraphExec_st {
    CUgraph_st graph;
};

namespace
{

constexpr size_t ALIGN = 16, FILLED = 4 << 20;
struct block {
    char *base; /* of the mapping */
    size_t bytes, mapped;
};
std::map<void *, block> blocks;
int devices = 1;
CUgraph_st *capture;
cudaError_t last_error;

cudaError_t keep(cudaError_t e)
{
    if (e != cudaSuccess) last_error = e;
    return e;
}

} // namespace

cudaError_t emu::record(std::function<cudaError_t()> work)
{
    if (!capture) return keep(work());
    capture->work.push_back(std::move(work));
    return cudaSuccess;
}

extern "C" {

void scp_emu_set_devices(int n)
{
    devices = n;
}

const char *cudaGetErrorString(cudaError_t e)
{
    switch (e) {
    case cudaSuccess:
        return "no error";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorInvalidConfiguration:
        return "invalid configuration argument";
    case cudaErrorNoDevice:
        return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
        return "invalid device ordinal";
    case cudaErrorLaunchFailure:
        return "unspecified launch failure";
    case cudaErrorStreamCaptureUnsupported:
        return "operation not permitted when stream is capturing";
    default:
        return "error of the emulated runtime";
    }
}
cudaError_t cudaGetLastError(void)
{
    cudaError_t e = last_error;
    last_error = cudaSuccess;
    return e;
}
cudaError_t cudaGetDeviceCount(int *n)
{
    *n = devices;
    return devices ? cudaSuccess : keep(cudaErrorNoDevice);
}
cudaError_t cudaDriverGetVersion(int *v)
{
    *v = devices ? CUDART_VERSION : 0;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int index)
{
    return index < devices ? cudaSuccess : keep(cudaErrorInvalidDevice);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int index)
{
    if (index >= devices) return keep(cudaErrorInvalidDevice);
    *p = cudaDeviceProp{};
    std::snprintf(p->name, sizeof p->name, "emulated device %d", index);
    p->uuid.bytes[0] = (char)(index + 1);
    p->totalGlobalMem = (size_t)1 << 34;
    p->multiProcessorCount = 4;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr, int index)
{
    *value = 4;
    return index < devices ? cudaSuccess : keep(cudaErrorInvalidDevice);
}
cudaError_t cudaMemGetInfo(size_t *left, size_t *total)
{
    *left = *total = (size_t)1 << 34;
    for (auto &b : blocks) *left -= b.second.bytes;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **p, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (bytes + page - 1) / page * page;
    if (capture) return keep(cudaErrorStreamCaptureUnsupported);
    char *base = (char *)mmap(nullptr, body + 2 * page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return keep(cudaErrorMemoryAllocation);
    mprotect(base, page, PROT_NONE);
    mprotect(base + page + body, page, PROT_NONE);
    std::memset(base + page, 0xff, body < FILLED ? body : FILLED);
    *p = base + page + (body - (bytes + ALIGN - 1) / ALIGN * ALIGN);
    blocks[*p] = block{ base, bytes, body + 2 * page };
    return cudaSuccess;
}
cudaError_t cudaFree(void *p)
{
    if (!p) return cudaSuccess;
    auto at = blocks.find(p);
    if (at == blocks.end()) return keep(cudaErrorInvalidValue);
    block b = at->second;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    bool clean = true;
    for (char *c = b.base + page; c < (char *)p; c++) clean = clean && *c == (char)0xff;
    char *end = b.base + b.mapped - page;
    for (char *c = (char *)p + b.bytes; b.mapped < FILLED && c < end; c++)
        clean = clean && *c == (char)0xff;
    blocks.erase(at);
    munmap(b.base, b.mapped);
    if (clean) return cudaSuccess;
    emu::complain("a write beside a block of %zu bytes", b.bytes);
    return keep(cudaErrorIllegalAddress);
}
cudaError_t cudaMallocHost(void **p, size_t bytes)
{
    *p = std::calloc(bytes ? bytes : 1, 1);
    return *p ? cudaSuccess : keep(cudaErrorMemoryAllocation);
}
cudaError_t cudaFreeHost(void *p)
{
    std::free(p);
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind,
                            cudaStream_t)
{
    return emu::record([=]() {
        std::memcpy(dst, src, bytes);
        return cudaSuccess;
    });
}
cudaError_t cudaMemcpy(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind)
{
    if (capture) return keep(cudaErrorStreamCaptureUnsupported);
    return cudaMemcpyAsync(dst, src, bytes, kind, nullptr);
}
cudaError_t cudaMemsetAsync(void *dst, int value, size_t bytes, cudaStream_t)
{
    return emu::record([=]() {
        std::memset(dst, value, bytes);
        return cudaSuccess;
    });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    *s = new CUstream_st{};
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    delete s;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t)
{
    return capture ? keep(cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}
cudaError_t cudaDeviceSynchronize(void)
{
    return cudaStreamSynchronize(nullptr);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned)
{
    return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned)
{
    *e = new CUevent_st{};
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    delete e;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t)
{
    return cudaSuccess;
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t, cudaStream_t, unsigned)
{
    return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t)
{
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t)
{
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t, enum cudaStreamCaptureMode)
{
    if (capture) return keep(cudaErrorInvalidValue);
    capture = new CUgraph_st{};
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t *g)
{
    *g = capture;
    capture = nullptr;
    return *g ? cudaSuccess : keep(cudaErrorInvalidValue);
}
cudaError_t cudaStreamIsCapturing(cudaStream_t, enum cudaStreamCaptureStatus *status)
{
    *status = capture ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    return cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t g, cudaGraphNode_t *, size_t *n)
{
    *n = g->work.size();
    return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t)
{
    return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *x, cudaGraph_t g, unsigned long long)
{
    *x = new CUgraphExec_st{ *g };
    return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t x, cudaStream_t)
{
    for (auto &work : x->graph.work) {
        cudaError_t e = keep(work());
        if (e != cudaSuccess) return e;
    }
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t g)
{
    delete g;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t x)
{
    delete x;
    return cudaSuccess;
}

} // extern "C"
