/* Products with narrow results as one call: the projections q, k and v of a block of GD-Attn, the
 * tokens of its condition, gamma and beta. Each is a few microseconds of launch and far less of
 * work (2 R I O = 1 MFLOP at R = 2,048, I = O = 16), and none needs another's result. No tensor
 * cores: at these widths their tiles would be mostly padding.
 *
 *   forward   an element of y to L lanes, which share its I terms: reads x O times and W R times,
 *             nearly all from the cache, writes y
 *   dx        a thread an element; what several products give the same x is one sum
 *   dW, db    32 columns of a row of dW to a block, whose 8 warps share the rows: x and dy are read
 *             O and I / 32 times from the cache
 *
 * Bound by launch and latency. Sums in fp32, over the warps of a block in fp64, in a fixed order.
 */
#include "backend/cuda/narrow.h"

#include "backend/cuda/beside.cuh"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/rows.cuh"

namespace
{

enum { MOST_WIDTH = 32, MOST_DEPTH = 1024, ROWS_AT_ONCE = SCP_BLOCK / SCP_WARP };

/* Which of n parts has this block: part k has those before end[k]. Returns its number there. */
__device__ __forceinline__ int64_t find_part(const int64_t *end, int *part)
{
    int k = 0;
    while (blockIdx.x >= end[k]) k++;
    *part = k;
    return (int64_t)blockIdx.x - (k ? end[k - 1] : 0);
}

/* ---- forward ---- */

template <class T> struct product {
    const T *x, *W, *b; /* b may be NULL */
    T *y;
    int64_t R, I, O;
    int L;
};
template <class T> struct products {
    int64_t end[SCP_GROUP_MAX];
    product<T> p[SCP_GROUP_MAX];
};

template <class T, int V> __global__ void __launch_bounds__(SCP_BLOCK) narrow_fwd_k(products<T> all)
{
    int k;
    const int64_t block = find_part(all.end, &k);
    const product<T> &p = all.p[k];
    const int64_t at = (block * SCP_BLOCK + threadIdx.x) / p.L;
    const scp_place to = scp_place_of(at, p.O);
    const bool in = to.row < p.R;
    float sum = 0;
    for (int64_t i = (int64_t)(threadIdx.x % p.L) * V; in && i < p.I; i += (int64_t)p.L * V) {
        float x[V], w[V];
        scp_load(x, p.x + to.row * p.I + i);
        scp_load(w, p.W + to.col * p.I + i);
        for (int e = 0; e < V; e++) sum += x[e] * w[e];
    }
    sum = scp_group_sum(sum, p.L);
    if (!in || threadIdx.x % p.L) return;
    scp_put(p.y + at, false, p.b ? sum + scp_widen(p.b[to.col]) : sum);
}

/* Storage of a group: the same for all that may be in half. */
scp_status check_types(const scp_call *c, int n)
{
    for (int i = 0; i < n; i++) {
        const bool bias = c[i].node->n_in > 2;
        if (c[i].in_type[0] != c->out_type || c[i].in_type[1] != c->out_type ||
            c[i].out_type != c->out_type || (bias && c[i].in_type[2] != c->out_type))
            SCP_FAIL(SCP_EINTERNAL, "'%s': products as one that are stored in different types",
                     c[i].node->name);
    }
    return SCP_OK;
}

/* ---- gradients of x ---- */

template <class T> struct term {
    const T *dy, *W;
    int64_t O;
};
template <class X> struct target {
    X *dx;
    bool add;
    int64_t R, I;
    int first, terms; /* of all terms */
};
template <class T, class X> struct targets {
    int64_t end[SCP_GROUP_MAX];
    target<X> to[SCP_GROUP_MAX];
    term<T> from[SCP_GROUP_MAX];
};

template <class T, class X>
__global__ void __launch_bounds__(SCP_BLOCK) narrow_dx_k(targets<T, X> all)
{
    int k;
    const int64_t at = find_part(all.end, &k) * SCP_BLOCK + threadIdx.x;
    const target<X> &t = all.to[k];
    const scp_place place = scp_place_of(at, t.I);
    float sum = 0;
    if (place.row >= t.R) return;
    for (int s = t.first; s < t.first + t.terms; s++) {
        const term<T> &f = all.from[s];
        for (int64_t o = 0; o < f.O; o++)
            sum += scp_widen(f.dy[place.row * f.O + o]) * scp_widen(f.W[o * t.I + place.col]);
    }
    scp_put(t.dx + at, t.add, sum);
}

/* The call that comes first going backward says whether to add; terms follow in that order. */
template <class T, class X> void collect(const scp_call *c, int n, targets<T, X> *all, int *count)
{
    int terms = 0;
    *count = 0;
    for (int i = n - 1; i >= 0; i--) {
        bool seen = false;
        for (int k = 0; k < *count; k++) seen = seen || all->to[k].dx == c[i].din[0];
        if (!c[i].din[0] || seen) continue;
        const scp_shape *x = &c[i].node->in[0]->shape;
        target<X> *t = &all->to[*count];
        *t = { (X *)c[i].din[0], c[i].add[0], scp_shape_rows(x), scp_shape_last(x), terms, 0 };
        for (int k = i; k >= 0; k--)
            if (c[k].din[0] == c[i].din[0])
                all->from[terms++] = { (const T *)c[k].dout, (const T *)c[k].in[1],
                                       scp_shape_last(&c[k].node->shape) };
        t->terms = terms - t->first;
        all->end[*count] =
            (*count ? all->end[*count - 1] : 0) + scp_ceil_div(t->R * t->I, SCP_BLOCK);
        ++*count;
    }
}

scp_status input_grads(const scp_call *c, int n)
{
    const scp_call *any = nullptr;
    for (int i = 0; i < n; i++)
        if (c[i].din[0]) any = &c[i];
    if (!any) return SCP_OK;
    for (int i = 0; i < n; i++)
        if (c[i].din[0] && c[i].din_type[0] != any->din_type[0])
            SCP_FAIL(SCP_EINTERNAL, "'%s': gradients as one in different types", c[i].node->name);
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_with_type(any->din_type[0], [&](auto *to) {
            using X = SCP_TYPE_OF(to);
            targets<T, X> all = {};
            int count;
            collect(c, n, &all, &count);
            return scp_launch(scp_cuda_of(c->dev), "narrow_dx_k", narrow_dx_k<T, X>,
                              dim3((unsigned)all.end[count - 1]), SCP_BLOCK, 0, all);
        });
    });
}

