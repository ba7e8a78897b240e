/* Operations that move rows and columns, and unit differences of gathered rows.
 *
 * CONCAT and SLICE copy: 8 bytes an element in fp32. GATHER reads B rows of its table and writes
 * them: 8 B D bytes. Its gradient is one pass over the table's gradient in which every row looks
 * through the B ids and adds its rows in their order: no atomics, N B comparisons, which the cache
 * serves. GATHER_DIR reads two rows and writes one, 12 B G bytes and as much from the cache; one
 * block a row, norms in fp64. */
#include "backend/cuda/map.cuh"
#include "backend/cuda/reduce.cuh"

#include "backend/host_ops.h"

namespace
{

/* ---- CONCAT ---- */

/* The inputs side by side: input i has columns [begin[i], begin[i + 1]) of y. */
template <class T> struct parts {
    T *part[SCP_MAX_IN]; /* gradients: NULL where not wanted */
    bool add[SCP_MAX_IN];
    int64_t begin[SCP_MAX_IN + 1];
    int n;
};

/* Gather columns of all inputs into y, or hand those of y out to the inputs. */
template <class T, bool GRAD> struct concatenated {
    enum { WIDTH = 4 };
    parts<T> p;
    T *y; /* GRAD: read only */
    int64_t D;
    bool vec;
    template <int V> __device__ void run(int64_t i) const
    {
        const scp_place at = scp_place_of(i, D);
        int k = 0;
        while (at.col >= p.begin[k + 1]) k++;
        T *x = p.part[k] + at.row * (p.begin[k + 1] - p.begin[k]) + (at.col - p.begin[k]);
        float v[V];
        if (GRAD) {
            if (!p.part[k]) return;
            scp_load(v, y + i);
            scp_store(x, p.add[k], v);
        } else {
            scp_load(v, x);
            scp_store(y + i, false, v);
        }
    }
    bool aligned() const
    {
        return vec;
    }
};

template <class T, bool GRAD> scp_status concatenate(const scp_call *c, parts<T> p, T *y)
{
    const int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    bool vec = scp_aligned<T, 4>(y);
    for (int i = 0; i < p.n; i++) {
        p.begin[i + 1] = p.begin[i] + scp_shape_last(&c->node->in[i]->shape);
        vec = vec && p.begin[i + 1] % 4 == 0 && scp_aligned<T, 4>(p.part[i]);
    }
    return scp_map(scp_cuda_of(c->dev), R * D, concatenated<T, GRAD>{ p, y, D, vec });
}

scp_status concat_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        parts<T> p = {};
        p.n = c->node->n_in;
        for (int i = 0; i < p.n; i++) p.part[i] = const_cast<T *>((const T *)c->in[i]);
        return concatenate<T, false>(c, p, (T *)c->out);
    });
}

/* A node that is an input twice adds to what the first one wrote: one pass for each of its uses. */
scp_status concat_bwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        unsigned left = (1u << c->node->n_in) - 1;
        while (left) {
            parts<T> p = {};
            bool any = false;
            p.n = c->node->n_in;
            for (int i = 0; i < p.n; i++) {
                bool twice = false;
                for (int k = 0; k < i; k++) twice = twice || (p.part[k] && p.part[k] == c->din[i]);
                if (!(left >> i & 1) || twice) continue;
                left &= ~(1u << i);
                p.part[i] = (T *)c->din[i];
                p.add[i] = c->add[i];
                any = any || c->din[i];
            }
            if (any) SCP_TRY((concatenate<T, true>(c, p, const_cast<T *>((const T *)c->dout))));
        }
        return SCP_OK;
    });
}

/* ---- SLICE ---- */

template <class T> struct sliced {
    enum { WIDTH = 4 };
    const T *x;
    T *y;
    int64_t D, begin, len;
    template <int V> __device__ void run(int64_t i) const
    {
        const scp_place at = scp_place_of(i, len);
        float v[V];
        scp_load(v, x + at.row * D + begin + at.col);
        scp_store(y + i, false, v);
    }
    bool aligned() const
    {
        return D % 4 == 0 && begin % 4 == 0 && len % 4 == 0 && scp_aligned<T, 4>(x) &&
               scp_aligned<T, 4>(y);
    }
};
/* Over all of dx: what is outside the slice gets zero, or stays. */
template <class T> struct sliced_grad {
    enum { WIDTH = 1 };
    const T *dy;
    T *dx;
    bool add;
    int64_t D, begin, len;
    template <int V> __device__ void run(int64_t i) const
    {
        const scp_place at = scp_place_of(i, D);
        const int64_t j = at.col - begin;
        if (j >= 0 && j < len)
            scp_put(dx + i, add, scp_widen(dy[at.row * len + j]));
        else if (!add)
            scp_put(dx + i, false, 0.0f);
    }
    bool aligned() const
    {
        return false;
    }
};

scp_status slice_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), scp_shape_count(&c->node->shape),
                       sliced<T>{ (const T *)c->in[0], (T *)c->out,
                                  scp_shape_last(&c->node->in[0]->shape), c->node->attr.slice.begin,
                                  c->node->attr.slice.len });
    });
}
scp_status slice_bwd(const scp_call *c)
{
    const scp_shape *whole = &c->node->in[0]->shape;
    if (!c->din[0]) return SCP_OK;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), scp_shape_count(whole),
                       sliced_grad<T>{ (const T *)c->dout, (T *)c->din[0], c->add[0],
                                       scp_shape_last(whole), c->node->attr.slice.begin,
                                       c->node->attr.slice.len });
    });
}

/* ---- GATHER ---- */

