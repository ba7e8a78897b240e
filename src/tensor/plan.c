/* Planning and running a graph, see plan.h.
 *
 * Memory: one device block holds, at fixed offsets, the value, the gradient and the aux of every
 * node that the outputs or the loss need, and one scratch area that all calls share. Views
 * (RESHAPE) have no memory: value and gradient are those of the node they view. Gradients of
 * parameters go straight to the store's gradient arena. Whether a backward call overwrites or adds
 * is decided here, once. */
#include "tensor/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/graph_add.h"

enum { NONE = -1 };

/* What the plan knows of one node. Offsets are bytes in the block, NONE = no memory. */
typedef struct scp_slot {
    bool live;   /* an output or the loss needs it        */
    bool active; /* the loss's gradient reaches it        */
    int root;    /* the node whose memory it uses         */
    int64_t value, grad, aux;
    void *table;          /* bound memory of a TABLE               */
    bool add[SCP_MAX_IN]; /* backward: add to the input's gradient */
    const scp_op_impl *impl;
} scp_slot;

struct scp_plan {
    scp_graph *g;
    scp_params *params;
    scp_device *dev;
    scp_comm *comm;
    const scp_node *loss;
    scp_slot *slot;
    size_t n;
    char *block;
    size_t bytes;
    int64_t scratch;
    scp_step step;
    bool ran;
};

static bool is_leaf(const scp_node *n)
{
    return n->op == SCP_OP_INPUT || n->op == SCP_OP_TABLE || n->op == SCP_OP_PARAM;
}

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
        if (n->op == SCP_OP_RESHAPE || !p->slot[i].active || is_leaf(n)) continue;
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

static size_t node_bytes(const scp_plan *p, const scp_node *n)
{
    return scp_device_bytes(p->dev, n->dtype, (size_t)scp_shape_count(&n->shape));
}

static void assign_memory(scp_plan *p)
{
    size_t scratch = 0;
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        scp_slot *s = &p->slot[i];
        s->value = s->grad = s->aux = NONE;
        if (!s->live || s->root != (int)i) continue;
        if (n->op != SCP_OP_TABLE && n->op != SCP_OP_PARAM) s->value = take(p, node_bytes(p, n));
        if (s->active && n->op != SCP_OP_PARAM) s->grad = take(p, node_bytes(p, n));
        if (n->n_aux) s->aux = take(p, scp_device_bytes(p->dev, SCP_REAL, n->n_aux));
        if (n->n_scratch > scratch) scratch = n->n_scratch;
    }
    p->scratch = take(p, scp_device_bytes(p->dev, SCP_REAL, scratch));
}

static scp_status find_ops(scp_plan *p)
{
    const scp_backend *b = p->dev->backend;
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        scp_slot *s = &p->slot[i];
        if (!s->live || is_leaf(n) || n->op == SCP_OP_RESHAPE) continue;
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
    assign_memory(p);
    SCP_TRY(scp_device_alloc(p->dev, p->bytes, (void **)&p->block));
    if (p->loss) {
        const scp_slot *s = &p->slot[p->slot[p->loss->id].root];
        SCP_TRY(scp_device_write_f64(p->dev, p->block + s->grad, &one, 1));
    }
    return SCP_OK;
}

scp_status scp_plan_create(scp_graph *g, scp_node *loss, scp_comm *comm, scp_plan **out)
{
    scp_plan *p = NULL;
    scp_status st = SCP_OK;
    SCP_ARG(g && out, "graph and result are required");
    SCP_TRY(scp_graph_status(g));
    if (loss && (loss->shape.n != 0 || !loss->needs_grad))
        SCP_FAIL(SCP_ESHAPE, "loss '%s' must be a scalar that depends on parameters", loss->name);
    SCP_TRY(scp_params_finalize(scp_graph_params(g)));
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    p->g = g;
    p->params = scp_graph_params(g);
    p->dev = scp_params_device(p->params);
    p->comm = comm;
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

size_t scp_plan_bytes(const scp_plan *p)
{
    return p->bytes;
}

static void *param_at(const scp_plan *p, const scp_node *n, scp_arena a)
{
    size_t offset = scp_params_info(p->params, n->param)->offset;
    return (char *)scp_params_arena(p->params, a) + scp_device_bytes(p->dev, SCP_REAL, offset);
}

static void *value_of(const scp_plan *p, const scp_node *n)
{
    const scp_slot *s = &p->slot[p->slot[n->id].root];
    const scp_node *root = scp_graph_node(p->g, (size_t)p->slot[n->id].root);
    if (root->op == SCP_OP_PARAM) return param_at(p, root, SCP_ARENA_W);
    if (root->op == SCP_OP_TABLE) return s->table;
    return s->value == NONE ? NULL : p->block + s->value;
}

static void *grad_of(const scp_plan *p, const scp_node *n)
{
    const scp_slot *s = &p->slot[p->slot[n->id].root];
    const scp_node *root = scp_graph_node(p->g, (size_t)p->slot[n->id].root);
    if (!s->active) return NULL;
    if (root->op == SCP_OP_PARAM) return param_at(p, root, SCP_ARENA_G);
    return s->grad == NONE ? NULL : p->block + s->grad;
}

static void make_call(const scp_plan *p, const scp_node *n, scp_call *c)
{
    const scp_slot *s = &p->slot[n->id];
    *c = (scp_call){ .node = n,
                     .out = value_of(p, n),
                     .step = &p->step,
                     .train = p->step.train,
                     .comm = p->comm,
                     .dev = p->dev,
                     .aux = s->aux == NONE ? NULL : p->block + s->aux,
                     .scratch = p->block + p->scratch };
    for (int i = 0; i < n->n_in; i++) c->in[i] = value_of(p, n->in[i]);
}

scp_status scp_plan_forward(scp_plan *p, const scp_step *step)
{
    p->step = *step;
    p->ran = true;
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        scp_call c;
        if (!p->slot[i].live) continue;
        if (n->op == SCP_OP_TABLE && !p->slot[i].table)
            SCP_FAIL(SCP_EINTERNAL, "table '%s' is not bound", n->name);
        if (!p->slot[i].impl) continue;
        make_call(p, n, &c);
        SCP_TRY(p->slot[i].impl->fwd(&c));
    }
    return SCP_OK;
}

