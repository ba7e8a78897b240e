/* Which calls run as one: products with narrow results (narrow.cu), and pairs of element-wise
 * operations with dropout among them (dropout.cu). The first call says which it is. */
#include "backend/cuda/group.h"

#include "backend/cuda/dropout.h"
#include "backend/cuda/narrow.h"

static bool joins(const scp_node *const *have, int n, const scp_node *next)
{
    return have[0]->op == SCP_OP_LINEAR ? scp_cuda_narrow_joins(have, n, next)
                                        : scp_cuda_dropout_joins(have, n, next);
}

static scp_status forward(const scp_call *c, int n)
{
    return c->node->op == SCP_OP_LINEAR ? scp_cuda_narrow_fwd(c, n) : scp_cuda_dropout_fwd(c, n);
}

static scp_status backward(const scp_call *c, int n)
{
    return c->node->op == SCP_OP_LINEAR ? scp_cuda_narrow_bwd(c, n) : scp_cuda_dropout_bwd(c, n);
}

const scp_group_impl scp_cuda_group = { .joins = joins, .fwd = forward, .bwd = backward };
