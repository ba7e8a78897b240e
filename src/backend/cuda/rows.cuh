/* Kernels over rows: a group of 1 to 32 neighbouring lanes has a row, each lane every L-th vector
 * of V of it. A row of up to CAP vectors a lane is read once and kept in registers (CAP 0: read
 * again from the cache by every pass). */
#ifndef SCP_BACKEND_CUDA_ROWS_CUH
#define SCP_BACKEND_CUDA_ROWS_CUH

#include "backend/cuda/reduce.cuh"

/* The values of a row as lane `lane` sees them. Load: void operator()(int64_t at, float (&v)[V])
 * const, the values at .. at + V - 1. width 0: no row; the lane still takes part in shuffles. */
template <int V, int CAP, class Load> struct scp_row {
    Load load;
    int64_t width;
    int lane, L;
    float kept[CAP > 0 ? CAP : 1][V];

    __device__ scp_row(const Load &from, int64_t n, int my_lane, int lanes)
        : load(from), width(n), lane(my_lane), L(lanes)
    {
#pragma unroll
        for (int c = 0; c < CAP; c++) {
            const int64_t at = (int64_t)(lane + c * L) * V;
            if (at < width) load(at, kept[c]);
        }
    }
    /* f(at, v) for every vector of this lane. */
    template <class F> __device__ __forceinline__ void each(F f) const
    {
        if (CAP > 0) {
#pragma unroll
            for (int c = 0; c < CAP; c++) {
                const int64_t at = (int64_t)(lane + c * L) * V;
                if (at < width) f(at, kept[c]);
            }
        } else {
            for (int64_t at = (int64_t)lane * V; at < width; at += (int64_t)L * V) {
                float v[V];
                load(at, v);
                f(at, v);
            }
        }
    }
};

/* Load from memory of a storage type. */
template <class T, int V> struct scp_from {
    const T *x;
    __device__ __forceinline__ void operator()(int64_t at, float (&v)[V]) const
    {
        scp_load(v, x + at);
    }
};

/* Where the forward pass of a norm leaves a row: y and the statistics of all rows. */
template <class T> struct scp_normed {
    const float *gain, *bias;
    float eps, *mean, *rstd;
    T *y;
};

/** y = gain (x - mean) rstd + bias of row r, by its L lanes; all of them call. */
template <int V, int CAP, class Load, class T>
static __device__ __forceinline__ void scp_norm_row(const scp_row<V, CAP, Load> &row, int64_t r,
                                                    int64_t D, const scp_normed<T> &to)
{
    float sum = 0, square = 0;
    row.each([&](int64_t, const float(&v)[V]) {
        for (int k = 0; k < V; k++) sum += v[k];
    });
    const float m = scp_group_sum(sum, row.L) / (float)D;
    row.each([&](int64_t, const float(&v)[V]) {
        for (int k = 0; k < V; k++) square += (v[k] - m) * (v[k] - m);
    });
    const float s = 1.0f / sqrtf(scp_group_sum(square, row.L) / (float)D + to.eps);
    row.each([&](int64_t at, const float(&v)[V]) {
        float gain[V], bias[V], out[V];
        scp_load(gain, to.gain + at);
        scp_load(bias, to.bias + at);
        for (int k = 0; k < V; k++) out[k] = gain[k] * ((v[k] - m) * s) + bias[k];
        scp_store(to.y + r * D + at, false, out);
    });
    if (row.width == 0 || row.lane) return;
    to.mean[r] = m;
    to.rstd[r] = s;
}

/** Lanes for a row of so many vectors: a power of two, at most a warp. */
static inline int scp_lanes_for(int64_t vectors)
{
    int L = 1;
    while (L < SCP_WARP && L < vectors) L *= 2;
    return L;
}

template <int N> using scp_int = std::integral_constant<int, N>;

/** Choose V and CAP for rows of D (vec: may vectors of 4 be loaded?) and call f(V, CAP, L). */
template <class F> static scp_status scp_with_row(int64_t D, bool vec, F f)
{
    if (vec && D % 4 == 0) {
        const int L = scp_lanes_for(D / 4);
        if (D <= 4 * SCP_WARP) return f(scp_int<4>{}, scp_int<1>{}, L);
        if (D <= 16 * SCP_WARP) return f(scp_int<4>{}, scp_int<4>{}, L);
        return f(scp_int<4>{}, scp_int<0>{}, L);
    }
    if (D <= SCP_WARP) return f(scp_int<1>{}, scp_int<1>{}, scp_lanes_for(D));
    return f(scp_int<1>{}, scp_int<0>{}, SCP_WARP);
}

/** Blocks for R rows of L lanes each. */
static inline dim3 scp_row_grid(int64_t R, int L)
{
    return dim3((unsigned)scp_ceil_div(R * L, SCP_BLOCK));
}

#endif
