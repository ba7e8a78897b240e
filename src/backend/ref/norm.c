/* Layer and batch normalisation of the oracle: two passes for the variance, biased for normalising.
 *
 * Both, with xhat = (x - mean) rstd, y = g xhat + b, h = g dy and n elements per statistic:
 *
 *   dx = rstd (h - sum(h)/n - xhat sum(h xhat)/n),  dg = sum(dy xhat),  db = sum(dy).
 *
 * Batch normalisation over P ranks. Let L = (1/P) sum_s L_s be the mean of the ranks' losses; with
 * equal rows per rank it is the mean loss of the global batch. A row i of rank s enters L by L_s
 * alone, but for statistics further up, so what flows backward on s is dy_i = P dL/dy_i; those
 * statistics keep it so, as follows. The statistics of this layer depend on the rows of all ranks:
 * dx needs sum(h) and sum(h xhat) over *all* ranks. The expression is linear in dy: with these
 * all-reduced it gives dx_i = P dL/dx_i, and the same holds in every layer below. For g
 *
 *   dL/dg = sum over all rows of dL/dy_i xhat_i = (1/P) sum_s [sum over rows of s of dy_i xhat_i],
 *
 * the average over ranks of *local* sums. The caller forms that average, so no factor is left over;
 * likewise for b. */
#include "backend/ref/ref_ops.h"

#include <math.h>
#include <string.h>

#include "backend/host_ops.h"
#include "comm/comm.h"

/* LAYERNORM. aux: mean [R], rstd [R]. */

static scp_status layernorm_fwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const double *x = c->in[0], *g = c->in[1], *b = c->in[2];
    double *y = c->out, *mean = c->aux, *rstd = mean + R;
    for (int64_t r = 0; r < R; r++, x += D, y += D) {
        double sum = 0.0, square = 0.0;
        for (int64_t j = 0; j < D; j++) sum += x[j];
        mean[r] = sum / (double)D;
        for (int64_t j = 0; j < D; j++) square += (x[j] - mean[r]) * (x[j] - mean[r]);
        rstd[r] = 1.0 / sqrt(square / (double)D + c->node->attr.norm.eps);
        for (int64_t j = 0; j < D; j++) y[j] = g[j] * (x[j] - mean[r]) * rstd[r] + b[j];
    }
    return SCP_OK;
}

static void layernorm_dx(const scp_call *c, int64_t R, int64_t D)
{
    const double *x = c->in[0], *g = c->in[1], *dy = c->dout, *mean = c->aux, *rstd = mean + R;
    double *dx = c->din[0];
    for (int64_t r = 0; r < R; r++, x += D, dy += D, dx += D) {
        double sum_h = 0.0, sum_hx = 0.0;
        for (int64_t j = 0; j < D; j++) {
            sum_h += g[j] * dy[j];
            sum_hx += g[j] * dy[j] * (x[j] - mean[r]) * rstd[r];
        }
        for (int64_t j = 0; j < D; j++) {
            double xhat = (x[j] - mean[r]) * rstd[r];
            double value = rstd[r] * (g[j] * dy[j] - sum_h / (double)D - xhat * sum_hx / (double)D);
            scp_ref_put(&dx[j], c->add[0], value);
        }
    }
}

static scp_status layernorm_bwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const double *x = c->in[0], *dy = c->dout, *mean = c->aux, *rstd = mean + R;
    double *dg = c->din[1], *db = c->din[2];
    if (c->din[0]) layernorm_dx(c, R, D);
    for (int64_t j = 0; j < D; j++) {
        double gain = 0.0, bias = 0.0;
        for (int64_t r = 0; r < R; r++) {
            gain += dy[r * D + j] * (x[r * D + j] - mean[r]) * rstd[r];
            bias += dy[r * D + j];
        }
        if (dg) scp_ref_put(&dg[j], c->add[1], gain);
        if (db) scp_ref_put(&db[j], c->add[2], bias);
    }
    return SCP_OK;
}
const scp_op_impl scp_ref_layernorm = { .op = SCP_OP_LAYERNORM,
                                        .fwd = layernorm_fwd,
                                        .bwd = layernorm_bwd };

/* BATCHNORM. aux: mean [D], rstd [D], rows of the global batch [1]. */

static scp_status all_sum(const scp_call *c, double *x, int64_t n)
{
    return c->comm ? scp_comm_allreduce(c->comm, x, (size_t)n, SCP_COMM_F64, SCP_COMM_SUM) : SCP_OK;
}

