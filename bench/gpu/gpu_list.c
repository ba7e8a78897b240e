/* See gpu_list.h. The backend's table is copied and every function replaced by one that notes the
 * call and makes it, so that the plan runs as it always does; the backend tells of every launch. */
#include "gpu/gpu_list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/cuda.h"
#include "base/clock.h"
#include "dev/stream.h"
#include "tensor/optim.h"

static struct {
    const scp_backend *own;
    scp_backend backend;
    scp_step_impl step;
    scp_group_impl group;
    scp_op_impl noting[SCP_OP_COUNT];
    const scp_op_impl *ops[SCP_OP_COUNT], *original[SCP_OP_COUNT];
    gpu_list *list;
    gpu_row now;          /* the call that runs */
    scp_stepper *stepper; /* whose state the noted calls read */
} watch;

/* ---- what a call touches and computes ---- */

static double size_of(scp_dtype t)
{
    return t == SCP_U8 ? 1 : t == SCP_F16 || t == SCP_BF16 ? 2 : 4;
}

static double value_bytes(const scp_node *n, scp_dtype stored)
{
    const scp_dtype t = n->dtype == SCP_REAL ? stored : n->dtype;
    return size_of(t) * (double)scp_shape_count(&n->shape);
}

/* Of a table, the rows that the result has. */
static double input_bytes(const scp_call *c, int i)
{
    const scp_node *n = c->node, *x = n->in[i];
    const bool rows =
        x->op == SCP_OP_TABLE && scp_shape_count(&x->shape) > scp_shape_count(&n->shape);
    if (!rows) return value_bytes(x, c->in_type[i]);
    const double elements = (double)scp_shape_count(&n->shape);
    return (n->op == SCP_OP_GATHER_DIR ? 2 : 1) *
           size_of(x->dtype == SCP_REAL ? c->in_type[i] : x->dtype) * elements;
}

/* Inputs once and the result; backward the gradients that are wanted, twice where added to. */
static double call_bytes(const scp_call *c, bool backward)
{
    double sum = value_bytes(c->node, c->out_type);
    for (int i = 0; i < c->node->n_in; i++) {
        sum += input_bytes(c, i);
        if (backward && c->din[i])
            sum += (c->add[i] ? 2 : 1) * value_bytes(c->node->in[i], c->din_type[i]);
    }
    return sum;
}

/* Multiplications and additions of products. */
static double call_flops(const scp_call *c, bool backward)
{
    const scp_node *n = c->node, *x = n->in[0], *y = n->in[1];
    const double D = (double)scp_shape_last(&n->shape), rows = (double)scp_shape_rows(&n->shape);
    if (n->op == SCP_OP_LINEAR) {
        const int products = backward ? !!c->din[0] + !!c->din[1] : 1;
        return 2 * rows * D * (double)scp_shape_last(&x->shape) * products;
    }
    if (n->op == SCP_OP_ATTN) return 2 * rows * D * (double)y->shape.d[1] * (backward ? 4 : 2);
    if (n->op != SCP_OP_ALIGN && n->op != SCP_OP_INFO_NCE) return 0;
    const double R = (double)x->shape.d[0], W = (double)x->shape.d[1];
    const double K = n->op == SCP_OP_INFO_NCE ? (double)n->in[2]->shape.d[0] : 0;
    return 2 * R * W * W + 2 * R * W * K * (backward ? 2 : 1); /* z M or dM; the negatives */
}

/* ---- the rows ---- */

static void shape_of(const scp_node *n, char *to, size_t room)
{
    int at = 0;
    for (int i = 0; i < n->shape.n && at < (int)room - 12; i++)
        at +=
            snprintf(to + at, room - (size_t)at, "%s%lld", i ? "x" : "", (long long)n->shape.d[i]);
    if (n->op == SCP_OP_LINEAR)
        snprintf(to + at, room - (size_t)at, " of %lld",
                 (long long)scp_shape_last(&n->in[0]->shape));
}

static bool alike(const gpu_row *a, const gpu_row *b)
{
    if (strcmp(a->op, b->op) || strcmp(a->pass, b->pass) || strcmp(a->shape, b->shape) ||
        a->kernels != b->kernels || a->bytes != b->bytes)
        return false;
    for (int i = 0; i < a->kernels; i++)
        if (strcmp(a->kernel[i].name, b->kernel[i].name) ||
            a->kernel[i].grid_x != b->kernel[i].grid_x ||
            a->kernel[i].grid_y != b->kernel[i].grid_y)
            return false;
    return true;
}

static void seen(void *ctx, const char *kernel, unsigned grid_x, unsigned grid_y, int block)
{
    gpu_row *r = ctx;
    r->launches++;
    if (r->kernels < GPU_KERNELS_MAX)
        r->kernel[r->kernels++] = (gpu_kernel){ kernel, grid_x, grid_y, block };
}

static void open_row(const char *op, const char *pass)
{
    watch.now = (gpu_row){ .op = op, .pass = pass, .calls = 1, .seconds = NAN };
}