/* Parameters that this plan's loss does not reach have gradient zero. */
static scp_status zero_unreached(scp_plan *p)
{
    for (size_t k = 0; k < scp_params_count(p->params); k++) {
        const scp_param_info *info = scp_params_info(p->params, k);
        const scp_node *n = scp_graph_find_param(p->g, k);
        if (info->state || (n && p->slot[n->id].active)) continue;
        void *at = (char *)scp_params_arena(p->params, SCP_ARENA_G) +
                   scp_device_bytes(p->dev, SCP_REAL, info->offset);
        SCP_TRY(p->dev->backend->zero(p->dev, at, scp_device_bytes(p->dev, SCP_REAL, info->count)));
    }
    return SCP_OK;
}

scp_status scp_plan_backward(scp_plan *p)
{
    SCP_ARG(p->loss && p->ran, "a plan with a loss must run forward before backward");
    SCP_TRY(zero_unreached(p));
    for (size_t i = p->n; i-- > 0;) {
        const scp_node *n = scp_graph_node(p->g, i);
        scp_call c;
        if (!p->slot[i].impl || !p->slot[i].active || !n->needs_grad) continue;
        make_call(p, n, &c);
        c.dout = grad_of(p, n);
        for (int k = 0; k < n->n_in; k++) {
            if (!scp_node_wants_grad(n, k)) continue;
            c.din[k] = grad_of(p, n->in[k]);
            c.add[k] = p->slot[i].add[k];
        }
        SCP_TRY(p->slot[i].impl->bwd(&c));
    }
    return SCP_OK;
}

static scp_status input_memory(scp_plan *p, const scp_node *n, scp_dtype type, void **at)
{
    SCP_ARG(n && n->op == SCP_OP_INPUT && n->dtype == type,
            "feed needs an input of the right type");
    *at = value_of(p, n);
    if (!*at && p->slot[n->id].live) SCP_FAIL(SCP_EINTERNAL, "input '%s' has no memory", n->name);
    return SCP_OK;
}

scp_status scp_plan_feed_f32(scp_plan *p, const scp_node *input, const float *host)
{
    void *at = NULL;
    SCP_TRY(input_memory(p, input, SCP_REAL, &at));
    if (!at) return SCP_OK; /* nothing depends on it */
    return scp_device_write_f32(p->dev, at, host, (size_t)scp_shape_count(&input->shape));
}

scp_status scp_plan_feed_f64(scp_plan *p, const scp_node *input, const double *host)
{
    void *at = NULL;
    SCP_TRY(input_memory(p, input, SCP_REAL, &at));
    if (!at) return SCP_OK;
    return scp_device_write_f64(p->dev, at, host, (size_t)scp_shape_count(&input->shape));
}

scp_status scp_plan_feed_i32(scp_plan *p, const scp_node *input, const int32_t *host)
{
    void *at = NULL;
    SCP_TRY(input_memory(p, input, SCP_I32, &at));
    if (!at) return SCP_OK;
    return p->dev->backend->write(p->dev, at, host, node_bytes(p, input));
}

scp_status scp_plan_bind(scp_plan *p, const scp_node *table, void *device_memory)
{
    SCP_ARG(table && table->op == SCP_OP_TABLE && device_memory,
            "bind needs a table and its memory");
    p->slot[table->id].table = device_memory;
    return SCP_OK;
}

static scp_status readable(const scp_plan *p, const scp_node *x, const void *at)
{
    if (!x || !at || !p->slot[x->id].live)
        SCP_FAIL(SCP_EINTERNAL, "node '%s' is not kept: mark it with scp_output", x ? x->name : "");
    return SCP_OK;
}

scp_status scp_plan_fetch_f32(scp_plan *p, const scp_node *x, float *host)
{
    const void *at = value_of(p, x);
    SCP_TRY(readable(p, x, at));
    return scp_device_read_f32(p->dev, host, at, (size_t)scp_shape_count(&x->shape));
}

scp_status scp_plan_fetch_f64(scp_plan *p, const scp_node *x, double *host)
{
    const void *at = value_of(p, x);
    SCP_TRY(readable(p, x, at));
    return scp_device_read_f64(p->dev, host, at, (size_t)scp_shape_count(&x->shape));
}

scp_status scp_plan_fetch_i32(scp_plan *p, const scp_node *x, int32_t *host)
{
    const void *at = value_of(p, x);
    SCP_TRY(readable(p, x, at));
    return p->dev->backend->read(p->dev, host, at, node_bytes(p, x));
}

scp_status scp_plan_fetch_grad_f64(scp_plan *p, const scp_node *x, double *host)
{
    const void *at = grad_of(p, x);
    SCP_TRY(readable(p, x, at));
    return scp_device_read_f64(p->dev, host, at, (size_t)scp_shape_count(&x->shape));
}
