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

/* BLOCK: keys that are taken together. MOST: keys whose gradients are kept at once. SMALL_WIDTH: of
 * the heads that have code of their own. */
enum { BLOCK = 4, MOST = 64, SMALL_WIDTH = 8 };

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

/* Of scale times each of M rows of p, in place. The exponentials of all rows are one loop: a row is
 * shorter than a vector. */
static inline void softmax(float *p, int64_t M, int64_t N, float scale)
{
    for (int64_t m = 0; m < M; m++) {
        float *row = p + m * N, top = row[0];
        for (int64_t n = 1; n < N; n++) top = row[n] > top ? row[n] : top;
        for (int64_t n = 0; n < N; n++) row[n] = scale * (row[n] - top);
    }
#pragma omp simd
    for (int64_t i = 0; i < M * N; i++) p[i] = scp_expf(p[i]);
    for (int64_t m = 0; m < M; m++) {
        float *row = p + m * N, sum = 0;
        for (int64_t n = 0; n < N; n++) sum += row[n];
        float unit = 1 / sum;
        for (int64_t n = 0; n < N; n++) row[n] *= unit;
    }
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

/* Rows of b side by side, bt [d][N], so that products with all of them have no sums across
 * lanes. */
static inline void aside(const float *b, int64_t stride, int64_t N, int64_t d, float *bt)
{
    for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < d; i++) bt[i * N + n] = b[n * stride + i];
}

/* s_n = <a, b_n> for all n. */
static inline void dot_aside(const float *a, const float *bt, int64_t N, int64_t d, float *s)
{
    for (int64_t n = 0; n < N; n++) s[n] = a[0] * bt[n];
    for (int64_t i = 1; i < d; i++)
        for (int64_t n = 0; n < N; n++) s[n] += a[i] * bt[i * N + n];
}

/* s_n = <a, b_n>, by rows of b. */
static inline void dot_all(const float *a, const float *b, int64_t stride, int64_t N, int64_t d,
                           float *s)
{
    for (int64_t n = 0; n < N; n += BLOCK)
        dot_rows(a, b + n * stride, stride, scp_min(BLOCK, N - n), d, s + n);
}

/* Small heads: N and d are constants where this is compiled. */
static inline bool is_small(const head *x)
{
    return x->d == SMALL_WIDTH && (x->N == 4 || x->N == 8);
}

static inline __attribute__((always_inline)) void head_fwd(const scp_call *c, head x)
{
    const float *q = (const float *)c->in[0] + x.at_q, *k = (const float *)c->in[1] + x.at_k;
    const float *v = (const float *)c->in[2] + x.at_k;
    float *o = (float *)c->out + x.at_q, *P = (float *)c->aux + x.at_p, kt[SMALL_WIDTH * 8];
    if (is_small(&x)) aside(k, x.D, x.N, x.d, kt);
    for (int64_t m = 0; m < x.M; m++) {
        if (is_small(&x))
            dot_aside(q + m * x.D, kt, x.N, x.d, P + m * x.N);
        else
            dot_all(q + m * x.D, k, x.D, x.N, x.d, P + m * x.N);
    }
    softmax(P, x.M, x.N, x.scale);
    for (int64_t m = 0; m < x.M; m++, P += x.N, o += x.D) {
        memset(o, 0, (size_t)x.d * sizeof *o);
        for (int64_t n = 0; n < x.N; n += BLOCK)
            add_rows(P + n, v + n * x.D, x.D, scp_min(BLOCK, x.N - n), x.d, o);
    }
}

static inline __attribute__((always_inline)) void head_bwd(const scp_call *c, head x)
{
    const float *q = (const float *)c->in[0] + x.at_q, *k = (const float *)c->in[1] + x.at_k;
    const float *v = (const float *)c->in[2] + x.at_k, *o = (const float *)c->out + x.at_q;
    const float *dout = (const float *)c->dout + x.at_q, *P = (const float *)c->aux + x.at_p;
    float *dq = c->din[0], *dk = c->din[1], *dv = c->din[2], vt[SMALL_WIDTH * 8];
    if (is_small(&x)) aside(v, x.D, x.N, x.d, vt);
    for (int64_t m = 0; m < x.M; m++, P += x.N) {
        int64_t row = m * x.D;
        float mean = scp_dot(dout + row, o + row, x.d), dS[MOST];
        for (int64_t n0 = 0; n0 < x.N; n0 += MOST) {
            int64_t N = scp_min(MOST, x.N - n0), at = x.at_k + n0 * x.D;
            if (is_small(&x))
                dot_aside(dout + row, vt, x.N, x.d, dS);
            else
                dot_all(dout + row, v + n0 * x.D, x.D, N, x.d, dS);
            for (int64_t n = 0; n < N; n++) dS[n] = x.scale * P[n0 + n] * (dS[n] - mean);
            for (int64_t n = 0; dq && n < N; n += BLOCK)
                add_rows(dS + n, k + (n0 + n) * x.D, x.D, scp_min(BLOCK, N - n), x.d,
                         dq + x.at_q + row);
            for (int64_t n = 0; dk && n < N; n++) scp_axpy(dS[n], q + row, dk + at + n * x.D, x.d);
            for (int64_t n = 0; dv && n < N; n++)
                scp_axpy(P[n0 + n], dout + row, dv + at + n * x.D, x.d);
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

/* What a task does, compiled apart for the small heads that models use: loops over so few elements
 * want to know how many there are. */
#define BY_SIZE(body)                                                                              \
    static void body##_task(const scp_call *c, head x)                                             \
    {                                                                                              \
        if (x.d == SMALL_WIDTH && x.N == 8) {                                                      \
            x.d = SMALL_WIDTH;                                                                     \
            x.N = 8;                                                                               \
            body(c, x);                                                                            \
        } else if (x.d == SMALL_WIDTH && x.N == 4) {                                               \
            x.d = SMALL_WIDTH;                                                                     \
            x.N = 4;                                                                               \
            body(c, x);                                                                            \
        } else {                                                                                   \
            body(c, x);                                                                            \
        }                                                                                          \
    }
BY_SIZE(head_fwd)
BY_SIZE(head_bwd)

static scp_status attn_fwd(const scp_call *c)
{
    int64_t tasks = c->node->in[0]->shape.d[0] * c->node->attr.heads;
#pragma omp parallel for if (work_of(c->node) > SCP_PAR_MIN)
    for (int64_t i = 0; i < tasks; i++) head_fwd_task(c, head_of(c->node, i));
    return SCP_OK;
}

static scp_status attn_bwd(const scp_call *c)
{
    int64_t tasks = c->node->in[0]->shape.d[0] * c->node->attr.heads;
#pragma omp parallel for if (work_of(c->node) > SCP_PAR_MIN)
    for (int64_t i = 0; i < tasks; i++) {
        head x = head_of(c->node, i);
        head_prepare(c, x);
        head_bwd_task(c, x);
    }
    return SCP_OK;
}

const scp_op_impl SCP_CPU(attn) = { .op = SCP_OP_ATTN, .fwd = attn_fwd, .bwd = attn_bwd };
