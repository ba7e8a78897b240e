/* Memory of the emulated device and what it says of itself, see emu.h. */
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

namespace
{

constexpr size_t ALIGN = 16, FILLED = 4 << 20;
struct block {
    char *base; /* of the mapping */
    size_t bytes, mapped;
};
std::map<void *, block> blocks;
int devices = 1;
std::map<const void *, size_t> pinned;

/* Does [p, p + bytes) lie in a block of the device? The copy of a graph may not end there yet. */
bool on_device(const void *p, size_t bytes)
{
    auto at = blocks.upper_bound(const_cast<void *>(p));
    if (at == blocks.begin()) return false;
    --at;
    return (const char *)p + bytes <= (const char *)at->first + at->second.bytes;
}
bool is_pinned(const void *p, size_t bytes)
{
    auto at = pinned.upper_bound(p);
    if (at == pinned.begin()) return false;
    --at;
    return (const char *)p + bytes <= (const char *)at->first + at->second;
}

emu::work copy(void *dst, const void *src, size_t bytes)
{
    return [=]() {
        std::memcpy(dst, src, bytes);
        return cudaSuccess;
    };
}

} // namespace

using emu::keep;

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
    case cudaErrorNotReady:
        return "device not ready";
    case cudaErrorIllegalAddress:
        return "an illegal memory access was encountered";
    case cudaErrorStreamCaptureUnsupported:
        return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
        return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureUnmatched:
        return "capture was not ended in the same stream as it began";
    case cudaErrorStreamCaptureUnjoined:
        return "capturing stream has unjoined work";
    case cudaErrorStreamCaptureIsolation:
        return "dependency created on uncaptured work in another stream";
    case cudaErrorStreamCaptureImplicit:
        return "operation would make the legacy stream depend on a capturing blocking stream";
    case cudaErrorCapturedEvent:
        return "operation not permitted on an event last recorded in a capturing stream";
    default:
        return "error of the emulated runtime";
    }
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
    if (emu::unsafe() != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
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
/* Waits for the device, as the real one does. */
cudaError_t cudaFree(void *p)
{
    if (!p) return cudaSuccess;
    if (emu::unsafe() != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    const cudaError_t before = emu::drain();
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
    if (clean) return before;
    emu::complain("a write beside a block of %zu bytes", b.bytes);
    return keep(cudaErrorIllegalAddress);
}
cudaError_t cudaMallocHost(void **p, size_t bytes)
{
    if (emu::unsafe() != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    *p = std::calloc(bytes ? bytes : 1, 1);
    if (!*p) return keep(cudaErrorMemoryAllocation);
    pinned[*p] = bytes;
    return cudaSuccess;
}
cudaError_t cudaFreeHost(void *p)
{
    if (emu::unsafe() != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    const cudaError_t before = emu::drain();
    if (p && !pinned.erase(p)) return keep(cudaErrorInvalidValue);
    std::free(p);
    return before;
}
/* Memory that is not pinned: to the device, what is there now; to the host, with a wait for the
 * stream. A graph may hold neither, as it would read or write there whenever it runs. */
cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t s)
{
    const bool from_host = kind == cudaMemcpyHostToDevice, to_host = kind == cudaMemcpyDeviceToHost;
    enum cudaStreamCaptureStatus status;
    (void)cudaStreamIsCapturing(s, &status);
    if ((!from_host && !on_device(src, bytes)) || (!to_host && !on_device(dst, bytes)))
        return keep(cudaErrorInvalidValue);
    if ((!from_host && !to_host) || is_pinned(from_host ? src : dst, bytes))
        return emu::enqueue(s, copy(dst, src, bytes));
    if (status != cudaStreamCaptureStatusNone) return emu::unsafe();
    if (to_host) {
        const cudaError_t e = emu::enqueue(s, copy(dst, src, bytes));
        return e == cudaSuccess ? cudaStreamSynchronize(s) : e;
    }
    std::vector<char> now((const char *)src, (const char *)src + bytes);
    return emu::enqueue(s, [dst, now]() {
        std::memcpy(dst, now.data(), now.size());
        return cudaSuccess;
    });
}
/* By the legacy stream, which does not wait for those of the project. */
cudaError_t cudaMemcpy(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind)
{
    if (emu::unsafe() != cudaSuccess) return cudaErrorStreamCaptureUnsupported;
    const cudaError_t e = cudaMemcpyAsync(dst, src, bytes, kind, nullptr);
    return e == cudaSuccess ? cudaStreamSynchronize(nullptr) : e;
}
cudaError_t cudaMemsetAsync(void *dst, int value, size_t bytes, cudaStream_t s)
{
    if (!on_device(dst, bytes)) return keep(cudaErrorInvalidValue);
    return emu::enqueue(s,
                        [=]() {
                            std::memset(dst, value, bytes);
                            return cudaSuccess;
                        },
                        { dst });
}

} // extern "C"
