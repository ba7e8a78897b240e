/* Element-wise operations on cpu: one vectorised kernel per expression, one parallel driver for
 * all. Memory-bound but for SILU, GELU and TANH, which use the branch-free functions of vmath.h. */
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"
#include "backend/cpu/vmath.h"

/* y[i] = value, or += value, over n elements. k: two constants of the op. */
typedef void (*kernel)(float *y, const float *in0, const float *in1, int64_t n, bool add,
                       const float *k);

/* A kernel from an expression in a (element of in0), b (of in1), k0 and k1. Overwriting and adding
 * are loops of their own: a choice inside would keep the larger bodies from being vectorised. */
#define KERNEL(name, expression)                                                                   \
    static inline float name##_of(float a, float b, float k0, float k1)                            \
    {                                                                                              \
        (void)a, (void)b, (void)k0, (void)k1;                                                      \
        return expression;                                                                         \
    }                                                                                              \
    static void name(float *y, const float *in0, const float *in1, int64_t n, bool add,            \
                     const float *k)                                                               \
    {                                                                                              \
        const float k0 = k[0], k1 = k[1];                                                          \
        if (add) {                                                                                 \
            _Pragma("omp simd")                                                                    \
            for (int64_t i = 0; i < n; i++) y[i] += name##_of(in0[i], in1[i], k0, k1);             \
        } else {                                                                                   \
            _Pragma("omp simd")                                                                    \
            for (int64_t i = 0; i < n; i++) y[i] = name##_of(in0[i], in1[i], k0, k1);              \
        }                                                                                          \
    }

static void map(float *y, const float *in0, const float *in1, int64_t n, bool add, kernel f,
                const float *k)
{
    int64_t size = scp_part_size(n);
#pragma omp parallel for schedule(static) if (n > SCP_PAR_MIN)
    for (int64_t at = 0; at < n; at += size)
        f(y + at, in0 + at, in1 + at, scp_min(size, n - at), add, k);
}

static const float no_constants[2];

/* out = f(in0, in1); in1 is in0 again for an op of one input. */
static scp_status forward(const scp_call *c, kernel f, const float *k)
{
    const void *in1 = c->node->n_in > 1 ? c->in[1] : c->in[0];
    map(c->out, c->in[0], in1, scp_shape_count(&c->node->shape), false, f, k);
    return SCP_OK;
}

/* din[i] = f(other, dout), or adds to it, where it is wanted. */
static void backward(const scp_call *c, int i, const void *other, kernel f, const float *k)
{
    if (c->din[i])
        map(c->din[i], other, c->dout, scp_shape_count(&c->node->shape), c->add[i], f, k);
}

/* ADD, SUB, MUL, SCALE */

KERNEL(sum, a + b)
KERNEL(difference, a - b)
KERNEL(product, (a * b))
KERNEL(scaled, (k0 * a))

static scp_status add_fwd(const scp_call *c)
{
    return forward(c, sum, no_constants);
}
static scp_status add_bwd(const scp_call *c)
{
    static const float one[2] = { 1.0f };
    backward(c, 0, c->dout, scaled, one);
    backward(c, 1, c->dout, scaled, one);
    return SCP_OK;
}
const scp_op_impl SCP_CPU(add) = { .op = SCP_OP_ADD, .fwd = add_fwd, .bwd = add_bwd };

static scp_status sub_fwd(const scp_call *c)
{
    return forward(c, difference, no_constants);
}
static scp_status sub_bwd(const scp_call *c)
{
    static const float one[2] = { 1.0f }, minus_one[2] = { -1.0f };
    backward(c, 0, c->dout, scaled, one);
    backward(c, 1, c->dout, scaled, minus_one);
    return SCP_OK;
}
const scp_op_impl SCP_CPU(sub) = { .op = SCP_OP_SUB, .fwd = sub_fwd, .bwd = sub_bwd };

static scp_status mul_fwd(const scp_call *c)
{
    return forward(c, product, no_constants);
}
static scp_status mul_bwd(const scp_call *c)
{
    backward(c, 0, c->in[1], product, no_constants);
    backward(c, 1, c->in[0], product, no_constants);
    return SCP_OK;
}
const scp_op_impl SCP_CPU(mul) = { .op = SCP_OP_MUL, .fwd = mul_fwd, .bwd = mul_bwd };

static scp_status scale_fwd(const scp_call *c)
{
    const float k[2] = { (float)c->node->attr.scale };
    return forward(c, scaled, k);
}
static scp_status scale_bwd(const scp_call *c)
{
    const float k[2] = { (float)c->node->attr.scale };
    backward(c, 0, c->dout, scaled, k);
    return SCP_OK;
}
const scp_op_impl SCP_CPU(scale) = { .op = SCP_OP_SCALE, .fwd = scale_fwd, .bwd = scale_bwd };

/* ACT: values f(a), gradients f'(a) b with b = dy. */

