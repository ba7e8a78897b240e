/* INFO_NCE [paper eq. 11]; symbols and derivation: backend/ref/infonce.c. The products over
 * negatives are cuBLASLt's, 2 B K D flops forward and 4 backward (S = Z N^T into aux; dZ = W' N,
 * dN = W'^T Z with W'_ik = f w_ik/(r_i tau)); softmax is one block a row and three passes over its
 * K logits, of which the cache serves two: 8 B K bytes. What M and p get: contrastive.cuh. Softmax
 * in fp32 with fp64 sums. aux: w_k [B, K], w - 1 [B], r [B] (0 marks a row that counts 0), e [B];
 * scratch: W' [B, K], stored as the inputs are. */
#include "backend/cuda/contrastive.cuh"
#include "backend/cuda/gemm.h"

namespace
{

template <class T> struct nce {
    int64_t B, K, D;
    float tau;
    const T *z, *p, *neg, *M;
    const int32_t *key, *nkey;
    float *weight, *less, *r, *e; /* in aux */
};

template <class T> nce<T> nce_of(const scp_call *c)
{
    nce<T> x = {};
    x.B = c->node->in[0]->shape.d[0], x.K = c->node->in[2]->shape.d[0];
    x.D = c->node->in[0]->shape.d[1], x.tau = (float)c->node->attr.nce.tau;
    x.z = (const T *)c->in[0], x.p = (const T *)c->in[1], x.neg = (const T *)c->in[2];
    x.M = (const T *)c->in[3], x.key = (const int32_t *)c->in[4];
    x.nkey = (const int32_t *)c->in[5], x.weight = (float *)c->aux;
    x.less = x.weight + x.B * x.K, x.r = x.less + x.B, x.e = x.r + x.B;
    return x;
}

/* Largest value of the threads of a block, to all of them. */
__device__ __forceinline__ float block_max(float v, double *room)
{
    v = scp_group_max(v, SCP_WARP);
    if (threadIdx.x % SCP_WARP == 0) room[threadIdx.x / SCP_WARP] = v;
    __syncthreads();
    for (unsigned w = 0; w < blockDim.x / SCP_WARP; w++) v = fmaxf(v, (float)room[w]);
    __syncthreads();
    return v;
}

/* Softmax of row i, whose weights hold <n_k, z>: weights, w - 1 and e; its loss to all threads. */
template <class T>
__device__ double softmax_row(const nce<T> &x, int64_t i, float r, float s, bool floored,
                              double *room)
{
    float *weight = x.weight + i * x.K, top = s;
    const float unit = 1.0f / (r * x.tau);
    const int32_t key = x.key[i];
    double others = 0, slope = 0;
    for (int64_t k = threadIdx.x; k < x.K; k += blockDim.x) {
        weight[k] = x.nkey[k] == key ? -INFINITY : weight[k] * unit;
        top = fmaxf(top, weight[k]);
    }
    top = block_max(top, room);
    for (int64_t k = threadIdx.x; k < x.K; k += blockDim.x) {
        const float s_k = weight[k], e = expf(s_k - top);
        weight[k] = e;
        others += e;
        if (e > 0) slope += e * ((double)s_k - s);
    }
    others = scp_block_sum(others, room);
    slope = scp_block_sum(slope, room);
    const double sum = exp((double)s - top) + others;
    const float inverse = (float)(1.0 / sum);
    for (int64_t k = threadIdx.x; k < x.K; k += blockDim.x) weight[k] *= inverse;
    if (threadIdx.x == 0) {
        x.less[i] = (float)(-others / sum);
        x.e[i] = floored ? 0.0f : (float)(slope / sum);
        x.r[i] = r;
    }
    return log(sum) + ((double)top - s);
}

template <class T>
__global__ void __launch_bounds__(SCP_ROW_BLOCK)
    nce_fwd_k(nce<T> x, float *out, double *partial, uint32_t *ticket)
{
    double *room = scp_shared<double>(), loss = 0;
    const int64_t i = blockIdx.x;
    const T *z = x.z + i * x.D;
    bool any;
    const double inner = scp_inner(x.p + i * x.D, z, x.D, &any, room);
    const double q = scp_quadratic(z, x.M, x.D, room);
    if (any) {
        const bool floored = q <= SCP_NORM_FLOOR;
        const float r = (float)sqrt(floored ? SCP_NORM_FLOOR : q);
        loss = softmax_row(x, i, r, (float)(inner / ((double)r * x.tau)), floored, room);
    } else {
        for (int64_t k = threadIdx.x; k < x.K; k += blockDim.x) x.weight[i * x.K + k] = 0;
        if (threadIdx.x == 0) x.less[i] = x.r[i] = x.e[i] = 0;
    }
    scp_mean_of_rows(loss, out, partial, ticket, room);
}

scp_status info_nce_fwd(const scp_call *c)
{
    scp_cuda *cu = scp_cuda_of(c->dev);
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        const nce<T> x = nce_of<T>(c);
        if (x.B > SCP_CUDA_PARTIALS)
            SCP_FAIL(SCP_EUSAGE,
                     "'%s': a batch of more than %d rows does not fit: use a smaller one",
                     c->node->name, (int)SCP_CUDA_PARTIALS);
        const scp_gemm_call logits = { x.B,   x.K,     x.D,           false,    true,
                                       x.z,   x.neg,   c->in_type[0], x.weight, SCP_REAL,
                                       false, nullptr, nullptr };
        SCP_TRY(scp_cuda_gemm(cu, &logits, nullptr));
        return scp_launch(cu, "nce_fwd_k", nce_fwd_k<T>, dim3((unsigned)x.B), SCP_ROW_BLOCK,
                          SCP_ROW_ROOM, x, (float *)c->out, cu->partial, cu->tickets);
    });
}

