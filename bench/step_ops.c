/* See step_ops.h. */
#include "step_ops.h"

#include <stdio.h>

#include "op_clock.h"

/* The plan once more, on a backend whose ops are timed. */
static scp_status replan(step_run *b)
{
    op_clock_begin(b->t.dev);
    scp_plan_destroy(&b->t.plan);
    SCP_TRY(scp_plan_create(b->t.g, b->t.loss, NULL, &b->t.plan));
    return step_bind(b);
}

static scp_status run(step_run *b, int64_t steps, double *total, double *update)
{
    double part[4];
    for (int64_t step = 0; step < STEP_WARM + steps; step++) {
        if (step == STEP_WARM) op_clock_reset();
        SCP_TRY(step_timed(b, step, part));
        if (step < STEP_WARM) continue;
        *total += part[0];
        *update += part[3];
    }
    return SCP_OK;
}

static scp_status tabulate(step_run *b, int64_t steps)
{
    double rate, copy, total = 0, update = 0;
    const size_t reals = scp_params_trainable(b->t.params);
    SCP_TRY(step_ceiling(b->t.dev, (int64_t)b->t.data.G, &rate));
    SCP_TRY(step_copy_rate(&copy));
    SCP_TRY(run(b, steps, &total, &update));
    op_clock_add("clip, AdamW, average", steps, update, 0, 40.0 * (double)reals);
    op_clock_add("sampling, feeding, the plan's loop", steps, total - op_clock_known(), 0, 0);
    op_clock_print(steps, total / (double)steps, rate, copy);
    printf("step %.3f ms; the best product %.1f GFLOP/s, copy of memory %.1f GB/s "
           "(read and written), %zu trained reals\n",
           1e3 * total / (double)steps, rate / 1e9, copy / 1e9, reals);
    return SCP_OK;
}

scp_status step_ops(step_run *b, int64_t steps, int64_t genes)
{
    SCP_TRY(step_begin(b, genes, NULL));
    scp_status st = replan(b);
    if (st == SCP_OK) st = tabulate(b, steps);
    scp_plan_destroy(&b->t.plan);
    op_clock_end(b->t.dev);
    return st;
}
