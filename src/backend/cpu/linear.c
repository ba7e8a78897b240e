/* LINEAR on cpu: three GEMMs through CBLAS. Forward 2*R*I*O flops, backward twice that. */
#include <cblas.h>

#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"

typedef struct dims {
    int rows, in, out;
} dims;

static scp_status dims_of(const scp_node *n, dims *d)
{
    int64_t rows = scp_shape_rows(&n->in[0]->shape), in = scp_shape_last(&n->in[0]->shape);
    int64_t out = scp_shape_last(&n->shape);
    if (rows > INT32_MAX || in > INT32_MAX || out > INT32_MAX)
        SCP_FAIL(SCP_ESHAPE, "linear '%s': a dimension exceeds what BLAS takes", n->name);
    *d = (dims){ (int)rows, (int)in, (int)out };
    return SCP_OK;
}

static scp_status linear_fwd(const scp_call *c)
{
    dims d;
    SCP_TRY(dims_of(c->node, &d));
    const float *b = c->node->n_in > 2 ? c->in[2] : NULL;
    float *y = c->out;
    for (int64_t r = 0; b && r < d.rows; r++) memcpy(y + r * d.out, b, (size_t)d.out * sizeof *y);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, d.rows, d.out, d.in, 1.0f, c->in[0], d.in, c->in[1],
                d.in, b ? 1.0f : 0.0f, y, d.out);
    return SCP_OK;
}

static void grad_bias(const float *dy, float *db, bool add, dims d)
{
#pragma omp parallel for if ((int64_t)d.rows * d.out > SCP_PAR_MIN)
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
    if (c->din[0])
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, d.rows, d.in, d.out, 1.0f, c->dout, d.out,
                    c->in[1], d.in, c->add[0] ? 1.0f : 0.0f, c->din[0], d.in);
    if (c->din[1])
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, d.out, d.in, d.rows, 1.0f, c->dout, d.out, c->in[0],
                    d.in, c->add[1] ? 1.0f : 0.0f, c->din[1], d.in);
    if (c->din[2]) grad_bias(c->dout, c->din[2], c->add[2], d);
    return SCP_OK;
}

const scp_op_impl scp_cpu_linear = { .op = SCP_OP_LINEAR, .fwd = linear_fwd, .bwd = linear_bwd };
