/* Linear layers, norms and activations, see nn.h. */
#include <math.h>

#include "nn/nn.h"

typedef enum layer { PLAIN, NO_BIAS, ZERO } layer;

/* Layer `name` of x; `extra` [out], or NULL, is added to the bias. */
static scp_node *linear(scp_graph *g, const char *name, scp_node *x, int64_t out, layer kind,
                        scp_node *extra)
{
    if (!x) return NULL;
    int64_t in = scp_shape_last(&x->shape);
    scp_init init = { SCP_INIT_UNIFORM, 1.0 / sqrt((double)in) };
    if (kind == ZERO) init = (scp_init){ SCP_INIT_CONST, 0 };
    scp_scope_push(g, "%s", name);
    scp_node *W = scp_param(g, "W", SCP_SHAPE(out, in), init);
    scp_node *b = kind == NO_BIAS ? NULL : scp_param(g, "b", SCP_SHAPE(out), init);
    if (extra) b = scp_add(g, b, extra);
    scp_node *y = kind == NO_BIAS ? scp_matmul_t(g, x, W) : scp_linear(g, x, W, b);
    scp_scope_pop(g);
    return y;
}

scp_node *scp_nn_linear(scp_graph *g, const char *name, scp_node *x, int64_t out)
{
    return linear(g, name, x, out, PLAIN, NULL);
}

scp_node *scp_nn_linear_nobias(scp_graph *g, const char *name, scp_node *x, int64_t out)
{
    return linear(g, name, x, out, NO_BIAS, NULL);
}

scp_node *scp_nn_linear_zero(scp_graph *g, const char *name, scp_node *x, int64_t out)
{
    return linear(g, name, x, out, ZERO, NULL);
}

scp_node *scp_nn_linear_pair(scp_graph *g, const char *x_name, scp_node *x, const char *e_name,
                             scp_node *e, scp_node *one, int64_t out)
{
    if (!one)
        return scp_add(g, linear(g, x_name, x, out, PLAIN, NULL),
                       linear(g, e_name, e, out, PLAIN, NULL));
    scp_node *row = scp_gather(g, linear(g, e_name, e, out, PLAIN, NULL), one);
    return linear(g, x_name, x, out, PLAIN, scp_reshape(g, row, SCP_SHAPE(out)));
}

static scp_node *constant_param(scp_graph *g, const char *name, int64_t D, double value)
{
    return scp_param(g, name, SCP_SHAPE(D), (scp_init){ SCP_INIT_CONST, value });
}

scp_node *scp_nn_layernorm(scp_graph *g, const char *name, scp_node *x)
{
    if (!x) return NULL;
    int64_t D = scp_shape_last(&x->shape);
    scp_scope_push(g, "%s", name);
    scp_node *y =
        scp_layernorm(g, x, constant_param(g, "gain", D, 1), constant_param(g, "bias", D, 0), 1e-5);
    scp_scope_pop(g);
    return y;
}

scp_node *scp_nn_batchnorm(scp_graph *g, const char *name, scp_node *x)
{
    if (!x) return NULL;
    int64_t D = scp_shape_last(&x->shape);
    scp_scope_push(g, "%s", name);
    scp_node *mean = scp_state(g, "running_mean", SCP_SHAPE(D), (scp_init){ SCP_INIT_CONST, 0 });
    scp_node *var = scp_state(g, "running_var", SCP_SHAPE(D), (scp_init){ SCP_INIT_CONST, 1 });
    scp_node *y = scp_batchnorm(g, x, constant_param(g, "gain", D, 1),
                                constant_param(g, "bias", D, 0), mean, var, 1e-5, 0.1);
    scp_scope_pop(g);
    return y;
}

scp_node *scp_nn_prelu(scp_graph *g, const char *name, scp_node *x)
{
    scp_scope_push(g, "%s", name);
    scp_node *y = scp_prelu(g, x, constant_param(g, "slope", 1, 0.25));
    scp_scope_pop(g);
    return y;
}

scp_node *scp_nn_silu(scp_graph *g, scp_node *x)
{
    return scp_act_fn(g, x, SCP_ACT_SILU);
}
