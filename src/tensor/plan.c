/* Planning a graph, see plan.h.
 *
 * Memory: one device block holds, at fixed offsets, first the inputs, then the value, the gradient
 * and the aux of every node that the outputs or the loss need, and one scratch area that all calls
 * share. Views
 * (RESHAPE) have no memory: value and gradient are those of the node they view. Gradients of
 * parameters go straight to the store's gradient arena. Whether a backward call overwrites or adds
 * is decided here, once. */
#include "tensor/plan_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/graph_add.h"

static void mark_live(scp_plan *p)
{
    for (size_t i = p->n; i-- > 0;) {
        scp_node *n = scp_graph_node(p->g, i);
        if (n->output || n == p->loss) p->slot[i].live = true;
        if (!p->slot[i].live) continue;
        for (int k = 0; k < n->n_in; k++) p->slot[n->in[k]->id].live = true;
    }
}

static void mark_roots(scp_plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        p->slot[i].root = n->op == SCP_OP_RESHAPE ? p->slot[n->in[0]->id].root : (int)i;
    }
}

/* Which gradients are needed, and which call writes each first: nodes run backward in reverse
 * order, so the first writer of a gradient is its last consumer. */
static scp_status mark_backward(scp_plan *p)
{
    bool *written = NULL;
    if (!p->loss) return SCP_OK;
    SCP_TRY(scp_alloc(p->n, sizeof *written, &written));
    p->slot[p->slot[p->loss->id].root].active = true;
    written[p->slot[p->loss->id].root] = true;
    for (size_t i = p->n; i-- > 0;) {
        const scp_node *n = scp_graph_node(p->g, i);
        if (n->op == SCP_OP_RESHAPE || !p->slot[i].active || scp_plan_is_leaf(n)) continue;
        for (int k = 0; k < n->n_in; k++) {
            if (!scp_node_wants_grad(n, k)) continue;
            int root = p->slot[n->in[k]->id].root;
            p->slot[root].active = true;
            p->slot[i].add[k] = written[root];
            written[root] = true;
        }
    }
    free(written);
    return SCP_OK;
}

static int64_t take(scp_plan *p, size_t bytes)
{
    int64_t offset = (int64_t)p->bytes;
    p->bytes += (bytes + 63) / 64 * 64;
    return offset;
}

size_t scp_plan_elements(const scp_plan *p, scp_dtype type, size_t n)
{
    if (p->emulate && (type == SCP_F16 || type == SCP_BF16)) type = SCP_REAL;
    return scp_device_bytes(p->dev, type, n);
}

static size_t node_bytes(const scp_plan *p, const scp_node *n, scp_dtype type)
{
    return scp_plan_elements(p, type, (size_t)scp_shape_count(&n->shape));
}

static void assign_inputs(scp_plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        if (n->op == SCP_OP_INPUT && p->slot[i].live)
            p->slot[i].value = take(p, node_bytes(p, n, n->dtype));
    }
    p->feed_bytes = p->bytes;
}

static void assign_memory(scp_plan *p)
{
    size_t scratch = 0;
    for (size_t i = 0; i < p->n; i++)
        p->slot[i].value = p->slot[i].grad = p->slot[i].aux = SCP_PLAN_NONE;
    assign_inputs(p);
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        scp_slot *s = &p->slot[i];
        if (!s->live || s->root != (int)i) continue;
        if (!scp_plan_is_leaf(n)) s->value = take(p, node_bytes(p, n, s->type));
        if (s->low != SCP_PLAN_NONE) s->low = take(p, node_bytes(p, n, p->store));
        if (s->active && n->op != SCP_OP_PARAM) s->grad = take(p, node_bytes(p, n, s->type));
        if (n->n_aux) s->aux = take(p, scp_device_bytes(p->dev, SCP_REAL, n->n_aux));
        if (n->n_scratch > scratch) scratch = n->n_scratch;
    }
    p->scratch = take(p, scp_device_bytes(p->dev, SCP_REAL, scratch));
    p->step = take(p, sizeof(scp_step));
}

static scp_status find_ops(scp_plan *p)
{
    const scp_backend *b = p->dev->backend;
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        scp_slot *s = &p->slot[i];
        if (!s->live || scp_plan_is_leaf(n) || n->op == SCP_OP_RESHAPE) continue;
        for (size_t k = 0; k < b->n_ops && !s->impl; k++)
            if (b->ops[k]->op == n->op) s->impl = b->ops[k];
        if (!s->impl)
            SCP_FAIL(SCP_EDEVICE, "device %s has no op '%s' (node '%s')", b->name,
                     scp_op_table[n->op].name, n->name);
        if (s->active && n->needs_grad && !s->impl->bwd)
            SCP_FAIL(SCP_EDEVICE, "device %s has no backward pass of op '%s' (node '%s')", b->name,
                     scp_op_table[n->op].name, n->name);
    }
    return SCP_OK;
}

