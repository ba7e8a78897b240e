/* Dropout, alone or as one call with its neighbours: [SiLU,] dropout [, sum with another value]. A
 * thread draws one Philox block, which decides four elements of a row; the words and the integer
 * threshold are those of ref and cpu, so the masks are the same bits. No mask is stored: the
 * backward pass draws the words again. In a group every value between, and its gradient, is written
 * and rounded as by single calls.
 *
 * Alone 8 bytes an element in fp32, 8 more for the activation, 12 for the sum; 10 rounds of Philox
 * for four elements. Bound by bandwidth, at our sizes by the launch. */
#include "backend/cuda/dropout.h"

#include "backend/cuda/map.cuh"
#include "backend/cuda/philox.cuh"
#include "backend/cuda/silu.cuh"

#include "backend/host_ops.h"

namespace
{

/* What is drawn. Out of training nothing is: threshold 0, scale 1. */
struct draws {
    const scp_step *step; /* NULL: not in training */
    uint32_t stream, threshold;
    float scale;
    int64_t rows, width;

    __device__ __forceinline__ float operator()(float x, bool drop) const
    {
        return drop ? 0.0f : scale * x;
    }
};

/* F: run<V>(at, drop, draws) for V elements at `at`, of which drop says which go. */
template <int V, class F> __global__ void __launch_bounds__(SCP_BLOCK) dropout_k(draws d, F f)
{
    const int64_t blocks = (d.width + 3) / 4, i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= d.rows * blocks) return;
    const scp_place at = scp_place_of(i, blocks);
    const int64_t first = at.row * d.width + at.col * 4, left = d.width - at.col * 4;
    uint32_t w[4] = {};
    if (d.step) scp_philox(d.step, d.stream, at.row, (uint32_t)at.col, w);
    for (int e = 0; e < 4 && e < left; e += V) {
        bool drop[V];
        for (int k = 0; k < V; k++) drop[k] = w[e + k] < d.threshold;
        f.template run<V>(first + e, drop, d);
    }
}

template <class F> scp_status run(const scp_call *c, const F &f)
{
    const int64_t rows = scp_batch_rows(&c->node->shape), width = scp_batch_width(&c->node->shape);
    const double p = c->node->attr.random.p;
    draws d = { nullptr, 0, 0, 1.0f, rows, width };
    if (c->train)
        d = { c->step,
              c->node->attr.random.stream,
              scp_drop_threshold(p),
              (float)(1.0 / (1.0 - p)),
              rows,
              width };
    return scp_launch(scp_cuda_of(c->dev), "dropout_k",
                      width % 4 == 0 && f.aligned() ? dropout_k<4, F> : dropout_k<1, F>,
                      dim3((unsigned)scp_ceil_div(rows * ((width + 3) / 4), SCP_BLOCK)), SCP_BLOCK,
                      0, d, f);
}

/* As if it had been stored and loaded. */
template <class T, int V> __device__ __forceinline__ void rounded(float (&v)[V])
{
    for (int k = 0; k < V; k++) {
        T stored;
        scp_narrow(&stored, v[k]);
        v[k] = scp_widen(stored);
    }
}

/* acted = silu(x), dropped of it, sum = dropped + other; NULL where there is no such call. */
template <class T> struct values {
    const T *x, *other;
    T *acted, *dropped, *sum;
    template <int V> __device__ void run(int64_t i, const bool (&drop)[V], const draws &d) const
    {
        float v[V], u[V];
        scp_load(v, x + i);
        if (acted) {
            for (int k = 0; k < V; k++) v[k] = scp_silu()(v[k], 0);
            scp_store(acted + i, false, v);
            rounded<T>(v);
        }
        for (int k = 0; k < V; k++) v[k] = d(v[k], drop[k]);
        scp_store(dropped + i, false, v);
        if (!sum) return;
        rounded<T>(v);
        scp_load(u, other + i);
        for (int k = 0; k < V; k++) v[k] += u[k];
        scp_store(sum + i, false, v);
    }
    bool aligned() const
    {
        return scp_aligned<T, 4>(x) && scp_aligned<T, 4>(other) && scp_aligned<T, 4>(acted) &&
               scp_aligned<T, 4>(dropped) && scp_aligned<T, 4>(sum);
    }
};

