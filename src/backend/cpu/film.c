/* Conditioning by modulation and by mask; letters as in tensor/op.h. All are bound by memory.
 *   FILM         z + (g z + b)                                                 [paper eq. 6]
 *   FILM_LN      LN(H + gamma Hhat + beta), gamma and beta shared by the tokens [paper eq. 32]
 *   MASK_SELECT  mask & bit ? null : x                                          [paper eq. 8]
 * Sums over rows (ln gain and bias, null) go by SCP_COLS columns to a thread, all rows in order. */
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"

#include <math.h>

static scp_status film_fwd(const scp_call *c)
{
    const float *z = c->in[0], *g = c->in[1], *b = c->in[2];
    float *y = c->out;
    int64_t n = scp_shape_count(&c->node->shape);
#pragma omp parallel for simd if (parallel : n > SCP_PAR_MIN)
    for (int64_t i = 0; i < n; i++) y[i] = z[i] + (g[i] * z[i] + b[i]);
    return SCP_OK;
}

static scp_status film_bwd(const scp_call *c)
{
    const float *z = c->in[0], *g = c->in[1], *dy = c->dout;
    float *dz = c->din[0], *dg = c->din[1], *db = c->din[2];
    int64_t n = scp_shape_count(&c->node->shape);
#pragma omp parallel if (n > SCP_PAR_MIN)
    {
        if (dz) {
#pragma omp for
            for (int64_t i = 0; i < n; i++) scp_put(dz + i, c->add[0], dy[i] * (1 + g[i]));
        }
        if (dg) {
#pragma omp for
            for (int64_t i = 0; i < n; i++) scp_put(dg + i, c->add[1], dy[i] * z[i]);
        }
        if (db) {
#pragma omp for
            for (int64_t i = 0; i < n; i++) scp_put(db + i, c->add[2], dy[i]);
        }
    }
    return SCP_OK;
}

const scp_op_impl SCP_CPU(film) = { .op = SCP_OP_FILM, .fwd = film_fwd, .bwd = film_bwd };

/* The rows of one token: r = b M + m. */
typedef struct token {
    const float *H, *Hhat, *gamma, *beta;
} token;

static token token_of(const scp_call *c, int64_t r)
{
    int64_t D = c->node->shape.d[2], b = r / c->node->shape.d[1];
    return (token){ .H = (const float *)c->in[0] + r * D,
                    .Hhat = (const float *)c->in[1] + r * D,
                    .gamma = (const float *)c->in[2] + b * D,
                    .beta = (const float *)c->in[3] + b * D };
}

static inline float modulated(token t, int64_t d)
{
    return t.H[d] + t.gamma[d] * t.Hhat[d] + t.beta[d];
}

/* One token; y does not overlap what it is made of. */
static inline __attribute__((always_inline)) void
film_ln_token(const scp_call *c, token t, float *restrict y, int64_t D, float *mean, float *rstd)
{
    const float *gain = c->in[4], *bias = c->in[5];
    float sum = 0, square = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < D; d++) sum += y[d] = modulated(t, d);
    const float m = sum / (float)D;
#pragma omp simd reduction(+ : square)
    for (int64_t d = 0; d < D; d++) square += (y[d] - m) * (y[d] - m);
    const float s = 1.0f / sqrtf(square / (float)D + (float)c->node->attr.norm.eps);
#pragma omp simd
    for (int64_t d = 0; d < D; d++) y[d] = gain[d] * (y[d] - m) * s + bias[d];
    *mean = m;
    *rstd = s;
}

static scp_status film_ln_fwd(const scp_call *c)
{
    int64_t rows = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    float *aux = c->aux;
#pragma omp parallel for if (rows * D > SCP_PAR_MIN)
    for (int64_t r = 0; r < rows; r++) {
        float *y = (float *)c->out + r * D;
        if (D == SCP_NARROW)
            film_ln_token(c, token_of(c, r), y, SCP_NARROW, &aux[r], &aux[rows + r]);
        else
            film_ln_token(c, token_of(c, r), y, D, &aux[r], &aux[rows + r]);
    }
    return SCP_OK;
}

/* One token: with n = (x - mean) rstd and u = dy gain,  dx = rstd (u - mean(u) - n mean(u n)).
 * dx goes by pieces through the stack, so that every gradient is one loop that vectorises. */
static inline __attribute__((always_inline)) void film_ln_token_bwd(const scp_call *c, int64_t r,
                                                                    int64_t D)
{
    enum { PIECE = 256 };
    int64_t rows = scp_shape_rows(&c->node->shape);
    int64_t at = r / c->node->shape.d[1] * D;
    token t = token_of(c, r);
    const float *gain = c->in[4], *dy = (const float *)c->dout + r * D, *aux = c->aux;
    float *const *din = (float *const *)c->din;
    float mean = aux[r], rstd = aux[rows + r], mean_u = 0, mean_un = 0, dx[PIECE];
#pragma omp simd reduction(+ : mean_u, mean_un)
    for (int64_t d = 0; d < D; d++) {
        float u = dy[d] * gain[d];
        mean_u += u;
        mean_un += u * (modulated(t, d) - mean) * rstd;
    }
    mean_u /= (float)D;
    mean_un /= (float)D;
    for (int64_t d0 = 0; d0 < D; d0 += PIECE) {
        int64_t n = scp_min(PIECE, D - d0);
        for (int64_t i = 0; i < n; i++)
            dx[i] = rstd * (dy[d0 + i] * gain[d0 + i] - mean_u -
                            (modulated(t, d0 + i) - mean) * rstd * mean_un);
        for (int64_t i = 0; din[0] && i < n; i++)
            scp_put(din[0] + r * D + d0 + i, c->add[0], dx[i]);
        for (int64_t i = 0; din[1] && i < n; i++)
            scp_put(din[1] + r * D + d0 + i, c->add[1], dx[i] * t.gamma[d0 + i]);
        for (int64_t i = 0; din[2] && i < n; i++) din[2][at + d0 + i] += dx[i] * t.Hhat[d0 + i];
        for (int64_t i = 0; din[3] && i < n; i++) din[3][at + d0 + i] += dx[i];
    }
}

