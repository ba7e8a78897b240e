/* Operations on cpu that move rows or columns, and unit differences of gathered rows: memory-bound.
 * Rows go to the threads, except where rows add up (GATHER backward): there columns do. */
#include <math.h>

#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"
#include "backend/host_ops.h"

/* width columns of `rows` rows: y (+)= x. ldy, ldx: columns of the whole matrices. */
static void copy_columns(float *y, int64_t ldy, const float *x, int64_t ldx, int64_t rows,
                         int64_t width, bool add)
{
#pragma omp parallel for schedule(static) if (rows * width > SCP_PAR_MIN)
    for (int64_t r = 0; r < rows; r++) {
        if (add)
            scp_axpy(1.0f, x + r * ldx, y + r * ldy, width);
        else
            memcpy(y + r * ldy, x + r * ldx, (size_t)width * sizeof *y);
    }
}

/* CONCAT */

static scp_status concat_fwd(const scp_call *c)
{
    int64_t rows = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    float *y = c->out;
    for (int i = 0; i < c->node->n_in; i++) {
        int64_t width = scp_shape_last(&c->node->in[i]->shape);
        copy_columns(y, D, c->in[i], width, rows, width, false);
        y += width;
    }
    return SCP_OK;
}
static scp_status concat_bwd(const scp_call *c)
{
    int64_t rows = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const float *dy = c->dout;
    for (int i = 0; i < c->node->n_in; i++) {
        int64_t width = scp_shape_last(&c->node->in[i]->shape);
        if (c->din[i]) copy_columns(c->din[i], width, dy, D, rows, width, c->add[i]);
        dy += width;
    }
    return SCP_OK;
}
const scp_op_impl SCP_CPU(concat) = { .op = SCP_OP_CONCAT, .fwd = concat_fwd, .bwd = concat_bwd };

/* SLICE */

static scp_status slice_fwd(const scp_call *c)
{
    int64_t D = scp_shape_last(&c->node->in[0]->shape), len = c->node->attr.slice.len;
    const float *x = c->in[0];
    copy_columns(c->out, len, x + c->node->attr.slice.begin, D, scp_shape_rows(&c->node->shape),
                 len, false);
    return SCP_OK;
}
static scp_status slice_bwd(const scp_call *c)
{
    const scp_shape *whole = &c->node->in[0]->shape;
    int64_t len = c->node->attr.slice.len;
    float *dx = c->din[0];
    if (!dx) return SCP_OK;
    scp_prepare(dx, c->add[0], scp_shape_count(whole));
    copy_columns(dx + c->node->attr.slice.begin, scp_shape_last(whole), c->dout, len,
                 scp_shape_rows(whole), len, true);
    return SCP_OK;
}
const scp_op_impl SCP_CPU(slice) = { .op = SCP_OP_SLICE, .fwd = slice_fwd, .bwd = slice_bwd };

/* GATHER */

static void widen(float *restrict y, const uint8_t *restrict x, int64_t n)
{
#pragma omp simd
    for (int64_t j = 0; j < n; j++) y[j] = (float)x[j];
}

static scp_status gather_fwd(const scp_call *c)
{
    const scp_node *table = c->node->in[0];
    int64_t B = scp_shape_count(&c->node->in[1]->shape), D = scp_shape_last(&table->shape);
    const int32_t *idx = c->in[1];
    const uint8_t *bytes = c->in[0];
    const float *reals = c->in[0];
    float *y = c->out;
    SCP_TRY(scp_check_index(c->node, "table", idx, B, table->shape.d[0]));
#pragma omp parallel for schedule(static) if (B * D > SCP_PAR_MIN)
    for (int64_t r = 0; r < B; r++) {
        if (table->dtype == SCP_U8)
            widen(y + r * D, bytes + idx[r] * D, D);
        else
            memcpy(y + r * D, reals + idx[r] * D, (size_t)D * sizeof *y);
    }
    return SCP_OK;
}

/* A row may be picked more than once. Every thread walks all rows in order for its own columns, so
 * the sums have one order whatever the number of threads. */
static scp_status gather_bwd(const scp_call *c)
{
    const scp_shape *table = &c->node->in[0]->shape;
    int64_t B = scp_shape_count(&c->node->in[1]->shape), D = scp_shape_last(table);
    const int32_t *idx = c->in[1];
    const float *dy = c->dout;
    float *dtable = c->din[0];
    if (!dtable) return SCP_OK;
    scp_prepare(dtable, c->add[0], scp_shape_count(table));
#pragma omp parallel for schedule(static) if (B * D > SCP_PAR_MIN)
    for (int64_t j = 0; j < D; j += 4 * SCP_COLS)
        for (int64_t r = 0; r < B; r++)
            scp_axpy(1.0f, dy + r * D + j, dtable + idx[r] * D + j, scp_min(4 * SCP_COLS, D - j));
    return SCP_OK;
}
const scp_op_impl SCP_CPU(gather) = { .op = SCP_OP_GATHER, .fwd = gather_fwd, .bwd = gather_bwd };

/* GATHER_DIR: fp64 norm                                                           [paper eq. 9] */

static void unit_difference(float *restrict y, const float *a, const float *b, int64_t n)
{
    double square = 0.0;
#pragma omp simd reduction(+ : square)
    for (int64_t j = 0; j < n; j++) {
        y[j] = a[j] - b[j];
        square += (double)y[j] * y[j];
    }
    double norm = sqrt(square);
    float inverse = norm < SCP_DIR_MIN_NORM ? 0.0f : (float)(1.0 / norm);
#pragma omp simd
    for (int64_t j = 0; j < n; j++) y[j] *= inverse;
}

static scp_status gather_dir_fwd(const scp_call *c)
{
    const scp_shape *table = &c->node->in[0]->shape;
    int64_t B = c->node->shape.d[0], G = scp_shape_last(table);
    const float *x = c->in[0];
    const int32_t *post = c->in[1], *pre = c->in[2];
    float *y = c->out;
    SCP_TRY(scp_check_index(c->node, "post", post, B, table->d[0]));
    SCP_TRY(scp_check_index(c->node, "pre", pre, B, table->d[0]));
#pragma omp parallel for schedule(static) if (B * G > SCP_PAR_MIN)
    for (int64_t r = 0; r < B; r++) unit_difference(y + r * G, x + post[r] * G, x + pre[r] * G, G);
    return SCP_OK;
}
const scp_op_impl SCP_CPU(gather_dir) = { .op = SCP_OP_GATHER_DIR, .fwd = gather_dir_fwd };
