/* LINEAR on cpu: three matrix products. Forward 2*R*I*O flops, backward twice that,
 * as much once for W W^T. */
#include "backend/cpu/choose.h"
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

/* The operands are values of bf16 already, so nothing is rounded by multiplying them so. */
static bool is_bf16(const scp_call *c)
{
    return c->emulated == SCP_BF16 && c->dev->backend->level >= 5;
}

static scp_status multiply(const scp_call *c, const scp_gemm_product *p)
{
    return scp_choice_multiply(c->dev->impl, c->dev->backend->level, p, scp_gemm);
}

static scp_status linear_fwd(const scp_call *c)
{
    dims d;
    SCP_TRY(dims_of(c->node, &d));
    return multiply(c, &(scp_gemm_product){ .m = d.rows,
                                            .n = d.out,
                                            .k = d.in,
                                            .A = c->in[0],
                                            .B = c->in[1],
                                            .trans_b = true,
                                            .bf16 = is_bf16(c),
                                            .bias = c->node->n_in > 2 ? c->in[2] : NULL,
                                            .C = c->out });
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

/* W W^T: its gradient, dy W + dy^T W, is one product, (dy + dy^T) W. */
static scp_status gram_bwd(const scp_call *c, dims d)
{
    const float *dy = c->dout;
    float *both = c->scratch;
    for (int64_t i = 0; i < d.out; i++)
        for (int64_t j = 0; j < d.out; j++)
            both[i * d.out + j] = dy[i * d.out + j] + dy[j * d.out + i];
    return multiply(c, &(scp_gemm_product){ .m = d.out,
                                            .n = d.in,
                                            .k = d.out,
                                            .A = both,
                                            .B = c->in[1],
                                            .add = c->add[0],
                                            .C = c->din[0] });
}

/* Not in bf16: the sum of two of its values is none. */
static bool is_gram(const scp_call *c)
{
    return c->node->in[0] == c->node->in[1] && c->din[0] && !is_bf16(c);
}

static scp_status both_bwd(const scp_call *c, dims d)
{
    const scp_gemm_product dx = { .m = d.rows,
                                  .n = d.in,
                                  .k = d.out,
                                  .A = c->dout,
                                  .B = c->in[1],
                                  .add = c->add[0],
                                  .bf16 = is_bf16(c),
                                  .C = c->din[0] },
                           dw = { .m = d.out,
                                  .n = d.in,
                                  .k = d.rows,
                                  .A = c->dout,
                                  .B = c->in[0],
                                  .trans_a = true,
                                  .add = c->add[1],
                                  .bf16 = is_bf16(c),
                                  .C = c->din[1] };
    if (dx.C) SCP_TRY(multiply(c, &dx));
    if (dw.C) SCP_TRY(multiply(c, &dw));
    return SCP_OK;
}

static scp_status linear_bwd(const scp_call *c)
{
    dims d;
    SCP_TRY(dims_of(c->node, &d));
    SCP_TRY(is_gram(c) ? gram_bwd(c, d) : both_bwd(c, d));
    if (c->din[2]) grad_bias(c->dout, c->din[2], c->add[2], d);
    return SCP_OK;
}

const scp_op_impl SCP_CPU(linear) = { .op = SCP_OP_LINEAR, .fwd = linear_fwd, .bwd = linear_bwd };
