/* INFO_NCE [paper eq. 11] with W z never formed over the genes: p = V W, n = V' W, M = W^T W, so
 * <v, W z> = <p, z> and |W z|^2 = z^T M z. Letters as in tensor/op.h. For row i,
 *   r = sqrt(max(z^T M z, SCP_NORM_FLOOR)),  s = <p, z>/(r tau),  s_k = <n_k, z>/(r tau),
 *   l = log(e^s + sum_k e^{s_k}) - s                      over the k with nkey[k] != key[i];
 * rows with p = 0 count 0. With softmax weights w (of s) and w_k (of s_k), and f = dout/B:
 *   e    = (w - 1) s + sum_k w_k s_k
 *   dz   = f ( ((w - 1) p + sum_k w_k n_k)/(r tau) - e/r^2 (M + M^T) z/2 )
 *   dp   = f (w - 1) z/(r tau),   dn_k = f sum_i w_k z/(r tau),   dM = -f sum_i e/(2 r^2) z z^T
 * (a floored r is a constant: its e counts as 0).
 * aux: w_k [B, K], then w [B], r [B] (0 marks a row that counts 0), e [B]. */
#include "backend/ref/ref_ops.h"

#include <math.h>

typedef struct nce {
    int64_t B, K, D;
    double *weight, *w, *r, *e; /* in aux */
} nce;

static nce nce_of(const scp_call *c)
{
    nce x = { .B = c->node->in[0]->shape.d[0],
              .K = c->node->in[2]->shape.d[0],
              .D = c->node->in[0]->shape.d[1],
              .weight = c->aux };
    x.w = x.weight + x.B * x.K;
    x.r = x.w + x.B;
    x.e = x.r + x.B;
    return x;
}

/* Loss of row i; fills its part of aux. */
static double row_fwd(const scp_call *c, const nce *x, int64_t i)
{
    const double *z = (const double *)c->in[0] + i * x->D, *p = (const double *)c->in[1] + i * x->D;
    const double *neg = c->in[2], *M = c->in[3];
    const int32_t *key = c->in[4], *nkey = c->in[5];
    double *weight = x->weight + i * x->K, q = 0, tau = c->node->attr.nce.tau;
    for (int64_t d = 0; d < x->D; d++) q += z[d] * scp_ref_dot(M + d * x->D, z, x->D);
    double r = sqrt(fmax(q, SCP_NORM_FLOOR)), s = scp_ref_dot(p, z, x->D) / (r * tau), top = s;
    for (int64_t k = 0; k < x->K; k++) {
        weight[k] =
            nkey[k] == key[i] ? -INFINITY : scp_ref_dot(neg + k * x->D, z, x->D) / (r * tau);
        top = fmax(top, weight[k]);
    }
    double sum = exp(s - top);
    for (int64_t k = 0; k < x->K; k++) sum += exp(weight[k] - top);
    x->w[i] = exp(s - top) / sum;
    x->e[i] = (x->w[i] - 1) * s;
    for (int64_t k = 0; k < x->K; k++) {
        double s_k = weight[k];
        weight[k] = exp(s_k - top) / sum;
        if (weight[k] > 0) x->e[i] += weight[k] * s_k;
    }
    x->r[i] = r;
    if (q <= SCP_NORM_FLOOR) x->e[i] = 0;
    return log(sum) + (top - s);
}

static scp_status info_nce_fwd(const scp_call *c)
{
    nce x = nce_of(c);
    const double *p = c->in[1];
    double sum = 0;
    for (int64_t i = 0; i < x.B; i++) {
        x.r[i] = 0;
        if (!scp_ref_is_zero(p + i * x.D, x.D)) sum += row_fwd(c, &x, i);
    }
    *(double *)c->out = sum / (double)x.B;
    return SCP_OK;
}

static void row_bwd(const scp_call *c, const nce *x, int64_t i)
{
    const double *z = (const double *)c->in[0] + i * x->D, *p = (const double *)c->in[1] + i * x->D;
    const double *neg = c->in[2], *M = c->in[3], *weight = x->weight + i * x->K;
    double *dz = c->din[0], *dp = c->din[1], *dn = c->din[2], *dM = c->din[3];
    double f = *(const double *)c->dout / (double)x->B, r = x->r[i];
    double scale = f / (r * c->node->attr.nce.tau), radial = f * x->e[i] / (r * r);
    for (int64_t d = 0; d < x->D; d++) {
        double pull = (x->w[i] - 1) * p[d], Mz = 0;
        for (int64_t k = 0; k < x->K; k++) {
            pull += weight[k] * neg[k * x->D + d];
            if (dn) dn[k * x->D + d] += scale * weight[k] * z[d];
        }
        for (int64_t j = 0; j < x->D; j++) {
            Mz += (M[d * x->D + j] + M[j * x->D + d]) * z[j] / 2;
            if (dM) dM[d * x->D + j] -= radial / 2 * z[d] * z[j];
        }
        if (dz) dz[i * x->D + d] += scale * pull - radial * Mz;
        if (dp) dp[i * x->D + d] += scale * (x->w[i] - 1) * z[d];
    }
}

static scp_status info_nce_bwd(const scp_call *c)
{
    nce x = nce_of(c);
    scp_ref_prepare(c);
    for (int64_t i = 0; i < x.B; i++)
        if (x.r[i] > 0) row_bwd(c, &x, i);
    return SCP_OK;
}

const scp_op_impl scp_ref_info_nce = { .op = SCP_OP_INFO_NCE,
                                       .fwd = info_nce_fwd,
                                       .bwd = info_nce_bwd };