/* ---- gradients of W and b ---- */

template <class T> struct param_grad {
    const T *x, *dy;
    float *dW, *db; /* NULL where not wanted */
    bool add_W, add_b;
    int64_t R, I, O, tiles; /* tiles of 32 columns: those of dW, then db */
};
template <class T> struct param_grads {
    int64_t end[SCP_GROUP_MAX];
    param_grad<T> p[SCP_GROUP_MAX];
};

template <class T> __global__ void __launch_bounds__(SCP_BLOCK) narrow_dp_k(param_grads<T> all)
{
    double *room = scp_shared<double>();
    int k;
    const int64_t block = find_part(all.end, &k);
    const param_grad<T> &p = all.p[k];
    const int64_t o = block / p.tiles, i = block % p.tiles * SCP_WARP + threadIdx.x % SCP_WARP;
    float sum = 0;
    for (int64_t r = threadIdx.x / SCP_WARP; i <= p.I && r < p.R; r += ROWS_AT_ONCE)
        sum += scp_widen(p.dy[r * p.O + o]) * (i < p.I ? scp_widen(p.x[r * p.I + i]) : 1.0f);
    room[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x >= SCP_WARP || i > p.I) return;
    double whole = 0;
    for (int w = 0; w < ROWS_AT_ONCE; w++) whole += room[w * SCP_WARP + threadIdx.x];
    if (i < p.I && p.dW) scp_put(p.dW + o * p.I + i, p.add_W, (float)whole);
    if (i == p.I && p.db) scp_put(p.db + o, p.add_b, (float)whole);
}

