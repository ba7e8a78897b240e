/* Element-wise kernels: every thread handles V neighbours, 16 bytes of the widest type where
 * pointers allow. A functor has
 *
 *     template <int V> __device__ void run(int64_t i) const;      elements i .. i + V - 1
 *     bool aligned() const;                                       may V be WIDTH?
 *     enum { WIDTH };
 *
 * Bandwidth-bound; what one moves stands with the op. */
#ifndef SCP_BACKEND_CUDA_MAP_CUH
#define SCP_BACKEND_CUDA_MAP_CUH

#include "backend/cuda/kernel.cuh"

template <int V, class F> static __global__ void __launch_bounds__(SCP_BLOCK) map_k(int64_t n, F f)
{
    const int64_t i = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) * V;
    if (i + V <= n) {
        f.template run<V>(i);
    } else {
        for (int64_t j = i; j < n; j++) f.template run<1>(j);
    }
}

/** Run f over n elements. */
template <class F> static scp_status scp_map(const scp_cuda *cu, int64_t n, const F &f)
{
    constexpr int W = F::WIDTH;
    if (f.aligned())
        return scp_launch(cu, "map_k", map_k<W, F>,
                          dim3((unsigned)scp_ceil_div(n, (int64_t)SCP_BLOCK * W)), SCP_BLOCK, 0, n,
                          f);
    return scp_launch(cu, "map_k", map_k<1, F>, dim3((unsigned)scp_ceil_div(n, SCP_BLOCK)),
                      SCP_BLOCK, 0, n, f);
}

/** y (+)= op(a, b) element by element; b may be NULL (0 then). Op: float operator()(float a, float
 *  b) const. */
template <class T, class Op> struct scp_binary {
    enum { WIDTH = 16 / sizeof(T) };
    T *y;
    const T *a, *b;
    bool add;
    Op op;

    template <int V> __device__ void run(int64_t i) const
    {
        float u[V], v[V] = {}, r[V];
        scp_load(u, a + i);
        if (b) scp_load(v, b + i);
#pragma unroll
        for (int k = 0; k < V; k++) r[k] = op(u[k], v[k]);
        scp_store(y + i, add, r);
    }
    bool aligned() const
    {
        return scp_aligned<T, WIDTH>(y) && scp_aligned<T, WIDTH>(a) && scp_aligned<T, WIDTH>(b);
    }
};

template <class T, class Op>
static scp_status scp_map_binary(const scp_cuda *cu, int64_t n, void *y, bool add, const void *a,
                                 const void *b, const Op &op)
{
    return scp_map(cu, n,
                   scp_binary<T, Op>{ static_cast<T *>(y), static_cast<const T *>(a),
                                      static_cast<const T *>(b), add, op });
}

#endif
