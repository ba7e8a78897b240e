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

/* Keys that are taken together. */
enum { BLOCK = 4 };

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

/* Of scale times p, in place. */
static void softmax(float *p, int64_t n, float scale)
{
    float top = p[0], sum = 0;
    for (int64_t i = 1; i < n; i++) top = p[i] > top ? p[i] : top;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += p[i] = scp_expf(scale * (p[i] - top));
    for (int64_t i = 0; i < n; i++) p[i] /= sum;
}

/* s_r = <a, b_r> for up to BLOCK rows of b; a full block loads a once and keeps four sums going. */
static void dot_rows(const float *a, const float *b, int64_t stride, int64_t rows, int64_t d,
                     float *s)
{
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    if (rows < BLOCK) {
        for (int64_t r = 0; r < rows; r++) s[r] = scp_dot(a, b + r * stride, d);
        return;
    }
    const float *b1 = b + stride, *b2 = b1 + stride, *b3 = b2 + stride;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
    for (int64_t i = 0; i < d; i++) {
        s0 += a[i] * b[i];
        s1 += a[i] * b1[i];
        s2 += a[i] * b2[i];
        s3 += a[i] * b3[i];
    }
    s[0] = s0, s[1] = s1, s[2] = s2, s[3] = s3;
}

/* y += sum_r w_r b_r for up to BLOCK rows of b. */
static void add_rows(const float *w, const float *b, int64_t stride, int64_t rows, int64_t d,
                     float *restrict y)
{
    if (rows < BLOCK) {
        for (int64_t r = 0; r < rows; r++) scp_axpy(w[r], b + r * stride, y, d);
        return;
    }
    const float *b1 = b + stride, *b2 = b1 + stride, *b3 = b2 + stride;
#pragma omp simd
    for (int64_t i = 0; i < d; i++)
        y[i] += (w[0] * b[i] + w[1] * b1[i]) + (w[2] * b2[i] + w[3] * b3[i]);
}

static void head_fwd(const scp_call *c, head x)
{
    const float *q = (const float *)c->in[0] + x.at_q, *k = (const float *)c->in[1] + x.at_k;
    const float *v = (const float *)c->in[2] + x.at_k;
    float *o = (float *)c->out + x.at_q, *P = (float *)c->aux + x.at_p;
    for (int64_t m = 0; m < x.M; m++, P += x.N, q += x.D, o += x.D) {
        for (int64_t n = 0; n < x.N; n += BLOCK)
            dot_rows(q, k + n * x.D, x.D, scp_min(BLOCK, x.N - n), x.d, P + n);
        softmax(P, x.N, x.scale);
        memset(o, 0, (size_t)x.d * sizeof *o);
        for (int64_t n = 0; n < x.N; n += BLOCK)
            add_rows(P + n, v + n * x.D, x.D, scp_min(BLOCK, x.N - n), x.d, o);
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
        for (int64_t n = 0; n < x.N; n += BLOCK) {
            int64_t rows = scp_min(BLOCK, x.N - n), at = x.at_k + n * x.D;
            float dS[BLOCK];
            dot_rows(dout + row, v + n * x.D, x.D, rows, x.d, dS);
            for (int64_t r = 0; r < rows; r++) dS[r] = x.scale * P[n + r] * (dS[r] - mean);
            if (dq) add_rows(dS, k + n * x.D, x.D, rows, x.d, dq + x.at_q + row);
            for (int64_t r = 0; dk && r < rows; r++)
                scp_axpy(dS[r], q + row, dk + at + r * x.D, x.d);
            for (int64_t r = 0; dv && r < rows; r++)
                scp_axpy(P[n + r], dout + row, dv + at + r * x.D, x.d);
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
