/* What all kernel files share: storage types, vectors of 16 bytes, launching.
 *
 * Kernels load values of their storage type and widen them to float; V neighbours at a time where
 * addresses and widths allow, one at a time elsewhere. All shared memory is dynamic. Launches go
 * through scp_launch, so that the same files compile with nvcc and, for the tests, with a C++
 * compiler against tests/emu. */
#ifndef SCP_BACKEND_CUDA_KERNEL_CUH
#define SCP_BACKEND_CUDA_KERNEL_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "backend/cuda/cuda_ops.h"
#include "dev/cuda_check.h"

enum { SCP_BLOCK = 256 }; /* threads of a block where nothing else asks for a number */

extern __shared__ __align__(16) unsigned char scp_shared_raw[];

/** The shared memory of the launch as an array of T. */
template <class T> static __device__ __forceinline__ T *scp_shared()
{
    return reinterpret_cast<T *>(scp_shared_raw);
}

static __device__ __forceinline__ float scp_widen(float x)
{
    return x;
}
static __device__ __forceinline__ float scp_widen(__half x)
{
    return __half2float(x);
}
static __device__ __forceinline__ float scp_widen(__nv_bfloat16 x)
{
    return __bfloat162float(x);
}
static __device__ __forceinline__ float scp_widen(uint8_t x)
{
    return (float)x;
}
static __device__ __forceinline__ void scp_narrow(float *to, float x)
{
    *to = x;
}
static __device__ __forceinline__ void scp_narrow(__half *to, float x)
{
    *to = __float2half_rn(x);
}
static __device__ __forceinline__ void scp_narrow(__nv_bfloat16 *to, float x)
{
    *to = __float2bfloat16_rn(x);
}

template <class T, int V> struct alignas(sizeof(T) * V) scp_pack {
    T v[V];
};

/* Under emulation an address that a GPU would refuse is complained of; on a GPU nothing. */
template <class P> static __device__ __forceinline__ void scp_check_aligned(const void *at)
{
#ifdef SCP_EMU_CHECK_ALIGNED
    SCP_EMU_CHECK_ALIGNED(at, sizeof(P));
#else
    (void)at;
#endif
}

/** V neighbours from memory that is aligned to all of them. */
template <int V, class T>
static __device__ __forceinline__ void scp_load(float (&to)[V], const T *from)
{
    scp_check_aligned<scp_pack<T, V>>(from);
    const scp_pack<T, V> p = *reinterpret_cast<const scp_pack<T, V> *>(from);
#pragma unroll
    for (int k = 0; k < V; k++) to[k] = scp_widen(p.v[k]);
}

/** V neighbours to memory; add: to what is there. */
template <int V, class T>
static __device__ __forceinline__ void scp_store(T *to, bool add, const float (&x)[V])
{
    scp_pack<T, V> p;
    float have[V] = {};
    scp_check_aligned<scp_pack<T, V>>(to);
    if (add) scp_load(have, to);
#pragma unroll
    for (int k = 0; k < V; k++) scp_narrow(&p.v[k], x[k] + have[k]);
    *reinterpret_cast<scp_pack<T, V> *>(to) = p;
}

/** One value, added to what is there or not. */
template <class T> static __device__ __forceinline__ void scp_put(T *to, bool add, float x)
{
    scp_narrow(to, add ? scp_widen(*to) + x : x);
}

/** i / d and i % d; by 32 bits where they suffice, which a GPU does several times faster. */
struct scp_place {
    int64_t row, col;
};
static __device__ __forceinline__ scp_place scp_place_of(int64_t i, int64_t d)
{
    if (((uint64_t)i | (uint64_t)d) >> 32) return { i / d, i % d };
    const uint32_t row = (uint32_t)i / (uint32_t)d;
    return { (int64_t)row, (int64_t)((uint32_t)i - row * (uint32_t)d) };
}

/* ---- host side ---- */

static inline scp_cuda *scp_cuda_of(const scp_device *dev)
{
    return static_cast<scp_cuda *>(dev->impl);
}

static inline int64_t scp_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/** Can V neighbours of T be moved at once at p (NULL: nobody looks)? */
template <class T, int V> static inline bool scp_aligned(const void *p)
{
    return reinterpret_cast<uintptr_t>(p) % (sizeof(T) * V) == 0;
}

/** Enqueue a kernel on the device's stream. Nothing happens for an empty grid. name: for lists. */
template <class... P, class... A>
static scp_status scp_launch(const scp_cuda *cu, const char *name, void (*kernel)(P...), dim3 grid,
                             int block, size_t shared, A... args)
{
    cudaLaunchConfig_t cfg = {};
    if (grid.x == 0 || grid.y == 0) return SCP_OK;
    cfg.gridDim = grid;
    cfg.blockDim = dim3((unsigned)block);
    cfg.dynamicSmemBytes = shared;
    cfg.stream = static_cast<cudaStream_t>(cu->stream);
    if (cu->seen) cu->seen(cu->seen_by, name, grid.x, grid.y, block);
    SCP_CUDA(cudaLaunchKernelEx(&cfg, kernel, P(args)...));
    return SCP_OK;
}

/** Call f with a null pointer of the C++ type of a storage type: f(float *), f(__half *), ... */
template <class F> static scp_status scp_with_type(scp_dtype type, F f)
{
    switch (type) {
    case SCP_REAL:
        return f(static_cast<float *>(nullptr));
    case SCP_F16:
        return f(static_cast<__half *>(nullptr));
    case SCP_BF16:
        return f(static_cast<__nv_bfloat16 *>(nullptr));
    default:
        SCP_FAIL(SCP_EINTERNAL, "type %d is no storage of reals", (int)type);
    }
}
/** As scp_with_type, for the storage of a call's reals: that of all which scp_op_info.stored names.
 */
template <class F> static scp_status scp_typed(const scp_call *c, F f)
{
    const unsigned stored = scp_op_table[c->node->op].stored;
    scp_dtype type = (stored & SCP_STORED_OUT) ? c->out_type : c->in_type[0];
    for (int i = 0; i < c->node->n_in; i++)
        if ((stored >> i & 1) && c->in_type[i] != type && c->node->op != SCP_OP_GATHER)
            SCP_FAIL(SCP_EINTERNAL, "'%s': input %d is stored in another type than the rest",
                     c->node->name, i);
    for (int i = 0; c->dout && i < c->node->n_in; i++)
        if ((stored >> i & 1) && c->din[i] && c->din_type[i] != type)
            SCP_FAIL(SCP_EINTERNAL, "'%s': gradient %d is stored in another type than its value",
                     c->node->name, i);
    return scp_with_type(type, f);
}
/* The type that a lambda of scp_with_type or scp_typed was called for. */
#define SCP_TYPE_OF(tag) typename std::remove_pointer<decltype(tag)>::type

#endif
