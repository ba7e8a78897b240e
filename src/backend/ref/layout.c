/* Operations of the oracle that move rows and columns, and unit differences of gathered rows. */
#include "backend/ref/ref_ops.h"

#include <math.h>
#include <string.h>

#include "backend/host_ops.h"

/* width columns of `rows` rows: y (+)= x. ldy, ldx: columns of the whole matrices. */
static void copy_columns(double *y, int64_t ldy, const double *x, int64_t ldx, int64_t rows,
                         int64_t width, bool add)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < width; j++) scp_ref_put(&y[r * ldy + j], add, x[r * ldx + j]);
}

/* CONCAT */

static scp_status concat_fwd(const scp_call *c)
{
    int64_t rows = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    double *y = c->out;
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
    const double *dy = c->dout;
    for (int i = 0; i < c->node->n_in; i++) {
        int64_t width = scp_shape_last(&c->node->in[i]->shape);
        if (c->din[i]) copy_columns(c->din[i], width, dy, D, rows, width, c->add[i]);
        dy += width;
    }
    return SCP_OK;
}
const scp_op_impl scp_ref_concat = { .op = SCP_OP_CONCAT, .fwd = concat_fwd, .bwd = concat_bwd };

/* SLICE */

static scp_status slice_fwd(const scp_call *c)
{
    int64_t D = scp_shape_last(&c->node->in[0]->shape), len = c->node->attr.slice.len;
    const double *x = c->in[0];
    copy_columns(c->out, len, x + c->node->attr.slice.begin, D, scp_shape_rows(&c->node->shape),
                 len, false);
    return SCP_OK;
}
static scp_status slice_bwd(const scp_call *c)
{
    const scp_shape *whole = &c->node->in[0]->shape;
    int64_t len = c->node->attr.slice.len;
    double *dx = c->din[0];
    if (!dx) return SCP_OK;
    if (!c->add[0]) memset(dx, 0, (size_t)scp_shape_count(whole) * sizeof *dx);
    copy_columns(dx + c->node->attr.slice.begin, scp_shape_last(whole), c->dout, len,
                 scp_shape_rows(whole), len, true);
    return SCP_OK;
}
const scp_op_impl scp_ref_slice = { .op = SCP_OP_SLICE, .fwd = slice_fwd, .bwd = slice_bwd };

/* GATHER: a row may be picked more than once, so its gradients add up. */

static scp_status gather_fwd(const scp_call *c)
{
    const scp_node *table = c->node->in[0];
    int64_t B = scp_shape_count(&c->node->in[1]->shape), D = scp_shape_last(&table->shape);
    const int32_t *idx = c->in[1];
    const uint8_t *bytes = c->in[0];
    const double *reals = c->in[0];
    double *y = c->out;
    SCP_TRY(scp_check_index(c->node, "table", idx, B, table->shape.d[0]));
    for (int64_t r = 0; r < B; r++)
        for (int64_t j = 0; j < D; j++) {
            int64_t from = idx[r] * D + j;
            y[r * D + j] = table->dtype == SCP_U8 ? bytes[from] : reals[from];
        }
    return SCP_OK;
}
static scp_status gather_bwd(const scp_call *c)
{
    const scp_shape *table = &c->node->in[0]->shape;
    int64_t B = scp_shape_count(&c->node->in[1]->shape), D = scp_shape_last(table);
    const int32_t *idx = c->in[1];
    const double *dy = c->dout;
    double *dtable = c->din[0];
    if (!dtable) return SCP_OK;
    if (!c->add[0]) memset(dtable, 0, (size_t)scp_shape_count(table) * sizeof *dtable);
    for (int64_t r = 0; r < B; r++)
        for (int64_t j = 0; j < D; j++) dtable[idx[r] * D + j] += dy[r * D + j];
    return SCP_OK;
}
const scp_op_impl scp_ref_gather = { .op = SCP_OP_GATHER, .fwd = gather_fwd, .bwd = gather_bwd };

/* GATHER_DIR                                                                      [paper eq. 9] */

static scp_status gather_dir_fwd(const scp_call *c)
{
    const scp_shape *table = &c->node->in[0]->shape;
    int64_t B = c->node->shape.d[0], G = scp_shape_last(table);
    const double *x = c->in[0];
    const int32_t *post = c->in[1], *pre = c->in[2];
    double *y = c->out;
    SCP_TRY(scp_check_index(c->node, "post", post, B, table->d[0]));
    SCP_TRY(scp_check_index(c->node, "pre", pre, B, table->d[0]));
    for (int64_t r = 0; r < B; r++) {
        const double *a = x + post[r] * G, *b = x + pre[r] * G;
        double square = 0.0;
        for (int64_t j = 0; j < G; j++) square += (a[j] - b[j]) * (a[j] - b[j]);
        double norm = sqrt(square);
        for (int64_t j = 0; j < G; j++)
            y[r * G + j] = norm < SCP_DIR_MIN_NORM ? 0.0 : (a[j] - b[j]) / norm;
    }
    return SCP_OK;
}
const scp_op_impl scp_ref_gather_dir = { .op = SCP_OP_GATHER_DIR, .fwd = gather_dir_fwd };
