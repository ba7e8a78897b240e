/* Multi-head attention without projections [paper eq. 30-31]; letters as in tensor/op.h, h heads of
 * width d = D/h. For every (b, head):
 *   S = Q K^T / sqrt(d),  P = softmax_rows(S),  O = P V                   aux keeps P [B, h, M, N]
 *   dV = P^T dO,  dP = dO V^T,  dS_mn = P_mn (dP_mn - sum_j P_mj dP_mj),  dQ = dS K / sqrt(d),
 *   dK = dS^T Q / sqrt(d) */
#include "backend/ref/ref_ops.h"

#include <math.h>

typedef struct dims {
    int64_t B, M, N, D, h, d;
    double scale;
} dims;

static dims dims_of(const scp_node *node)
{
    const scp_shape *q = &node->in[0]->shape, *k = &node->in[1]->shape;
    dims x = { .B = q->d[0], .M = q->d[1], .N = k->d[1], .D = q->d[2], .h = node->attr.heads };
    x.d = x.D / x.h;
    x.scale = 1.0 / sqrt((double)x.d);
    return x;
}

static void softmax(double *p, int64_t n)
{
    double top = p[0], sum = 0;
    for (int64_t i = 1; i < n; i++) top = fmax(top, p[i]);
    for (int64_t i = 0; i < n; i++) sum += p[i] = exp(p[i] - top);
    for (int64_t i = 0; i < n; i++) p[i] /= sum;
}

static scp_status attn_fwd(const scp_call *c)
{
    dims x = dims_of(c->node);
    double *P = c->aux;
    for (int64_t b = 0; b < x.B; b++)
        for (int64_t head = 0; head < x.h; head++)
            for (int64_t m = 0; m < x.M; m++, P += x.N) {
                const double *q = (const double *)c->in[0] + (b * x.M + m) * x.D + head * x.d;
                const double *k = (const double *)c->in[1] + b * x.N * x.D + head * x.d;
                const double *v = (const double *)c->in[2] + b * x.N * x.D + head * x.d;
                double *o = (double *)c->out + (b * x.M + m) * x.D + head * x.d;
                for (int64_t n = 0; n < x.N; n++) P[n] = x.scale * scp_ref_dot(q, k + n * x.D, x.d);
                softmax(P, x.N);
                for (int64_t i = 0; i < x.d; i++) {
                    o[i] = 0;
                    for (int64_t n = 0; n < x.N; n++) o[i] += P[n] * v[n * x.D + i];
                }
            }
    return SCP_OK;
}

/* Add what query m of (b, head) gives: P is its row of probabilities. */
static void query_bwd(const scp_call *c, const dims *x, int64_t b, int64_t head, int64_t m,
                      const double *P)
{
    int64_t at_q = (b * x->M + m) * x->D + head * x->d, at_k = b * x->N * x->D + head * x->d;
    const double *q = (const double *)c->in[0] + at_q, *k = (const double *)c->in[1] + at_k;
    const double *v = (const double *)c->in[2] + at_k, *dout = (const double *)c->dout + at_q;
    double *dq = c->din[0], *dk = c->din[1], *dv = c->din[2], mean = 0;
    for (int64_t n = 0; n < x->N; n++) mean += P[n] * scp_ref_dot(dout, v + n * x->D, x->d);
    for (int64_t n = 0; n < x->N; n++) {
        double dS = P[n] * (scp_ref_dot(dout, v + n * x->D, x->d) - mean) * x->scale;
        for (int64_t i = 0; i < x->d; i++) {
            if (dq) dq[at_q + i] += dS * k[n * x->D + i];
            if (dk) dk[at_k + n * x->D + i] += dS * q[i];
            if (dv) dv[at_k + n * x->D + i] += P[n] * dout[i];
        }
    }
}

static scp_status attn_bwd(const scp_call *c)
{
    dims x = dims_of(c->node);
    const double *P = c->aux;
    scp_ref_prepare(c);
    for (int64_t b = 0; b < x.B; b++)
        for (int64_t head = 0; head < x.h; head++)
            for (int64_t m = 0; m < x.M; m++, P += x.N) query_bwd(c, &x, b, head, m, P);
    return SCP_OK;
}

const scp_op_impl scp_ref_attn = { .op = SCP_OP_ATTN, .fwd = attn_fwd, .bwd = attn_bwd };