/* A row id in [0, N); one outside is reported and the nearest row taken. */
__device__ __forceinline__ int64_t checked(int32_t id, int64_t N, int32_t *fault)
{
    if (id >= 0 && id < N) return id;
    atomicOr(fault, SCP_CUDA_FAULT_INDEX);
    return id < 0 ? 0 : N - 1;
}

template <class T, class S> struct gathered {
    enum { WIDTH = 4 };
    const S *table;
    const int32_t *idx;
    T *y;
    int64_t N, D;
    int32_t *fault;
    template <int V> __device__ void run(int64_t i) const
    {
        const scp_place at = scp_place_of(i, D);
        float v[V];
        scp_load(v, table + checked(idx[at.row], N, fault) * D + at.col);
        scp_store(y + i, false, v);
    }
    bool aligned() const
    {
        return D % 4 == 0 && scp_aligned<S, 4>(table) && scp_aligned<T, 4>(y);
    }
};

template <class T, class S> scp_status gather_from(const scp_call *c)
{
    const scp_shape *table = &c->node->in[0]->shape;
    scp_cuda *cu = scp_cuda_of(c->dev);
    return scp_map(cu, scp_shape_count(&c->node->shape),
                   gathered<T, S>{ (const S *)c->in[0], (const int32_t *)c->in[1], (T *)c->out,
                                   table->d[0], table->d[1], cu->fault });
}

scp_status gather_fwd(const scp_call *c)
{
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        if (c->node->in[0]->dtype == SCP_U8) return gather_from<T, uint8_t>(c);
        if (c->in_type[0] == SCP_REAL) return gather_from<T, float>(c);
        return gather_from<T, T>(c);
    });
}

/* Thread: a column of the rows blockIdx.y, blockIdx.y + gridDim.y, ... of the table. */
template <class T, class S>
__global__ void __launch_bounds__(SCP_BLOCK)
    gather_bwd_k(int64_t N, int64_t D, int64_t B, const int32_t *__restrict__ idx,
                 const T *__restrict__ dy, S *dtable, bool add)
{
    const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= D) return;
    for (int64_t n = blockIdx.y; n < N; n += gridDim.y) {
        float sum = 0;
        bool any = false;
        for (int64_t r = 0; r < B; r++)
            if (idx[r] == n) {
                sum += scp_widen(dy[r * D + j]);
                any = true;
            }
        if (any || !add) scp_put(dtable + n * D + j, add, sum);
    }
}

scp_status gather_bwd(const scp_call *c)
{
    const int64_t N = c->node->in[0]->shape.d[0], D = c->node->in[0]->shape.d[1];
    const int64_t B = c->node->shape.d[0];
    if (!c->din[0]) return SCP_OK;
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_with_type(c->din_type[0], [&](auto *to) {
            using S = SCP_TYPE_OF(to);
            const dim3 grid((unsigned)scp_ceil_div(D, SCP_BLOCK),
                            (unsigned)(N < 65535 ? N : 65535));
            return scp_launch(scp_cuda_of(c->dev), "gather_bwd_k", gather_bwd_k<T, S>, grid,
                              SCP_BLOCK, 0, N, D, B, (const int32_t *)c->in[1], (const T *)c->dout,
                              (S *)c->din[0], c->add[0]);
        });
    });
}

/* ---- GATHER_DIR                                                               [paper eq. 9] ----
 */

template <class T>
__global__ void __launch_bounds__(SCP_BLOCK)
    gather_dir_k(int64_t P, int64_t G, const float *__restrict__ x,
                 const int32_t *__restrict__ post, const int32_t *__restrict__ pre,
                 T *__restrict__ y, int32_t *fault)
{
    const int64_t r = blockIdx.x;
    const float *a = x + checked(post[r], P, fault) * G, *b = x + checked(pre[r], P, fault) * G;
    double square = 0;
    for (int64_t j = threadIdx.x; j < G; j += blockDim.x) {
        const float d = a[j] - b[j];
        square += d * d;
    }
    const float norm = (float)sqrt(scp_block_sum(square, scp_shared<double>()));
    const float scale = norm < (float)SCP_DIR_MIN_NORM ? 0.0f : 1.0f / norm;
    for (int64_t j = threadIdx.x; j < G; j += blockDim.x)
        scp_put(y + r * G + j, false, (a[j] - b[j]) * scale);
}

scp_status gather_dir_fwd(const scp_call *c)
{
    const scp_shape *table = &c->node->in[0]->shape;
    scp_cuda *cu = scp_cuda_of(c->dev);
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_launch(cu, "gather_dir_k", gather_dir_k<T>, dim3((unsigned)c->node->shape.d[0]),
                          SCP_BLOCK, SCP_BLOCK / SCP_WARP * sizeof(double), table->d[0],
                          table->d[1], (const float *)c->in[0], (const int32_t *)c->in[1],
                          (const int32_t *)c->in[2], (T *)c->out, cu->fault);
    });
}

} // namespace

const scp_op_impl scp_cuda_concat = { .op = SCP_OP_CONCAT, .fwd = concat_fwd, .bwd = concat_bwd };
const scp_op_impl scp_cuda_slice = { .op = SCP_OP_SLICE, .fwd = slice_fwd, .bwd = slice_bwd };
const scp_op_impl scp_cuda_gather = { .op = SCP_OP_GATHER, .fwd = gather_fwd, .bwd = gather_bwd };
const scp_op_impl scp_cuda_gather_dir = { .op = SCP_OP_GATHER_DIR,
                                          .fwd = gather_dir_fwd,
                                          .bwd = nullptr };
