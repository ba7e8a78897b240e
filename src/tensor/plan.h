/* A plan runs a graph on a device: memory offsets fixed before the first step, nodes in order, then
 * the gradients in reverse order. No allocation happens in a run.
 *
 * Collective where an op needs statistics of the global batch (BATCHNORM): all ranks run alike. */
#ifndef SCP_TENSOR_PLAN_H
#define SCP_TENSOR_PLAN_H

#include "comm/comm.h"
#include "tensor/graph.h"

typedef struct scp_plan scp_plan;

/** Plan the nodes that outputs and `loss` (scalar, or NULL for no backward pass) depend on.
 *  @param g     borrowed; read-only from now on. Its parameter store is finalized.
 *  @param comm  borrowed, or NULL for this process alone.
 *  SCP_EDEVICE when the device lacks an op, SCP_ENOMEM. *out: scp_plan_destroy. */
scp_status scp_plan_create(scp_graph *g, scp_node *loss, scp_comm *comm,
                           scp_plan **out) SCP_MUST_USE;
/** The same in mixed precision: values that scp_op_info.stored names are kept as `store` (F16 or
 *  BF16; SCP_REAL is scp_plan_create). Weights are read from the store's scp_params_half, whose
 *  owner keeps it up to date; gradients of parameters stay fp32. On a device of the host halves are
 *  emulated by rounding. */
scp_status scp_plan_create_as(scp_graph *g, scp_node *loss, scp_comm *comm, scp_dtype store,
                              scp_plan **out) SCP_MUST_USE;
/* How a plan is made; zeroes are scp_plan_create. */
typedef struct scp_plan_config {
    scp_dtype store; /* as scp_plan_create_as                                                  */
    bool own;        /* the weights in half are a copy of this plan's own, taken anew by
                        scp_plan_forward, scp_plan_enqueue and scp_plan_enqueue_head: of a store
                        that trains in another precision, or whose weights are exchanged       */
    bool keep;       /* for debugging: memory is never used for a second thing, every value and
                        gradient can be fetched, and backward may run again. Also for all plans
                        of a process with SCPPDM_REUSE=no in its environment                     */
} scp_plan_config;
scp_status scp_plan_create_with(scp_graph *g, scp_node *loss, scp_comm *comm,
                                const scp_plan_config *cfg, scp_plan **out) SCP_MUST_USE;
void scp_plan_destroy(scp_plan **p);

/** How values are stored that may be: SCP_REAL without mixed precision. */
scp_dtype scp_plan_store(const scp_plan *p);

/** Bytes of activations, gradients, aux and scratch, and what they would be without reuse. */
size_t scp_plan_bytes(const scp_plan *p);
size_t scp_plan_bytes_apart(const scp_plan *p);

/** Fill an input from host memory: floats, doubles or int32, as many as its shape says. */
scp_status scp_plan_feed_f32(scp_plan *p, const scp_node *input, const float *host) SCP_MUST_USE;
scp_status scp_plan_feed_f64(scp_plan *p, const scp_node *input, const double *host) SCP_MUST_USE;
scp_status scp_plan_feed_i32(scp_plan *p, const scp_node *input, const int32_t *host) SCP_MUST_USE;

/** Bind a table to device memory that outlives the plan. Plans may share it. */
scp_status scp_plan_bind(scp_plan *p, const scp_node *table, void *device_memory) SCP_MUST_USE;

/** Run all nodes. step is copied. */
scp_status scp_plan_forward(scp_plan *p, const scp_step *step) SCP_MUST_USE;
/** Run once more, out of training, in a plan without a loss, those nodes that depend on a leaf that
 *  is not steady (scp_steady); the others have the values of the last scp_plan_forward, since which
 *  neither weights nor steady leaves may have changed. The bits are those of scp_plan_forward. */
scp_status scp_plan_again(scp_plan *p, const scp_step *step) SCP_MUST_USE;
/** Multiplications and additions of the products (LINEAR, ATTN) of a forward run; of those in
 *  scp_plan_again alone. */
double scp_plan_flops(const scp_plan *p, bool again);

/** Fill the gradient arena of the store with d loss / d parameter (overwritten, of this rank).
 *  Once after every forward run, unless the plan keeps its memory. */
scp_status scp_plan_backward(scp_plan *p) SCP_MUST_USE;

/* A step whose changing numbers are all in device memory (tensor/step.h). */

/** The inputs are one block of device memory, *bytes long. */
void *scp_plan_feed_block(const scp_plan *p, size_t *bytes);
/** From now on feeds fill host memory laid out like that block; NULL: the device again. */
void scp_plan_feed_to(scp_plan *p, void *host);
/** Device memory of the value of an output or a leaf, borrowed; NULL when it is not kept. */
const void *scp_plan_memory(const scp_plan *p, const scp_node *x);
/** Does an op exchange statistics with other ranks? */
bool scp_plan_talks(const scp_plan *p);
/** The loss in device memory, one real; NULL without. */
const void *scp_plan_loss(const scp_plan *p);
/** Where the gradient of the loss with respect to itself is kept: one real, 1 until it is written.
 *  NULL without a loss. */
void *scp_plan_loss_grad(const scp_plan *p);
/** Enqueue all nodes. Ops read the step at `step`, device memory, when they run; train is what
 *  step->train will be. */
scp_status scp_plan_enqueue(scp_plan *p, const scp_step *step, bool train) SCP_MUST_USE;
/** The two parts of it in a plan without a loss, out of training: what depends on parameters and
 *  steady leaves alone, and the rest, as scp_plan_again. */
scp_status scp_plan_enqueue_head(scp_plan *p) SCP_MUST_USE;
scp_status scp_plan_enqueue_again(scp_plan *p, const scp_step *step) SCP_MUST_USE;

/* Reals [begin, end) of the gradient arena, complete after the backward call of node `after`. */
typedef struct scp_plan_bucket {
    size_t begin, end, after;
} scp_plan_bucket;

/** Cut the gradient arena into buckets of whole parameters, at least `reals` long but for the last;
 *  between the end of one and the begin of the next there may be a gap of zeros.
 *  *out owned by the caller (free), in the order of the arena. */
scp_status scp_plan_buckets(const scp_plan *p, size_t reals, scp_plan_bucket **out,
                            size_t *n) SCP_MUST_USE;

/* Called in the middle of a backward pass, as soon as the calls that fill a bucket are enqueued. */
typedef struct scp_plan_ready {
    const scp_plan_bucket *bucket;
    size_t n;
    scp_status (*ready)(void *ctx, size_t bucket);
    void *ctx;
} scp_plan_ready;

/** scp_plan_backward that tells of complete buckets; r may be NULL. */
scp_status scp_plan_backward_telling(scp_plan *p, const scp_plan_ready *r) SCP_MUST_USE;

/** Read the value of an output or a leaf, or the gradient of the loss with respect to it. */
scp_status scp_plan_fetch_f32(scp_plan *p, const scp_node *x, float *host) SCP_MUST_USE;
scp_status scp_plan_fetch_f64(scp_plan *p, const scp_node *x, double *host) SCP_MUST_USE;
scp_status scp_plan_fetch_i32(scp_plan *p, const scp_node *x, int32_t *host) SCP_MUST_USE;
scp_status scp_plan_fetch_grad_f64(scp_plan *p, const scp_node *x, double *host) SCP_MUST_USE;

#endif
