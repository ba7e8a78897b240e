/* Scalar losses and their weighted sum; letters as in tensor/op.h, g = dout throughout. */
#include "backend/ref/ref_ops.h"

#include <math.h>

/* mean((a - b)^2) [paper eq. 13]; da = 2 g (a - b)/n = -db */
static scp_status mse_fwd(const scp_call *c)
{
    int64_t n = scp_shape_count(&c->node->in[0]->shape);
    const double *a = c->in[0], *b = c->in[1];
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    *(double *)c->out = sum / (double)n;
    return SCP_OK;
}

static scp_status mse_bwd(const scp_call *c)
{
    int64_t n = scp_shape_count(&c->node->in[0]->shape);
    const double *a = c->in[0], *b = c->in[1], g = *(const double *)c->dout;
    double *da = c->din[0], *db = c->din[1];
    for (int64_t i = 0; i < n; i++) {
        if (da) scp_ref_put(da + i, c->add[0], 2 * g * (a[i] - b[i]) / (double)n);
        if (db) scp_ref_put(db + i, c->add[1], 2 * g * (b[i] - a[i]) / (double)n);
    }
    return SCP_OK;
}

const scp_op_impl scp_ref_mse = { .op = SCP_OP_MSE, .fwd = mse_fwd, .bwd = mse_bwd };

/* KL(N(mu, e^lv) || N(0, 1)) per dimension, meaned over B and D */
static scp_status kl_fwd(const scp_call *c)
{
    int64_t n = scp_shape_count(&c->node->in[0]->shape);
    const double *mu = c->in[0], *lv = c->in[1];
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += mu[i] * mu[i] + exp(lv[i]) - 1 - lv[i];
    *(double *)c->out = sum / (2 * (double)n);
    return SCP_OK;
}

static scp_status kl_bwd(const scp_call *c)
{
    int64_t n = scp_shape_count(&c->node->in[0]->shape);
    const double *mu = c->in[0], *lv = c->in[1], g = *(const double *)c->dout;
    double *dmu = c->din[0], *dlv = c->din[1];
    for (int64_t i = 0; i < n; i++) {
        if (dmu) scp_ref_put(dmu + i, c->add[0], g * mu[i] / (double)n);
        if (dlv) scp_ref_put(dlv + i, c->add[1], g * (exp(lv[i]) - 1) / (2 * (double)n));
    }
    return SCP_OK;
}

const scp_op_impl scp_ref_kl = { .op = SCP_OP_KL, .fwd = kl_fwd, .bwd = kl_bwd };

/* ALIGN [paper eq. 10], with v unit rows, p = v W, M = W^T W:  |v - Wz/|Wz||^2 = 2 - 2 c/n,
 *   c = <p, z>,  q = z^T M z,  n = sqrt(max(q, SCP_NORM_FLOOR)).
 * Gradients of one row, k = -2 g/B (a floored n is a constant; rows with p = 0 count 0):
 *   dp = k z/n,   dz = k (p/n - c/n^3 (M + M^T) z/2),   dM = -k c/(2 n^3) z z^T
 * aux: c [B], n [B]; n = 0 marks a row that counts 0. */
static scp_status align_fwd(const scp_call *c)
{
    int64_t B = c->node->in[0]->shape.d[0], D = c->node->in[0]->shape.d[1];
    const double *z = c->in[0], *p = c->in[1], *M = c->in[2];
    double *inner = c->aux, *norm = inner + B, sum = 0;
    for (int64_t b = 0; b < B; b++, z += D, p += D) {
        double q = 0;
        inner[b] = norm[b] = 0;
        if (scp_ref_is_zero(p, D)) continue;
        for (int64_t i = 0; i < D; i++) {
            inner[b] += p[i] * z[i];
            for (int64_t j = 0; j < D; j++) q += z[i] * M[i * D + j] * z[j];
        }
        norm[b] = sqrt(fmax(q, SCP_NORM_FLOOR));
        sum += 2 - 2 * inner[b] / norm[b];
    }
    *(double *)c->out = sum / (double)B;
    return SCP_OK;
}

static scp_status align_bwd(const scp_call *c)
{
    int64_t B = c->node->in[0]->shape.d[0], D = c->node->in[0]->shape.d[1];
    const double *z = c->in[0], *p = c->in[1], *M = c->in[2], *inner = c->aux, *norm = inner + B;
    double *dz = c->din[0], *dp = c->din[1], *dM = c->din[2],
           k = -2 * *(const double *)c->dout / (double)B;
    for (int64_t i = 0; dM && !c->add[2] && i < D * D; i++) dM[i] = 0;
    for (int64_t b = 0; b < B; b++, z += D, p += D) {
        double scale = norm[b] > 0 ? k / norm[b] : 0; /* of <p, z> */
        double radial = norm[b] > sqrt(SCP_NORM_FLOOR) ? scale * inner[b] / (norm[b] * norm[b]) : 0;
        for (int64_t i = 0; i < D; i++) {
            double Mz = 0;
            for (int64_t j = 0; j < D; j++) {
                Mz += (M[i * D + j] + M[j * D + i]) * z[j] / 2;
                if (dM) dM[i * D + j] -= radial / 2 * z[i] * z[j];
            }
            if (dz) scp_ref_put(dz + b * D + i, c->add[0], scale * p[i] - radial * Mz);
            if (dp) scp_ref_put(dp + b * D + i, c->add[1], scale * z[i]);
        }
    }
    return SCP_OK;
}

const scp_op_impl scp_ref_align = { .op = SCP_OP_ALIGN, .fwd = align_fwd, .bwd = align_bwd };

/* sum w_i l_i [paper eq. 12, 14]; the weights are settings, they get no gradient */
static scp_status loss_sum_fwd(const scp_call *c)
{
    int n = c->node->n_in - 1;
    const double *w = c->in[n];
    double sum = 0;
    for (int i = 0; i < n; i++) sum += w[i] * *(const double *)c->in[i];
    *(double *)c->out = sum;
    return SCP_OK;
}

static scp_status loss_sum_bwd(const scp_call *c)
{
    int n = c->node->n_in - 1;
    const double *w = c->in[n], g = *(const double *)c->dout;
    for (int i = 0; i < n; i++)
        if (c->din[i]) scp_ref_put(c->din[i], c->add[i], w[i] * g);
    return SCP_OK;
}

const scp_op_impl scp_ref_loss_sum = { .op = SCP_OP_LOSS_SUM,
                                       .fwd = loss_sum_fwd,
                                       .bwd = loss_sum_bwd };
