/* Linear map and MLP over [state of x_pre ; adapter(phi_s)], see model/baseline.h. */
#include <stdio.h>
#include <string.h>

#include "io/dataset.h"
#include "model/baseline.h"
#include "nn/nn.h"

#define FIELD(member) offsetof(scp_baseline_config, member)

const scp_option scp_baseline_options[] = {
    { "baseline.state", NULL, SCP_OPT_ENUM, FIELD(state), "profile", 0, 0, "profile|latent", NULL,
      "linear, mlp: the control's profile, or its latent from the autoencoder of the run folder "
      "(for more genes than a linear map of genes x genes can have).",
      NULL },
    { "baseline.adapter", NULL, SCP_OPT_INTS, FIELD(adapter), "128,64", 1, 65536, NULL, NULL,
      "linear, mlp: widths of the drug adapter.", "PRnet" },
    { "baseline.hidden", NULL, SCP_OPT_INTS, FIELD(hidden), "512,512", 1, 65536, NULL, NULL,
      "mlp: widths of the hidden layers.", NULL },
    { "baseline.slope", NULL, SCP_OPT_REAL, FIELD(slope), "0.3", 0, 1, NULL, NULL,
      "mlp: slope of the leaky ReLU below 0.", "PRnet" },
    { "baseline.dropout", NULL, SCP_OPT_REAL, FIELD(dropout), "0.05", 0, 0.99, NULL, NULL,
      "mlp: dropout after the hidden layers.", "PRnet" },
    { "baseline.lambda", NULL, SCP_OPT_REALS, FIELD(lambda), "1e-4,1e-3,1e-2,1e-1,1,10,100", 1e-12,
      1e12, NULL, NULL,
      "ridge: penalties per training pair to choose from on the validation pairs.", NULL },
    { "baseline.line", NULL, SCP_OPT_BOOL, FIELD(line), "true", 0, 0, NULL, NULL,
      "ridge: a constant per cell line beside drug and dose.", NULL },
    { 0 },
};

const scp_option_group scp_baseline_groups[] = { { scp_baseline_options, 0, "baselines" }, { 0 } };

static const struct {
    const char *name;
    bool mlp, shifts;
} table[SCP_BASELINE_KINDS] = {
    [SCP_BASELINE_RIDGE] = { "ridge", false, true },
    [SCP_BASELINE_LINEAR] = { "linear", false, false },
    [SCP_BASELINE_LINEAR_SHIFT] = { "linear_shift", false, true },
    [SCP_BASELINE_MLP] = { "mlp", true, false },
    [SCP_BASELINE_MLP_SHIFT] = { "mlp_shift", true, true },
};

const char *scp_baseline_name(scp_baseline_kind kind)
{
    return (unsigned)kind < SCP_BASELINE_KINDS ? table[kind].name : "?";
}

bool scp_baseline_find(const char *name, scp_baseline_kind *out)
{
    for (int k = 0; k < SCP_BASELINE_KINDS; k++)
        if (strcmp(name, table[k].name) == 0) {
            *out = (scp_baseline_kind)k;
            return true;
        }
    return false;
}

bool scp_baseline_shifts(scp_baseline_kind kind)
{
    return table[kind].shifts;
}

const char *scp_baseline_output_bias(scp_baseline_kind kind)
{
    return table[kind].mlp ? "mlp/out/b" : "linear/out/b";
}

static scp_node *adapter(scp_graph *g, const scp_baseline_config *cfg, scp_node *phi)
{
    char name[32];
    scp_scope_push(g, "adapter");
    for (size_t i = 0; i < cfg->adapter.n; i++) {
        snprintf(name, sizeof name, "linear%zu", i);
        phi = i == 0 ? scp_nn_linear_nobias(g, name, phi, cfg->adapter.v[i])
                     : scp_nn_linear(g, name, phi, cfg->adapter.v[i]);
    }
    scp_scope_pop(g);
    return phi;
}

static scp_node *hidden_layer(scp_graph *g, const scp_baseline_config *cfg, size_t i, scp_node *x)
{
    scp_scope_push(g, "hidden%zu", i);
    x = scp_nn_batchnorm(g, "bn", scp_nn_linear(g, "linear", x, cfg->hidden.v[i]));
    x = scp_dropout(g, "drop", scp_leaky_relu(g, x, cfg->slope), cfg->dropout);
    scp_scope_pop(g);
    return x;
}

scp_node *scp_baseline_build(scp_graph *g, scp_baseline_kind kind, const scp_baseline_config *cfg,
                             scp_node *state, scp_node *phi, int64_t G)
{
    if (!state || !phi) return NULL;
    scp_scope_push(g, "%s", table[kind].mlp ? "mlp" : "linear");
    scp_node *x = scp_concat(g, 2, (scp_node *[]){ state, adapter(g, cfg, phi) });
    for (size_t i = 0; table[kind].mlp && i < cfg->hidden.n; i++) x = hidden_layer(g, cfg, i, x);
    x = scp_nn_linear(g, "out", x, G);
    if (table[kind].mlp && !table[kind].shifts) x = scp_act_fn(g, x, SCP_ACT_RELU);
    scp_scope_pop(g);
    return x;
}

void scp_baseline_build_train(scp_graph *g, scp_baseline_kind kind, const scp_baseline_config *cfg,
                              int64_t P, int64_t G, int64_t S, int64_t labels, int64_t B,
                              scp_baseline_nodes *out)
{
    out->profiles = scp_resident(g, "profiles", SCP_REAL, SCP_SHAPE(P, G));
    out->labels = scp_resident(g, "labels", SCP_REAL, SCP_SHAPE(labels, SCP_FP_BITS));
    out->states = S ? scp_resident(g, "states", SCP_REAL, SCP_SHAPE(P, S)) : NULL;
    out->pre = scp_input(g, "pre", SCP_I32, SCP_SHAPE(B));
    out->post = scp_input(g, "post", SCP_I32, SCP_SHAPE(B));
    out->label = scp_input(g, "label", SCP_I32, SCP_SHAPE(B));
    scp_node *target = scp_gather(g, out->profiles, out->post), *state = NULL;
    if (S) state = scp_gather(g, out->states, out->pre);
    if (!S || scp_baseline_shifts(kind)) {
        scp_node *pre = scp_gather(g, out->profiles, out->pre);
        if (!S) state = pre;
        if (scp_baseline_shifts(kind)) target = scp_sub(g, target, pre);
    }
    scp_node *x =
        scp_baseline_build(g, kind, cfg, state, scp_gather(g, out->labels, out->label), G);
    out->loss = scp_output(g, scp_mse(g, x, target));
}
