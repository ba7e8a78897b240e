/* Running a plan, see plan.h: a loop over the nodes, and one in reverse for the gradients, which
 * tells when a bucket of the gradient arena is complete. */
#include <stdlib.h>

#include "base/mem.h"
#include "tensor/graph_add.h"
#include "tensor/plan_impl.h"

enum { FORWARD, BACKWARD };

static void make_call(const scp_plan *p, const scp_node *n, int way, scp_call *c)
{
    const scp_slot *s = &p->slot[n->id];
    *c = (scp_call){ .node = n,
                     .out = scp_plan_value(p, n),
                     .step = p->at,
                     .train = p->train,
                     .comm = p->comm,
                     .dev = p->dev,
                     .aux = s->aux == SCP_PLAN_NONE ? NULL : p->block + s->aux,
                     .scratch =
                         s->scratch[way] == SCP_PLAN_NONE ? NULL : p->block + s->scratch[way] };
    for (int i = 0; i < n->n_in; i++) c->in[i] = scp_plan_value(p, n->in[i]);
    scp_plan_mixed_call(p, n, c);
}

static scp_status check_bound(const scp_plan *p, const scp_node *n)
{
    if (n->op == SCP_OP_TABLE && !p->slot[n->id].table)
        SCP_FAIL(SCP_EINTERNAL, "table '%s' is not bound", n->name);
    return SCP_OK;
}

/* The forward calls that are one, from position t on; *t becomes that of the last. */
static scp_status run_group(const scp_plan *p, size_t *t)
{
    const size_t first = *t;
    scp_call c[SCP_GROUP_MAX];
    int n = 0;
    *t = (size_t)p->slot[p->order[first]].last;
    for (size_t u = first; u <= *t; u++) {
        const scp_node *node = scp_graph_node(p->g, (size_t)p->order[u]);
        SCP_TRY(check_bound(p, node));
        if (p->slot[node->id].impl) make_call(p, node, FORWARD, &c[n++]);
    }
    return p->dev->backend->group->fwd(c, n);
}

/* Calls [from, to) of the order. */
static scp_status run(scp_plan *p, size_t from, size_t to, const scp_step *step, bool train)
{
    p->at = step;
    p->train = train;
    SCP_TRY(scp_plan_mixed_begin(p, from, to));
    for (size_t t = from; t < to; t++) {
        const scp_node *n = scp_graph_node(p->g, (size_t)p->order[t]);
        const scp_slot *s = &p->slot[n->id];
        scp_call c;
        SCP_TRY(check_bound(p, n));
        if (!s->impl) continue;
        if (s->last > s->first) {
            SCP_TRY(run_group(p, &t));
            continue;
        }
        make_call(p, n, FORWARD, &c);
        SCP_TRY(s->impl->fwd(&c));
        scp_plan_mixed_round_out(p, n, &c);
    }
    return SCP_OK;
}

scp_status scp_plan_enqueue(scp_plan *p, const scp_step *step, bool train)
{
    p->ran = true;
    return run(p, 0, p->n_order, step, train);
}

scp_status scp_plan_enqueue_head(scp_plan *p)
{
    SCP_ARG(!p->loss, "a plan with a loss has no head");
    p->ran = true;
    return run(p, 0, p->n_head, (const scp_step *)(p->block + p->step), false);
}

scp_status scp_plan_enqueue_again(scp_plan *p, const scp_step *step)
{
    SCP_ARG(!p->loss && p->ran, "only a plan without a loss runs again, after it ran as a whole");
    return run(p, p->n_head, p->n_order, step, false);
}

/* The plan's own copy of a step. */
static scp_status keep_step(scp_plan *p, const scp_step *step, const scp_step **own)
{
    void *at = p->block + p->step;
    *own = at;
    return p->dev->backend->write(p->dev, at, step, sizeof *step);
}

scp_status scp_plan_forward(scp_plan *p, const scp_step *step)
{
    const scp_step *own;
    SCP_TRY(keep_step(p, step, &own));
    return scp_plan_enqueue(p, own, step->train);
}

