/* What goes into a plan and comes out, see plan.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/half.h"
#include "tensor/plan_impl.h"

/* Where an input is fed: device memory, or its place in the host memory of scp_plan_feed_to. */
static scp_status input_memory(scp_plan *p, const scp_node *n, scp_dtype type, char **at)
{
    SCP_ARG(n && n->op == SCP_OP_INPUT && n->dtype == type,
            "feed needs an input of the right type");
    *at = scp_plan_value(p, n);
    if (!*at && p->slot[n->id].live) SCP_FAIL(SCP_EINTERNAL, "input '%s' has no memory", n->name);
    return SCP_OK;
}

void scp_plan_feed_to(scp_plan *p, void *host)
{
    p->feed_to = host;
}

scp_status scp_plan_feed_f32(scp_plan *p, const scp_node *input, const float *host)
{
    char *at = NULL;
    size_t n = (size_t)scp_shape_count(&input->shape);
    SCP_TRY(input_memory(p, input, SCP_REAL, &at));
    if (!at) return SCP_OK; /* nothing depends on it */
    if (!p->feed_to) return scp_device_write_f32(p->dev, at, host, n);
    char *to = p->feed_to + (at - p->block);
    if (p->dev->backend->real_size == sizeof *host)
        memcpy(to, host, n * sizeof *host);
    else
        for (size_t i = 0; i < n; i++) ((double *)(void *)to)[i] = host[i];
    return SCP_OK;
}

scp_status scp_plan_feed_f64(scp_plan *p, const scp_node *input, const double *host)
{
    char *at = NULL;
    size_t n = (size_t)scp_shape_count(&input->shape);
    SCP_TRY(input_memory(p, input, SCP_REAL, &at));
    if (!at) return SCP_OK;
    if (!p->feed_to) return scp_device_write_f64(p->dev, at, host, n);
    char *to = p->feed_to + (at - p->block);
    if (p->dev->backend->real_size == sizeof *host)
        memcpy(to, host, n * sizeof *host);
    else
        for (size_t i = 0; i < n; i++) ((float *)(void *)to)[i] = (float)host[i];
    return SCP_OK;
}

scp_status scp_plan_feed_i32(scp_plan *p, const scp_node *input, const int32_t *host)
{
    char *at = NULL;
    size_t bytes = (size_t)scp_shape_count(&input->shape) * sizeof *host;
    SCP_TRY(input_memory(p, input, SCP_I32, &at));
    if (!at) return SCP_OK;
    if (!p->feed_to) return p->dev->backend->write(p->dev, at, host, bytes);
    memcpy(p->feed_to + (at - p->block), host, bytes);
    return SCP_OK;
}

scp_status scp_plan_bind(scp_plan *p, const scp_node *table, void *device_memory)
{
    SCP_ARG(table && table->op == SCP_OP_TABLE && device_memory,
            "bind needs a table and its memory");
    p->slot[table->id].table = device_memory;
    return SCP_OK;
}

static scp_status readable(const scp_plan *p, const scp_node *x, const void *at)
{
    if (!x || !at || !p->slot[x->id].live || !p->slot[p->slot[x->id].root].kept)
        SCP_FAIL(SCP_EINTERNAL, "node '%s' is not kept: mark it with scp_output", x ? x->name : "");
    return SCP_OK;
}

/* Reals that are stored in half on the device. */
static scp_status read_halves(scp_plan *p, scp_dtype type, const void *at, size_t n, double *host)
{
    uint16_t *bits = NULL;
    SCP_TRY(scp_alloc(n, sizeof *bits, &bits));
    scp_status st = p->dev->backend->read(p->dev, bits, at, n * sizeof *bits);
    for (size_t i = 0; st == SCP_OK && i < n; i++) host[i] = scp_half_value(type, bits[i]);
    free(bits);
    return st;
}

static scp_status read_reals(scp_plan *p, const scp_node *x, const void *at, double *host)
{
    scp_dtype type = p->slot[p->slot[x->id].root].type;
    size_t n = (size_t)scp_shape_count(&x->shape);
    SCP_TRY(readable(p, x, at));
    if (!p->emulate && (type == SCP_F16 || type == SCP_BF16))
        return read_halves(p, type, at, n, host);
    return scp_device_read_f64(p->dev, host, at, n);
}

scp_status scp_plan_fetch_f32(scp_plan *p, const scp_node *x, float *host)
{
    const void *at = scp_plan_value(p, x);
    double *wide = NULL;
    size_t n = (size_t)scp_shape_count(&x->shape);
    if (p->store == SCP_REAL) {
        SCP_TRY(readable(p, x, at));
        return scp_device_read_f32(p->dev, host, at, n);
    }
    SCP_TRY(scp_alloc(n, sizeof *wide, &wide));
    scp_status st = read_reals(p, x, at, wide);
    for (size_t i = 0; st == SCP_OK && i < n; i++) host[i] = (float)wide[i];
    free(wide);
    return st;
}

scp_status scp_plan_fetch_f64(scp_plan *p, const scp_node *x, double *host)
{
    return read_reals(p, x, scp_plan_value(p, x), host);
}

scp_status scp_plan_fetch_i32(scp_plan *p, const scp_node *x, int32_t *host)
{
    const void *at = scp_plan_value(p, x);
    SCP_TRY(readable(p, x, at));
    return p->dev->backend->read(p->dev, host, at,
                                 (size_t)scp_shape_count(&x->shape) * sizeof *host);
}

scp_status scp_plan_fetch_grad_f64(scp_plan *p, const scp_node *x, double *host)
{
    return read_reals(p, x, scp_plan_grad(p, x), host);
}
