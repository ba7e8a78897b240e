/* Mixed precision: which values a plan stores in half, see plan.h.
 *
 * The policy is one row of the op table (scp_op_info.stored). A value is stored in half when its op
 * may write it so and it is no scalar; parameters are read from the weights in half where their
 * consumer wants that, and their gradients stay fp32. So losses, sums, statistics, the gradients of
 * parameters and tables are fp32, and no cast is a node of its own: the one kind of value that must
 * be copied is a real input or table of the plan. A node that is exact (scp_exact) stays out of it;
 * as a product it reads halves and writes reals.
 *
 * On a device of the host, halves are emulated: reals, rounded after every call that writes them.
 */
#include <string.h>

#include "tensor/half.h"
#include "tensor/plan_impl.h"

/* Rows of a table are gathered as they are: the op reads both. */
static bool wants_low(const scp_node *n, int i)
{
    if (n->exact && !(n->op == SCP_OP_LINEAR && i < 2)) return false;
    return n->in[i]->dtype == SCP_REAL && n->in[i]->shape.n && n->op != SCP_OP_GATHER &&
           (scp_op_table[n->op].stored >> i & 1);
}

void scp_plan_mixed_types(scp_plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        scp_slot *s = &p->slot[i];
        s->type = n->dtype;
        s->low = SCP_PLAN_NONE;
        if (n->op == SCP_OP_RESHAPE) s->type = p->slot[s->root].type;
        if (p->store == SCP_REAL || n->dtype != SCP_REAL) continue;
        if ((scp_op_table[n->op].stored & SCP_STORED_OUT) && n->shape.n && !n->exact)
            s->type = p->store;
        if (!s->live) continue;
        for (int k = 0; k < n->n_in; k++) {
            scp_slot *from = &p->slot[p->slot[n->in[k]->id].root];
            const scp_node *root = scp_graph_node(p->g, (size_t)p->slot[n->in[k]->id].root);
            if (wants_low(n, k) && (root->op == SCP_OP_INPUT || root->op == SCP_OP_TABLE))
                from->low = 0; /* placed later */
        }
    }
}

/* The weights of a parameter in half. */
static const void *half_of(const scp_plan *p, const scp_node *param)
{
    const scp_param_info *info = scp_params_info(p->params, param->param);
    if (info->state) return NULL;
    return (const char *)p->half + scp_plan_elements(p, p->store, info->offset);
}

void scp_plan_mixed_call(const scp_plan *p, const scp_node *n, scp_call *c)
{
    const scp_dtype low = p->emulate ? SCP_REAL : p->store;
    c->out_type = p->slot[n->id].type == p->store ? low : SCP_REAL;
    c->emulated = p->emulate ? p->store : SCP_REAL;
    for (int i = 0; i < n->n_in; i++) {
        const scp_slot *s = &p->slot[p->slot[n->in[i]->id].root];
        const scp_node *root = scp_graph_node(p->g, (size_t)p->slot[n->in[i]->id].root);
        bool is_low = p->store != SCP_REAL && s->type == p->store;
        c->in_type[i] = c->din_type[i] = is_low ? low : SCP_REAL;
        if (p->store == SCP_REAL || !wants_low(n, i) || is_low) continue;
        const void *half = root->op == SCP_OP_PARAM  ? half_of(p, root)
                           : s->low != SCP_PLAN_NONE ? p->block + s->low
                                                     : NULL;
        if (!half) continue;
        c->in[i] = half;
        c->in_type[i] = low;
    }
}

static scp_status to_half(const scp_plan *p, void *low, const void *reals, size_t n)
{
    const scp_backend *b = p->dev->backend;
    if (p->emulate) {
        memcpy(low, reals, n * b->real_size);
        scp_half_round(p->store, low, b->real_size, n);
        return SCP_OK;
    }
    SCP_ARG(b->cast, "device %s casts nothing", b->name);
    return b->cast(p->dev, low, p->store, reals, SCP_REAL, n);
}

scp_status scp_plan_mixed_weights(scp_plan *p)
{
    if (p->store == SCP_REAL) return SCP_OK;
    if (!p->own) return scp_params_half(p->params, p->store, &p->half);
    const size_t n = scp_params_trainable(p->params) + 1;
    return scp_device_alloc(p->dev, scp_plan_elements(p, p->store, n), &p->half);
}

scp_status scp_plan_mixed_begin(scp_plan *p, size_t from, size_t to)
{
    if (p->store == SCP_REAL) return SCP_OK;
    if (p->own && from == 0)
        SCP_TRY(to_half(p, p->half, scp_params_arena(p->params, SCP_ARENA_W),
                        scp_params_trainable(p->params)));
    for (size_t i = 0; i < p->n; i++) {
        const scp_slot *s = &p->slot[i];
        const scp_node *n = scp_graph_node(p->g, i);
        const void *value = scp_plan_value(p, n);
        const bool read = s->head ? from == 0 : to > p->n_head;
        if (!s->live || s->low == SCP_PLAN_NONE || !value || !read) continue;
        SCP_TRY(to_half(p, p->block + s->low, value, (size_t)scp_shape_count(&n->shape)));
    }
    return SCP_OK;
}

void scp_plan_mixed_round_out(const scp_plan *p, const scp_node *n, const scp_call *c)
{
    if (!p->emulate || p->slot[n->id].type != p->store) return;
    scp_half_round(p->store, c->out, p->dev->backend->real_size,
                   (size_t)scp_shape_count(&n->shape));
}

void scp_plan_mixed_round_grads(const scp_plan *p, const scp_node *n, const scp_call *c)
{
    if (!p->emulate) return;
    for (int i = 0; i < n->n_in; i++)
        if (c->din[i] && p->slot[p->slot[n->in[i]->id].root].type == p->store)
            scp_half_round(p->store, c->din[i], p->dev->backend->real_size,
                           (size_t)scp_shape_count(&n->in[i]->shape));
}
