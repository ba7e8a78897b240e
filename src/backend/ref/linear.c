/* LINEAR on ref: y[r, o] = sum_i x[r, i] W[o, i] + b[o]. */
#include "backend/ref/ref_ops.h"

static scp_status linear_fwd(const scp_call *c)
{
    const scp_node *n = c->node;
    int64_t R = scp_shape_rows(&n->in[0]->shape), I = scp_shape_last(&n->in[0]->shape);
    int64_t O = scp_shape_last(&n->shape);
    const double *x = c->in[0], *W = c->in[1], *b = n->n_in > 2 ? c->in[2] : NULL;
    double *y = c->out;
    for (int64_t r = 0; r < R; r++)
        for (int64_t o = 0; o < O; o++) {
            double sum = b ? b[o] : 0;
            for (int64_t i = 0; i < I; i++) sum += x[r * I + i] * W[o * I + i];
            y[r * O + o] = sum;
        }
    return SCP_OK;
}

static void grad_x(const double *W, const double *dy, double *dx, bool add, int64_t R, int64_t I,
                   int64_t O)
{
    for (int64_t r = 0; r < R; r++) {
        for (int64_t i = 0; i < I && !add; i++) dx[r * I + i] = 0;
        for (int64_t o = 0; o < O; o++)
            for (int64_t i = 0; i < I; i++) dx[r * I + i] += dy[r * O + o] * W[o * I + i];
    }
}

static scp_status linear_bwd(const scp_call *c)
{
    const scp_node *n = c->node;
    int64_t R = scp_shape_rows(&n->in[0]->shape), I = scp_shape_last(&n->in[0]->shape);
    int64_t O = scp_shape_last(&n->shape);
    const double *x = c->in[0], *W = c->in[1], *dy = c->dout;
    double *dW = c->din[1], *db = c->din[2];
    if (c->din[0]) grad_x(W, dy, c->din[0], c->add[0], R, I, O);
    for (int64_t o = 0; dW && o < O; o++) {
        for (int64_t i = 0; i < I && !c->add[1]; i++) dW[o * I + i] = 0;
        for (int64_t r = 0; r < R; r++)
            for (int64_t i = 0; i < I; i++) dW[o * I + i] += dy[r * O + o] * x[r * I + i];
    }
    for (int64_t o = 0; db && o < O; o++) {
        double sum = 0;
        for (int64_t r = 0; r < R; r++) sum += dy[r * O + o];
        scp_ref_put(&db[o], c->add[2], sum);
    }
    return SCP_OK;
}

const scp_op_impl scp_ref_linear = { .op = SCP_OP_LINEAR, .fwd = linear_fwd, .bwd = linear_bwd };
