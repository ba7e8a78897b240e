/* Multi-head attention without projections [paper eq. 30-31]; symbols: backend/ref/attn.c. Heads
 * are narrow and sequences short (8 tokens of 8 values a head), so a query, and in the second
 * backward kernel a key, goes to a group of L lanes: no shared memory, no limit on M, N or the
 * width.
 *
 * Forward: 4 M N d flops a head, q, k, v read through the cache, o and P written. Backward: two
 * kernels, 10 M N d flops; sum_j P_mj dP_mj is taken as <dO_m, O_m>. Bound by launch and latency at
 * our sizes. Softmax and sums in fp32. aux: P [B, h, M, N]. */
#include "backend/cuda/beside.cuh"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/rows.cuh"

namespace
{

template <class T> struct attention {
    int64_t B, M, N, D;
    int h, d, L;
    float scale;
    const T *q, *k, *v;
    float *P;
};

/* A token's part of one head: row b * tokens + token, columns head * d .. */
template <class T>
__device__ __forceinline__ T *head_at(T *x, int64_t b, int64_t tokens, int64_t token, int64_t D,
                                      int64_t head, int d)
{
    return x + (b * tokens + token) * D + head * d;
}

template <class T> __device__ __forceinline__ float dot(const T *a, const T *b, int n)
{
    float s = 0;
    for (int i = 0; i < n; i++) s += scp_widen(a[i]) * scp_widen(b[i]);
    return s;
}

/* <a, b - c> */
template <class T>
__device__ __forceinline__ float dot_past(const T *a, const T *b, const T *c, int n)
{
    float s = 0;
    for (int i = 0; i < n; i++) s += scp_widen(a[i]) * (scp_widen(b[i]) - scp_widen(c[i]));
    return s;
}

/* Group: query m of (b, head). */
template <class T>
__global__ void __launch_bounds__(SCP_BLOCK) attn_fwd_k(attention<T> x, T *__restrict__ out)
{
    const int64_t group = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / x.L;
    const int64_t m = group % x.M, head = group / x.M % x.h, b = group / x.M / x.h;
    const int lane = (int)threadIdx.x % x.L;
    const bool in = b < x.B;
    float *P = x.P + group * x.N, top = -INFINITY, sum = 0;
    if (in)
        for (int64_t n = lane; n < x.N; n += x.L) {
            P[n] = x.scale * dot(head_at(x.q, b, x.M, m, x.D, head, x.d),
                                 head_at(x.k, b, x.N, n, x.D, head, x.d), x.d);
            top = fmaxf(top, P[n]);
        }
    top = scp_group_max(top, x.L);
    if (in)
        for (int64_t n = lane; n < x.N; n += x.L) sum += P[n] = expf(P[n] - top);
    const float inverse = 1.0f / scp_group_sum(sum, x.L);
    if (in)
        for (int64_t n = lane; n < x.N; n += x.L) P[n] *= inverse;
    __syncwarp();
    if (!in) return;
    T *o = head_at(out, b, x.M, m, x.D, head, x.d);
    for (int i = lane; i < x.d; i += x.L) {
        float s = 0;
        for (int64_t n = 0; n < x.N; n++)
            s += P[n] * scp_widen(head_at(x.v, b, x.N, n, x.D, head, x.d)[i]);
        scp_put(o + i, false, s);
    }
}

template <class T> attention<T> args_of(const scp_call *c)
{
    const scp_shape *q = &c->node->in[0]->shape, *k = &c->node->in[1]->shape;
    const int h = c->node->attr.heads, d = (int)(q->d[2] / h);
    const int64_t wide = k->d[1] > d ? k->d[1] : d;
    return { q->d[0],
             q->d[1],
             k->d[1],
             q->d[2],
             h,
             d,
             scp_lanes_for(wide),
             1.0f / sqrtf((float)d),
             (const T *)c->in[0],
             (const T *)c->in[1],
             (const T *)c->in[2],
             (float *)c->aux };
}

scp_status attn_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        const attention<T> x = args_of<T>(c);
        return scp_launch(scp_cuda_of(c->dev), "attn_fwd_k", attn_fwd_k<T>,
                          scp_row_grid(x.B * x.h * x.M, x.L), SCP_BLOCK, 0, x, (T *)c->out);
    });
}

