/* The trained baselines of the tables: models that are simple on purpose. Their names are their
 * rows in tables, their folders in a run, and what --model takes.
 *
 *   ridge         x_post - x_pre from drug, dose and line, in closed form (model/ridge.h)
 *   linear        x_post from [x_pre ; adapter(phi_s)] by one linear map
 *   linear_shift  the same for x_post - x_pre
 *   mlp           x_post from [x_pre ; adapter(phi_s)] by two hidden layers
 *   mlp_shift     the same for x_post - x_pre
 *
 * With baseline.state=latent, linear and mlp see the posterior mean of x_pre in place of x_pre: at
 * a whole transcriptome the map from x_pre alone would have G x G weights.
 *
 * phi_s is the fingerprint scaled by the dose (model/drug_label.h); the adapter is PRnet's, two
 * linear maps without an activation. Host-only, not collective.
 *
 * Letters: B rows, G genes, S width of the state (G, or the latent dimension). */
#ifndef SCP_MODEL_BASELINE_H
#define SCP_MODEL_BASELINE_H

#include "conf/option.h"
#include "tensor/graph.h"

typedef enum scp_baseline_kind {
    SCP_BASELINE_RIDGE,
    SCP_BASELINE_LINEAR,
    SCP_BASELINE_LINEAR_SHIFT,
    SCP_BASELINE_MLP,
    SCP_BASELINE_MLP_SHIFT,
    SCP_BASELINE_KINDS
} scp_baseline_kind;

/* How linear and mlp see the control. */
typedef enum scp_baseline_state { SCP_BASELINE_PROFILE, SCP_BASELINE_LATENT } scp_baseline_state;

typedef struct scp_baseline_config {
    int state;             /* scp_baseline_state                                          */
    scp_int_list adapter;  /* widths of the drug adapter; no bias on the first            */
    scp_int_list hidden;   /* widths of the MLP                                           */
    double slope, dropout; /* of the MLP: leaky ReLU                                      */
    scp_real_list lambda;  /* ridge: penalties a training pair, the best on validation    */
    bool line;             /* ridge: a constant per cell line beside the drug             */
} scp_baseline_config;

/** Rows of scp_baseline_config ("baseline.adapter", ...), and the group for a struct of its own. */
extern const scp_option scp_baseline_options[];
extern const scp_option_group scp_baseline_groups[];

const char *scp_baseline_name(scp_baseline_kind kind);
/** False when no baseline has this name. */
bool scp_baseline_find(const char *name, scp_baseline_kind *out);
/** Does it predict the change, to be added to x_pre? */
bool scp_baseline_shifts(scp_baseline_kind kind);

/** Name of the bias of the output, to start at the mean target. */
const char *scp_baseline_output_bias(scp_baseline_kind kind);

/** state [B, S], phi_s [B, 1024] -> x_post or the change [B, G]. Not for ridge. */
scp_node *scp_baseline_build(scp_graph *g, scp_baseline_kind kind, const scp_baseline_config *cfg,
                             scp_node *state, scp_node *phi, int64_t G);

/* Nodes of a training graph. */
typedef struct scp_baseline_nodes {
    scp_node *profiles, *labels;  /* tables [P, G] and [labels, 1024], to bind */
    scp_node *states;             /* table [P, S], to bind; NULL: the profiles */
    scp_node *pre, *post, *label; /* inputs [B] I32                            */
    scp_node *loss;               /* mean over rows and genes of the squared error */
} scp_baseline_nodes;

/** S: 0 where the profiles are the states. */
void scp_baseline_build_train(scp_graph *g, scp_baseline_kind kind, const scp_baseline_config *cfg,
                              int64_t P, int64_t G, int64_t S, int64_t labels, int64_t B,
                              scp_baseline_nodes *out);

#endif
