/* LINEAR on cpu: three matrix products. Forward 2*R*I*O flops, backward twice that. */
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/gemm.h"
#include "backend/cpu/par.h"

typedef struct dims {
    int64_t rows, in, out;
} dims;

static scp_status dims_of(const scp_node *n, dims *d)
{
    *d = (dims){ scp_shape_rows(&n->in[0]->shape), scp_shape_last(&n->in[0]->shape),
                 scp_shape_last(&n->shape) };
    return scp_gemm_check(n->name, d->rows, d->in, d->out);
}

static scp_status linear_fwd(const scp_call *c)
{
    dims d;
    SCP_TRY(dims_of(c->node, &d));
    scp_gemm_nt_bias(d.rows, d.out, d.in, c->in[0], c->in[1], c->node->n_in > 2 ? c->in[2] : NULL,
                     c->out);
    return SCP_OK;
}

static void grad_bias(const float *dy, float *db, bool add, dims d)
{
#pragma omp parallel for if (d.rows * d.out > SCP_PAR_MIN)
    for (int64_t o0 = 0; o0 < d.out; o0 += SCP_COLS) {
        int64_t width = scp_min(SCP_COLS, d.out - o0);
        double sum[SCP_COLS] = { 0 };
        for (int64_t r = 0; r < d.rows; r++)
            for (int64_t k = 0; k < width; k++) sum[k] += dy[r * d.out + o0 + k];
        for (int64_t k = 0; k < width; k++) scp_put(&db[o0 + k], add, (float)sum[k]);
    }
}

static scp_status linear_bwd(const scp_call *c)
{
    dims d;
    SCP_TRY(dims_of(c->node, &d));
    if (c->din[0]) scp_gemm_nn(d.rows, d.in, d.out, c->dout, c->in[1], c->add[0], c->din[0]);
    if (c->din[1]) scp_gemm_tn(d.out, d.in, d.rows, c->dout, c->in[0], c->add[1], c->din[1]);
    if (c->din[2]) grad_bias(c->dout, c->din[2], c->add[2], d);
    return SCP_OK;
}

const scp_op_impl SCP_CPU(linear) = { .op = SCP_OP_LINEAR, .fwd = linear_fwd, .bwd = linear_bwd };
