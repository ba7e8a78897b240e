/* Layer and batch normalisation on cpu. Formulas, and why the parameter gradients of batch
 * normalisation stay local sums: backend/ref/norm.c. Sums are fp64.
 *
 * Statistics of a row: rows go to the threads. Sums over rows: stripes of SCP_COLS columns do, each
 * walks all rows in order, so results do not depend on the number of threads. */
#include <math.h>

#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"
#include "backend/host_ops.h"
#include "comm/comm.h"

/* Sums over the rows of a stripe of columns: dy, and dy (x - mean) rstd with the mean of the row or
 * of the column (the other is NULL or zero) and the rstd of the row (NULL: 1). */
typedef struct stripe {
    int64_t at, width; /* first column, columns (at most SCP_COLS) */
    double sum[2][SCP_COLS];
} stripe;

static stripe stripe_at(int64_t at, int64_t D)
{
    return (stripe){ .at = at, .width = scp_min(SCP_COLS, D - at) };
}

static void stripe_sums(stripe *s, const float *dy, const float *x, int64_t R, int64_t D,
                        const float *row_mean, const float *row_rstd, const float *col_mean)
{
    float centre[SCP_COLS] = { 0 };
    if (col_mean) memcpy(centre, col_mean + s->at, (size_t)s->width * sizeof *centre);
    for (int64_t r = 0; r < R; r++) {
        const float *dy_r = dy + r * D + s->at, *x_r = x + r * D + s->at;
        float mean = row_mean ? row_mean[r] : 0.0f, rstd = row_rstd ? row_rstd[r] : 1.0f;
#pragma omp simd
        for (int64_t k = 0; k < s->width; k++) {
            s->sum[0][k] += dy_r[k];
            s->sum[1][k] += (double)dy_r[k] * ((x_r[k] - mean - centre[k]) * rstd);
        }
    }
}

/* LAYERNORM. aux: mean [R], rstd [R]. */

static inline __attribute__((always_inline)) void
layernorm_row(const float *x, const float *g, const float *b, float *restrict y, int64_t D,
              double eps, float *mean, float *rstd)
{
    double sum = 0.0, square = 0.0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < D; j++) sum += x[j];
    float m = (float)(sum / (double)D);
#pragma omp simd reduction(+ : square)
    for (int64_t j = 0; j < D; j++) square += (double)(x[j] - m) * (x[j] - m);
    float s = (float)(1.0 / sqrt(square / (double)D + eps));
#pragma omp simd
    for (int64_t j = 0; j < D; j++) y[j] = g[j] * ((x[j] - m) * s) + b[j];
    *mean = m;
    *rstd = s;
}

static scp_status layernorm_fwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const float *x = c->in[0];
    float *y = c->out, *mean = c->aux, *rstd = mean + R;
#pragma omp parallel for schedule(static) if (R * D > SCP_PAR_MIN)
    for (int64_t r = 0; r < R; r++) {
        const double eps = c->node->attr.norm.eps;
        if (D == SCP_NARROW)
            layernorm_row(x + r * SCP_NARROW, c->in[1], c->in[2], y + r * SCP_NARROW, SCP_NARROW,
                          eps, &mean[r], &rstd[r]);
        else
            layernorm_row(x + r * D, c->in[1], c->in[2], y + r * D, D, eps, &mean[r], &rstd[r]);
    }
    return SCP_OK;
}

static inline __attribute__((always_inline)) void
layernorm_dx_row(const float *x, const float *g, const float *dy, float *dx, int64_t D, float mean,
                 float rstd, bool add)
{
    double sum_h = 0.0, sum_hx = 0.0;
#pragma omp simd reduction(+ : sum_h, sum_hx)
    for (int64_t j = 0; j < D; j++) {
        double h = (double)g[j] * dy[j];
        sum_h += h;
        sum_hx += h * ((x[j] - mean) * rstd);
    }
    /* fp64 also here: g dy - mean_h cancels where D is small, and a fused multiply-add would leave
     * what the product was rounded by */
    double mean_h = sum_h / (double)D;
    float mean_hx = (float)(sum_hx / (double)D);
#pragma omp simd
    for (int64_t j = 0; j < D; j++) {
        float centred = (float)((double)g[j] * dy[j] - mean_h);
        float value = rstd * (centred - (x[j] - mean) * rstd * mean_hx);
        dx[j] = add ? dx[j] + value : value;
    }
}

