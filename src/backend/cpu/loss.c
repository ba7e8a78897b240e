/* Scalar losses and their weighted sum; letters as in tensor/op.h, g = dout throughout. Sums are
 * fp64 by fixed parts. The formulas of ALIGN are derived in backend/ref/loss.c. */
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"

#include <math.h>

/* Sum over [first, last) of the term of one loss. */
typedef double term_sum(const float *a, const float *b, int64_t first, int64_t last);

static double sum_by_parts(term_sum *sum, const float *a, const float *b, int64_t n)
{
    double part[SCP_PARTS], total = 0;
    int64_t size = scp_part_size(n), parts = (n + size - 1) / size;
#pragma omp parallel for if (n > SCP_PAR_MIN)
    for (int64_t p = 0; p < parts; p++) part[p] = sum(a, b, p * size, scp_min((p + 1) * size, n));
    for (int64_t p = 0; p < parts; p++) total += part[p];
    return total;
}

/* mean((a - b)^2) [paper eq. 13]; da = 2 g (a - b)/n = -db */
static double square_differences(const float *a, const float *b, int64_t first, int64_t last)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (int64_t i = first; i < last; i++) {
        double d = a[i] - b[i];
        s += d * d;
    }
    return s;
}

static scp_status mse_fwd(const scp_call *c)
{
    int64_t n = scp_shape_count(&c->node->in[0]->shape);
    *(float *)c->out = (float)(sum_by_parts(square_differences, c->in[0], c->in[1], n) / (double)n);
    return SCP_OK;
}

static scp_status mse_bwd(const scp_call *c)
{
    int64_t n = scp_shape_count(&c->node->in[0]->shape);
    const float *a = c->in[0], *b = c->in[1];
    float k = (float)(2.0 * *(const float *)c->dout / (double)n);
    for (int j = 0; j < 2; j++) {
        float *dx = c->din[j], sign = j ? -k : k;
        if (!dx) continue;
#pragma omp parallel for if (n > SCP_PAR_MIN)
        for (int64_t i = 0; i < n; i++) scp_put(dx + i, c->add[j], sign * (a[i] - b[i]));
    }
    return SCP_OK;
}

const scp_op_impl SCP_CPU(mse) = { .op = SCP_OP_MSE, .fwd = mse_fwd, .bwd = mse_bwd };

/* KL(N(mu, e^lv) || N(0, 1)) per dimension, meaned over B and D. expm1 keeps e^lv - 1 exact near
 * lv = 0, where the term is lv^2/2. */
static double kl_terms(const float *mu, const float *lv, int64_t first, int64_t last)
{
    double s = 0;
    for (int64_t i = first; i < last; i++)
        s += (double)mu[i] * mu[i] + (expm1((double)lv[i]) - (double)lv[i]);
    return s;
}

static scp_status kl_fwd(const scp_call *c)
{
    int64_t n = scp_shape_count(&c->node->in[0]->shape);
    *(float *)c->out = (float)(sum_by_parts(kl_terms, c->in[0], c->in[1], n) / (2.0 * (double)n));
    return SCP_OK;
}

static scp_status kl_bwd(const scp_call *c)
{
    int64_t n = scp_shape_count(&c->node->in[0]->shape);
    const float *mu = c->in[0], *lv = c->in[1];
    float k = (float)(*(const float *)c->dout / (double)n), *dmu = c->din[0], *dlv = c->din[1];
#pragma omp parallel for if (n > SCP_PAR_MIN)
    for (int64_t i = 0; i < n; i++) {
        if (dmu) scp_put(dmu + i, c->add[0], k * mu[i]);
        if (dlv) scp_put(dlv + i, c->add[1], 0.5f * k * expm1f(lv[i]));
    }
    return SCP_OK;
}

const scp_op_impl SCP_CPU(kl) = { .op = SCP_OP_KL, .fwd = kl_fwd, .bwd = kl_bwd };

/* Row b of ALIGN: inner and norm to aux; norm 0 marks a row that counts 0. */
static double align_row_fwd(const scp_call *c, int64_t b)
{
    int64_t B = c->node->in[0]->shape.d[0], D = c->node->in[0]->shape.d[1];
    const float *z = (const float *)c->in[0] + b * D, *p = (const float *)c->in[1] + b * D,
                *M = c->in[2];
    float *inner = c->aux, *norm = inner + B;
    double q = 0;
    inner[b] = norm[b] = 0;
    if (scp_is_zero(p, D)) return 0;
    for (int64_t i = 0; i < D; i++) q += (double)z[i] * scp_dot(M + i * D, z, D);
    inner[b] = scp_dot(p, z, D);
    norm[b] = (float)sqrt(fmax(q, SCP_NORM_FLOOR));
    return 2.0 - 2.0 * inner[b] / norm[b];
}

