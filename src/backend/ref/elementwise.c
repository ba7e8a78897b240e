/* Element-wise operations of the oracle: y = f(a, b), one loop for all, one function per op. */
#include "backend/ref/ref_ops.h"

#include <math.h>

/* Value of an element of the result from the elements of the two inputs. k: constants of the op. */
typedef double (*element_fn)(double a, double b, const double *k);

static void map(double *y, const double *a, const double *b, int64_t n, bool add, element_fn f,
                const double *k)
{
    for (int64_t i = 0; i < n; i++) scp_ref_put(&y[i], add, f(a[i], b ? b[i] : 0.0, k));
}

static scp_status forward(const scp_call *c, element_fn f, const double *k)
{
    const double *b = c->node->n_in > 1 ? c->in[1] : NULL;
    map(c->out, c->in[0], b, scp_shape_count(&c->node->shape), false, f, k);
    return SCP_OK;
}

/* din[i] = f(other, dout), or adds to it, where it is wanted. */
static void backward(const scp_call *c, int i, const void *other, element_fn f, const double *k)
{
    if (c->din[i])
        map(c->din[i], other, c->dout, scp_shape_count(&c->node->shape), c->add[i], f, k);
}

/* ADD, SUB, MUL, SCALE */

static double sum(double a, double b, const double *k)
{
    (void)k;
    return a + b;
}
static double difference(double a, double b, const double *k)
{
    (void)k;
    return a - b;
}
static double product(double a, double b, const double *k)
{
    (void)k;
    return a * b;
}
static double scaled(double a, double b, const double *k)
{
    (void)b;
    return k[0] * a;
}

static scp_status add_fwd(const scp_call *c)
{
    return forward(c, sum, NULL);
}
static scp_status add_bwd(const scp_call *c)
{
    static const double one = 1.0;
    backward(c, 0, c->dout, scaled, &one);
    backward(c, 1, c->dout, scaled, &one);
    return SCP_OK;
}
const scp_op_impl scp_ref_add = { .op = SCP_OP_ADD, .fwd = add_fwd, .bwd = add_bwd };

static scp_status sub_fwd(const scp_call *c)
{
    return forward(c, difference, NULL);
}
static scp_status sub_bwd(const scp_call *c)
{
    static const double one = 1.0, minus_one = -1.0;
    backward(c, 0, c->dout, scaled, &one);
    backward(c, 1, c->dout, scaled, &minus_one);
    return SCP_OK;
}
const scp_op_impl scp_ref_sub = { .op = SCP_OP_SUB, .fwd = sub_fwd, .bwd = sub_bwd };

static scp_status mul_fwd(const scp_call *c)
{
    return forward(c, product, NULL);
}
static scp_status mul_bwd(const scp_call *c)
{
    backward(c, 0, c->in[1], product, NULL);
    backward(c, 1, c->in[0], product, NULL);
    return SCP_OK;
}
const scp_op_impl scp_ref_mul = { .op = SCP_OP_MUL, .fwd = mul_fwd, .bwd = mul_bwd };

static scp_status scale_fwd(const scp_call *c)
{
    return forward(c, scaled, &c->node->attr.scale);
}
static scp_status scale_bwd(const scp_call *c)
{
    backward(c, 0, c->dout, scaled, &c->node->attr.scale);
    return SCP_OK;
}
const scp_op_impl scp_ref_scale = { .op = SCP_OP_SCALE, .fwd = scale_fwd, .bwd = scale_bwd };

/* ACT: values f(x), and the gradients f'(x) dy in the form of an element_fn of (x, dy). */