static scp_status close_row(void)
{
    gpu_list *l = watch.list;
    gpu_row *r = l ? l->row : NULL;
    if (!l || !watch.now.launches) return SCP_OK;
    l->launches += watch.now.launches;
    l->bytes += watch.now.bytes;
    l->flops += watch.now.flops;
    for (; r < l->row + l->rows; r++)
        if (alike(r, &watch.now)) {
            r->calls++;
            r->launches += watch.now.launches;
            return SCP_OK;
        }
    if (l->rows == GPU_ROWS_MAX)
        SCP_FAIL(SCP_EINTERNAL, "more than %d kinds of calls", GPU_ROWS_MAX);
    l->row[l->rows++] = watch.now;
    return SCP_OK;
}

static scp_status note(const scp_call *c, bool backward)
{
    const scp_op_impl *impl = watch.original[c->node->op];
    open_row(scp_op_table[c->node->op].name, backward ? "backward" : "forward");
    watch.now.bytes = call_bytes(c, backward);
    watch.now.flops = call_flops(c, backward);
    watch.now.impl = impl;
    watch.now.call[0] = *c;
    shape_of(c->node, watch.now.shape, sizeof watch.now.shape);
    SCP_TRY(backward ? impl->bwd(c) : impl->fwd(c));
    return close_row();
}

/* Calls that are one: named for the first, with their number. */
static scp_status note_group(const scp_call *c, int n, bool backward)
{
    const scp_group_impl *own = watch.own->group;
    open_row(scp_op_table[c->node->op].name, backward ? "backward" : "forward");
    watch.now.group = own;
    watch.now.calls_as_one = n;
    for (int i = 0; i < n; i++) {
        watch.now.bytes += call_bytes(&c[i], backward);
        watch.now.flops += call_flops(&c[i], backward);
        watch.now.call[i] = c[i];
    }
    shape_of(c->node, watch.now.shape, sizeof watch.now.shape);
    const size_t at = strlen(watch.now.shape);
    snprintf(watch.now.shape + at, sizeof watch.now.shape - at, " (%d)", n);
    SCP_TRY(backward ? own->bwd(c, n) : own->fwd(c, n));
    return close_row();
}

static scp_status forward(const scp_call *c)
{
    return note(c, false);
}
static scp_status backward(const scp_call *c)
{
    return note(c, true);
}

static scp_status forward_group(const scp_call *c, int n)
{
    return note_group(c, n, false);
}
static scp_status backward_group(const scp_call *c, int n)
{
    return note_group(c, n, true);
}

static scp_status load(scp_device *dev, const scp_step_ring *r)
{
    open_row("step", "load");
    watch.now.bytes = 2 * (double)r->feed_bytes;
    SCP_TRY(watch.own->step->load(dev, r));
    return close_row();
}
static scp_status seed(scp_device *dev, const scp_step_state *s, const void *loss, void *loss_grad)
{
    open_row("step", "seed");
    SCP_TRY(watch.own->step->seed(dev, s, loss, loss_grad));
    return close_row();
}
/* The norm reads g; AdamW reads g, w, m, v, average and mask, and writes all but g and mask. */
static scp_status update(scp_device *dev, const scp_update *u)
{
    open_row("step", "update");
    watch.now.bytes = (double)u->n * (4 + 9 * 4 + (u->decay_mask ? 1 : 0) + (u->half ? 2 : 0));
    SCP_TRY(watch.own->step->update(dev, u));
    return close_row();
}
static scp_status zero(scp_device *dev, void *dst, size_t bytes)
{
    open_row("step", "zero");
    watch.now.bytes = (double)bytes;
    SCP_TRY(watch.own->zero(dev, dst, bytes));
    return close_row();
}

/* ---- */

static void exchange(scp_device *dev)
{
    watch.own = dev->backend;
    watch.backend = *dev->backend;
    watch.step = (scp_step_impl){ load, seed, update };
    for (size_t i = 0; i < watch.own->n_ops; i++) {
        const scp_op_impl *op = watch.own->ops[i];
        watch.original[op->op] = op;
        watch.noting[op->op] = (scp_op_impl){ op->op, forward, op->bwd ? backward : NULL };
        watch.ops[i] = &watch.noting[op->op];
    }
    watch.backend.ops = watch.ops;
    watch.backend.step = &watch.step;
    watch.group = (scp_group_impl){ watch.own->group->joins, forward_group, backward_group };
    watch.backend.group = &watch.group;
    watch.backend.zero = zero;
    dev->backend = &watch.backend;
}

scp_status gpu_list_begin(gpu_step *b, gpu_list *out)
{
    scp_device *dev = b->t.dev;
    scp_step_state state;
    scp_cuda *cu = dev->impl;
    SCP_ARG(!strcmp(dev->backend->name, "cuda"), "kernels are listed of a CUDA device");
    *out = (gpu_list){ .rows = 0 };
    exchange(dev);
    SCP_TRY(gpu_step_replan(b));
    const scp_job job = gpu_step_job(b, true);
    SCP_TRY(scp_stepper_create(&job, &watch.stepper));
    watch.list = out;
    cu->seen = seen;
    cu->seen_by = &watch.now;
    scp_status st = scp_stepper_run(watch.stepper, 0, 1);
    watch.list = NULL;
    cu->seen = NULL;
    SCP_KEEP(st, scp_stepper_look(watch.stepper, &state));
    return st;
}

