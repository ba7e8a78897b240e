/* UNIT of the oracle: y = x / n with n = max(|x|, floor) per row;
 * dx = (dy - y <y, dy>) / n, without the second term at the floor. aux: n [R]. */
#include <math.h>

#include "backend/ref/ref_ops.h"

static scp_status unit_fwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const double *x = c->in[0];
    double *y = c->out, *norm = c->aux;
    for (int64_t r = 0; r < R; r++, x += D, y += D) {
        double sum = 0.0;
        for (int64_t j = 0; j < D; j++) sum += x[j] * x[j];
        norm[r] = fmax(sqrt(sum), SCP_UNIT_FLOOR);
        for (int64_t j = 0; j < D; j++) y[j] = x[j] / norm[r];
    }
    return SCP_OK;
}

static scp_status unit_bwd(const scp_call *c)
{
    int64_t R = scp_shape_rows(&c->node->shape), D = scp_shape_last(&c->node->shape);
    const double *y = c->out, *dy = c->dout, *norm = c->aux;
    double *dx = c->din[0];
    for (int64_t r = 0; dx && r < R; r++, y += D, dy += D, dx += D) {
        double along = 0.0;
        for (int64_t j = 0; norm[r] > SCP_UNIT_FLOOR && j < D; j++) along += y[j] * dy[j];
        for (int64_t j = 0; j < D; j++)
            scp_ref_put(&dx[j], c->add[0], (dy[j] - y[j] * along) / norm[r]);
    }
    return SCP_OK;
}
const scp_op_impl scp_ref_unit = { .op = SCP_OP_UNIT, .fwd = unit_fwd, .bwd = unit_bwd };