scp_status parameter_grads(const scp_call *c, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 1; k < c[i].node->n_in; k++)
            if (c[i].din[k] && c[i].din_type[k] != SCP_REAL)
                SCP_FAIL(SCP_EINTERNAL, "'%s': gradients of parameters are fp32", c[i].node->name);
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        param_grads<T> all = {};
        int64_t blocks = 0;
        for (int i = 0; i < n; i++) {
            const scp_node *node = c[i].node;
            float *db = node->n_in > 2 ? (float *)c[i].din[2] : nullptr;
            const int64_t I = scp_shape_last(&node->in[0]->shape);
            param_grad<T> *p = &all.p[i];
            *p = { (const T *)c[i].in[0],
                   (const T *)c[i].dout,
                   (float *)c[i].din[1],
                   db,
                   c[i].add[1],
                   c[i].add[2],
                   scp_shape_rows(&node->shape),
                   I,
                   scp_shape_last(&node->shape),
                   scp_ceil_div(I + (db ? 1 : 0), SCP_WARP) };
            blocks += p->dW || p->db ? p->O * p->tiles : 0;
            all.end[i] = blocks;
        }
        return scp_launch(scp_cuda_of(c->dev), "narrow_dp_k", narrow_dp_k<T>,
                          dim3((unsigned)blocks), SCP_BLOCK, SCP_BLOCK * sizeof(double), all);
    });
}

/* ---- which ---- */

const scp_node *viewed(const scp_node *n)
{
    while (n->op == SCP_OP_RESHAPE) n = n->in[0];
    return n;
}

bool is_narrow(const scp_node *n)
{
    if (n->op != SCP_OP_LINEAR || n->exact || scp_shape_last(&n->shape) > MOST_WIDTH) return false;
    for (int i = 1; i < n->n_in; i++)
        if (n->in[i]->op != SCP_OP_PARAM) return false;
    return viewed(n->in[0])->op != SCP_OP_PARAM && scp_shape_last(&n->in[0]->shape) <= MOST_DEPTH;
}

} // namespace

/* Products of parameters of their own, none of which is another's x; of one x in one shape. */
bool scp_cuda_narrow_joins(const scp_node *const *have, int n, const scp_node *next)
{
    if (!is_narrow(have[0]) || !is_narrow(next)) return false;
    const scp_node *x = viewed(next->in[0]);
    for (int i = 0; i < n; i++) {
        const scp_node *other = have[i];
        if (x == other || other->in[1] == next->in[1]) return false;
        if (other->n_in > 2 && next->n_in > 2 && other->in[2] == next->in[2]) return false;
        if (viewed(other->in[0]) == x &&
            scp_shape_last(&other->in[0]->shape) != scp_shape_last(&next->in[0]->shape))
            return false;
    }
    return true;
}

scp_status scp_cuda_narrow_fwd(const scp_call *c, int n)
{
    SCP_TRY(check_types(c, n));
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        products<T> all = {};
        bool vec = true;
        for (int i = 0; i < n; i++)
            vec = vec && scp_shape_last(&c[i].node->in[0]->shape) % 4 == 0 &&
                  scp_aligned<T, 4>(c[i].in[0]) && scp_aligned<T, 4>(c[i].in[1]);
        for (int i = 0; i < n; i++) {
            const scp_node *node = c[i].node;
            product<T> *p = &all.p[i];
            *p = { (const T *)c[i].in[0],
                   (const T *)c[i].in[1],
                   node->n_in > 2 ? (const T *)c[i].in[2] : nullptr,
                   (T *)c[i].out,
                   scp_shape_rows(&node->shape),
                   scp_shape_last(&node->in[0]->shape),
                   scp_shape_last(&node->shape),
                   1 };
            p->L = scp_lanes_for(scp_ceil_div(p->I, 16));
            all.end[i] = (i ? all.end[i - 1] : 0) + scp_ceil_div(p->R * p->O * p->L, SCP_BLOCK);
        }
        return scp_launch(scp_cuda_of(c->dev), "narrow_fwd_k",
                          vec ? narrow_fwd_k<T, 4> : narrow_fwd_k<T, 1>,
                          dim3((unsigned)all.end[n - 1]), SCP_BLOCK, 0, all);
    });
}

scp_status scp_cuda_narrow_bwd(const scp_call *c, int n)
{
    bool x = false, params = false;
    SCP_TRY(check_types(c, n));
    for (int i = 0; i < n; i++) {
        x = x || c[i].din[0];
        params = params || c[i].din[1] || (c[i].node->n_in > 2 && c[i].din[2]);
    }
    return scp_beside(
        scp_cuda_of(c->dev), x && params, [&]() { return input_grads(c, n); },
        [&]() { return params ? parameter_grads(c, n) : SCP_OK; });
}
