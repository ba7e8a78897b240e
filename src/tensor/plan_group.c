/* Calls that follow each other and that the backend does as one (scp_group_impl): decided once,
 * for both directions. Leaves and views between them do nothing and count for nothing. What members
 * of a group read and write keeps its memory from the group's first call to its last
 * (plan_memory.c), so one call for all of them may read and write in any order. */
#include "tensor/plan_impl.h"

/* The group that begins at call t: its last call. */
static size_t find_last(const scp_plan *p, size_t t)
{
    const scp_node *have[SCP_GROUP_MAX] = { scp_graph_node(p->g, (size_t)p->order[t]) };
    const scp_slot *first = &p->slot[have[0]->id];
    const scp_group_impl *group = p->dev->backend->group;
    size_t last = t;
    int n = 1;
    if (!first->impl || !group) return t;
    for (size_t u = t + 1; u < p->n_order && n < SCP_GROUP_MAX; u++) {
        const scp_node *next = scp_graph_node(p->g, (size_t)p->order[u]);
        const scp_slot *s = &p->slot[next->id];
        if (!s->impl) continue;
        if (s->head != first->head ||
            scp_plan_runs_backward(p, next) != scp_plan_runs_backward(p, have[0]) ||
            !group->joins(have, n, next))
            break;
        have[n++] = next;
        last = u;
    }
    return last;
}

void scp_plan_group(scp_plan *p)
{
    for (size_t t = 0, last; t < p->n_order; t = last + 1) {
        last = find_last(p, t);
        for (size_t u = t; u <= last; u++) {
            scp_slot *s = &p->slot[p->order[u]];
            const bool member = s->impl != NULL;
            s->first = (int64_t)(member ? t : u);
            s->last = (int64_t)(member ? last : u);
        }
    }
}
