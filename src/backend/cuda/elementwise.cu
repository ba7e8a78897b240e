/* Element-wise operations: y = f(a, b), one kernel template for all (map.cuh), one functor an op.
 * Bandwidth-bound: forward reads its inputs and writes y, backward reads what f' needs and dy, and
 * writes (or adds to) each wanted gradient: 2 to 4 times 4 bytes an element in fp32. Arithmetic is
 * fp32 whatever the storage. */
#include "backend/cuda/map.cuh"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/silu.cuh"

namespace
{

int64_t count_of(const scp_call *c)
{
    return scp_shape_count(&c->node->shape);
}

/* y = op(in 0, in 1). */
template <class Op> scp_status forward(const scp_call *c, const Op &op)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map_binary<T>(scp_cuda_of(c->dev), count_of(c), c->out, false, c->in[0],
                                 c->node->n_in > 1 ? c->in[1] : nullptr, op);
    });
}

/* din i (+)= op(other, dy), where it is wanted. */
template <class Op> scp_status backward(const scp_call *c, int i, const void *other, const Op &op)
{
    if (!c->din[i]) return SCP_OK;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map_binary<T>(scp_cuda_of(c->dev), count_of(c), c->din[i], c->add[i], other,
                                 c->dout, op);
    });
}

/* ---- ADD, SUB, MUL, SCALE ---- */

struct sum {
    __device__ float operator()(float a, float b) const
    {
        return a + b;
    }
};
struct difference {
    __device__ float operator()(float a, float b) const
    {
        return a - b;
    }
};
struct product {
    __device__ float operator()(float a, float b) const
    {
        return a * b;
    }
};
struct scaled { /* of a */
    float k;
    __device__ float operator()(float a, float) const
    {
        return k * a;
    }
};

scp_status add_fwd(const scp_call *c)
{
    return forward(c, sum{});
}

/* Both gradients of ADD (k = 1) and SUB (k = -1) in one pass: 3 to 5 times 4 bytes an element. */
template <class T> struct spread {
    enum { WIDTH = 16 / sizeof(T) };
    T *da, *db;
    const T *dy;
    bool add_a, add_b;
    float k;

    template <int V> __device__ void run(int64_t i) const
    {
        float g[V];
        scp_load(g, dy + i);
        if (da) scp_store(da + i, add_a, g);
        for (int j = 0; j < V; j++) g[j] *= k;
        if (db) scp_store(db + i, add_b, g);
    }
    bool aligned() const
    {
        return scp_aligned<T, WIDTH>(da) && scp_aligned<T, WIDTH>(db) && scp_aligned<T, WIDTH>(dy);
    }
};

scp_status spread_bwd(const scp_call *c, float k)
{
    if (!c->din[0] && !c->din[1]) return SCP_OK;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map(scp_cuda_of(c->dev), count_of(c),
                       spread<T>{ (T *)c->din[0], (T *)c->din[1], (const T *)c->dout, c->add[0],
                                  c->add[1], k });
    });
}

scp_status add_bwd(const scp_call *c)
{
    return spread_bwd(c, 1.0f);
}
scp_status sub_fwd(const scp_call *c)
{
    return forward(c, difference{});
}
scp_status sub_bwd(const scp_call *c)
{
    return spread_bwd(c, -1.0f);
}
scp_status mul_fwd(const scp_call *c)
{
    return forward(c, product{});
}
scp_status mul_bwd(const scp_call *c)
{
    SCP_TRY(backward(c, 0, c->in[1], product{}));
    return backward(c, 1, c->in[0], product{});
}
scp_status scale_fwd(const scp_call *c)
{
    return forward(c, scaled{ (float)c->node->attr.scale });
}
scp_status scale_bwd(const scp_call *c)
{
    return backward(c, 0, c->dout, scaled{ (float)c->node->attr.scale });
}

/* ---- ACT: values of x, gradients of (x, dy) ---- */

constexpr float SQRT_HALF = 0.70710678f, INV_SQRT_2PI = 0.39894228f;
struct gelu {
    __device__ float operator()(float x, float) const
    {
        return 0.5f * x * erfcf(-x * SQRT_HALF);
    }
};
struct gelu_grad {
    __device__ float operator()(float x, float dy) const
    {
        return dy * (0.5f * erfcf(-x * SQRT_HALF) + x * INV_SQRT_2PI * expf(-0.5f * x * x));
    }
};
struct tanh_value {
    __device__ float operator()(float x, float) const
    {
        return tanhf(x);
    }
};
struct tanh_grad {
    __device__ float operator()(float x, float dy) const
    {
        const float y = tanhf(x);
        return dy * (1.0f - y) * (1.0f + y);
    }
};
struct rectified { /* RELU has slope 0 */
    float slope;
    __device__ float operator()(float x, float) const
    {
        return x > 0.0f ? x : slope * x;
    }
};
struct rectified_grad {
    float slope;
    __device__ float operator()(float x, float dy) const
    {
        return x > 0.0f ? dy : slope * dy;
    }
};

float slope_of(const scp_call *c)
{
    return c->node->attr.act.kind == SCP_ACT_LEAKY_RELU ? (float)c->node->attr.act.slope : 0.0f;
}

