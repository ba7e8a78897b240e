/* Inside of a plan. Private to src/tensor. */
#ifndef SCP_TENSOR_PLAN_IMPL_H
#define SCP_TENSOR_PLAN_IMPL_H

#include "tensor/plan.h"

enum { SCP_PLAN_NONE = -1 };

/* What the plan knows of one node. Offsets are bytes in the block, SCP_PLAN_NONE = no memory. */
typedef struct scp_slot {
    bool live;      /* an output or the loss needs it        */
    bool head;      /* depends on parameters and steady leaves alone: plan without a loss */
    bool kept;      /* fetched after a run: nothing else gets its memory */
    bool active;    /* the loss's gradient reaches it        */
    int root;       /* the node whose memory it uses         */
    scp_dtype type; /* how its value is stored: REAL, F16, BF16; I32 and U8 as they are */
    int64_t value, grad, aux;
    int64_t scratch[2];   /* of the forward, of the backward call      */
    int64_t low;          /* copy of a REAL input or table for ops that want it in half */
    void *table;          /* bound memory of a TABLE               */
    int64_t first, last;  /* positions in the order of the calls that are one with it */
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
    int *order;              /* live nodes in the order of running: first the head */
    size_t n_order, n_head;
    char *block;
    size_t bytes, feed_bytes, bytes_apart;
    bool keep;
    int64_t step;          /* where scp_plan_forward keeps its step */
    scp_dtype store;       /* SCP_REAL: no mixed precision     */
    void *half;            /* weights in half, of the store    */
    bool own;              /* or of this plan                  */
    bool emulate;          /* halves are reals that are rounded */
    const scp_step *at;    /* device memory: the step of calls */
    bool train, ran;
    char *feed_to; /* host memory that feeds fill instead of the device, or NULL */
};

static inline bool scp_plan_is_leaf(const scp_node *n)
{
    return n->op == SCP_OP_INPUT || n->op == SCP_OP_TABLE || n->op == SCP_OP_PARAM;
}

/** Memory of a value and of a gradient; NULL without. plan.c */
void *scp_plan_value(const scp_plan *p, const scp_node *n);
void *scp_plan_grad(const scp_plan *p, const scp_node *n);
/** Elements of a type in the plan's memory: emulated halves take the room of reals. plan.c */
size_t scp_plan_elements(const scp_plan *p, scp_dtype type, size_t n);

/** Does the backward call of a node run? plan.c */
bool scp_plan_runs_backward(const scp_plan *p, const scp_node *n);

/** Does the backward call of a node read the value of input k (SCP_MAX_IN: of the result)?
 *  scp_op_info.reads, but that LINEAR reads x for the gradient of W alone, and W for that of x.
 *  plan.c */
bool scp_plan_reads(const scp_node *n, int k);

/** Set first and last of all slots. plan_group.c */
void scp_plan_group(scp_plan *p);

/** Set the offsets of all slots, bytes, feed_bytes, bytes_apart and step. plan_memory.c */
scp_status scp_plan_place(scp_plan *p) SCP_MUST_USE;

/** Policy: set slot.type and mark inputs that need a low copy. plan_mixed.c */
void scp_plan_mixed_types(scp_plan *p);
/** Fill a call's pointers and types for mixed precision. plan_mixed.c */
void scp_plan_mixed_call(const scp_plan *p, const scp_node *n, scp_call *c);
/** Low copies of weights and leaves that calls [from, to) of the order may read, before they run.
 *  plan_mixed.c */
scp_status scp_plan_mixed_begin(scp_plan *p, size_t from, size_t to) SCP_MUST_USE;
/** Memory for the weights in half. plan_mixed.c */
scp_status scp_plan_mixed_weights(scp_plan *p) SCP_MUST_USE;
/** Emulation: round what a forward or backward call wrote. plan_mixed.c */
void scp_plan_mixed_round_out(const scp_plan *p, const scp_node *n, const scp_call *c);
void scp_plan_mixed_round_grads(const scp_plan *p, const scp_node *n, const scp_call *c);

#endif