/* Group: query m of (b, head): dq = sum_n dS_n k_n, dS_n = scale P_n <dO, v_n - O>. */
template <class T>
__global__ void __launch_bounds__(SCP_BLOCK)
    attn_dq_k(attention<T> x, const T *out, const T *dout, T *dq, bool add)
{
    const int64_t group = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / x.L;
    const int64_t m = group % x.M, head = group / x.M % x.h, b = group / x.M / x.h;
    const int lane = (int)threadIdx.x % x.L;
    const bool in = b < x.B;
    const int64_t at = in ? (b * x.M + m) * x.D + head * x.d : 0;
    for (int first = 0; first < x.d; first += x.L) {
        const int i = first + lane;
        float sum = 0;
        for (int64_t n0 = 0; n0 < x.N; n0 += x.L) {
            const int64_t n = n0 + lane;
            float dS = 0;
            if (in && n < x.N)
                dS = x.scale * x.P[group * x.N + n] *
                     dot_past(dout + at, head_at(x.v, b, x.N, n, x.D, head, x.d), out + at, x.d);
            for (int s = 0; s < x.L && n0 + s < x.N; s++) {
                const float of_s = __shfl_sync(SCP_ALL_LANES, dS, s, x.L);
                if (in && i < x.d)
                    sum += of_s * scp_widen(head_at(x.k, b, x.N, n0 + s, x.D, head, x.d)[i]);
            }
        }
        if (in && i < x.d) scp_put(dq + at + i, add, sum);
    }
}

/* Group: key n of (b, head): dk = sum_m dS_mn q_m, dv = sum_m P_mn dO_m. */
template <class T>
__global__ void __launch_bounds__(SCP_BLOCK)
    attn_dkv_k(attention<T> x, const T *out, const T *dout, T *dk, bool add_k, T *dv, bool add_v)
{
    const int64_t group = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / x.L;
    const int64_t n = group % x.N, head = group / x.N % x.h, b = group / x.N / x.h;
    const int lane = (int)threadIdx.x % x.L;
    const bool in = b < x.B;
    const int64_t at = in ? (b * x.N + n) * x.D + head * x.d : 0;
    for (int first = 0; first < x.d; first += x.L) {
        const int i = first + lane;
        float sum_k = 0, sum_v = 0;
        for (int64_t m = 0; m < x.M; m++) {
            const int64_t at_m = in ? (b * x.M + m) * x.D + head * x.d : 0;
            float part = 0; /* of <dO_m, v_n - O_m> */
            for (int e = lane; in && e < x.d; e += x.L)
                part +=
                    scp_widen(dout[at_m + e]) * (scp_widen(x.v[at + e]) - scp_widen(out[at_m + e]));
            const float inner = scp_group_sum(part, x.L);
            if (!in || i >= x.d) continue;
            const float P = x.P[((b * x.h + head) * x.M + m) * x.N + n];
            sum_k += x.scale * P * inner * scp_widen(x.q[at_m + i]);
            sum_v += P * scp_widen(dout[at_m + i]);
        }
        if (!in || i >= x.d) continue;
        if (dk) scp_put(dk + at + i, add_k, sum_k);
        if (dv) scp_put(dv + at + i, add_v, sum_v);
    }
}

/* Queries, keys and values may be one value, whose gradients are one, too. */
scp_status attn_bwd(const scp_call *c)
{
    void *const *d = c->din;
    const bool both = d[0] && (d[1] || d[2]) && d[0] != d[1] && d[0] != d[2];
    scp_cuda *cu = scp_cuda_of(c->dev);
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        const attention<T> x = args_of<T>(c);
        const T *out = (const T *)c->out, *dout = (const T *)c->dout;
        const auto dq = [&]() {
            if (!d[0]) return SCP_OK;
            return scp_launch(cu, "attn_dq_k", attn_dq_k<T>, scp_row_grid(x.B * x.h * x.M, x.L),
                              SCP_BLOCK, 0, x, out, dout, (T *)d[0], c->add[0]);
        };
        const auto dkv = [&]() {
            if (!d[1] && !d[2]) return SCP_OK;
            return scp_launch(cu, "attn_dkv_k", attn_dkv_k<T>, scp_row_grid(x.B * x.h * x.N, x.L),
                              SCP_BLOCK, 0, x, out, dout, (T *)d[1], c->add[1], (T *)d[2],
                              c->add[2]);
        };
        return scp_beside(cu, both, dq, dkv);
    });
}

} // namespace

const scp_op_impl scp_cuda_attn = { .op = SCP_OP_ATTN, .fwd = attn_fwd, .bwd = attn_bwd };