scp_status scp_plan_again(scp_plan *p, const scp_step *step)
{
    const scp_step *own;
    SCP_ARG(!step->train, "in training everything runs");
    SCP_TRY(keep_step(p, step, &own));
    return scp_plan_enqueue_again(p, own);
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

/* The node whose backward call is the last to write a parameter's gradient: its first consumer in
 * the order of the forward pass. The number of nodes when no call writes it. */
static size_t last_writer(const scp_plan *p, size_t param)
{
    const scp_node *leaf = scp_graph_find_param(p->g, param);
    if (!leaf || !p->slot[leaf->id].active) return p->n;
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        if (!scp_plan_runs_backward(p, n)) continue;
        for (int k = 0; k < n->n_in; k++)
            if (p->slot[n->in[k]->id].root == leaf->id && scp_node_wants_grad(n, k)) return i;
    }
    return p->n;
}

scp_status scp_plan_buckets(const scp_plan *p, size_t reals, scp_plan_bucket **out, size_t *n)
{
    size_t most = scp_params_count(p->params) + 1, have = 0;
    scp_plan_bucket *b = NULL;
    SCP_ARG(reals > 0, "a bucket holds at least one real");
    SCP_TRY(scp_alloc(most, sizeof *b, &b));
    for (size_t k = 0; k < scp_params_count(p->params); k++) {
        const scp_param_info *info = scp_params_info(p->params, k);
        if (info->state) continue;
        size_t writer = last_writer(p, k);
        if (!have || b[have - 1].end - b[have - 1].begin >= reals)
            b[have++] = (scp_plan_bucket){ info->offset, info->offset, p->n };
        b[have - 1].end = info->offset + info->count;
        if (writer < b[have - 1].after) b[have - 1].after = writer;
    }
    *out = b;
    *n = have;
    return SCP_OK;
}

/* Tell of the buckets that are complete after node i. */
static scp_status tell(const scp_plan_ready *r, size_t i)
{
    for (size_t b = r ? r->n : 0; b-- > 0;)
        if (r->bucket[b].after == i) SCP_TRY(r->ready(r->ctx, b));
    return SCP_OK;
}

static void make_backward(const scp_plan *p, const scp_node *n, scp_call *c)
{
    make_call(p, n, BACKWARD, c);
    c->dout = scp_plan_grad(p, n);
    for (int k = 0; k < n->n_in; k++) {
        if (!scp_node_wants_grad(n, k)) continue;
        c->din[k] = scp_plan_grad(p, n->in[k]);
        c->add[k] = p->slot[n->id].add[k];
    }
}

/* The backward call of node n; calls that are one run with the last of them. */
static scp_status run_back(const scp_plan *p, const scp_node *n)
{
    const scp_slot *s = &p->slot[n->id];
    scp_call c[SCP_GROUP_MAX];
    int calls = 0;
    if (p->order[s->last] != n->id) return SCP_OK;
    for (int64_t t = s->first; t <= s->last; t++) {
        const scp_node *member = scp_graph_node(p->g, (size_t)p->order[t]);
        if (p->slot[member->id].impl) make_backward(p, member, &c[calls++]);
    }
    if (calls > 1) return p->dev->backend->group->bwd(c, calls);
    SCP_TRY(s->impl->bwd(c));
    scp_plan_mixed_round_grads(p, n, c);
    return SCP_OK;
}

scp_status scp_plan_backward_telling(scp_plan *p, const scp_plan_ready *r)
{
    SCP_ARG(p->loss && p->ran, "a plan with a loss must run forward before every backward");
    p->ran = p->keep;
    SCP_TRY(zero_unreached(p));
    SCP_TRY(tell(r, p->n));
    for (size_t i = p->n; i-- > 0;) {
        const scp_node *n = scp_graph_node(p->g, i);
        if (!scp_plan_runs_backward(p, n)) continue;
        SCP_TRY(run_back(p, n));
        SCP_TRY(tell(r, i));
    }
    return SCP_OK;
}

scp_status scp_plan_backward(scp_plan *p)
{
    return scp_plan_backward_telling(p, NULL);
}
