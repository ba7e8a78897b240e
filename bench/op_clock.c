/* See op_clock.h. The backend's table is copied and every function replaced by one that looks at
 * the clock and calls the original, so that a plan runs as it always does. */
#include "op_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "step_run.h"
#include "timing.h"

enum { FORWARD, BACKWARD, OTHER, ROWS_MAX = 256 };

/* Ops that are counted together: of one kind, direction and, for products, shape. */
typedef struct row {
    scp_op op;
    int direction;
    int64_t rows, in, out;
    char name[48];
    int64_t calls;
    double seconds, flops, bytes;
} row;

static row table[ROWS_MAX];
static size_t n_rows;
static const scp_backend *was;
static scp_backend backend;
static const scp_op_impl *original[SCP_OP_COUNT], *ops[SCP_OP_COUNT];
static scp_op_impl timed[SCP_OP_COUNT];

static row *row_like(const row *like)
{
    for (size_t i = 0; i < n_rows; i++) {
        row *r = &table[i];
        if (r->op == like->op && r->direction == like->direction && r->rows == like->rows &&
            r->in == like->in && r->out == like->out && !strcmp(r->name, like->name))
            return r;
    }
    if (n_rows == ROWS_MAX) return &table[ROWS_MAX - 1];
    table[n_rows] = *like;
    return &table[n_rows++];
}

static double call_flops(const scp_node *n, int direction)
{
    double all = step_product_flops(n), ahead = all / 3;
    if (n->op == SCP_OP_LINEAR)
        ahead = 2 * (double)scp_shape_count(&n->shape) * (double)scp_shape_last(&n->in[0]->shape);
    return direction == FORWARD ? ahead : all - ahead;
}

static scp_status call(const scp_call *c, int direction)
{
    const scp_node *n = c->node;
    const scp_op_impl *op = original[n->op];
    row like = { .op = n->op, .direction = direction };
    if (n->op == SCP_OP_LINEAR) {
        like.rows = scp_shape_rows(&n->shape);
        like.in = scp_shape_last(&n->in[0]->shape);
        like.out = scp_shape_last(&n->shape);
    }
    row *r = row_like(&like);
    const double start = scp_clock_seconds();
    scp_status st = direction == FORWARD ? op->fwd(c) : op->bwd(c);
    r->seconds += scp_clock_seconds() - start;
    r->calls++;
    r->flops += call_flops(n, direction);
    r->bytes += step_call_bytes(n, direction == BACKWARD);
    return st;
}

static scp_status forward(const scp_call *c)
{
    return call(c, FORWARD);
}

static scp_status backward(const scp_call *c)
{
    return call(c, BACKWARD);
}

void op_clock_begin(scp_device *dev)
{
    was = dev->backend;
    backend = *was;
    for (size_t i = 0; i < backend.n_ops; i++) {
        const scp_op_impl *op = was->ops[i];
        original[op->op] = op;
        timed[op->op] = (scp_op_impl){ op->op, forward, op->bwd ? backward : NULL };
        ops[i] = &timed[op->op];
    }
    backend.ops = ops;
    dev->backend = &backend;
}

void op_clock_end(scp_device *dev)
{
    dev->backend = was;
}

void op_clock_reset(void)
{
    n_rows = 0;
}

void op_clock_add(const char *name, int64_t calls, double seconds, double flops, double bytes)
{
    row like = { .op = SCP_OP_COUNT, .direction = OTHER };
    snprintf(like.name, sizeof like.name, "%s", name);
    row *r = row_like(&like);
    r->calls += calls;
    r->seconds += seconds;
    r->flops += flops * (double)calls;
    r->bytes += bytes * (double)calls;
}

double op_clock_known(void)
{
    double sum = 0;
    for (size_t i = 0; i < n_rows; i++) sum += table[i].seconds;
    return sum;
}

static int slower(const void *a, const void *b)
{
    double x = ((const row *)a)->seconds, y = ((const row *)b)->seconds;
    return (x < y) - (x > y);
}

static void name_row(row *r)
{
    static const char *const way[] = { "forward", "backward" };
    char shape[40] = "";
    if (r->direction == OTHER) return;
    if (r->op == SCP_OP_LINEAR)
        snprintf(shape, sizeof shape, " %lldx%lld>%lld", (long long)r->rows, (long long)r->in,
                 (long long)r->out);
    snprintf(r->name, sizeof r->name, "%s%s %s", scp_op_table[r->op].name, shape,
             way[r->direction]);
}

static void print_rate(double amount, double seconds, double limit, const char *end)
{
    if (amount > 0)
        printf("%9.1f %5.0f%s", amount / seconds / 1e9, 100 * amount / seconds / limit, end);
    else
        printf("%9s %5s%s", "-", "-", end);
}

void op_clock_print(int64_t runs, double seconds, double rate, double copy)
{
    double flops = 0, of_products = 0;
    printf("%-34s %6s %9s %6s %9s %5s %9s %5s\n", "op", "calls", "ms", "share", "GFLOP/s", "%",
           "GB/s", "%");
    qsort(table, n_rows, sizeof *table, slower);
    for (size_t i = 0; i < n_rows; i++) {
        row *r = &table[i];
        name_row(r);
        printf("%-34s %6.0f %9.4f %6.1f ", r->name, (double)r->calls / (double)runs,
               1e3 * r->seconds / (double)runs, 100 * r->seconds / (double)runs / seconds);
        print_rate(r->flops, r->seconds, rate, " ");
        print_rate(r->bytes, r->seconds, copy, "\n");
        if (!(r->flops > 0)) continue;
        flops += r->flops;
        of_products += r->seconds;
    }
    printf("products: %.2f GFLOP in %.3f ms, %.1f GFLOP/s, %.0f %% of the best product\n",
           flops / (double)runs / 1e9, 1e3 * of_products / (double)runs, flops / of_products / 1e9,
           100 * flops / of_products / rate);
}
