/* The emulator finds what it is for: kernels that are wrong on purpose. A missing barrier or an
 * order of blocks that matters shows as other results in another order; what no GPU would finish or
 * forgive is refused. And the right kernels and conversions are right. Streams and graphs:
 * streams.cc. */
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "backend/cuda/reduce.cuh"
#include "emu/emu.h"

extern "C" {
#include "tap.h"
#include "tensor/half.h"
}

namespace
{

constexpr int N = 64, BLOCKS = 3;

/* Every thread hands its number to its neighbour through shared memory. */
template <bool BARRIER> __global__ void neighbour_k(float *out)
{
    float *room = scp_shared<float>();
    room[threadIdx.x] = (float)(blockIdx.x * blockDim.x + threadIdx.x);
    if (BARRIER) __syncthreads();
    out[blockIdx.x * blockDim.x + threadIdx.x] = room[(threadIdx.x + 1) % blockDim.x];
}

/* The sums of two arrays by warps, one after the other through the same room: without the barrier
 * between them, a fast warp overwrites what a slow one has still to read. */
template <bool BARRIER> __global__ void two_sums_k(float *out)
{
    float *room = scp_shared<float>(), sum = 0;
    for (int pass = 0; pass < 2; pass++) {
        const float mine = scp_group_sum((float)threadIdx.x + 100.0f * pass, SCP_WARP);
        if (threadIdx.x % SCP_WARP == 0) room[threadIdx.x / SCP_WARP] = mine;
        __syncthreads();
        for (unsigned w = 0; w < blockDim.x / SCP_WARP; w++) sum = sum * 3 + room[w];
        if (BARRIER) __syncthreads();
    }
    out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

/* A running total over blocks: right only when they come in their order. */
__global__ void block_order_k(float *total, float *out)
{
    if (threadIdx.x) return;
    *total += (float)blockIdx.x;
    out[blockIdx.x] = *total;
}

__global__ void divergent_k(float *out)
{
    if (threadIdx.x < 3) return;
    __syncthreads();
    out[threadIdx.x] = 1;
}

__global__ void half_warp_k(float *out)
{
    if (threadIdx.x % 32 < 16) out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
}

__global__ void behind_shared_k(float *out)
{
    scp_shared<float>()[threadIdx.x + 1] = 1;
    out[threadIdx.x] = 0;
}

__global__ void write_k(float *out, int64_t at)
{
    out[at] = 1;
}

/* Four values at once, from where only one may be moved. */
__global__ void four_k(float *out, int64_t at)
{
    float x[4];
    scp_load(x, out + at);
    scp_store(out + at, true, x);
}

/* Enqueue on the legacy stream. */
template <class... P, class... A>
cudaError_t start(void (*kernel)(P...), int blocks, int threads, size_t shared, A... args)
{
    cudaLaunchConfig_t cfg = {};
    cfg.gridDim = dim3((unsigned)blocks);
    cfg.blockDim = dim3((unsigned)threads);
    cfg.dynamicSmemBytes = shared;
    return cudaLaunchKernelEx(&cfg, kernel, P(args)...);
}

/* The same, with a wait for its end. */
template <class... P, class... A>
cudaError_t play(void (*kernel)(P...), int blocks, int threads, size_t shared, A... args)
{
    const cudaError_t e = start(kernel, blocks, threads, shared, args...);
    return e == cudaSuccess ? cudaDeviceSynchronize() : e;
}

float *room_for(int n)
{
    void *p = nullptr;
    if (cudaMalloc(&p, (size_t)n * sizeof(float)) != cudaSuccess) std::exit(99);
    std::memset(p, 0, (size_t)n * sizeof(float));
    return (float *)p;
}

/* Results of a kernel in the three orders; are they the same bits? */
template <class Run> bool same_in_all_orders(Run run)
{
    float *out[3];
    bool same = true;
    for (int o = 0; o < 3; o++) {
        out[o] = room_for(N * BLOCKS);
        scp_emu_set_order((scp_emu_order)o);
        run(out[o]);
        same = same && std::memcmp(out[0], out[o], N * BLOCKS * sizeof(float)) == 0;
    }
    for (int o = 0; o < 3; o++) (void)cudaFree(out[o]);
    scp_emu_set_order(SCP_EMU_FORWARD);
    return same;
}

void test_orders()
{
    tap_ok(same_in_all_orders(
               [](float *out) { (void)play(neighbour_k<true>, BLOCKS, N, N * 4, out); }),
           "a kernel with its barrier gives the same in any order");
    tap_ok(!same_in_all_orders(
               [](float *out) { (void)play(neighbour_k<false>, BLOCKS, N, N * 4, out); }),
           "a kernel that lacks a barrier is found");
    tap_ok(
        same_in_all_orders([](float *out) { (void)play(two_sums_k<true>, BLOCKS, N, N * 4, out); }),
        "shared memory that is used twice, with a barrier between");
    tap_ok(!same_in_all_orders(
               [](float *out) { (void)play(two_sums_k<false>, BLOCKS, N, N * 4, out); }),
           "and the lack of one is found");
    tap_ok(!same_in_all_orders([](float *out) {
        float *total = room_for(1);
        (void)play(block_order_k, BLOCKS, 32, 0, total, out);
        (void)cudaFree(total);
    }),
           "a kernel that depends on the order of blocks is found");
}

void test_refusals()
{
    float *out = room_for(N);
    scp_emu_loud(false);
    tap_ok(play(divergent_k, 1, 32, 0, out) == cudaErrorLaunchFailure,
           "threads that leave before a barrier are refused");
    tap_ok(play(half_warp_k, 1, 32, 0, out) == cudaErrorLaunchFailure,
           "a shuffle without all lanes of its mask is refused");
    tap_ok(play(behind_shared_k, 1, 32, 32 * 4, out) == cudaErrorLaunchFailure,
           "a write behind the shared memory is refused");
    tap_ok(play(behind_shared_k, 1, 32, 33 * 4, out) == cudaSuccess, "and one within is not");
    tap_ok(play(write_k, 1, 2048, 0, out, (int64_t)0) == cudaErrorInvalidConfiguration &&
               play(write_k, 0, 32, 0, out, (int64_t)0) == cudaErrorInvalidConfiguration &&
               play(write_k, 1, 32, 1 << 20, out, (int64_t)0) == cudaErrorInvalidConfiguration,
           "a block too large, a grid of nothing and too much shared memory are refused");
    scp_emu_loud(true);
    (void)cudaGetLastError();
    tap_ok(cudaFree(out) == cudaSuccess, "its memory is intact");
}

/* Does a kernel that writes out[at] of n floats end the process? */
bool stops_the_program(int n, int64_t at)
{
    pid_t child = fork();
    int how = 0;
    if (child == 0) {
        std::signal(SIGSEGV, SIG_DFL);
        (void)play(write_k, 1, 1, 0, room_for(n), at);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &how, 0) != child) return false;
    return !(WIFEXITED(how) && WEXITSTATUS(how) == 0); /* a signal, or a sanitizer's exit */
}

/* In a child: the host may not move them either. */
bool complains_of_four(int64_t at)
{
    const long before = scp_emu_complaints();
    pid_t child = fork();
    int how = 0;
    if (child == 0) {
        scp_emu_loud(false);
        std::signal(SIGSEGV, SIG_DFL);
        (void)play(four_k, 1, 1, 0, room_for(16), at);
        _exit(scp_emu_complaints() > before);
    }
    if (child < 0 || waitpid(child, &how, 0) != child) return false;
    return !(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

void test_alignment()
{
    tap_ok(!complains_of_four(4), "four values at an address of their size are moved");
    tap_ok(complains_of_four(1) && complains_of_four(6),
           "at another, which a GPU would refuse, they are complained of");
}

void test_bounds()
{
    tap_ok(!stops_the_program(4, 3), "a write to the last element is fine");
    tap_ok(stops_the_program(4, 4), "one behind it stops the program");
    tap_ok(stops_the_program(1024, -1), "one before the first stops the program");
    float *out = room_for(3);
    (void)play(write_k, 1, 1, 0, out, (int64_t)3);
    scp_emu_loud(false);
    tap_ok(cudaFree(out) == cudaErrorIllegalAddress,
           "one into the rest of the last 16 bytes is found when the memory is freed");
    scp_emu_loud(true);
}

void test_halves()
{
    bool to = true, from = true;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const float f = scp_half_value(SCP_F16, (uint16_t)bits);
        const float b = scp_half_value(SCP_BF16, (uint16_t)bits);
        const float g = __half2float(__half{ (uint16_t)bits });
        const float c = __bfloat162float(__nv_bfloat16{ (uint16_t)bits });
        from = from && (f == g || (f != f && g != g)) && (b == c || (b != b && c != c));
        for (int k = -1; k <= 1; k++) { /* around the middle between two halves */
            const float x = std::nextafterf(
                0.5f * (f + scp_half_value(SCP_F16, (uint16_t)(bits + 1))), k < 0   ? -1e9f
                                                                            : k > 0 ? 1e9f
                                                                                    : f);
            const float y = b * (1 + 0.001f * (float)k);
            to = to && (x != x || __float2half_rn(x).bits == scp_half_bits(SCP_F16, x)) &&
                 (y != y || __float2bfloat16_rn(y).bits == scp_half_bits(SCP_BF16, y));
        }
    }
    tap_ok(from, "every half has the value that base has for it");
    tap_ok(to, "and rounding to halves gives the same bits");
}

} // namespace

int main()
{
    test_orders();
    test_refusals();
    test_halves();
    test_bounds();
    test_alignment();
    return tap_done();
}
