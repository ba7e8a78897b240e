/* See step_ops.h. The backend's table is copied and every function replaced by one that looks at
 * the clock and calls the original, so that the plan runs as it always does. */
#include "step_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "timing.h"

enum { FORWARD, BACKWARD, DIRECTIONS, NODES_MAX = 1024, ROWS_MAX = 256 };

typedef struct row {
    char name[48];
    int calls;
    double seconds, flops, bytes;
} row;

static const scp_op_impl *original[SCP_OP_COUNT];
static scp_op_impl timed[SCP_OP_COUNT];
static double spent[NODES_MAX][DIRECTIONS]; /* seconds by node, all steps */

static scp_status call(const scp_call *c, int direction)
{
    const scp_op_impl *op = original[c->node->op];
    double start = scp_clock_seconds();
    scp_status st = direction == FORWARD ? op->fwd(c) : op->bwd(c);
    spent[c->node->id][direction] += scp_clock_seconds() - start;
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

/* The plan once more, on a backend whose ops are timed. */
static scp_status replan(step_run *b, scp_backend *backend, const scp_op_impl **ops)
{
    *backend = *b->t.dev->backend;
    for (size_t i = 0; i < backend->n_ops; i++) {
        const scp_op_impl *op = backend->ops[i];
        original[op->op] = op;
        timed[op->op] = (scp_op_impl){ op->op, forward, op->bwd ? backward : NULL };
        ops[i] = &timed[op->op];
    }
    backend->ops = ops;
    b->t.dev->backend = backend;
    scp_plan_destroy(&b->t.plan);
    SCP_TRY(scp_plan_create(b->t.g, b->t.loss, NULL, &b->t.plan));
    return step_bind(b);
}

static double call_flops(const scp_node *n, int direction)
{
    double all = step_product_flops(n), ahead = all / 3;
    if (n->op == SCP_OP_LINEAR) ahead = all / (1 + n->in[0]->needs_grad + n->in[1]->needs_grad);
    return direction == FORWARD ? ahead : all - ahead;
}

static row *row_of(row *rows, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (!strcmp(rows[i].name, name)) return &rows[i];
    if (*n == ROWS_MAX) return &rows[ROWS_MAX - 1];
    snprintf(rows[*n].name, sizeof rows[*n].name, "%s", name);
    return &rows[(*n)++];
}

static void add_node(row *rows, size_t *n, const scp_node *node, int64_t steps)
{
    static const char *const names[] = { "forward", "backward" };
    char name[48], shape[32] = "";
    if (node->op == SCP_OP_LINEAR)
        snprintf(shape, sizeof shape, " %lldx%lld>%lld", (long long)scp_shape_rows(&node->shape),
                 (long long)scp_shape_last(&node->in[0]->shape),
                 (long long)scp_shape_last(&node->shape));
    for (int d = 0; d < DIRECTIONS; d++) {
        if (!(spent[node->id][d] > 0)) continue;
        snprintf(name, sizeof name, "%s%s %s", scp_op_table[node->op].name, shape, names[d]);
        row *r = row_of(rows, n, name);
        r->calls++;
        r->seconds += spent[node->id][d] / (double)steps;
        r->flops += call_flops(node, d);
        r->bytes += step_call_bytes(node, d == BACKWARD);
    }
}

static int slower(const void *a, const void *b)
{
    double x = ((const row *)a)->seconds, y = ((const row *)b)->seconds;
    return (x < y) - (x > y);
}

static void print(row *rows, size_t n, double step, double rate, double copy)
{
    printf("%-34s %5s %9s %6s %9s %5s %8s %5s\n", "op", "calls", "ms", "share", "GFLOP/s", "%",
           "GB/s", "%");
    qsort(rows, n, sizeof *rows, slower);
    for (size_t i = 0; i < n; i++) {
        const row *r = &rows[i];
        double flops = r->flops / r->seconds, bytes = r->bytes / r->seconds;
        printf("%-34s %5d %9.4f %6.1f ", r->name, r->calls, 1e3 * r->seconds,
               100 * r->seconds / step);
        if (r->flops > 0)
            printf("%9.1f %5.0f ", flops / 1e9, 100 * flops / rate);
        else
            printf("%9s %5s ", "-", "-");
        printf("%8.1f %5.0f\n", bytes / 1e9, 100 * bytes / copy);
    }
}

static scp_status run(step_run *b, int64_t steps, double *total, double *update)
{
    double part[4];
    for (int64_t step = 0; step < STEP_WARM + steps; step++) {
        if (step == STEP_WARM) memset(spent, 0, sizeof spent);
        SCP_TRY(step_timed(b, step, part));
        if (step < STEP_WARM) continue;
        *total += part[0] / (double)steps;
        *update += part[3] / (double)steps;
    }
    return SCP_OK;
}

static scp_status tabulate(step_run *b, int64_t steps)
{
    static row rows[ROWS_MAX];
    double rate, copy, total = 0, update = 0, known = 0;
    size_t n = 0, reals = scp_params_trainable(b->t.params);
    SCP_TRY(step_ceiling(b->t.dev, (int64_t)b->t.data.G, &rate));
    SCP_TRY(step_copy_rate(&copy));
    SCP_TRY(run(b, steps, &total, &update));
    for (size_t i = 0; i < scp_graph_size(b->t.g); i++)
        add_node(rows, &n, scp_graph_node(b->t.g, i), steps);
    row *r = row_of(rows, &n, "clip, AdamW, average");
    *r = (row){ .calls = 1, .seconds = update, .bytes = 40.0 * (double)reals };
    snprintf(r->name, sizeof r->name, "clip, AdamW, average");
    for (size_t i = 0; i < n; i++) known += rows[i].seconds;
    r = row_of(rows, &n, "sampling, feeding, the plan's loop");
    r->calls = 1;
    r->seconds = total - known;
    print(rows, n, total, rate, copy);
    printf("step %.3f ms; the best product %.1f GFLOP/s, copy of memory %.1f GB/s "
           "(read and written), %zu trained reals\n",
           1e3 * total, rate / 1e9, copy / 1e9, reals);
    return SCP_OK;
}

scp_status step_ops(step_run *b, int64_t steps, int64_t genes)
{
    scp_backend backend;
    const scp_op_impl *ops[SCP_OP_COUNT];
    SCP_TRY(step_begin(b, genes, NULL));
    if (scp_graph_size(b->t.g) > NODES_MAX)
        SCP_FAIL(SCP_EINTERNAL, "more than %d nodes", NODES_MAX);
    const scp_backend *was = b->t.dev->backend;
    scp_status st = replan(b, &backend, ops);
    if (st == SCP_OK) st = tabulate(b, steps);
    b->t.dev->backend = was;
    return st;
}