/* Their gradients, from that of the last result. */
template <class T> struct grads {
    const T *dy, *x;    /* x: NULL without SiLU        */
    T *other, *dropped; /* NULL without the sum; other: also where it is not wanted */
    T *acted, *dx;      /* acted: NULL without SiLU    */
    bool add_other, add_dropped, add_acted, add_x;
    /* What a value gets is stored, and passed on as it was. */
    template <int V> static __device__ void settle(T *to, bool add, float (&g)[V])
    {
        float have[V] = {};
        if (add) scp_load(have, to);
        for (int k = 0; k < V; k++) g[k] += have[k];
        scp_store(to, false, g);
        rounded<T>(g);
    }
    template <int V> __device__ void run(int64_t i, const bool (&drop)[V], const draws &d) const
    {
        float g[V], at[V];
        scp_load(g, dy + i);
        if (other) scp_store(other + i, add_other, g);
        if (dropped) settle(dropped + i, add_dropped, g);
        for (int k = 0; k < V; k++) g[k] = d(g[k], drop[k]);
        if (x) {
            settle(acted + i, add_acted, g);
            scp_load(at, x + i);
            for (int k = 0; k < V; k++) g[k] = scp_silu_grad()(at[k], g[k]);
        }
        if (dx) scp_store(dx + i, add_x, g);
    }
    bool aligned() const
    {
        return scp_aligned<T, 4>(dy) && scp_aligned<T, 4>(x) && scp_aligned<T, 4>(other) &&
               scp_aligned<T, 4>(dropped) && scp_aligned<T, 4>(acted) && scp_aligned<T, 4>(dx);
    }
};

/* The calls of a group; act and sum may be missing. */
struct members {
    const scp_call *act, *drop, *sum;
    int dropped; /* which input of the sum */
};

members members_of(const scp_call *c, int n)
{
    members m = {};
    int i = 0;
    if (c[i].node->op == SCP_OP_ACT) m.act = &c[i++];
    m.drop = &c[i++];
    if (i < n) m.sum = &c[i];
    m.dropped = m.sum && m.sum->node->in[1] == m.drop->node;
    return m;
}

scp_status check_types(const scp_call *c, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c[i].node->n_in; k++)
            if (c[i].in_type[k] != c->out_type || c[i].out_type != c->out_type ||
                (c[i].din[k] && c[i].din_type[k] != c->out_type))
                SCP_FAIL(SCP_EINTERNAL, "'%s': calls as one that are stored in different types",
                         c[i].node->name);
    return SCP_OK;
}

scp_status dropout_fwd(const scp_call *c)
{
    return scp_cuda_dropout_fwd(c, 1);
}
scp_status dropout_bwd(const scp_call *c)
{
    return scp_cuda_dropout_bwd(c, 1);
}

} // namespace

bool scp_cuda_dropout_joins(const scp_node *const *have, int n, const scp_node *next)
{
    const scp_node *last = have[n - 1], *other;
    if (next->exact != last->exact) return false;
    if (last->op == SCP_OP_ACT)
        return n == 1 && last->attr.act.kind == SCP_ACT_SILU && next->op == SCP_OP_DROPOUT &&
               next->in[0] == last;
    if (last->op != SCP_OP_DROPOUT || next->op != SCP_OP_ADD ||
        (next->in[0] != last && next->in[1] != last))
        return false;
    other = next->in[next->in[0] == last];
    while (other->op == SCP_OP_RESHAPE) other = other->in[0];
    return other != last; /* its gradient would be written twice, in the wrong order */
}

scp_status scp_cuda_dropout_fwd(const scp_call *c, int n)
{
    const members m = members_of(c, n);
    SCP_TRY(check_types(c, n));
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        values<T> v = {};
        v.x = (const T *)c->in[0];
        v.dropped = (T *)m.drop->out;
        if (m.act) v.acted = (T *)m.act->out;
        if (m.sum) {
            v.other = (const T *)m.sum->in[1 - m.dropped];
            v.sum = (T *)m.sum->out;
        }
        return run(m.drop, v);
    });
}

scp_status scp_cuda_dropout_bwd(const scp_call *c, int n)
{
    const members m = members_of(c, n);
    SCP_TRY(check_types(c, n));
    if (n == 1 && !c->din[0]) return SCP_OK;
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        grads<T> g = {};
        g.dy = (const T *)c[n - 1].dout;
        if (m.sum) {
            g.other = (T *)m.sum->din[1 - m.dropped], g.add_other = m.sum->add[1 - m.dropped];
            g.dropped = (T *)m.sum->din[m.dropped], g.add_dropped = m.sum->add[m.dropped];
        }
        if (m.act) {
            g.x = (const T *)m.act->in[0];
            g.acted = (T *)m.drop->din[0], g.add_acted = m.drop->add[0];
        }
        g.dx = (T *)c->din[0], g.add_x = c->add[0];
        return run(m.drop, g);
    });
}

const scp_op_impl scp_cuda_dropout = { .op = SCP_OP_DROPOUT,
                                       .fwd = dropout_fwd,
                                       .bwd = dropout_bwd };
