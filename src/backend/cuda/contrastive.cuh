/* What ALIGN and INFO_NCE share: both see <p, z> / sqrt(z^T M z). For row b with coefficients
 * scale_b and radial_b of the op:
 *
 *   dz (+)= scale p - radial (M + M^T) z / 2,   dp (+)= scale z,   dM (+)= -sum_b radial_b/2 z z^T
 *
 * One block a row of z: D^2 multiplications with M from the cache (64 KB at D = 128); dM: a thread
 * an element, B steps. 2 to 4 B D^2 flops, latency-bound at B = 256, D = 128. Sums over D in fp32
 * with fp64 across threads, over B in fp32. */
#ifndef SCP_BACKEND_CUDA_CONTRASTIVE_CUH
#define SCP_BACKEND_CUDA_CONTRASTIVE_CUH

#include "backend/cuda/beside.cuh"
#include "backend/cuda/map.cuh"
#include "backend/cuda/reduce.cuh"

/* Threads of a block that has a row; its shared memory: fp64 room for sums. */
enum { SCP_ROW_BLOCK = 128, SCP_ROW_ROOM = (SCP_ROW_BLOCK / SCP_WARP + 1) * sizeof(double) };

/** z^T M z, by a block, to all threads. */
template <class T>
static __device__ double scp_quadratic(const T *z, const T *M, int64_t D, double *room)
{
    const int lane = threadIdx.x % SCP_WARP, warps = blockDim.x / SCP_WARP;
    double sum = 0;
    for (int64_t i = threadIdx.x / SCP_WARP; i < D; i += warps) {
        float s = 0;
        for (int64_t j = lane; j < D; j += SCP_WARP) s += scp_widen(M[i * D + j]) * scp_widen(z[j]);
        sum += (double)scp_widen(z[i]) * s;
    }
    return scp_block_sum(sum, room);
}

/** <p, z>, by a block; *any: has p a value that is not zero? */
template <class T>
static __device__ double scp_inner(const T *p, const T *z, int64_t D, bool *any, double *room)
{
    double sum = 0, count = 0;
    for (int64_t i = threadIdx.x; i < D; i += blockDim.x) {
        const float v = scp_widen(p[i]);
        sum += v * scp_widen(z[i]);
        count += v != 0;
    }
    *any = scp_block_sum(count, room) > 0;
    return scp_block_sum(sum, room);
}

/* The mean of the rows' losses: blocks leave theirs, the last one adds them in order. */
static __device__ __forceinline__ void scp_mean_of_rows(double loss, float *out, double *partial,
                                                        uint32_t *ticket, double *room)
{
    int *flag = reinterpret_cast<int *>(room + SCP_ROW_BLOCK / SCP_WARP);
    if (threadIdx.x == 0) partial[blockIdx.x] = loss;
    if (!scp_is_last(ticket, gridDim.x, flag)) return;
    double sum = 0;
    for (int64_t b = threadIdx.x; b < gridDim.x; b += blockDim.x) sum += partial[b];
    sum = scp_block_sum(sum, room);
    if (threadIdx.x == 0) *out = (float)(sum / gridDim.x);
}

/* Coef: void operator()(int64_t b, float *scale, float *radial) const. */
template <class T, class Coef>
static __global__ void __launch_bounds__(SCP_ROW_BLOCK)
    scp_direction_rows_k(int64_t D, const T *z, const T *p, const T *M, Coef coef, T *dz,
                         bool add_z, T *dp, bool add_p)
{
    const int64_t b = blockIdx.x;
    float scale, radial;
    coef(b, &scale, &radial);
    for (int64_t i = threadIdx.x; i < D; i += blockDim.x) {
        float Mz = 0;
        for (int64_t j = 0; dz && radial != 0 && j < D; j++)
            Mz += (scp_widen(M[i * D + j]) + scp_widen(M[j * D + i])) * scp_widen(z[b * D + j]);
        if (dz)
            scp_put(dz + b * D + i, add_z, scale * scp_widen(p[b * D + i]) - radial * 0.5f * Mz);
        if (dp) scp_put(dp + b * D + i, add_p, scale * scp_widen(z[b * D + i]));
    }
}

template <class T, class Coef>
static __global__ void __launch_bounds__(SCP_BLOCK)
    scp_direction_matrix_k(int64_t B, int64_t D, const T *z, Coef coef, T *dM, bool add)
{
    float *radial = scp_shared<float>(), sum = 0;
    const int64_t e = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    const int64_t i = e / D, j = e % D;
    for (int64_t first = 0; first < B; first += SCP_BLOCK) {
        const int64_t mine = first + threadIdx.x, rest = B - first;
        const int64_t n = rest < SCP_BLOCK ? rest : (int64_t)SCP_BLOCK;
        float scale;
        __syncthreads();
        if (mine < B) coef(mine, &scale, &radial[threadIdx.x]);
        __syncthreads();
        for (int64_t b = 0; e < D * D && b < n; b++)
            sum +=
                radial[b] * scp_widen(z[(first + b) * D + i]) * scp_widen(z[(first + b) * D + j]);
    }
    if (e < D * D) scp_put(dM + e, add, -0.5f * sum);
}

/** Both of the above, side by side; NULL gradients are left out. */
template <class T, class Coef>
static scp_status scp_direction_bwd(scp_cuda *cu, int64_t B, int64_t D, const T *z, const T *p,
                                    const T *M, const Coef &coef, T *dz, bool add_z, T *dp,
                                    bool add_p, T *dM, bool add_M)
{
    const auto rows = [&]() {
        if (!dz && !dp) return SCP_OK;
        return scp_launch(cu, "scp_direction_rows_k", scp_direction_rows_k<T, Coef>,
                          dim3((unsigned)B), SCP_ROW_BLOCK, 0, D, z, p, M, coef, dz, add_z, dp,
                          add_p);
    };
    const auto matrix = [&]() {
        if (!dM) return SCP_OK;
        return scp_launch(cu, "scp_direction_matrix_k", scp_direction_matrix_k<T, Coef>,
                          dim3((unsigned)scp_ceil_div(D * D, SCP_BLOCK)), SCP_BLOCK,
                          SCP_BLOCK * sizeof(float), B, D, z, coef, dM, add_M);
    };
    return scp_beside(cu, (dz || dp) && dM && dz != dM && dp != dM, rows, matrix);
}

#endif