static scp_status fill(scp_plan *p)
{
    double one = 1;
    mark_live(p);
    mark_roots(p);
    SCP_TRY(mark_backward(p));
    SCP_TRY(find_ops(p));
    scp_plan_mixed_types(p);
    assign_memory(p);
    SCP_TRY(scp_device_alloc(p->dev, p->bytes, (void **)&p->block));
    p->at = (const scp_step *)(p->block + p->step);
    if (p->store != SCP_REAL) SCP_TRY(scp_params_half(p->params, p->store, &p->half));
    if (p->loss) {
        const scp_slot *s = &p->slot[p->slot[p->loss->id].root];
        SCP_TRY(scp_device_write_f64(p->dev, p->block + s->grad, &one, 1));
    }
    return SCP_OK;
}

scp_status scp_plan_create(scp_graph *g, scp_node *loss, scp_comm *comm, scp_plan **out)
{
    return scp_plan_create_as(g, loss, comm, SCP_REAL, out);
}

scp_status scp_plan_create_as(scp_graph *g, scp_node *loss, scp_comm *comm, scp_dtype store,
                              scp_plan **out)
{
    scp_plan *p = NULL;
    scp_status st = SCP_OK;
    SCP_ARG(g && out, "graph and result are required");
    SCP_ARG(store == SCP_REAL || store == SCP_F16 || store == SCP_BF16, "no storage of reals");
    SCP_TRY(scp_graph_status(g));
    if (loss && (loss->shape.n != 0 || !loss->needs_grad))
        SCP_FAIL(SCP_ESHAPE, "loss '%s' must be a scalar that depends on parameters", loss->name);
    SCP_TRY(scp_params_finalize(scp_graph_params(g)));
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    p->g = g;
    p->params = scp_graph_params(g);
    p->dev = scp_params_device(p->params);
    p->comm = comm;
    p->store = store;
    p->emulate = store != SCP_REAL && p->dev->backend->host;
    p->loss = loss;
    p->n = scp_graph_size(g);
    SCP_GOTO(fail, scp_alloc(p->n, sizeof *p->slot, &p->slot));
    SCP_GOTO(fail, fill(p));
    *out = p;
    return SCP_OK;
fail:
    scp_plan_destroy(&p);
    return st;
}

void scp_plan_destroy(scp_plan **p)
{
    if (!p || !*p) return;
    scp_device_release((*p)->dev, (*p)->block);
    free((*p)->slot);
    free(*p);
    *p = NULL;
}

scp_dtype scp_plan_store(const scp_plan *p)
{
    return p->store;
}

size_t scp_plan_bytes(const scp_plan *p)
{
    return p->bytes;
}

static void *param_at(const scp_plan *p, const scp_node *n, scp_arena a)
{
    size_t offset = scp_params_info(p->params, n->param)->offset;
    return (char *)scp_params_arena(p->params, a) + scp_device_bytes(p->dev, SCP_REAL, offset);
}

void *scp_plan_feed_block(const scp_plan *p, size_t *bytes)
{
    *bytes = p->feed_bytes;
    return p->block;
}

const void *scp_plan_memory(const scp_plan *p, const scp_node *x)
{
    return p->slot[x->id].live ? scp_plan_value(p, x) : NULL;
}

bool scp_plan_talks(const scp_plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->slot[i].live && scp_graph_node(p->g, i)->op == SCP_OP_BATCHNORM)
            return p->comm && scp_comm_size(p->comm) > 1;
    return false;
}

const void *scp_plan_loss(const scp_plan *p)
{
    return p->loss ? scp_plan_value(p, p->loss) : NULL;
}

void *scp_plan_loss_grad(const scp_plan *p)
{
    return p->loss ? scp_plan_grad(p, p->loss) : NULL;
}

void *scp_plan_value(const scp_plan *p, const scp_node *n)
{
    const scp_slot *s = &p->slot[p->slot[n->id].root];
    const scp_node *root = scp_graph_node(p->g, (size_t)p->slot[n->id].root);
    if (root->op == SCP_OP_PARAM) return param_at(p, root, SCP_ARENA_W);
    if (root->op == SCP_OP_TABLE) return s->table;
    return s->value == SCP_PLAN_NONE ? NULL : p->block + s->value;
}

void *scp_plan_grad(const scp_plan *p, const scp_node *n)
{
    const scp_slot *s = &p->slot[p->slot[n->id].root];
    const scp_node *root = scp_graph_node(p->g, (size_t)p->slot[n->id].root);
    if (!s->active) return NULL;
    if (root->op == SCP_OP_PARAM) return param_at(p, root, SCP_ARENA_G);
    return s->grad == SCP_PLAN_NONE ? NULL : p->block + s->grad;
}
