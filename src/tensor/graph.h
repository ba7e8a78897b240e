/* Building a static graph: every function records one node and returns it. Shapes are checked at
 * once.
 *
 * Errors are sticky: after the first one every builder returns NULL and scp_graph_status says what
 * and where; NULL inputs are accepted, so a model reads top to bottom without a check per line.
 * Nodes are owned by the graph. Nothing here is collective. What an op computes: tensor/op.h. */
#ifndef SCP_TENSOR_GRAPH_H
#define SCP_TENSOR_GRAPH_H

#include "tensor/op.h"
#include "tensor/params.h"

typedef struct scp_graph scp_graph;

/** @param params  borrowed for the life of the graph. *out: scp_graph_destroy. */
scp_status scp_graph_create(scp_params *params, scp_graph **out) SCP_MUST_USE;
void scp_graph_destroy(scp_graph **g);

/** SCP_OK, or the first error of building. */
scp_status scp_graph_status(const scp_graph *g) SCP_MUST_USE;
/** Set the sticky error (models report bad settings this way). */
void scp_graph_fail(scp_graph *g, scp_status st);
scp_params *scp_graph_params(const scp_graph *g);
size_t scp_graph_size(const scp_graph *g);
scp_node *scp_graph_node(const scp_graph *g, size_t i);

/** Names: nodes and parameters made between push and pop are called "scope/.../name". */
void scp_scope_push(scp_graph *g, const char *fmt, ...) SCP_PRINTF(2, 3);
void scp_scope_pop(scp_graph *g);

scp_node *scp_input(scp_graph *g, const char *name, scp_dtype type, scp_shape shape);
scp_node *scp_resident(scp_graph *g, const char *name, scp_dtype type, scp_shape shape);
/** A trainable parameter, the same node for the same name. */
scp_node *scp_param(scp_graph *g, const char *name, scp_shape shape, scp_init init);
/** A state that ops update and the optimiser does not. */
scp_node *scp_state(scp_graph *g, const char *name, scp_shape shape, scp_init init);
/** Say of an input or a table that it keeps its content while others change: what depends on
 *  parameters and steady leaves alone need not run again (scp_plan_again). Returns it. */
scp_node *scp_steady(scp_graph *g, scp_node *leaf);
/** Keep a value real where others are in half (scp_plan_create_as), and read leaves as they are: it
 *  is the result of a product, or all it is made of is exact. Returns it. */
scp_node *scp_exact(scp_graph *g, scp_node *x);
/** Keep a node readable after a run. Returns it. */
scp_node *scp_output(scp_graph *g, scp_node *x);

scp_node *scp_reshape(scp_graph *g, scp_node *x, scp_shape shape);
scp_node *scp_linear(scp_graph *g, scp_node *x, scp_node *W, scp_node *b /* or NULL for none */);
/** As scp_linear without bias. */
scp_node *scp_matmul_t(scp_graph *g, scp_node *x, scp_node *W);
scp_node *scp_add(scp_graph *g, scp_node *a, scp_node *b);
scp_node *scp_sub(scp_graph *g, scp_node *a, scp_node *b);
scp_node *scp_mul(scp_graph *g, scp_node *a, scp_node *b);
scp_node *scp_scale(scp_graph *g, scp_node *x, double factor);
scp_node *scp_act_fn(scp_graph *g, scp_node *x, scp_act kind);
scp_node *scp_leaky_relu(scp_graph *g, scp_node *x, double slope);
scp_node *scp_prelu(scp_graph *g, scp_node *x, scp_node *slope);
scp_node *scp_clamp(scp_graph *g, scp_node *x, double lo, double hi);
/** name keys the random stream together with the scope: give every dropout of a scope its own. */
scp_node *scp_dropout(scp_graph *g, const char *name, scp_node *x, double p);
scp_node *scp_concat(scp_graph *g, int n, scp_node *const *x);
scp_node *scp_slice(scp_graph *g, scp_node *x, int64_t begin, int64_t len);
scp_node *scp_gather(scp_graph *g, scp_node *table, scp_node *idx);
scp_node *scp_gather_dir(scp_graph *g, scp_node *x, scp_node *post, scp_node *pre);
scp_node *scp_layernorm(scp_graph *g, scp_node *x, scp_node *gain, scp_node *bias, double eps);
scp_node *scp_unit(scp_graph *g, scp_node *x);
scp_node *scp_batchnorm(scp_graph *g, scp_node *x, scp_node *gain, scp_node *bias, scp_node *mean,
                        scp_node *var, double eps, double momentum);
scp_node *scp_attn(scp_graph *g, scp_node *q, scp_node *k, scp_node *v, int heads);
scp_node *scp_film(scp_graph *g, scp_node *z, scp_node *gamma, scp_node *beta);
scp_node *scp_film_ln(scp_graph *g, scp_node *H, scp_node *Hhat, scp_node *gamma, scp_node *beta,
                      scp_node *ln_gain, scp_node *ln_bias, double eps);
scp_node *scp_mask_select(scp_graph *g, scp_node *x, scp_node *null_row, scp_node *mask, int bit);
scp_node *scp_four_state(scp_graph *g, const char *name, int64_t B, double p_pre, double p_drug);
scp_node *scp_rand_time(scp_graph *g, const char *name, int64_t B, int64_t T);
scp_node *scp_rand_normal(scp_graph *g, const char *name, uint32_t purpose, int64_t B, int64_t D);
scp_node *scp_reparam(scp_graph *g, scp_node *mu, scp_node *logvar, scp_node *eps);
scp_node *scp_combine_t(scp_graph *g, scp_node *a, scp_node *b, scp_node *t, scp_node *ca,
                        scp_node *cb);
scp_node *scp_mse(scp_graph *g, scp_node *a, scp_node *b);
scp_node *scp_kl(scp_graph *g, scp_node *mu, scp_node *logvar);
scp_node *scp_align(scp_graph *g, scp_node *z, scp_node *p, scp_node *M);
scp_node *scp_info_nce(scp_graph *g, scp_node *z, scp_node *p, scp_node *n, scp_node *M,
                       scp_node *key, scp_node *nkey, double tau);
scp_node *scp_loss_sum(scp_graph *g, int n, scp_node *const *loss, scp_node *weights);

#endif