void gpu_list_end(gpu_step *b)
{
    scp_stepper_destroy(&watch.stepper);
    if (watch.own) b->t.dev->backend = watch.own;
    watch.own = NULL;
}

scp_status gpu_list_again(const gpu_row *r)
{
    const bool backward = strcmp(r->pass, "forward") != 0;
    if (r->group)
        return backward ? r->group->bwd(r->call, r->calls_as_one)
                        : r->group->fwd(r->call, r->calls_as_one);
    return backward ? r->impl->bwd(r->call) : r->impl->fwd(r->call);
}

/* Seconds of one call: REPEAT of them recorded, the fastest of RUNS launches. */
static scp_status time_row(scp_device *dev, gpu_row *r)
{
    enum { REPEAT = 32, RUNS = 8 };
    scp_program *p = NULL;
    scp_status st = SCP_OK;
    r->seconds = INFINITY;
    SCP_TRY(scp_capture_begin(dev));
    for (int i = 0; i < REPEAT && st == SCP_OK; i++) st = gpu_list_again(r);
    SCP_KEEP(st, scp_capture_end(dev, &p));
    for (int run = 0; run < RUNS && st == SCP_OK; run++) {
        const double start = scp_clock_seconds();
        st = scp_program_launch(dev, p);
        if (st == SCP_OK) st = scp_device_sync(dev);
        r->seconds = fmin(r->seconds, (scp_clock_seconds() - start) / REPEAT);
    }
    scp_program_destroy(dev, &p);
    return st;
}

scp_status gpu_list_time(gpu_step *b, gpu_list *l)
{
    for (size_t i = 0; i < l->rows; i++)
        if (l->row[i].impl || l->row[i].group) SCP_TRY(time_row(b->t.dev, &l->row[i]));
    return SCP_OK;
}

/* ---- */

static void json_row(const gpu_row *r, FILE *to)
{
    fprintf(to, "{\"op\": \"%s\", \"pass\": \"%s\", \"shape\": \"%s\", \"calls\": %d, ", r->op,
            r->pass, r->shape, r->calls);
    fprintf(to, "\"launches\": %d, \"bytes\": %.0f, \"flops\": %.0f, ", r->launches, r->bytes,
            r->flops);
    if (isfinite(r->seconds))
        fprintf(to, "\"us\": %.3f, \"kernels\": [", 1e6 * r->seconds);
    else
        fprintf(to, "\"us\": null, \"kernels\": [");
    for (int i = 0; i < r->kernels; i++) {
        const gpu_kernel *k = &r->kernel[i];
        fprintf(to, "%s{\"name\": \"%s\", ", i ? ", " : "", k->name);
        if (k->block)
            fprintf(to, "\"grid\": [%u, %u], \"block\": %d}", k->grid_x, k->grid_y, k->block);
        else
            fprintf(to, "\"grid\": null, \"block\": null}");
    }
    fprintf(to, "]}");
}

void gpu_list_json(const gpu_list *l, FILE *to)
{
    fprintf(to, "{\"launches\": %d, \"bytes\": %.0f, \"flops\": %.0f, \"calls\": [", l->launches,
            l->bytes, l->flops);
    for (size_t i = 0; i < l->rows; i++) {
        if (i) fprintf(to, ", ");
        json_row(&l->row[i], to);
    }
    fprintf(to, "]}\n");
}

static void table_row(const gpu_row *r, FILE *to)
{
    fprintf(to, "%-13s %-8s %-19s %5d %8d %9.3f %8.3f ", r->op, r->pass, r->shape, r->calls,
            r->launches, r->calls * r->bytes / 1048576, r->calls * r->flops / 1e9);
    if (isfinite(r->seconds)) fprintf(to, "%9.1f ", 1e6 * r->calls * r->seconds);
    for (int i = 0; i < r->kernels; i++) {
        const gpu_kernel *k = &r->kernel[i];
        fprintf(to, " %s", k->name);
        if (k->block) fprintf(to, "[%u,%u]", k->grid_x, k->grid_y);
    }
    fputc('\n', to);
}

void gpu_list_table(const gpu_list *l, double bytes_a_second, double flops_a_second, FILE *to)
{
    const double memory = l->bytes / bytes_a_second, products = l->flops / flops_a_second;
    fprintf(to, "%-13s %-8s %-19s %5s %8s %9s %8s\n", "op", "pass", "shape", "calls", "launches",
            "MiB", "GFLOP");
    for (size_t i = 0; i < l->rows; i++) table_row(&l->row[i], to);
    fprintf(to,
            "a step: %d launches, %.1f MiB, %.2f GFLOP; at %.0f GB/s and %.1f TFLOP/s no less than "
            "%.1f us (%s)\n",
            l->launches, l->bytes / 1048576, l->flops / 1e9, bytes_a_second / 1e9,
            flops_a_second / 1e12, 1e6 * fmax(memory, products),
            memory > products ? "memory" : "products");
}
