/* See scaling_model.h. */
#include "scaling_model.h"

#include <math.h>
#include <stdio.h>

enum { ROWS = 256, GLOBAL = 16384, MOST = 1024, UPDATE_BYTES = 40 };

static const double bucket = 4e6; /* bytes: a million reals, as train/stepper.c has it */

const cluster cluster_h100 = { .flops = 67e12,
                               .bytes = 3.35e12,
                               .call = 2e-6,
                               .node = 8,
                               .link = 360e9,
                               .nic = 48e9,
                               .link_hop = 1e-6,
                               .nic_hop = 5e-6 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

double model_allreduce(const cluster *c, int n, double S)
{
    const int inside = least(n, c->node), nodes = (n + c->node - 1) / c->node;
    const double part = S / inside;
    double t = 0;
    if (inside > 1) t += 2 * ((inside - 1) * part / c->link + (inside - 1) * c->link_hop);
    if (nodes > 1)
        t += 2 * ((nodes - 1.0) / nodes * part / c->nic + ceil(log2(nodes)) * c->nic_hop);
    return t;
}

/* Roofline of the step on one GPU, times what the machine that measured needed more than its
 * own. */
static double compute(const cluster *c, const step_cost *s, double rows, double *update)
{
    double products = (s->flops + rows * s->flops_row) / c->flops;
    double memory = (s->bytes + rows * s->bytes_row) / c->bytes;
    *update = UPDATE_BYTES * s->reals / c->bytes;
    return s->calibration * (fmax(products, memory) + *update) + s->calls * c->call;
}

double model_step(const cluster *c, const step_cost *s, int n, double rows, double *exposed)
{
    const double S = 4 * s->reals;
    double update, t = compute(c, s, rows, &update), all = model_allreduce(c, n, S);
    double last = model_allreduce(c, n, fmin(bucket, S)), behind = 2.0 / 3 * t;
    *exposed = n > 1 ? fmax(last, all - behind) : 0;
    return t + *exposed;
}

static void print_assumptions(const cluster *c, const step_cost *s)
{
    printf("\nassumed:\n"
           "- %d rows a GPU cost %.2f GFLOP of products in fp32 and %.0f MB, %.2f GFLOP and "
           "%.0f MB of them for any number of rows (negatives, W^T W);\n"
           "- a GPU has %.0f TFLOP/s in fp32 and %.2f TB/s (H100 SXM, data sheet) and needs %.2f "
           "times its roofline, as the machine that measured did of its own; %.0f calls of a "
           "recorded step take %.0f us each beside that;\n"
           "- %.1f million reals are averaged in fp32 and updated (%d bytes each) on every GPU;\n"
           "- a node has %d GPUs; a ring moves %.0f GB/s for each of them (NVLink) and %.0f "
           "between nodes (one NIC of 400 Gb/s each); a hop takes %.0f and %.0f us;\n"
           "- averaging goes on behind two thirds of the step, the last bucket of %.0f MB does "
           "not; no rank is ever late, reading and checkpoints take no time.\n",
           ROWS, (s->flops + ROWS * s->flops_row) / 1e9, (s->bytes + ROWS * s->bytes_row) / 1e6,
           s->flops / 1e9, s->bytes / 1e6, c->flops / 1e12, c->bytes / 1e12, s->calibration,
           s->calls, 1e6 * c->call, s->reals / 1e6, UPDATE_BYTES, c->node, c->link / 1e9,
           c->nic / 1e9, 1e6 * c->link_hop, 1e6 * c->nic_hop, bucket / 1e6);
}

void model_print(const cluster *c, const step_cost *s)
{
    double exposed, one = model_step(c, s, 1, ROWS, &exposed), few = 0;
    int first = 0;
    printf("%6s | %-47s | %s\n", "", "256 rows a GPU", "16,384 rows in all");
    printf("%6s | %9s %9s %9s %6s %10s | %9s %9s %6s\n", "GPUs", "averaging", "exposed", "step ms",
           "eff.", "rows/s", "rows/GPU", "step ms", "eff.");
    for (int n = 1; n <= MOST; n *= 2) {
        double t = model_step(c, s, n, ROWS, &exposed);
        printf("%6d | %9.3f %9.3f %9.3f %6.2f %10.3g |", n,
               1e3 * model_allreduce(c, n, 4 * s->reals), 1e3 * exposed, 1e3 * t, one / t,
               ROWS * n / t);
        double rows = (double)GLOBAL / n;
        t = model_step(c, s, n, rows, &exposed);
        if (!first) first = n, few = t;
        printf(" %9.0f %9.3f %6.2f\n", rows, 1e3 * t, few * first / (t * n));
    }
    print_assumptions(c, s);
}
