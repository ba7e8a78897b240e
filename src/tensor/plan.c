/* Planning a graph, see plan.h: which nodes run and in which order, which gradients are needed, and
 * whether a backward call overwrites or adds, all decided here, once. Where things lie in memory:
 * plan_memory.c. Views (RESHAPE) have no memory: value and gradient are those of the node they
 * view. Gradients of parameters go straight to the store's gradient arena. */
#include "tensor/plan_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/graph_add.h"
#include "tensor/half.h"

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

size_t scp_plan_elements(const scp_plan *p, scp_dtype type, size_t n)
{
    if (p->emulate && (type == SCP_F16 || type == SCP_BF16)) type = SCP_REAL;
    return scp_device_bytes(p->dev, type, n);
}

/* Does nothing but its inputs decide what the op gives, out of training? */
static bool pure(const scp_node *n)
{
    return n->op != SCP_OP_FOUR_STATE && n->op != SCP_OP_RAND_TIME && n->op != SCP_OP_RAND_NORMAL;
}

static bool belongs_to_head(const scp_plan *p, const scp_node *n)
{
    if (p->loss || !pure(n)) return false;
    if (n->op == SCP_OP_INPUT || n->op == SCP_OP_TABLE) return n->steady;
    for (int k = 0; k < n->n_in; k++)
        if (!p->slot[n->in[k]->id].head) return false;
    return true;
}

/* The order of the graph, the head before the rest. */
static scp_status find_order(scp_plan *p)
{
    SCP_TRY(scp_alloc(p->n, sizeof *p->order, &p->order));
    for (size_t i = 0; i < p->n; i++) p->slot[i].head = belongs_to_head(p, scp_graph_node(p->g, i));
    for (int part = 0; part < 2; part++) {
        for (size_t i = 0; i < p->n; i++)
            if (p->slot[i].live && p->slot[i].head == (part == 0)) p->order[p->n_order++] = (int)i;
        if (part == 0) p->n_head = p->n_order;
    }
    return SCP_OK;
}

bool scp_plan_runs_backward(const scp_plan *p, const scp_node *n)
{
    return p->slot[n->id].impl && p->slot[n->id].active && n->needs_grad;
}

bool scp_plan_reads(const scp_node *n, int k)
{
    if (n->op == SCP_OP_LINEAR && k < 2) return scp_node_wants_grad(n, 1 - k);
    return scp_op_table[n->op].reads >> k & 1;
}

/* What may be fetched after a run: outputs, also through a view, the loss, and leaves. */
static void mark_kept(scp_plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        if (p->keep || n->output || n == p->loss || scp_plan_is_leaf(n))
            p->slot[p->slot[i].root].kept = true;
    }
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

/* The gradient of the loss with respect to itself, until somebody scales it. */
static scp_status write_one(const scp_plan *p)
{
    const scp_slot *s = &p->slot[p->slot[p->loss->id].root];
    const double one = 1;
    const uint16_t bits = scp_half_bits(p->store, 1);
    if (p->store != SCP_REAL && s->type == p->store && !p->emulate)
        return p->dev->backend->write(p->dev, p->block + s->grad, &bits, sizeof bits);
    return scp_device_write_f64(p->dev, p->block + s->grad, &one, 1);
}

static scp_status fill(scp_plan *p)
{
    mark_live(p);
    mark_roots(p);
    SCP_TRY(mark_backward(p));
    SCP_TRY(find_ops(p));
    SCP_TRY(find_order(p));
    scp_plan_group(p);
    scp_plan_mixed_types(p);
    mark_kept(p);
    SCP_TRY(scp_plan_place(p));
    SCP_TRY(scp_device_alloc(p->dev, p->bytes, (void **)&p->block));
    p->at = (const scp_step *)(p->block + p->step);
    SCP_TRY(scp_plan_mixed_weights(p));
    return p->loss ? write_one(p) : SCP_OK;
}

scp_status scp_plan_create(scp_graph *g, scp_node *loss, scp_comm *comm, scp_plan **out)
{
    return scp_plan_create_with(g, loss, comm, &(scp_plan_config){ .store = SCP_REAL }, out);
}

scp_status scp_plan_create_as(scp_graph *g, scp_node *loss, scp_comm *comm, scp_dtype store,
                              scp_plan **out)
{
    return scp_plan_create_with(g, loss, comm, &(scp_plan_config){ .store = store }, out);
}

static scp_status read_reuse(bool *off)
{
    const char *reuse = getenv("SCPPDM_REUSE");
    *off = reuse && !strcmp(reuse, "no");
    if (reuse && *reuse && !*off && strcmp(reuse, "yes") != 0)
        SCP_FAIL(SCP_EUSAGE, "SCPPDM_REUSE is '%s'; it may be yes or no", reuse);
    return SCP_OK;
}

scp_status scp_plan_create_with(scp_graph *g, scp_node *loss, scp_comm *comm,
                                const scp_plan_config *cfg, scp_plan **out)
{
    scp_plan *p = NULL;
    bool off;
    scp_status st = SCP_OK;
    SCP_ARG(g && cfg && out, "graph, settings and result are required");
    const scp_dtype store = cfg->store;
    SCP_ARG(store == SCP_REAL || store == SCP_F16 || store == SCP_BF16, "no storage of reals");
    SCP_TRY(read_reuse(&off));
    SCP_TRY(scp_graph_status(g));
    if (loss && (loss->shape.n != 0 || !loss->needs_grad))
        SCP_FAIL(SCP_ESHAPE, "loss '%s' must be a scalar that depends on parameters", loss->name);
    SCP_TRY(scp_params_finalize(scp_graph_params(g)));
    SCP_ARG(!loss || scp_params_arena(scp_graph_params(g), SCP_ARENA_G),
            "a store of fixed weights has no gradients for the loss '%s'", loss->name);
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    p->g = g;
    p->params = scp_graph_params(g);
    p->dev = scp_params_device(p->params);
    p->comm = comm;
    p->store = store;
    p->emulate = store != SCP_REAL && p->dev->backend->host;
    p->loss = loss;
    p->own = cfg->own && store != SCP_REAL;
    p->keep = cfg->keep || off;
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
    if ((*p)->own) scp_device_release((*p)->dev, (*p)->half);
    free((*p)->slot);
    free((*p)->order);
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

size_t scp_plan_bytes_apart(const scp_plan *p)
{
    return p->bytes_apart;
}

double scp_plan_flops(const scp_plan *p, bool again)
{
    double sum = 0;
    for (size_t t = again ? p->n_head : 0; t < p->n_order; t++) {
        const scp_node *n = scp_graph_node(p->g, (size_t)p->order[t]);
        const double results = (double)scp_shape_count(&n->shape);
        if (n->op == SCP_OP_LINEAR) sum += 2 * results * (double)scp_shape_last(&n->in[0]->shape);
        if (n->op == SCP_OP_ATTN) sum += 4 * results * (double)n->in[1]->shape.d[1];
    }
    return sum;
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
    const bool kept = p->slot[x->id].live && p->slot[p->slot[x->id].root].kept;
    return kept ? scp_plan_value(p, x) : NULL;
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
