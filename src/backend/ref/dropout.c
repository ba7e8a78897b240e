/* Dropout of the oracle. Element e of global row s is kept when word e of the stream (seed, stream,
 * step, s) is at or above p 2^32; nothing is stored, the backward pass draws the words again. */
#include "backend/ref/ref_ops.h"

#include "backend/host_ops.h"
#include "base/rng.h"

static bool kept(const scp_call *c, int64_t row, int64_t e)
{
    const scp_step *step = c->step;
    uint32_t word[4];
    scp_rng_block(step->seed, c->node->attr.random.stream, (uint64_t)step->step,
                  (uint64_t)(step->row0 + row), (uint32_t)(e / 4), word);
    return word[e % 4] >= scp_drop_threshold(c->node->attr.random.p);
}

static void apply(const scp_call *c, double *y, const double *x, bool add)
{
    int64_t rows = scp_batch_rows(&c->node->shape), width = scp_batch_width(&c->node->shape);
    double scale = 1.0 / (1.0 - c->node->attr.random.p);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t e = 0; e < width; e++) {
            int64_t i = row * width + e;
            double value = !c->step->train ? x[i] : kept(c, row, e) ? scale * x[i] : 0.0;
            scp_ref_put(&y[i], add, value);
        }
}

static scp_status dropout_fwd(const scp_call *c)
{
    apply(c, c->out, c->in[0], false);
    return SCP_OK;
}
static scp_status dropout_bwd(const scp_call *c)
{
    if (c->din[0]) apply(c, c->din[0], c->dout, c->add[0]);
    return SCP_OK;
}
const scp_op_impl scp_ref_dropout = { .op = SCP_OP_DROPOUT,
                                      .fwd = dropout_fwd,
                                      .bwd = dropout_bwd };