static double silu(double x, double b, const double *k)
{
    (void)b, (void)k;
    return x / (1.0 + exp(-x));
}
static double silu_grad(double x, double dy, const double *k)
{
    double s = 1.0 / (1.0 + exp(-x));
    (void)k;
    return dy * s * (1.0 + x * (1.0 - s));
}
static double gelu(double x, double b, const double *k)
{
    (void)b, (void)k;
    return 0.5 * x * erfc(-x * M_SQRT1_2);
}
static double gelu_grad(double x, double dy, const double *k)
{
    double cdf = 0.5 * erfc(-x * M_SQRT1_2), density = exp(-0.5 * x * x) / sqrt(2.0 * M_PI);
    (void)k;
    return dy * (cdf + x * density);
}
static double tanh_value(double x, double b, const double *k)
{
    (void)b, (void)k;
    return tanh(x);
}
static double tanh_grad(double x, double dy, const double *k)
{
    double y = tanh(x);
    (void)k;
    return dy * (1.0 - y * y);
}
/* RELU (slope 0), LEAKY_RELU and PRELU: k[0] is the slope below zero. */
static double rectified(double x, double b, const double *k)
{
    (void)b;
    return x > 0.0 ? x : k[0] * x;
}
static double rectified_grad(double x, double dy, const double *k)
{
    return x > 0.0 ? dy : k[0] * dy;
}

static const struct {
    element_fn value, grad;
} activation[] = {
    [SCP_ACT_SILU] = { silu, silu_grad },
    [SCP_ACT_RELU] = { rectified, rectified_grad },
    [SCP_ACT_GELU] = { gelu, gelu_grad },
    [SCP_ACT_TANH] = { tanh_value, tanh_grad },
    [SCP_ACT_LEAKY_RELU] = { rectified, rectified_grad },
};

static double act_slope(const scp_node *node)
{
    return node->attr.act.kind == SCP_ACT_LEAKY_RELU ? node->attr.act.slope : 0.0;
}

static scp_status act_fwd(const scp_call *c)
{
    double slope = act_slope(c->node);
    return forward(c, activation[c->node->attr.act.kind].value, &slope);
}
static scp_status act_bwd(const scp_call *c)
{
    double slope = act_slope(c->node);
    backward(c, 0, c->in[0], activation[c->node->attr.act.kind].grad, &slope);
    return SCP_OK;
}
const scp_op_impl scp_ref_act = { .op = SCP_OP_ACT, .fwd = act_fwd, .bwd = act_bwd };

/* PRELU: d slope = sum over x <= 0 of x dy. */

static scp_status prelu_fwd(const scp_call *c)
{
    map(c->out, c->in[0], NULL, scp_shape_count(&c->node->shape), false, rectified, c->in[1]);
    return SCP_OK;
}
static scp_status prelu_bwd(const scp_call *c)
{
    const double *x = c->in[0], *dy = c->dout;
    double *dslope = c->din[1], total = 0.0;
    backward(c, 0, x, rectified_grad, c->in[1]);
    if (!dslope) return SCP_OK;
    for (int64_t i = 0, n = scp_shape_count(&c->node->shape); i < n; i++)
        if (!(x[i] > 0.0)) total += x[i] * dy[i];
    scp_ref_put(dslope, c->add[1], total);
    return SCP_OK;
}
const scp_op_impl scp_ref_prelu = { .op = SCP_OP_PRELU, .fwd = prelu_fwd, .bwd = prelu_bwd };

/* CLAMP: k = {lo, hi}. */

static double clamped(double x, double b, const double *k)
{
    (void)b;
    return x < k[0] ? k[0] : x > k[1] ? k[1] : x;
}
static double clamped_grad(double x, double dy, const double *k)
{
    return x > k[0] && x < k[1] ? dy : 0.0;
}

static scp_status clamp_fwd(const scp_call *c)
{
    const double bounds[] = { c->node->attr.clamp.lo, c->node->attr.clamp.hi };
    return forward(c, clamped, bounds);
}
static scp_status clamp_bwd(const scp_call *c)
{
    const double bounds[] = { c->node->attr.clamp.lo, c->node->attr.clamp.hi };
    backward(c, 0, c->in[0], clamped_grad, bounds);
    return SCP_OK;
}
const scp_op_impl scp_ref_clamp = { .op = SCP_OP_CLAMP, .fwd = clamp_fwd, .bwd = clamp_bwd };
