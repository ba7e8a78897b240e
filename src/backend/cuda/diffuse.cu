/* What a diffusion step draws and mixes. Draws are pure functions of (seed, stream, step, global
 * sample, element), all read on the device: the words are those of base/rng.h, so integers and
 * masks are the same bits as on ref and cpu; normals are computed in fp64 and agree to rounding.
 *
 * FOUR_STATE, RAND_TIME: a thread a row. RAND_NORMAL: a thread a Philox block, two Box-Muller
 * pairs; 4 bytes written an element, bound by fp64 logarithms at large B D, by the launch at ours.
 * REPARAM, COMBINE_T: element-wise, 16 and 12 bytes an element in fp32. */
#include "backend/cuda/map.cuh"
#include "backend/cuda/philox.cuh"

namespace
{

/* Bit 1 drops the pre state with probability p, bit 2 the drug with p2, independently. */
struct four_state {
    enum { WIDTH = 1 };
    const scp_step *step;
    uint32_t stream;
    double p, p2;
    int32_t *mask;
    template <int V> __device__ void run(int64_t b) const
    {
        uint32_t w[4];
        scp_philox(step, stream, b, 0, w);
        mask[b] = (scp_to_u01(w[0]) < p ? 1 : 0) | (scp_to_u01(w[1]) < p2 ? 2 : 0);
    }
    bool aligned() const
    {
        return false;
    }
};

scp_status four_state_fwd(const scp_call *c)
{
    const scp_attr *a = &c->node->attr;
    return scp_map(
        scp_cuda_of(c->dev), c->node->shape.d[0],
        four_state{ c->step, a->random.stream, a->random.p, a->random.p2, (int32_t *)c->out });
}

/* scp_rng_below: the 64-bit multiply-shift of two words. */
struct rand_time {
    enum { WIDTH = 1 };
    const scp_step *step;
    uint32_t stream;
    uint64_t T;
    int32_t *t;
    template <int V> __device__ void run(int64_t b) const
    {
        uint32_t w[4];
        scp_philox(step, stream, b, 0, w);
        t[b] = (int32_t)__umul64hi((uint64_t)w[0] << 32 | w[1], T);
    }
    bool aligned() const
    {
        return false;
    }
};

scp_status rand_time_fwd(const scp_call *c)
{
    const scp_attr *a = &c->node->attr;
    return scp_map(
        scp_cuda_of(c->dev), c->node->shape.d[0],
        rand_time{ c->step, a->random.stream, (uint64_t)a->random.T, (int32_t *)c->out });
}

/* Box-Muller on words (2 j, 2 j + 1): elements 2 j and 2 j + 1 of the row. */
template <class T> struct rand_normal {
    enum { WIDTH = 1 };
    const scp_step *step;
    uint32_t stream;
    int64_t D, blocks;
    T *y;
    template <int V> __device__ void run(int64_t i) const
    {
        const scp_place at = scp_place_of(i, blocks);
        uint32_t w[4];
        scp_philox(step, stream, at.row, (uint32_t)at.col, w);
        for (int k = 0; k < 4; k += 2) {
            const int64_t j = at.col * 4 + k;
            if (j >= D) return;
            const double radius = sqrt(-2.0 * log(scp_to_u01(w[k])));
            double sine, cosine;
            sincospi(2.0 * scp_to_u01(w[k + 1]), &sine, &cosine);
            scp_put(y + at.row * D + j, false, (float)(radius * cosine));
            if (j + 1 < D) scp_put(y + at.row * D + j + 1, false, (float)(radius * sine));
        }
    }
    bool aligned() const
    {
        return false;
    }
};

scp_status rand_normal_fwd(const scp_call *c)
{
    const int64_t B = c->node->shape.d[0], D = c->node->shape.d[1], blocks = (D + 3) / 4;
    return scp_with_type(c->out_type, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(
            scp_cuda_of(c->dev), B * blocks,
            rand_normal<T>{ c->step, c->node->attr.random.stream, D, blocks, (T *)c->out });
    });
}

/* ---- REPARAM: y = mu + exp(logvar/2) eps; eps is drawn and gets no gradient ---- */

template <class T> struct reparam {
    enum { WIDTH = 16 / sizeof(T) };
    const T *mu, *logvar, *eps;
    T *y;
    template <int V> __device__ void run(int64_t i) const
    {
        float m[V], l[V], e[V];
        scp_load(m, mu + i);
        scp_load(l, logvar + i);
        scp_load(e, eps + i);
        for (int k = 0; k < V; k++) m[k] += expf(0.5f * l[k]) * e[k];
        scp_store(y + i, false, m);
    }
    bool aligned() const
    {
        return scp_aligned<T, WIDTH>(mu) && scp_aligned<T, WIDTH>(logvar) &&
               scp_aligned<T, WIDTH>(eps) && scp_aligned<T, WIDTH>(y);
    }
};
template <class T> struct reparam_grad {
    enum { WIDTH = 16 / sizeof(T) };
    const T *logvar, *eps, *dy;
    T *dmu, *dlogvar;
    bool add_mu, add_logvar;
    template <int V> __device__ void run(int64_t i) const
    {
        float l[V], e[V], d[V];
        scp_load(l, logvar + i);
        scp_load(e, eps + i);
        scp_load(d, dy + i);
        for (int k = 0; k < V; k++) l[k] = d[k] * expf(0.5f * l[k]) * e[k] * 0.5f;
        if (dmu) scp_store(dmu + i, add_mu, d);
        if (dlogvar) scp_store(dlogvar + i, add_logvar, l);
    }
    bool aligned() const
    {
        return scp_aligned<T, WIDTH>(logvar) && scp_aligned<T, WIDTH>(eps) &&
               scp_aligned<T, WIDTH>(dy) && scp_aligned<T, WIDTH>(dmu) &&
               scp_aligned<T, WIDTH>(dlogvar);
    }
};

