/* Sums in a fixed order. Nothing is added by atomics: blocks leave partial sums in fp64, the last
 * block to finish (an integer ticket) adds them in their order, so results repeat bit for bit.
 *
 *   scp_total    sums over all elements:      f(i, double v[K]),    out(double s[K])
 *   scp_columns  sums over rows, by column:   f(r, j, double v[K]), out(j, double s[K])
 *   scp_group_sum, scp_block_sum              inside kernels */
#ifndef SCP_BACKEND_CUDA_REDUCE_CUH
#define SCP_BACKEND_CUDA_REDUCE_CUH

#include "backend/cuda/kernel.cuh"

enum { SCP_WARP = 32 };
#define SCP_ALL_LANES 0xffffffffu

/** Sum over groups of L neighbouring lanes (a power of two), to all of them. All lanes call. */
template <class T> static __device__ __forceinline__ T scp_group_sum(T x, int L)
{
    for (int d = L / 2; d > 0; d /= 2) x += __shfl_xor_sync(SCP_ALL_LANES, x, d);
    return x;
}
template <class T> static __device__ __forceinline__ T scp_group_max(T x, int L)
{
    for (int d = L / 2; d > 0; d /= 2) {
        const T other = __shfl_xor_sync(SCP_ALL_LANES, x, d);
        x = other > x ? other : x;
    }
    return x;
}

/** Sum over the threads of the block, to all of them; `room`: shared, one double per warp. Ends
 * with a barrier, so that room can be used again. */
static __device__ __forceinline__ double scp_block_sum(double x, double *room)
{
    x = scp_group_sum(x, SCP_WARP);
    if (threadIdx.x % SCP_WARP == 0) room[threadIdx.x / SCP_WARP] = x;
    __syncthreads();
    double sum = 0;
    for (unsigned w = 0; w < blockDim.x / SCP_WARP; w++) sum += room[w];
    __syncthreads();
    return sum;
}

/** Is this the last of `blocks` blocks to come here? What the others wrote before is visible then.
 *  All threads call; flag: shared. The ticket is zero again afterwards. */
static __device__ __forceinline__ bool scp_is_last(uint32_t *ticket, unsigned blocks, int *flag)
{
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) *flag = atomicAdd(ticket, 1u) == blocks - 1;
    __syncthreads();
    const bool last = *flag != 0;
    __syncthreads();
    if (last && threadIdx.x == 0) *ticket = 0;
    if (last) __threadfence();
    return last;
}

template <int K, class F, class Out>
static __global__ void __launch_bounds__(SCP_BLOCK)
    total_k(int64_t n, F f, Out out, double *partial, uint32_t *ticket)
{
    double *room = scp_shared<double>(), sum[K] = {};
    int *flag = reinterpret_cast<int *>(room + SCP_BLOCK / SCP_WARP);
    const int64_t stride = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += stride) {
        double v[K];
        f(i, v);
        for (int k = 0; k < K; k++) sum[k] += v[k];
    }
    for (int k = 0; k < K; k++) sum[k] = scp_block_sum(sum[k], room);
    if (gridDim.x > 1) {
        if (threadIdx.x == 0)
            for (int k = 0; k < K; k++) partial[(int64_t)blockIdx.x * K + k] = sum[k];
        if (!scp_is_last(ticket, gridDim.x, flag)) return;
        for (int k = 0; k < K; k++) {
            double s = 0;
            for (int64_t b = threadIdx.x; b < gridDim.x; b += blockDim.x) s += partial[b * K + k];
            sum[k] = scp_block_sum(s, room);
        }
    }
    if (threadIdx.x == 0) out(sum);
}

/** Sums of K functions over n elements. */
template <int K, class F, class Out>
static scp_status scp_total(const scp_cuda *cu, int64_t n, const F &f, const Out &out)
{
    int64_t blocks = scp_ceil_div(n, (int64_t)SCP_BLOCK * 8), most = 4 * (int64_t)cu->processors;
    if (blocks > most) blocks = most;
    if (blocks < 1) blocks = 1;
    return scp_launch(cu, "total_k", total_k<K, F, Out>, dim3((unsigned)blocks), SCP_BLOCK,
                      (SCP_BLOCK / SCP_WARP + 1) * sizeof(double), n, f, out, cu->partial,
                      cu->tickets);
}

enum { SCP_STRIPE = 32, SCP_STRIPE_ROWS = SCP_BLOCK / SCP_STRIPE };

/* A block: SCP_STRIPE columns by SCP_STRIPE_ROWS rows at a time. grid.x: stripes of columns,
 * grid.y: parts of the rows. */
template <int K, class F, class Out>
static __global__ void __launch_bounds__(SCP_BLOCK)
    columns_k(int64_t R, int64_t D, F f, Out out, double *partial, uint32_t *tickets)
{
    double *room = scp_shared<double>(); /* [SCP_STRIPE_ROWS][SCP_STRIPE][K] */
    int *flag = reinterpret_cast<int *>(room + SCP_BLOCK * K);
    const int col = threadIdx.x % SCP_STRIPE, row = threadIdx.x / SCP_STRIPE;
    const int64_t j = (int64_t)blockIdx.x * SCP_STRIPE + col;
    double sum[K] = {};
    for (int64_t r = (int64_t)blockIdx.y * SCP_STRIPE_ROWS + row; j < D && r < R;
         r += (int64_t)gridDim.y * SCP_STRIPE_ROWS) {
        double v[K];
        f(r, j, v);
        for (int k = 0; k < K; k++) sum[k] += v[k];
    }
    for (int k = 0; k < K; k++) room[threadIdx.x * K + k] = sum[k];
    __syncthreads();
    if (row == 0)
        for (int k = 0; k < K; k++)
            for (int other = 1; other < SCP_STRIPE_ROWS; other++)
                sum[k] += room[(other * SCP_STRIPE + col) * K + k];
    if (gridDim.y > 1) {
        if (row == 0 && j < D)
            for (int k = 0; k < K; k++) partial[(blockIdx.y * D + j) * K + k] = sum[k];
        if (!scp_is_last(tickets + blockIdx.x, gridDim.y, flag)) return;
        for (int k = 0; row == 0 && j < D && k < K; k++) {
            sum[k] = 0;
            for (int64_t p = 0; p < gridDim.y; p++) sum[k] += partial[(p * D + j) * K + k];
        }
    }
    if (row == 0 && j < D) out(j, sum);
}

/** Sums of K functions over R rows, for each of D columns. */
template <int K, class F, class Out>
static scp_status scp_columns(const scp_cuda *cu, int64_t R, int64_t D, const F &f, const Out &out)
{
    const int64_t stripes = scp_ceil_div(D, SCP_STRIPE);
    int64_t parts = scp_ceil_div(R, SCP_STRIPE_ROWS * 16), room = 2 * SCP_CUDA_PARTIALS / (D * K);
    const int64_t most = scp_ceil_div(2 * (int64_t)cu->processors, stripes);
    if (parts > most) parts = most;
    if (parts > room) parts = room;
    if (parts < 1 || stripes > SCP_CUDA_TICKETS) parts = 1;
    return scp_launch(cu, "columns_k", columns_k<K, F, Out>,
                      dim3((unsigned)stripes, (unsigned)parts), SCP_BLOCK,
                      (SCP_BLOCK * K + 1) * sizeof(double), R, D, f, out, cu->partial, cu->tickets);
}

#endif