static scp_status layernorm_bwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const float *x = c->in[0], *dy = c->dout, *mean = c->aux, *rstd = mean + R;
    float *dx = c->din[0], *dg = c->din[1], *db = c->din[2];
#pragma omp parallel for schedule(static) if (R * D > SCP_PAR_MIN)
    for (int64_t r = 0; r < (dx ? R : 0); r++) {
        const int64_t at = r * D;
        if (D == SCP_NARROW)
            layernorm_dx_row(x + at, c->in[1], dy + at, dx + at, SCP_NARROW, mean[r], rstd[r],
                             c->add[0]);
        else
            layernorm_dx_row(x + at, c->in[1], dy + at, dx + at, D, mean[r], rstd[r], c->add[0]);
    }
    if (!dg && !db) return SCP_OK;
#pragma omp parallel for schedule(static) if (R * D > SCP_PAR_MIN)
    for (int64_t at = 0; at < D; at += SCP_COLS) {
        stripe s = stripe_at(at, D);
        stripe_sums(&s, dy, x, R, D, mean, rstd, NULL);
        for (int64_t k = 0; k < s.width; k++) {
            if (dg) scp_put(&dg[at + k], c->add[1], (float)s.sum[1][k]);
            if (db) scp_put(&db[at + k], c->add[2], (float)s.sum[0][k]);
        }
    }
    return SCP_OK;
}
const scp_op_impl SCP_CPU(layernorm) = { .op = SCP_OP_LAYERNORM,
                                        .fwd = layernorm_fwd,
                                        .bwd = layernorm_bwd };

/* BATCHNORM. aux: mean [D], rstd [D], rows of the global batch [1]. scratch: 2 D + 1 doubles. */

static scp_status all_sum(const scp_call *c, double *x, int64_t n)
{
    return c->comm ? scp_comm_allreduce(c->comm, x, (size_t)n, SCP_COMM_F64, SCP_COMM_SUM) : SCP_OK;
}

/* Sums over the rows of this rank of x - s and (x - s)^2. The shift s, the running mean, is the
 * same on all ranks and near the mean, so one pass and one all-reduce in fp64 lose nothing. */
static void shifted_moments(const float *x, const float *shift, int64_t R, int64_t D, double *sum,
                            double *square)
{
#pragma omp parallel for schedule(static) if (R * D > SCP_PAR_MIN)
    for (int64_t at = 0; at < D; at += SCP_COLS) {
        stripe s = stripe_at(at, D);
        for (int64_t r = 0; r < R; r++) {
            const float *x_r = x + r * D + at;
#pragma omp simd
            for (int64_t k = 0; k < s.width; k++) {
                double d = (double)x_r[k] - shift[at + k];
                s.sum[0][k] += d;
                s.sum[1][k] += d * d;
            }
        }
        memcpy(sum + at, s.sum[0], (size_t)s.width * sizeof *sum);
        memcpy(square + at, s.sum[1], (size_t)s.width * sizeof *square);
    }
}

/* Mean and rstd from the global batch; moves the states. */
static scp_status train_statistics(const scp_call *c, int64_t R, int64_t D)
{
    float *state_mean = (float *)c->in[3], *state_var = (float *)c->in[4];
    float *mean = c->aux, *rstd = mean + D;
    double *sum = c->scratch, *square = sum + D, *count = square + D;
    double m = c->node->attr.norm.momentum;
    shifted_moments(c->in[0], state_mean, R, D, sum, square);
    *count = (double)R;
    SCP_TRY(all_sum(c, sum, 2 * D + 1));
    double n = *count;
    if (n < 2.0) SCP_FAIL(SCP_EUSAGE, SCP_BATCHNORM_ONE_ROW, c->node->name);
    for (int64_t j = 0; j < D; j++) {
        double shifted = sum[j] / n, var = fmax(square[j] / n - shifted * shifted, 0.0);
        double batch_mean = state_mean[j] + shifted;
        double moved_mean = state_mean[j], moved_var = state_var[j];
        scp_move_states(m, batch_mean, var * n / (n - 1.0), &moved_mean, &moved_var);
        mean[j] = (float)batch_mean;
        rstd[j] = (float)(1.0 / sqrt(var + c->node->attr.norm.eps));
        state_mean[j] = (float)moved_mean;
        state_var[j] = (float)moved_var;
    }
    rstd[D] = (float)n;
    return SCP_OK;
}