/* mean [D] and biased variance [D] of the global batch; *rows: its size. */
static scp_status batch_statistics(const scp_call *c, int64_t R, int64_t D, double *mean,
                                   double *var, double *rows)
{
    const double *x = c->in[0];
    memset(mean, 0, (size_t)D * sizeof *mean);
    memset(var, 0, (size_t)D * sizeof *var);
    *rows = (double)R;
    SCP_TRY(all_sum(c, rows, 1));
    if (*rows < 2.0) SCP_FAIL(SCP_EUSAGE, SCP_BATCHNORM_ONE_ROW, c->node->name);
    for (int64_t i = 0; i < R * D; i++) mean[i % D] += x[i];
    SCP_TRY(all_sum(c, mean, D));
    for (int64_t j = 0; j < D; j++) mean[j] /= *rows;
    for (int64_t i = 0; i < R * D; i++) var[i % D] += (x[i] - mean[i % D]) * (x[i] - mean[i % D]);
    SCP_TRY(all_sum(c, var, D));
    for (int64_t j = 0; j < D; j++) var[j] /= *rows;
    return SCP_OK;
}

static scp_status batchnorm_fwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const double *x = c->in[0], *g = c->in[1], *b = c->in[2];
    double *state_mean = (double *)c->in[3], *state_var = (double *)c->in[4];
    double *y = c->out, *mean = c->aux, *rstd = mean + D, *rows = rstd + D, *var = c->scratch;
    double m = c->node->attr.norm.momentum;
    if (c->step->train) {
        SCP_TRY(batch_statistics(c, R, D, mean, var, rows));
        for (int64_t j = 0; j < D; j++)
            scp_move_states(m, mean[j], var[j] * *rows / (*rows - 1.0), &state_mean[j],
                            &state_var[j]);
    } else {
        memcpy(mean, state_mean, (size_t)D * sizeof *mean);
        memcpy(var, state_var, (size_t)D * sizeof *var);
    }
    for (int64_t j = 0; j < D; j++) rstd[j] = 1.0 / sqrt(var[j] + c->node->attr.norm.eps);
    for (int64_t i = 0; i < R * D; i++)
        y[i] = g[i % D] * (x[i] - mean[i % D]) * rstd[i % D] + b[i % D];
    return SCP_OK;
}

/* dx; sums: [2 D], sum dy and sum dy xhat over the rows of this rank, replaced by those of all
 * ranks. With fixed statistics (not training) only the direct term is left. */
static scp_status batchnorm_dx(const scp_call *c, int64_t R, int64_t D, double *sums)
{
    const double *x = c->in[0], *g = c->in[1], *dy = c->dout, *mean = c->aux, *rstd = mean + D;
    double *dx = c->din[0], rows = rstd[D];
    if (c->step->train) SCP_TRY(all_sum(c, sums, 2 * D));
    for (int64_t i = 0; i < R * D; i++) {
        int64_t j = i % D;
        double xhat = (x[i] - mean[j]) * rstd[j], h = dy[i];
        if (c->step->train) h -= sums[j] / rows + xhat * sums[D + j] / rows;
        scp_ref_put(&dx[i], c->add[0], g[j] * rstd[j] * h);
    }
    return SCP_OK;
}

static scp_status batchnorm_bwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const double *x = c->in[0], *dy = c->dout, *mean = c->aux, *rstd = mean + D;
    double *dg = c->din[1], *db = c->din[2], *sum_dy = c->scratch, *sum_dyx = sum_dy + D;
    memset(sum_dy, 0, 2 * (size_t)D * sizeof *sum_dy);
    for (int64_t i = 0; i < R * D; i++) {
        sum_dy[i % D] += dy[i];
        sum_dyx[i % D] += dy[i] * (x[i] - mean[i % D]) * rstd[i % D];
    }
    for (int64_t j = 0; j < D; j++) {
        if (dg) scp_ref_put(&dg[j], c->add[1], sum_dyx[j]);
        if (db) scp_ref_put(&db[j], c->add[2], sum_dy[j]);
    }
    return c->din[0] ? batchnorm_dx(c, R, D, sum_dy) : SCP_OK;
}
const scp_op_impl scp_ref_batchnorm = { .op = SCP_OP_BATCHNORM,
                                        .fwd = batchnorm_fwd,
                                        .bwd = batchnorm_bwd };