/* W' */
template <class T> struct scaled_weights {
    enum { WIDTH = 1 };
    nce<T> x;
    const float *dout;
    T *to;
    template <int V> __device__ void run(int64_t at) const
    {
        const float r = x.r[scp_place_of(at, x.K).row];
        const float scale = r > 0 ? *dout / ((float)x.B * r * x.tau) : 0.0f;
        scp_put(to + at, false, scale * x.weight[at]);
    }
    bool aligned() const
    {
        return false;
    }
};

template <class T> struct nce_coef {
    nce<T> x;
    const float *dout;
    __device__ void operator()(int64_t b, float *scale, float *radial) const
    {
        const float r = x.r[b], f = *dout / (float)x.B;
        *scale = r > 0 ? f * x.less[b] / (r * x.tau) : 0.0f;
        *radial = r > 0 ? (float)((double)f * x.e[b] / ((double)r * r)) : 0.0f;
    }
};

template <class T> scp_status nce_bwd(const scp_call *c)
{
    scp_cuda *cu = scp_cuda_of(c->dev);
    const nce<T> x = nce_of<T>(c);
    T *const scaled = (T *)c->scratch, *const none = nullptr;
    T *const dz = (T *)c->din[0], *const dp = (T *)c->din[1], *const dM = (T *)c->din[3];
    const nce_coef<T> coef = { x, (const float *)c->dout };
    const scp_dtype type = c->in_type[0];
    const bool apart =
        dz && c->din[2] && dz != c->din[2] && dz != dM && dp != c->din[2] && dp != dM;
    if (dz || c->din[2]) SCP_TRY(scp_map(cu, x.B * x.K, scaled_weights<T>{ x, coef.dout, scaled }));
    const auto rows = [&]() {
        const scp_gemm_call g = { x.B,  x.D, x.K,  false,     false,   scaled, x.neg,
                                  type, dz,  type, c->add[0], nullptr, nullptr };
        if (dz) SCP_TRY(scp_cuda_gemm(cu, &g, nullptr));
        return scp_direction_bwd(cu, x.B, x.D, x.z, x.p, x.M, coef, dz, true, dp, c->add[1], none,
                                 false);
    };
    const auto columns = [&]() {
        const scp_gemm_call g = { x.K,  x.D,       x.B,  true,      false,   scaled, x.z,
                                  type, c->din[2], type, c->add[2], nullptr, nullptr };
        if (c->din[2]) SCP_TRY(scp_cuda_gemm(cu, &g, nullptr));
        return scp_direction_bwd(cu, x.B, x.D, x.z, x.p, x.M, coef, none, false, none, false, dM,
                                 c->add[3]);
    };
    return scp_beside(cu, apart, rows, columns);
}

scp_status info_nce_bwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return nce_bwd<T>(c);
    });
}

} // namespace

const scp_op_impl scp_cuda_info_nce = { .op = SCP_OP_INFO_NCE,
                                        .fwd = info_nce_fwd,
                                        .bwd = info_nce_bwd };