scp_status reparam_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), scp_shape_count(&c->node->shape),
                       reparam<T>{ (const T *)c->in[0], (const T *)c->in[1], (const T *)c->in[2],
                                   (T *)c->out });
    });
}
scp_status reparam_bwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), scp_shape_count(&c->node->shape),
                       reparam_grad<T>{ (const T *)c->in[1], (const T *)c->in[2],
                                        (const T *)c->dout, (T *)c->din[0], (T *)c->din[1],
                                        c->add[0], c->add[1] });
    });
}

/* ---- COMBINE_T: y = ca[t] a + cb[t] b: noises a sample, or makes v ---- */

/* Row r's time within the tables; one outside is reported and the nearest taken. */
__device__ __forceinline__ int32_t time_of(const int32_t *t, int64_t r, int64_t T, int32_t *fault)
{
    const int32_t at = t[r];
    if (at >= 0 && at < T) return at;
    atomicOr(fault, SCP_CUDA_FAULT_TIME);
    return at < 0 ? 0 : (int32_t)(T - 1);
}

/* Forward: y from a and b. Backward: da and db from dy, each added or not. */
template <class T, bool GRAD> struct combined {
    enum { WIDTH = 4 };
    const T *a, *b, *dy;
    T *y, *da, *db;
    bool add_a, add_b;
    const int32_t *t;
    const float *ca, *cb;
    int64_t D, times;
    int32_t *fault;
    template <int V> __device__ void run(int64_t i) const
    {
        const int32_t at = time_of(t, scp_place_of(i, D).row, times, fault);
        const float p = ca[at], q = cb[at];
        float u[V], v[V];
        scp_load(u, (GRAD ? dy : a) + i);
        scp_load(v, (GRAD ? dy : b) + i);
        if (GRAD) {
            for (int k = 0; k < V; k++) u[k] *= p, v[k] *= q;
            if (da) scp_store(da + i, add_a, u);
            if (db) scp_store(db + i, add_b, v);
        } else {
            for (int k = 0; k < V; k++) u[k] = p * u[k] + q * v[k];
            scp_store(y + i, false, u);
        }
    }
    bool aligned() const
    {
        return D % 4 == 0 && scp_aligned<T, 4>(a) && scp_aligned<T, 4>(b) &&
               scp_aligned<T, 4>(dy) && scp_aligned<T, 4>(y) && scp_aligned<T, 4>(da) &&
               scp_aligned<T, 4>(db);
    }
};

template <class T, bool GRAD> combined<T, GRAD> combine_args(const scp_call *c)
{
    return { (const T *)c->in[0],
             (const T *)c->in[1],
             (const T *)c->dout,
             GRAD ? nullptr : (T *)c->out,
             GRAD ? (T *)c->din[0] : nullptr,
             GRAD ? (T *)c->din[1] : nullptr,
             c->add[0],
             c->add[1],
             (const int32_t *)c->in[2],
             (const float *)c->in[3],
             (const float *)c->in[4],
             c->node->shape.d[1],
             c->node->in[3]->shape.d[0],
             scp_cuda_of(c->dev)->fault };
}

scp_status combine_t_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), scp_shape_count(&c->node->shape),
                       combine_args<T, false>(c));
    });
}
scp_status combine_t_bwd(const scp_call *c)
{
    if (!c->din[0] && !c->din[1]) return SCP_OK;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), scp_shape_count(&c->node->shape),
                       combine_args<T, true>(c));
    });
}

} // namespace

const scp_op_impl scp_cuda_four_state = { .op = SCP_OP_FOUR_STATE,
                                          .fwd = four_state_fwd,
                                          .bwd = nullptr };
const scp_op_impl scp_cuda_rand_time = { .op = SCP_OP_RAND_TIME,
                                         .fwd = rand_time_fwd,
                                         .bwd = nullptr };
const scp_op_impl scp_cuda_rand_normal = { .op = SCP_OP_RAND_NORMAL,
                                           .fwd = rand_normal_fwd,
                                           .bwd = nullptr };
const scp_op_impl scp_cuda_reparam = { .op = SCP_OP_REPARAM,
                                       .fwd = reparam_fwd,
                                       .bwd = reparam_bwd };
const scp_op_impl scp_cuda_combine_t = { .op = SCP_OP_COMBINE_T,
                                         .fwd = combine_t_fwd,
                                         .bwd = combine_t_bwd };