/* ln gain and bias: columns [first, last) of all tokens. */
static void film_ln_columns_bwd(const scp_call *c, int64_t first, int64_t last)
{
    int64_t rows = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const float *aux = c->aux;
    float *dgain = c->din[4], *dbias = c->din[5];
    double gain[SCP_COLS] = { 0 }, bias[SCP_COLS] = { 0 };
    for (int64_t r = 0; r < rows; r++) {
        token t = token_of(c, r);
        const float *dy = (const float *)c->dout + r * D;
        float mean = aux[r], rstd = aux[rows + r];
        for (int64_t d = first; d < last; d++) {
            gain[d - first] += dy[d] * ((modulated(t, d) - mean) * rstd);
            bias[d - first] += dy[d];
        }
    }
    for (int64_t d = first; d < last; d++) {
        if (dgain) scp_put(dgain + d, c->add[4], (float)gain[d - first]);
        if (dbias) scp_put(dbias + d, c->add[5], (float)bias[d - first]);
    }
}

static scp_status film_ln_bwd(const scp_call *c)
{
    int64_t B = c->node->shape.d[0], M = c->node->shape.d[1], D = c->node->shape.d[2];
    bool large = B * M * D > SCP_PAR_MIN;
    if (c->din[0] || c->din[1] || c->din[2] || c->din[3]) {
#pragma omp parallel for if (large)
        for (int64_t b = 0; b < B; b++) {
            for (int i = 2; i < 4; i++)
                if (c->din[i]) scp_prepare((float *)c->din[i] + b * D, c->add[i], D);
            for (int64_t m = 0; m < M; m++)
                D == SCP_NARROW ? film_ln_token_bwd(c, b * M + m, SCP_NARROW)
                                : film_ln_token_bwd(c, b * M + m, D);
        }
    }
    if (c->din[4] || c->din[5]) {
#pragma omp parallel for if (large)
        for (int64_t d = 0; d < D; d += SCP_COLS)
            film_ln_columns_bwd(c, d, scp_min(d + SCP_COLS, D));
    }
    return SCP_OK;
}

const scp_op_impl SCP_CPU(film_ln) = { .op = SCP_OP_FILM_LN,
                                      .fwd = film_ln_fwd,
                                      .bwd = film_ln_bwd };

static scp_status mask_select_fwd(const scp_call *c)
{
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
    const int32_t *mask = c->in[2];
    int bit = c->node->attr.mask.bit;
#pragma omp parallel for if (B * D > SCP_PAR_MIN)
    for (int64_t b = 0; b < B; b++) {
        const float *from = mask[b] & bit ? c->in[1] : (const float *)c->in[0] + b * D;
        memcpy((float *)c->out + b * D, from, (size_t)D * sizeof *from);
    }
    return SCP_OK;
}

static void null_columns_bwd(const scp_call *c, int64_t first, int64_t last)
{
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
    const int32_t *mask = c->in[2];
    double sum[SCP_COLS] = { 0 };
    for (int64_t b = 0; b < B; b++) {
        if (!(mask[b] & c->node->attr.mask.bit)) continue;
        const float *dy = (const float *)c->dout + b * D;
        for (int64_t d = first; d < last; d++) sum[d - first] += dy[d];
    }
    for (int64_t d = first; d < last; d++)
        scp_put((float *)c->din[1] + d, c->add[1], (float)sum[d - first]);
}

static scp_status mask_select_bwd(const scp_call *c)
{
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
    const int32_t *mask = c->in[2];
    const float *dy = c->dout;
    float *dx = c->din[0];
    bool large = B * D > SCP_PAR_MIN;
    if (dx) {
#pragma omp parallel for if (large)
        for (int64_t b = 0; b < B; b++) {
            bool keep = !(mask[b] & c->node->attr.mask.bit);
            for (int64_t i = b * D; i < (b + 1) * D; i++)
                scp_put(dx + i, c->add[0], keep ? dy[i] : 0);
        }
    }
    if (c->din[1]) {
#pragma omp parallel for if (large)
        for (int64_t d = 0; d < D; d += SCP_COLS) null_columns_bwd(c, d, scp_min(d + SCP_COLS, D));
    }
    return SCP_OK;
}

const scp_op_impl SCP_CPU(mask_select) = { .op = SCP_OP_MASK_SELECT,
                                          .fwd = mask_select_fwd,
                                          .bwd = mask_select_bwd };
