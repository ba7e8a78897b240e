/* Blocks: functions that add a few nodes and their parameters to a graph. Parameter names are
 * "<scope>/<name>/..."; initial values follow PyTorch's defaults so that published settings carry
 * over. Every function returns NULL after an error of the graph (scp_graph_status). Not
 * collective. */
#ifndef SCP_NN_NN_H
#define SCP_NN_NN_H

#include "tensor/graph.h"

/** x [.., I] -> [.., out]; W and b start as U(+-1/sqrt(I)). */
scp_node *scp_nn_linear(scp_graph *g, const char *name, scp_node *x, int64_t out);
/** The same without bias. */
scp_node *scp_nn_linear_nobias(scp_graph *g, const char *name, scp_node *x, int64_t out);
/** Layer `x_name` of x [B, ..] plus layer `e_name` of e, both with bias. e has a row for each of x;
 *  or, with `one` (I32 [1]), it is a table [S, ..] of which that row goes to every row of x. Then
 *  the layer of e depends on the table alone, and its row is added to the bias of the other. */
scp_node *scp_nn_linear_pair(scp_graph *g, const char *x_name, scp_node *x, const char *e_name,
                             scp_node *e, scp_node *one, int64_t out);
/** The same with W and b starting at zero: a branch that starts as nothing. */
scp_node *scp_nn_linear_zero(scp_graph *g, const char *name, scp_node *x, int64_t out);
/** LayerNorm over the last dimension, eps 1e-5, gain 1, bias 0. */
scp_node *scp_nn_layernorm(scp_graph *g, const char *name, scp_node *x);
/** BatchNorm over rows of x [R, D], eps 1e-5, momentum 0.1; statistics of the global batch. */
scp_node *scp_nn_batchnorm(scp_graph *g, const char *name, scp_node *x);
/** PReLU with one slope, 0.25. */
scp_node *scp_nn_prelu(scp_graph *g, const char *name, scp_node *x);
scp_node *scp_nn_silu(scp_graph *g, scp_node *x);

/* How GD-Attn couples tokens with the condition. */
typedef enum scp_gd_mode {
    SCP_GD_RESIDUAL, /* residual self-attention, cross-attention over four condition tokens */
    SCP_GD_LITERAL,  /* paper eq. 30-32 as printed: one token, so self-attention has no effect */
    SCP_GD_SELF      /* no condition: self-attention only (ablations A and F) */
} scp_gd_mode;

typedef struct scp_gd_config {
    scp_gd_mode mode;
    int heads;
    double dropout;
} scp_gd_config;

/* Condition vectors, each [B, any width]; time may be a table [S, any width] of which row i of the
 * batch has the row time_row[i] (I32), NULL without. */
typedef struct scp_gd_cond {
    scp_node *pre, *drug, *fused, *time, *time_row;
} scp_gd_cond;

/** One Guided Decomposable Attention block [paper App. G.3].
 *  @param H     [B, M, d] tokens  @param cond  unused for SCP_GD_SELF
 *  @return [B, M, d]. Residual mode:
 *    H1 = H + SA(LN(H));  C = CA(LN(H1), K);  out = LN(H1 + C + gamma(c) * C + beta(c)),
 *    K = tokens of (pre, drug, fused, time), gamma and beta start at 0.
 *  Literal mode: Ht = SA(H); C = CA(Ht, W_c c); out = LN(H + gamma(c) * C + beta(c)). */
scp_node *scp_nn_gd_block(scp_graph *g, const char *name, scp_node *H, const scp_gd_cond *cond,
                          const scp_gd_config *cfg);

#endif