static void eval_statistics(const scp_call *c, int64_t D)
{
    const float *state_var = c->in[4];
    float *mean = c->aux, *rstd = mean + D;
    memcpy(mean, c->in[3], (size_t)D * sizeof *mean);
    for (int64_t j = 0; j < D; j++)
        rstd[j] = (float)(1.0 / sqrt(state_var[j] + c->node->attr.norm.eps));
}

static scp_status batchnorm_fwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const float *x = c->in[0], *g = c->in[1], *b = c->in[2], *mean = c->aux, *rstd = mean + D;
    float *y = c->out;
    if (c->step->train)
        SCP_TRY(train_statistics(c, R, D));
    else
        eval_statistics(c, D);
#pragma omp parallel for schedule(static) if (R * D > SCP_PAR_MIN)
    for (int64_t r = 0; r < R; r++)
#pragma omp simd
        for (int64_t j = 0; j < D; j++)
            y[r * D + j] = g[j] * ((x[r * D + j] - mean[j]) * rstd[j]) + b[j];
    return SCP_OK;
}

/* dx of a stripe of columns = scale dy + slope (x - mean) + offset, with the sums of all ranks:
 * g rstd (dy - sum_dy/n - xhat sum_dyx/n). Fixed statistics (not training) leave the first term. */
static void batchnorm_dx(const scp_call *c, stripe s, int64_t R, int64_t D, const double *sum_dy)
{
    const float *x = c->in[0], *g = c->in[1], *dy = c->dout, *mean = c->aux, *rstd = mean + D;
    const double *sum_dyx = sum_dy + D;
    float centre[SCP_COLS], scale[SCP_COLS], slope[SCP_COLS] = { 0 }, offset[SCP_COLS] = { 0 };
    float *dx = c->din[0];
    bool add = c->add[0];
    for (int64_t k = 0; k < s.width; k++) {
        int64_t j = s.at + k;
        centre[k] = mean[j];
        scale[k] = g[j] * rstd[j];
        if (!c->step->train) continue;
        slope[k] = (float)(-scale[k] * rstd[j] * sum_dyx[j] / rstd[D]);
        offset[k] = (float)(-scale[k] * sum_dy[j] / rstd[D]);
    }
    for (int64_t r = 0; r < R; r++) {
        int64_t at = r * D + s.at;
#pragma omp simd
        for (int64_t k = 0; k < s.width; k++) {
            float value = scale[k] * dy[at + k] + slope[k] * (x[at + k] - centre[k]) + offset[k];
            dx[at + k] = add ? dx[at + k] + value : value;
        }
    }
}

static scp_status batchnorm_bwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const float *mean = c->aux, *rstd = mean + D;
    float *dg = c->din[1], *db = c->din[2];
    double *sum_dy = c->scratch, *sum_dyx = sum_dy + D;
#pragma omp parallel for schedule(static) if (R * D > SCP_PAR_MIN)
    for (int64_t at = 0; at < D; at += SCP_COLS) {
        stripe s = stripe_at(at, D);
        stripe_sums(&s, c->dout, c->in[0], R, D, NULL, NULL, mean);
        for (int64_t k = 0; k < s.width; k++) {
            sum_dy[at + k] = s.sum[0][k];
            sum_dyx[at + k] = s.sum[1][k] * rstd[at + k];
            if (dg) scp_put(&dg[at + k], c->add[1], (float)sum_dyx[at + k]);
            if (db) scp_put(&db[at + k], c->add[2], (float)sum_dy[at + k]);
        }
    }
    if (!c->din[0]) return SCP_OK;
    if (c->step->train) SCP_TRY(all_sum(c, sum_dy, 2 * D));
#pragma omp parallel for schedule(static) if (R * D > SCP_PAR_MIN)
    for (int64_t at = 0; at < D; at += SCP_COLS) batchnorm_dx(c, stripe_at(at, D), R, D, sum_dy);
    return SCP_OK;
}
const scp_op_impl SCP_CPU(batchnorm) = { .op = SCP_OP_BATCHNORM,
                                        .fwd = batchnorm_fwd,
                                        .bwd = batchnorm_bwd };
