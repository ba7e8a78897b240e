/* Conditioning by modulation and by mask; letters as in tensor/op.h.
 *   FILM         z + (g z + b)                                                 [paper eq. 6]
 *   FILM_LN      LN(H + gamma Hhat + beta), gamma and beta shared by the tokens [paper eq. 32]
 *   MASK_SELECT  mask & bit ? null : x                                          [paper eq. 8] */
#include "backend/ref/ref_ops.h"

#include <math.h>

static scp_status film_fwd(const scp_call *c)
{
    const double *z = c->in[0], *g = c->in[1], *b = c->in[2];
    double *y = c->out;
    for (int64_t i = 0; i < scp_shape_count(&c->node->shape); i++)
        y[i] = z[i] + (g[i] * z[i] + b[i]);
    return SCP_OK;
}

static scp_status film_bwd(const scp_call *c)
{
    const double *z = c->in[0], *g = c->in[1], *dy = c->dout;
    double *dz = c->din[0], *dg = c->din[1], *db = c->din[2];
    for (int64_t i = 0; i < scp_shape_count(&c->node->shape); i++) {
        if (dz) scp_ref_put(dz + i, c->add[0], dy[i] * (1 + g[i]));
        if (dg) scp_ref_put(dg + i, c->add[1], dy[i] * z[i]);
        if (db) scp_ref_put(db + i, c->add[2], dy[i]);
    }
    return SCP_OK;
}

const scp_op_impl scp_ref_film = { .op = SCP_OP_FILM, .fwd = film_fwd, .bwd = film_bwd };

/* x of token r = b M + m at feature d: what the norm of FILM_LN sees. */
static double modulated(const scp_call *c, int64_t r, int64_t d)
{
    const scp_shape *s = &c->node->shape;
    int64_t D = s->d[2], i = r * D + d, j = r / s->d[1] * D + d;
    const double *H = c->in[0], *Hhat = c->in[1], *gamma = c->in[2], *beta = c->in[3];
    return H[i] + gamma[j] * Hhat[i] + beta[j];
}

static scp_status film_ln_fwd(const scp_call *c)
{
    int64_t rows = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const double *gain = c->in[4], *bias = c->in[5];
    double *y = c->out, *mean = c->aux, *rstd = mean + rows;
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0, square = 0;
        for (int64_t d = 0; d < D; d++) sum += modulated(c, r, d);
        mean[r] = sum / (double)D;
        for (int64_t d = 0; d < D; d++) square += pow(modulated(c, r, d) - mean[r], 2);
        rstd[r] = 1 / sqrt(square / (double)D + c->node->attr.norm.eps);
        for (int64_t d = 0; d < D; d++)
            y[r * D + d] = gain[d] * (modulated(c, r, d) - mean[r]) * rstd[r] + bias[d];
    }
    return SCP_OK;
}

/* One token: with n = (x - mean) rstd and u = dy gain,  dx = rstd (u - mean(u) - n mean(u n)). */
static void film_ln_token_bwd(const scp_call *c, int64_t r)
{
    int64_t rows = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    int64_t at = r / c->node->shape.d[1] * D; /* of gamma and beta */
    const double *Hhat = c->in[1], *gamma = c->in[2], *gain = c->in[4];
    const double *dy = (const double *)c->dout + r * D, *aux = c->aux;
    double *const *din = (double *const *)c->din;
    double mean = aux[r], rstd = aux[rows + r], mean_u = 0, mean_un = 0;
    for (int64_t d = 0; d < D; d++) {
        double n = (modulated(c, r, d) - mean) * rstd;
        mean_u += dy[d] * gain[d] / (double)D;
        mean_un += dy[d] * gain[d] * n / (double)D;
    }
    for (int64_t d = 0; d < D; d++) {
        double n = (modulated(c, r, d) - mean) * rstd;
        double dx = rstd * (dy[d] * gain[d] - mean_u - n * mean_un);
        if (din[0]) din[0][r * D + d] += dx;
        if (din[1]) din[1][r * D + d] += dx * gamma[at + d];
        if (din[2]) din[2][at + d] += dx * Hhat[r * D + d];
        if (din[3]) din[3][at + d] += dx;
        if (din[4]) din[4][d] += dy[d] * n;
        if (din[5]) din[5][d] += dy[d];
    }
}

static scp_status film_ln_bwd(const scp_call *c)
{
    scp_ref_prepare(c);
    for (int64_t r = 0; r < scp_shape_rows(&c->node->shape); r++) film_ln_token_bwd(c, r);
    return SCP_OK;
}

const scp_op_impl scp_ref_film_ln = { .op = SCP_OP_FILM_LN,
                                      .fwd = film_ln_fwd,
                                      .bwd = film_ln_bwd };

static scp_status mask_select_fwd(const scp_call *c)
{
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
    const double *x = c->in[0], *null_row = c->in[1];
    const int32_t *mask = c->in[2];
    double *y = c->out;
    for (int64_t b = 0; b < B; b++)
        for (int64_t d = 0; d < D; d++)
            y[b * D + d] = mask[b] & c->node->attr.mask.bit ? null_row[d] : x[b * D + d];
    return SCP_OK;
}

static scp_status mask_select_bwd(const scp_call *c)
{
    int64_t B = c->node->shape.d[0], D = c->node->shape.d[1];
    const double *dy = c->dout;
    const int32_t *mask = c->in[2];
    double *dx = c->din[0], *dnull = c->din[1];
    for (int64_t d = 0; d < D; d++) {
        double sum = 0;
        for (int64_t b = 0; b < B; b++) {
            bool masked = mask[b] & c->node->attr.mask.bit;
            if (masked) sum += dy[b * D + d];
            if (dx) scp_ref_put(dx + b * D + d, c->add[0], masked ? 0 : dy[b * D + d]);
        }
        if (dnull) scp_ref_put(dnull + d, c->add[1], sum);
    }
    return SCP_OK;
}

const scp_op_impl scp_ref_mask_select = { .op = SCP_OP_MASK_SELECT,
                                          .fwd = mask_select_fwd,
                                          .bwd = mask_select_bwd };
