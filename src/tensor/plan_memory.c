/* Where the values, gradients, aux and scratch of a plan lie in its block of device memory.
 *
 * Time: forward calls 0 to n - 1 in the order of running, backward calls n to 2 n - 1 in the
 * reverse order; calls that are one (plan_group.c) take the time from the first to the last of
 * them. A piece of memory lives from the call that writes it first to the one that reads it last.
 * Which values a backward call reads says scp_plan_reads. What is fetched after a run lives to its
 * end, and so does what the head (scp_plan_again) leaves for the rest.
 *
 * Pieces that live at the same time lie apart. The largest is placed first, each in the tightest
 * gap that the pieces placed before leave it. Inputs come before all pieces, in one block.
 * Everything begins at a multiple of 64 bytes. Without a backward pass, on a host, what is computed
 * element by element takes the place of an input that nobody reads later. */
#include <stdlib.h>

#include "base/mem.h"
#include "tensor/graph_add.h"
#include "tensor/plan_impl.h"

enum { ALIGN = 64 };

typedef struct piece {
    int64_t bytes, begin, end; /* calls, both included */
    int64_t *at;               /* the slot's offset    */
    int64_t number;            /* order of making      */
} piece;

typedef struct places {
    piece *piece;
    size_t n, cap;
    int64_t *value_end, *grad_begin, *grad_end; /* of roots */
    int *place_of;                              /* the node whose memory a result takes, or -1 */
    int64_t end;                                /* after all calls */
    int64_t apart, scratch; /* bytes without reuse, and of the largest scratch */
    bool keep;
} places;

static int64_t rounded(size_t bytes)
{
    return (int64_t)((bytes + ALIGN - 1) / ALIGN * ALIGN);
}

static size_t node_bytes(const scp_plan *p, const scp_node *n, scp_dtype type)
{
    return scp_plan_elements(p, type, (size_t)scp_shape_count(&n->shape));
}

static scp_status add(places *x, size_t bytes, int64_t begin, int64_t end, int64_t *at)
{
    SCP_TRY(scp_grow(&x->piece, &x->cap, x->n + 1, sizeof *x->piece));
    x->piece[x->n] = (piece){ rounded(bytes), begin, end, at, (int64_t)x->n };
    x->n++;
    return SCP_OK;
}

/* A piece that keeps its content where nothing is reused. */
static scp_status add_kept(places *x, size_t bytes, int64_t begin, int64_t end, int64_t *at)
{
    x->apart += rounded(bytes);
    return add(x, bytes, x->keep ? 0 : begin, x->keep ? x->end : end, at);
}

static void later(int64_t *end, int64_t t)
{
    if (t > *end) *end = t;
}

/* What node n reads and writes going forward. */
static void use_forward(const scp_plan *p, places *x, const scp_node *n)
{
    const int64_t t = p->slot[n->id].last;
    for (int k = 0; k < n->n_in; k++) {
        const scp_slot *from = &p->slot[n->in[k]->id];
        const bool outlives = from->head && !p->slot[n->id].head;
        later(&x->value_end[from->root], outlives ? x->end : t);
    }
    later(&x->value_end[p->slot[n->id].root], t);
}

/* Times of the backward call of a node. */
static int64_t back_begin(const scp_plan *p, const scp_node *n)
{
    return 2 * (int64_t)p->n_order - 1 - p->slot[n->id].last;
}
static int64_t back_end(const scp_plan *p, const scp_node *n)
{
    return 2 * (int64_t)p->n_order - 1 - p->slot[n->id].first;
}

/* And going backward. */
static void use_backward(const scp_plan *p, places *x, const scp_node *n)
{
    const int64_t begin = back_begin(p, n), t = back_end(p, n);
    if (scp_plan_reads(n, SCP_MAX_IN)) later(&x->value_end[n->id], t);
    later(&x->grad_end[n->id], t);
    for (int k = 0; k < n->n_in; k++) {
        const int root = p->slot[n->in[k]->id].root;
        if (scp_plan_reads(n, k)) later(&x->value_end[root], t);
        if (!scp_node_wants_grad(n, k)) continue;
        if (begin < x->grad_begin[root]) x->grad_begin[root] = begin;
        later(&x->grad_end[root], t);
    }
}

