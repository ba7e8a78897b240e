/* What build.c and plan.c need of the graph beyond graph.h. Private to src/tensor. */
#ifndef SCP_TENSOR_GRAPH_ADD_H
#define SCP_TENSOR_GRAPH_ADD_H

#include "tensor/graph.h"

/** Append a copy of `draft` (op, inputs, attributes, given shape) under the scoped name, check it
 * by its shape rule. NULL after the first error, which is kept. */
scp_node *scp_graph_add(scp_graph *g, const scp_node *draft, const char *name);

scp_status scp_graph_scoped_name(const scp_graph *g, const char *name, char *buf,
                                 size_t size) SCP_MUST_USE;

/** The node of a parameter of the store, NULL when this graph has none yet. */
scp_node *scp_graph_find_param(const scp_graph *g, size_t index);

/** Does input i of n take part in the backward pass? */
bool scp_node_wants_grad(const scp_node *n, int i);

#endif
