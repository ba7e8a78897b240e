/* INFO_NCE [paper eq. 11]; symbols and derivation in backend/ref/infonce.c, letters as in
 * tensor/op.h. All products over negatives or over D x D are calls of the matrix library:
 *   forward   S = Z N^T [B, K] into aux,  H = Z M for z^T M z
 *   backward  with W'_ik = f w_ik/(r_i tau) and T_i = -f e_i/(2 r_i^2) z_i in scratch:
 *             dZ = W' N + T M + T M^T + f (w - 1)/(r tau) P,   dN = W'^T Z,   dM = T^T Z
 * aux: w_k [B, K], w - 1 [B], r [B] (0 marks a row that counts 0), e [B].
 * scratch: H or T [B, D], W' [B, K]. */
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/gemm.h"
#include "backend/cpu/par.h"
#include "backend/cpu/vmath.h"

#include <math.h>

/* e^x below this is taken as 0, so that a pair left out (s = -inf) has no weight at all. */
#define SMALLEST -87.0f

typedef struct nce {
    int64_t B, K, D;
    const float *z, *p, *neg, *M;
    float *weight, *less, *r, *e; /* in aux: less = w - 1 */
    float *rows, *scaled;         /* in scratch */
    double tau;
} nce;

static nce nce_of(const scp_call *c)
{
    nce x = { .B = c->node->in[0]->shape.d[0],
              .K = c->node->in[2]->shape.d[0],
              .D = c->node->in[0]->shape.d[1],
              .tau = c->node->attr.nce.tau,
              .weight = c->aux,
              .z = c->in[0],
              .p = c->in[1],
              .neg = c->in[2],
              .M = c->in[3],
              .rows = c->scratch };
    x.less = x.weight + x.B * x.K;
    x.r = x.less + x.B;
    x.e = x.r + x.B;
    x.scaled = x.rows + x.B * x.D;
    return x;
}

/* Softmax of a row whose weights hold <n_k, z>: its weights, their sum as 1 - w, and e. */
static double row_softmax(const nce *x, int64_t i, int32_t key, const int32_t *nkey, float s)
{
    float *weight = x->weight + i * x->K, unit = (float)(1 / (x->r[i] * x->tau)), top = s;
    double others = 0, slope = 0;
#pragma omp simd reduction(max : top)
    for (int64_t k = 0; k < x->K; k++) {
        weight[k] = nkey[k] == key ? -INFINITY : weight[k] * unit;
        top = weight[k] > top ? weight[k] : top;
    }
#pragma omp simd reduction(+ : others, slope)
    for (int64_t k = 0; k < x->K; k++) {
        float s_k = weight[k], e = s_k - top < SMALLEST ? 0 : scp_expf(s_k - top);
        weight[k] = e;
        others += e;
        slope += e > 0 ? e * ((double)s_k - s) : 0;
    }
    double sum = exp((double)s - top) + others;
    float scale = (float)(1 / sum);
    for (int64_t k = 0; k < x->K; k++) weight[k] *= scale;
    x->less[i] = (float)(-others / sum);
    x->e[i] = (float)(slope / sum);
    return log(sum) + ((double)top - s);
}

static double row_fwd(const scp_call *c, const nce *x, int64_t i)
{
    const int32_t *key = c->in[4];
    const float *z = x->z + i * x->D, *p = x->p + i * x->D;
    if (scp_is_zero(p, x->D)) {
        memset(x->weight + i * x->K, 0, (size_t)x->K * sizeof *x->weight);
        x->less[i] = x->r[i] = x->e[i] = 0;
        return 0;
    }
    float q = scp_dot(z, x->rows + i * x->D, x->D);
    x->r[i] = sqrtf(fmaxf(q, (float)SCP_NORM_FLOOR));
    float s = (float)(scp_dot(p, z, x->D) / (x->r[i] * x->tau));
    double loss = row_softmax(x, i, key[i], c->in[5], s);
    if (q <= (float)SCP_NORM_FLOOR) x->e[i] = 0;
    return loss;
}

static scp_status info_nce_fwd(const scp_call *c)
{
    nce x = nce_of(c);
    int64_t size = (x.B + SCP_PARTS - 1) / SCP_PARTS, parts = (x.B + size - 1) / size;
    double part[SCP_PARTS] = { 0 }, total = 0;
    SCP_TRY(scp_gemm_check(c->node->name, x.B, x.K, x.D));
    scp_gemm_nt(x.B, x.K, x.D, x.z, x.neg, false, x.weight);
    scp_gemm_nn(x.B, x.D, x.D, x.z, x.M, false, x.rows);
#pragma omp parallel for if (x.B * x.K > SCP_PAR_MIN)
    for (int64_t j = 0; j < parts; j++)
        for (int64_t i = j * size; i < scp_min((j + 1) * size, x.B); i++)
            part[j] += row_fwd(c, &x, i);
    for (int64_t j = 0; j < parts; j++) total += part[j];
    *(float *)c->out = (float)(total / (double)x.B);
    return SCP_OK;
}

/* Weight of one unit of <., z> of row i in the loss. */
static float row_scale(const nce *x, double f, int64_t i)
{
    return x->r[i] > 0 ? (float)(f / (x->r[i] * x->tau)) : 0;
}

/* W' and T of the header. */
static void scale_rows(const nce *x, double f)
{
#pragma omp parallel for if (x->B * (x->K + x->D) > SCP_PAR_MIN)
    for (int64_t i = 0; i < x->B; i++) {
        float scale = row_scale(x, f, i), r = x->r[i];
        float radial = r > 0 ? (float)(-0.5 * f * x->e[i] / ((double)r * r)) : 0;
        for (int64_t k = i * x->K; k < (i + 1) * x->K; k++) x->scaled[k] = scale * x->weight[k];
        for (int64_t d = i * x->D; d < (i + 1) * x->D; d++) x->rows[d] = radial * x->z[d];
    }
}

/* to (+)= factor(w - 1) times the rows of `from`: what the positive pair gives to z and to p. */
static void positive_bwd(const nce *x, double f, const float *from, bool add, float *to)
{
#pragma omp parallel for if (x->B * x->D > SCP_PAR_MIN)
    for (int64_t i = 0; i < x->B; i++) {
        float scale = row_scale(x, f, i) * x->less[i];
        for (int64_t d = i * x->D; d < (i + 1) * x->D; d++) scp_put(to + d, add, scale * from[d]);
    }
}

static scp_status info_nce_bwd(const scp_call *c)
{
    nce x = nce_of(c);
    float *dz = c->din[0], *dp = c->din[1], *dn = c->din[2], *dM = c->din[3];
    double f = *(const float *)c->dout / (double)x.B;
    scale_rows(&x, f);
    if (dz) {
        scp_gemm_nn(x.B, x.D, x.K, x.scaled, x.neg, c->add[0], dz);
        scp_gemm_nn(x.B, x.D, x.D, x.rows, x.M, true, dz);
        scp_gemm_nt(x.B, x.D, x.D, x.rows, x.M, true, dz);
        positive_bwd(&x, f, x.p, true, dz);
    }
    if (dp) positive_bwd(&x, f, x.z, c->add[1], dp);
    if (dn) scp_gemm_tn(x.K, x.D, x.B, x.scaled, x.z, c->add[2], dn);
    if (dM) scp_gemm_tn(x.D, x.D, x.B, x.rows, x.z, c->add[3], dM);
    return SCP_OK;
}

const scp_op_impl SCP_CPU(info_nce) = { .op = SCP_OP_INFO_NCE,
                                       .fwd = info_nce_fwd,
                                       .bwd = info_nce_bwd };
