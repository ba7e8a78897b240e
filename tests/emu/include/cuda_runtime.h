/* The part of the CUDA runtime that the project uses, on the host: src/backend/cuda/NAME.cu
 * compiled by g++ against this header runs its kernels in the emulator (emu.h). Not a general
 * emulation: what is missing here is missing at compile time. */
#ifndef SCP_TESTS_EMU_CUDA_RUNTIME_H
#define SCP_TESTS_EMU_CUDA_RUNTIME_H

#include "cuda_runtime_api.h"

#ifdef __cplusplus

#include <cmath>
#include <cstring>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
/* All shared memory of the kernels is dynamic: the array is the emulator's (scp_shared.cuh). */
#define __shared__
#define __align__(n) __attribute__((aligned(n)))

struct uint3 {
    unsigned x, y, z;
};

namespace emu
{

/** Run a kernel, or keep it where the stream is being captured. */
cudaError_t launch(const cudaLaunchConfig_t *cfg, std::function<void()> thread,
                   std::vector<const void *> writes);

void barrier();
/** All lanes of mask meet; every lane brings 8 bytes and gets those of lane `from`. */
uint64_t exchange(unsigned mask, uint64_t mine, int from);
unsigned lane();
/** A complaint when memory that is moved at once does not begin at a multiple of its size. */
void check_aligned(const void *at, size_t size);

template <class T> T shuffle(unsigned mask, T value, int from)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "a shuffle moves 8 bytes at most");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = exchange(mask, bits, from);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

} // namespace emu

/* Of the thread that runs; set by the scheduler. */
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

static inline void __syncthreads()
{
    emu::barrier();
}
static inline void __syncwarp(unsigned mask = 0xffffffffu)
{
    (void)emu::exchange(mask, 0, (int)emu::lane());
}
template <class T> T __shfl_sync(unsigned mask, T v, int from, int width = 32)
{
    int lane = (int)emu::lane();
    return emu::shuffle(mask, v, lane / width * width + from % width);
}
template <class T> T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32)
{
    int lane = (int)emu::lane(), from = lane ^ bits;
    return emu::shuffle(mask, v, from / width == lane / width ? from : lane);
}
template <class T> T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32)
{
    int lane = (int)emu::lane(), from = lane + (int)by;
    return emu::shuffle(mask, v, from / width == lane / width ? from : lane);
}
/* One thread runs at a time, so plain reads and writes are atomic. */
static inline void __threadfence()
{
}
template <class T> T atomicAdd(T *at, T value)
{
    T old = *at;
    *at = old + value;
    return old;
}
static inline int atomicOr(int *at, int value)
{
    int old = *at;
    *at = old | value;
    return old;
}
template <class T> T __ldg(const T *p)
{
    return *p;
}
static inline float rsqrtf(float x)
{
    return 1.0f / std::sqrt(x);
}
static inline void sincospi(double x, double *s, double *c)
{
    *s = std::sin(M_PI * x);
    *c = std::cos(M_PI * x);
}
static inline uint64_t __umul64hi(uint64_t a, uint64_t b)
{
    return (uint64_t)(((unsigned __int128)a * b) >> 64);
}

/* What kernel.cuh asks before it moves several values at once. */
#define SCP_EMU_CHECK_ALIGNED(at, size) emu::check_aligned((at), (size))

namespace emu
{
/* Memory that a kernel may change. Bits that kernels set in a word of their faults go there by
 * atomics, in any order. */
template <class T> void note_write(std::vector<const void *> &to, const T &p)
{
    if constexpr (std::is_pointer<T>::value) {
        using pointee = std::remove_pointer_t<T>;
        if (p && !std::is_const<pointee>::value && !std::is_same<pointee, int32_t>::value)
            to.push_back(p);
    }
}
} // namespace emu

template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *cfg, void (*kernel)(P...), A &&...args)
{
    std::vector<const void *> writes;
    (emu::note_write(writes, P(args)), ...);
    return emu::launch(cfg, [=]() { kernel(P(args)...); }, std::move(writes));
}

#endif
#endif