static void find_lives(const scp_plan *p, places *x)
{
    const int64_t n = (int64_t)p->n_order;
    for (size_t i = 0; i < p->n; i++) {
        x->value_end[i] = x->grad_end[i] = 0;
        x->grad_begin[i] = x->end;
    }
    for (int64_t t = 0; t < n; t++) {
        const scp_node *node = scp_graph_node(p->g, (size_t)p->order[t]);
        use_forward(p, x, node);
        if (scp_plan_runs_backward(p, node)) use_backward(p, x, node);
    }
    for (size_t i = 0; i < p->n; i++)
        if (p->slot[i].kept) x->value_end[i] = x->grad_end[i] = x->end;
    if (p->loss) x->grad_begin[p->slot[p->loss->id].root] = 0; /* set before the first call */
}

/* Is a result computed element by element from input k? */
static bool by_element(const scp_node *n, int k)
{
    switch (n->op) {
    case SCP_OP_ADD:
    case SCP_OP_SUB:
    case SCP_OP_MUL:
        return k < 2;
    case SCP_OP_SCALE:
    case SCP_OP_ACT:
    case SCP_OP_PRELU:
    case SCP_OP_CLAMP:
        return k == 0;
    default:
        return false;
    }
}

/* The root whose memory the result of n, call t, may take: the last to read it is this call. */
static int place_for(const scp_plan *p, const places *x, const scp_node *n, int64_t t)
{
    for (int k = 0; k < n->n_in; k++) {
        const int root = p->slot[n->in[k]->id].root;
        const scp_node *from = scp_graph_node(p->g, (size_t)root);
        if (by_element(n, k) && x->value_end[root] == t && !scp_plan_is_leaf(from) &&
            !p->slot[root].kept && scp_shape_count(&from->shape) == scp_shape_count(&n->shape))
            return root;
    }
    return -1;
}

/* From the last call to the first: by then it is known how long the result lives. */
static void find_places(const scp_plan *p, places *x)
{
    const bool may = !p->loss && !p->keep && p->store == SCP_REAL && p->dev->backend->host;
    for (size_t i = 0; i < p->n; i++) x->place_of[i] = -1;
    for (size_t t = p->n_order; may && t-- > 0;) {
        const scp_node *n = scp_graph_node(p->g, (size_t)p->order[t]);
        const int root = p->slot[n->id].root == n->id ? place_for(p, x, n, (int64_t)t) : -1;
        x->place_of[n->id] = root;
        if (root >= 0) later(&x->value_end[root], x->value_end[n->id]);
    }
}

/* The pieces of node n. */
static scp_status add_pieces(scp_plan *p, places *x, const scp_node *n)
{
    scp_slot *s = &p->slot[n->id];
    const bool backward = scp_plan_runs_backward(p, n);
    const int64_t begin = s->first, end = s->last, back = back_end(p, n);
    if (s->root != n->id) return SCP_OK;
    if (x->place_of[n->id] >= 0)
        x->apart += rounded(node_bytes(p, n, s->type));
    else if (!scp_plan_is_leaf(n))
        SCP_TRY(add_kept(x, node_bytes(p, n, s->type), begin, x->value_end[n->id], &s->value));
    if (s->low != SCP_PLAN_NONE)
        SCP_TRY(add_kept(x, node_bytes(p, n, p->store), 0, x->end, &s->low));
    if (s->active && n->op != SCP_OP_PARAM)
        SCP_TRY(add_kept(x, node_bytes(p, n, s->type), x->grad_begin[n->id], x->grad_end[n->id],
                         &s->grad));
    if (n->n_aux)
        SCP_TRY(add_kept(x, scp_device_bytes(p->dev, SCP_REAL, n->n_aux), begin,
                         backward ? back : end, &s->aux));
    const size_t scratch = scp_device_bytes(p->dev, SCP_REAL, n->n_scratch);
    if (scratch) SCP_TRY(add(x, scratch, begin, end, &s->scratch[0]));
    if (scratch && backward) SCP_TRY(add(x, scratch, back_begin(p, n), back, &s->scratch[1]));
    later(&x->scratch, rounded(scratch));
    return SCP_OK;
}

