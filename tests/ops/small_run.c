/* See small_run.h. */
#include "ops/small_run.h"

#include <string.h>

static scp_status begin(small_run *r, const char *device)
{
    SCP_TRY(scp_device_open(device, &r->dev));
    SCP_TRY(scp_params_create(r->dev, 11, &r->params));
    return scp_graph_create(r->params, &r->g);
}

void small_begin(small_run *r, const char *device)
{
    *r = (small_run){ .step = { .seed = 11, .step = 3 } };
    r->st = begin(r, device);
}

void small_end(small_run *r)
{
    scp_plan_destroy(&r->plan);
    scp_graph_destroy(&r->g);
    scp_params_destroy(&r->params);
    scp_device_close(&r->dev);
}

scp_node *small_dot(small_run *r, scp_node *y, const char *name)
{
    if (!y) return NULL;
    int64_t n = scp_shape_count(&y->shape);
    scp_node *w = scp_input(r->g, name, SCP_REAL, SCP_SHAPE(1, n));
    return scp_reshape(r->g, scp_matmul_t(r->g, scp_reshape(r->g, y, SCP_SHAPE(1, n)), w),
                       (scp_shape){ .n = 0 });
}

scp_status small_plan(small_run *r, scp_node *loss, scp_comm *comm)
{
    SCP_TRY(r->st);
    return scp_plan_create(r->g, loss, comm, &r->plan);
}

scp_status small_set_param(small_run *r, const char *name, const double *values, size_t n)
{
    int64_t index = scp_params_find(r->params, name);
    SCP_ARG(index >= 0, "no parameter %s", name);
    const scp_param_info *info = scp_params_info(r->params, (size_t)index);
    SCP_ARG(info->count == n, "parameter %s has %zu elements", name, info->count);
    return scp_params_write_f64(r->params, SCP_ARENA_W, info->offset, n, values);
}

scp_status small_feed(small_run *r, const char *name, const double *values)
{
    for (size_t i = 0; i < scp_graph_size(r->g); i++) {
        scp_node *n = scp_graph_node(r->g, i);
        if (n->op == SCP_OP_INPUT && strcmp(n->name, name) == 0)
            return scp_plan_feed_f64(r->plan, n, values);
    }
    SCP_FAIL(SCP_EINTERNAL, "no input %s", name);
}

scp_status small_forward(small_run *r, bool train)
{
    r->step.train = train;
    return scp_plan_forward(r->plan, &r->step);
}