static scp_status align_fwd(const scp_call *c)
{
    int64_t B = c->node->in[0]->shape.d[0], D = c->node->in[0]->shape.d[1];
    int64_t size = (B + SCP_PARTS - 1) / SCP_PARTS, parts = (B + size - 1) / size;
    double part[SCP_PARTS] = { 0 }, total = 0;
#pragma omp parallel for if (B * D * D > SCP_PAR_MIN)
    for (int64_t j = 0; j < parts; j++)
        for (int64_t b = j * size; b < scp_min((j + 1) * size, B); b++)
            part[j] += align_row_fwd(c, b);
    for (int64_t j = 0; j < parts; j++) total += part[j];
    *(float *)c->out = (float)(total / (double)B);
    return SCP_OK;
}

/* Factors of row b: dz = scale p - radial (M + M^T) z/2, dp = scale z, dM = -radial z z^T/2. */
static float align_factors(const scp_call *c, int64_t b, float *radial)
{
    int64_t B = c->node->in[0]->shape.d[0];
    const float *inner = c->aux, *norm = inner + B;
    float k = (float)(-2.0 * *(const float *)c->dout / (double)B);
    float scale = norm[b] > 0 ? k / norm[b] : 0;
    *radial = norm[b] > (float)sqrt(SCP_NORM_FLOOR) ? scale * inner[b] / (norm[b] * norm[b]) : 0;
    return scale;
}

static void align_row_bwd(const scp_call *c, int64_t b)
{
    int64_t D = c->node->in[0]->shape.d[1];
    const float *z = (const float *)c->in[0] + b * D, *p = (const float *)c->in[1] + b * D,
                *M = c->in[2];
    float *dz = c->din[0], *dp = c->din[1], radial, scale = align_factors(c, b, &radial);
    if (dz) {
        dz += b * D;
        for (int64_t i = 0; i < D; i++)
            scp_put(dz + i, c->add[0], scale * p[i] - 0.5f * radial * scp_dot(M + i * D, z, D));
        for (int64_t i = 0; i < D; i++)
            scp_axpy(-0.5f * radial * z[i], M + i * D, dz, D); /* M^T z */
    }
    if (dp) {
        dp += b * D;
        for (int64_t i = 0; i < D; i++) scp_put(dp + i, c->add[1], scale * z[i]);
    }
}

static scp_status align_bwd(const scp_call *c)
{
    int64_t B = c->node->in[0]->shape.d[0], D = c->node->in[0]->shape.d[1];
    const float *z = c->in[0];
    float *dM = c->din[2];
    bool large = B * D * D > SCP_PAR_MIN;
    if (c->din[0] || c->din[1]) {
#pragma omp parallel for if (large)
        for (int64_t b = 0; b < B; b++) align_row_bwd(c, b);
    }
    if (dM) {
#pragma omp parallel for if (large)
        for (int64_t i = 0; i < D; i++) {
            scp_prepare(dM + i * D, c->add[2], D);
            for (int64_t b = 0; b < B; b++) {
                float radial;
                (void)align_factors(c, b, &radial);
                scp_axpy(-0.5f * radial * z[b * D + i], z + b * D, dM + i * D, D);
            }
        }
    }
    return SCP_OK;
}

const scp_op_impl SCP_CPU(align) = { .op = SCP_OP_ALIGN, .fwd = align_fwd, .bwd = align_bwd };

/* sum w_i l_i [paper eq. 12, 14]; the weights are settings, they get no gradient */
static scp_status loss_sum_fwd(const scp_call *c)
{
    int n = c->node->n_in - 1;
    const float *w = c->in[n];
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)w[i] * *(const float *)c->in[i];
    *(float *)c->out = (float)sum;
    return SCP_OK;
}

static scp_status loss_sum_bwd(const scp_call *c)
{
    int n = c->node->n_in - 1;
    const float *w = c->in[n], g = *(const float *)c->dout;
    for (int i = 0; i < n; i++)
        if (c->din[i]) scp_put(c->din[i], c->add[i], w[i] * g);
    return SCP_OK;
}

const scp_op_impl SCP_CPU(loss_sum) = { .op = SCP_OP_LOSS_SUM,
                                       .fwd = loss_sum_fwd,
                                       .bwd = loss_sum_bwd };