static int larger_first(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->number < y->number ? -1 : 1;
}

/* Place a piece beside those of placed [n], which are in the order of their offsets. */
static void place(const piece *one, const piece *const *placed, size_t n)
{
    int64_t best = -1, best_gap = 0, free_from = 0;
    for (size_t i = 0; i < n; i++) {
        const piece *o = placed[i];
        if (o->end < one->begin || one->end < o->begin) continue;
        const int64_t gap = *o->at - free_from;
        if (gap >= one->bytes && (best < 0 || gap < best_gap)) {
            best = free_from;
            best_gap = gap;
        }
        later(&free_from, *o->at + o->bytes);
    }
    *one->at = best < 0 ? free_from : best;
}

/* Offsets from `base` on; returns what is behind the last byte. */
static scp_status place_all(places *x, int64_t base, int64_t *behind)
{
    const piece **placed = NULL;
    SCP_TRY(scp_alloc(x->n + 1, sizeof *placed, &placed));
    if (x->n) qsort(x->piece, x->n, sizeof *x->piece, larger_first);
    *behind = base;
    for (size_t i = 0; i < x->n; i++) {
        const piece *one = &x->piece[i];
        size_t k = i;
        place(one, placed, i);
        for (; k > 0 && *placed[k - 1]->at > *one->at; k--) placed[k] = placed[k - 1];
        placed[k] = one;
    }
    for (size_t i = 0; i < x->n; i++) {
        *x->piece[i].at += base;
        later(behind, *x->piece[i].at + x->piece[i].bytes);
    }
    free(placed);
    return SCP_OK;
}

static int64_t place_inputs(scp_plan *p)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        scp_slot *s = &p->slot[i];
        s->value = s->grad = s->aux = s->scratch[0] = s->scratch[1] = SCP_PLAN_NONE;
        if (n->op != SCP_OP_INPUT || !s->live) continue;
        s->value = bytes;
        bytes += rounded(node_bytes(p, n, n->dtype));
    }
    return bytes;
}

static scp_status fill(scp_plan *p, places *x)
{
    int64_t behind = 0;
    const int64_t inputs = place_inputs(p), step = rounded(sizeof(scp_step));
    SCP_TRY(scp_alloc(p->n, sizeof *x->value_end, &x->value_end));
    SCP_TRY(scp_alloc(p->n, sizeof *x->grad_begin, &x->grad_begin));
    SCP_TRY(scp_alloc(p->n, sizeof *x->grad_end, &x->grad_end));
    SCP_TRY(scp_alloc(p->n, sizeof *x->place_of, &x->place_of));
    find_lives(p, x);
    find_places(p, x);
    for (size_t t = 0; t < p->n_order; t++)
        SCP_TRY(add_pieces(p, x, scp_graph_node(p->g, (size_t)p->order[t])));
    SCP_TRY(place_all(x, inputs, &behind));
    for (size_t t = 0; t < p->n_order; t++) {
        const int id = p->order[t], from = x->place_of[id];
        if (from >= 0) p->slot[id].value = p->slot[from].value;
    }
    p->feed_bytes = (size_t)inputs;
    p->step = behind;
    p->bytes = (size_t)(behind + step);
    p->bytes_apart = (size_t)(inputs + x->apart + x->scratch + step);
    return SCP_OK;
}

scp_status scp_plan_place(scp_plan *p)
{
    places x = { .end = 2 * (int64_t)p->n_order, .keep = p->keep };
    scp_status st = fill(p, &x);
    free(x.piece);
    free(x.value_end);
    free(x.grad_begin);
    free(x.grad_end);
    free(x.place_of);
    return st;
}