static inline float silu_slope(float x)
{
    float s = scp_sigmoidf(x);
    return s * (1.0f + x * (1.0f - s));
}
static inline float gelu_value(float x)
{
    return x * scp_normal_cdf(x, scp_expf(-0.5f * x * x));
}
static inline float gelu_slope(float x)
{
    float e = scp_expf(-0.5f * x * x);
    return scp_normal_cdf(x, e) + x * e * 0.398942280f; /* 1 / sqrt(2 pi) */
}
static inline float tanh_slope(float x)
{
    float y = scp_tanhf(x);
    return 1.0f - y * y;
}

KERNEL(silu, (a * scp_sigmoidf(a)))
KERNEL(silu_grad, (b * silu_slope(a)))
KERNEL(gelu, gelu_value(a))
KERNEL(gelu_grad, (b * gelu_slope(a)))
KERNEL(tanh_act, scp_tanhf(a))
KERNEL(tanh_grad, (b * tanh_slope(a)))
/* RELU (slope 0), LEAKY_RELU and PRELU: k0 is the slope below zero. */
KERNEL(rectified, a > 0.0f ? a : k0 * a)
KERNEL(rectified_grad, a > 0.0f ? b : k0 * b)

static const struct {
    kernel value, grad;
} activation[] = {
    [SCP_ACT_SILU] = { silu, silu_grad },
    [SCP_ACT_RELU] = { rectified, rectified_grad },
    [SCP_ACT_GELU] = { gelu, gelu_grad },
    [SCP_ACT_TANH] = { tanh_act, tanh_grad },
    [SCP_ACT_LEAKY_RELU] = { rectified, rectified_grad },
};

static float act_slope(const scp_node *node)
{
    return node->attr.act.kind == SCP_ACT_LEAKY_RELU ? (float)node->attr.act.slope : 0.0f;
}

static scp_status act_fwd(const scp_call *c)
{
    const float k[2] = { act_slope(c->node) };
    return forward(c, activation[c->node->attr.act.kind].value, k);
}
static scp_status act_bwd(const scp_call *c)
{
    const float k[2] = { act_slope(c->node) };
    backward(c, 0, c->in[0], activation[c->node->attr.act.kind].grad, k);
    return SCP_OK;
}
const scp_op_impl SCP_CPU(act) = { .op = SCP_OP_ACT, .fwd = act_fwd, .bwd = act_bwd };

/* PRELU: d slope = sum over x <= 0 of x dy, by parts that do not depend on the threads. */

static double prelu_dslope(const float *x, const float *dy, int64_t n)
{
    double part[SCP_PARTS] = { 0 }, total = 0.0;
    int64_t size = scp_part_size(n), parts = (n + size - 1) / size;
#pragma omp parallel for schedule(static) if (n > SCP_PAR_MIN)
    for (int64_t p = 0; p < parts; p++) {
        double sum_part = 0.0;
        int64_t end = scp_min((p + 1) * size, n);
#pragma omp simd reduction(+ : sum_part)
        for (int64_t i = p * size; i < end; i++) {
            float below = x[i] > 0.0f ? 0.0f : x[i];
            sum_part += (double)below * dy[i];
        }
        part[p] = sum_part;
    }
    for (int64_t p = 0; p < parts; p++) total += part[p];
    return total;
}

static scp_status prelu_fwd(const scp_call *c)
{
    const float k[2] = { *(const float *)c->in[1] };
    map(c->out, c->in[0], c->in[0], scp_shape_count(&c->node->shape), false, rectified, k);
    return SCP_OK;
}
static scp_status prelu_bwd(const scp_call *c)
{
    const float k[2] = { *(const float *)c->in[1] };
    backward(c, 0, c->in[0], rectified_grad, k);
    if (c->din[1])
        scp_put(c->din[1], c->add[1],
                (float)prelu_dslope(c->in[0], c->dout, scp_shape_count(&c->node->shape)));
    return SCP_OK;
}
const scp_op_impl SCP_CPU(prelu) = { .op = SCP_OP_PRELU, .fwd = prelu_fwd, .bwd = prelu_bwd };

/* CLAMP: k = {lo, hi}. */

KERNEL(clamped, (a < k0 ? k0 : a > k1 ? k1 : a))
KERNEL(clamped_grad, a > k0 && a < k1 ? b : 0.0f)

static scp_status clamp_fwd(const scp_call *c)
{
    const float k[2] = { (float)c->node->attr.clamp.lo, (float)c->node->attr.clamp.hi };
    return forward(c, clamped, k);
}
static scp_status clamp_bwd(const scp_call *c)
{
    const float k[2] = { (float)c->node->attr.clamp.lo, (float)c->node->attr.clamp.hi };
    backward(c, 0, c->in[0], clamped_grad, k);
    return SCP_OK;
}
const scp_op_impl SCP_CPU(clamp) = { .op = SCP_OP_CLAMP, .fwd = clamp_fwd, .bwd = clamp_bwd };