scp_status act_fwd(const scp_call *c)
{
    switch (c->node->attr.act.kind) {
    case SCP_ACT_SILU:
        return forward(c, scp_silu{});
    case SCP_ACT_GELU:
        return forward(c, gelu{});
    case SCP_ACT_TANH:
        return forward(c, tanh_value{});
    default:
        return forward(c, rectified{ slope_of(c) });
    }
}
scp_status act_bwd(const scp_call *c)
{
    switch (c->node->attr.act.kind) {
    case SCP_ACT_SILU:
        return backward(c, 0, c->in[0], scp_silu_grad{});
    case SCP_ACT_GELU:
        return backward(c, 0, c->in[0], gelu_grad{});
    case SCP_ACT_TANH:
        return backward(c, 0, c->in[0], tanh_grad{});
    default:
        return backward(c, 0, c->in[0], rectified_grad{ slope_of(c) });
    }
}

/* ---- PRELU: d slope = sum over x <= 0 of x dy ---- */

struct prelu {
    const float *slope;
    __device__ float operator()(float x, float) const
    {
        return x > 0.0f ? x : __ldg(slope) * x;
    }
};
struct prelu_grad {
    const float *slope;
    __device__ float operator()(float x, float dy) const
    {
        return x > 0.0f ? dy : __ldg(slope) * dy;
    }
};
template <class T> struct below_zero {
    const T *x, *dy;
    __device__ void operator()(int64_t i, double (&v)[1]) const
    {
        const float at = scp_widen(x[i]);
        v[0] = at > 0.0f ? 0.0f : at * scp_widen(dy[i]);
    }
};
struct to_scalar {
    float *to;
    bool add;
    __device__ void operator()(const double (&s)[1]) const
    {
        scp_put(to, add, (float)s[0]);
    }
};

scp_status prelu_fwd(const scp_call *c)
{
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_map_binary<T>(scp_cuda_of(c->dev), count_of(c), c->out, false, c->in[0], nullptr,
                                 prelu{ (const float *)c->in[1] });
    });
}
scp_status prelu_bwd(const scp_call *c)
{
    SCP_TRY(backward(c, 0, c->in[0], prelu_grad{ (const float *)c->in[1] }));
    if (!c->din[1]) return SCP_OK;
    return scp_typed(c, [&](auto *tag) {
        using T = SCP_TYPE_OF(tag);
        return scp_total<1>(scp_cuda_of(c->dev), count_of(c),
                            below_zero<T>{ (const T *)c->in[0], (const T *)c->dout },
                            to_scalar{ (float *)c->din[1], c->add[1] });
    });
}

/* ---- CLAMP ---- */

struct clamped {
    float lo, hi;
    __device__ float operator()(float x, float) const
    {
        return x < lo ? lo : x > hi ? hi : x;
    }
};
struct clamped_grad {
    float lo, hi;
    __device__ float operator()(float x, float dy) const
    {
        return x > lo && x < hi ? dy : 0.0f;
    }
};

scp_status clamp_fwd(const scp_call *c)
{
    return forward(c, clamped{ (float)c->node->attr.clamp.lo, (float)c->node->attr.clamp.hi });
}
scp_status clamp_bwd(const scp_call *c)
{
    return backward(c, 0, c->in[0],
                    clamped_grad{ (float)c->node->attr.clamp.lo, (float)c->node->attr.clamp.hi });
}

/* ---- casts ---- */

template <class D, class S> struct converted {
    enum { WIDTH = 16 / (sizeof(D) > sizeof(S) ? sizeof(D) : sizeof(S)) };
    D *dst;
    const S *src;
    template <int V> __device__ void run(int64_t i) const
    {
        float x[V];
        scp_load(x, src + i);
        scp_store(dst + i, false, x);
    }
    bool aligned() const
    {
        return scp_aligned<D, WIDTH>(dst) && scp_aligned<S, WIDTH>(src);
    }
};

} // namespace

scp_status scp_cuda_cast(scp_device *dev, void *dst, scp_dtype dst_type, const void *src,
                         scp_dtype src_type, size_t n)
{
    return scp_with_type(dst_type, [&](auto *to) {
        using D = SCP_TYPE_OF(to);
        return scp_with_type(src_type, [&](auto *from) {
            using S = SCP_TYPE_OF(from);
            return scp_map(scp_cuda_of(dev), (int64_t)n,
                           converted<D, S>{ (D *)dst, (const S *)src });
        });
    });
}

const scp_op_impl scp_cuda_add = { .op = SCP_OP_ADD, .fwd = add_fwd, .bwd = add_bwd };
const scp_op_impl scp_cuda_sub = { .op = SCP_OP_SUB, .fwd = sub_fwd, .bwd = sub_bwd };
const scp_op_impl scp_cuda_mul = { .op = SCP_OP_MUL, .fwd = mul_fwd, .bwd = mul_bwd };
const scp_op_impl scp_cuda_scale = { .op = SCP_OP_SCALE, .fwd = scale_fwd, .bwd = scale_bwd };
const scp_op_impl scp_cuda_act = { .op = SCP_OP_ACT, .fwd = act_fwd, .bwd = act_bwd };
const scp_op_impl scp_cuda_prelu = { .op = SCP_OP_PRELU, .fwd = prelu_fwd, .bwd = prelu_bwd };
const scp_op_impl scp_cuda_clamp = { .op = SCP_OP_CLAMP, .fwd = clamp_fwd, .bwd = clamp_bwd };
