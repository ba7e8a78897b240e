/* Multi-head attention without projections [paper eq. 30-31]; letters as in tensor/op.h, h heads of
 * width d = D/h. One task per (b, head): M and N are small, so a head stays in the first cache and
 * a matrix library would only add calls.
 *   S = Q K^T / sqrt(d),  P = softmax_rows(S),  O = P V                   aux keeps P [B, h, M, N]
 *   dV = P^T dO,  dS_mn = P_mn (<dO_m, V_n> - <dO_m, O_m>)/sqrt(d),  dQ = dS K,  dK = dS^T Q
 * where <dO_m, O_m> = sum_j P_mj dP_mj, so that dS needs no second pass over the row. */
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"
#include "backend/cpu/vmath.h"

#include <math.h>

/* One head of one sample. Rows of q, o are M apart by D; k, v likewise. */
typedef struct head {
    int64_t M, N, D, d;
    float scale;
    int64_t at_q, at_k, at_p; /* offsets of the head in q and out, in k and v, in P */
} head;

static head head_of(const scp_node *node, int64_t task)
{
    const scp_shape *q = &node->in[0]->shape;
    int64_t h = node->attr.heads, b = task / h, i = task % h;
    head x = { .M = q->d[1], .N = node->in[1]->shape.d[1], .D = q->d[2], .d = q->d[2] / h };
    x.scale = 1.0f / sqrtf((float)x.d);
    x.at_q = b * x.M * x.D + i * x.d;
    x.at_k = b * x.N * x.D + i * x.d;
    x.at_p = task * x.M * x.N;
    return x;
}

static int64_t work_of(const scp_node *node)
{
    return scp_shape_count(&node->in[0]->shape) * node->in[1]->shape.d[1];
}

static void softmax(float *p, int64_t n)
{
    float top = p[0], sum = 0;
    for (int64_t i = 1; i < n; i++) top = p[i] > top ? p[i] : top;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += p[i] = scp_expf(p[i] - top);
    for (int64_t i = 0; i < n; i++) p[i] /= sum;
}

static void head_fwd(const scp_call *c, head x)
{
    const float *q = (const float *)c->in[0] + x.at_q, *k = (const float *)c->in[1] + x.at_k;
    const float *v = (const float *)c->in[2] + x.at_k;
    float *o = (float *)c->out + x.at_q, *P = (float *)c->aux + x.at_p;
    for (int64_t m = 0; m < x.M; m++, P += x.N, q += x.D, o += x.D) {
        for (int64_t n = 0; n < x.N; n++) P[n] = x.scale * scp_dot(q, k + n * x.D, x.d);
        softmax(P, x.N);
        memset(o, 0, (size_t)x.d * sizeof *o);
        for (int64_t n = 0; n < x.N; n++) scp_axpy(P[n], v + n * x.D, o, x.d);
    }
}

static scp_status attn_fwd(const scp_call *c)
{
    int64_t tasks = c->node->in[0]->shape.d[0] * c->node->attr.heads;
#pragma omp parallel for if (work_of(c->node) > SCP_PAR_MIN)
    for (int64_t i = 0; i < tasks; i++) head_fwd(c, head_of(c->node, i));
    return SCP_OK;
}

static void head_bwd(const scp_call *c, head x)
{
    const float *q = (const float *)c->in[0] + x.at_q, *k = (const float *)c->in[1] + x.at_k;
    const float *v = (const float *)c->in[2] + x.at_k, *o = (const float *)c->out + x.at_q;
    const float *dout = (const float *)c->dout + x.at_q, *P = (const float *)c->aux + x.at_p;
    float *dq = c->din[0], *dk = c->din[1], *dv = c->din[2];
    for (int64_t m = 0; m < x.M; m++, P += x.N) {
        int64_t row = m * x.D;
        float mean = scp_dot(dout + row, o + row, x.d);
        for (int64_t n = 0; n < x.N; n++) {
            float dS = x.scale * P[n] * (scp_dot(dout + row, v + n * x.D, x.d) - mean);
            if (dq) scp_axpy(dS, k + n * x.D, dq + x.at_q + row, x.d);
            if (dk) scp_axpy(dS, q + row, dk + x.at_k + n * x.D, x.d);
            if (dv) scp_axpy(P[n], dout + row, dv + x.at_k + n * x.D, x.d);
        }
    }
}

/* Gradients that are overwritten are cleared by head as well, while they are about to be used. */
static void head_prepare(const scp_call *c, head x)
{
    int64_t rows[3] = { x.M, x.N, x.N }, at[3] = { x.at_q, x.at_k, x.at_k };
    for (int i = 0; i < 3; i++)
        for (int64_t r = 0; c->din[i] && r < rows[i]; r++)
            scp_prepare((float *)c->din[i] + at[i] + r * x.D, c->add[i], x.d);
}

static scp_status attn_bwd(const scp_call *c)
{
    int64_t tasks = c->node->in[0]->shape.d[0] * c->node->attr.heads;
#pragma omp parallel for if (work_of(c->node) > SCP_PAR_MIN)
    for (int64_t i = 0; i < tasks; i++) {
        head x = head_of(c->node, i);
        head_prepare(c, x);
        head_bwd(c, x);
    }
    return SCP_OK;
}

const scp_op_impl scp_cpu_attn = { .op = SCP_OP_ATTN, .fwd = attn_fwd, .bwd = attn_bwd };
