/* One training step of the denoiser, or with the word vae at the end of the autoencoder, or (time
 * only) with bf16 in that precision, as a job takes it: sample, feed, forward, backward, clip,
 * AdamW, moving average. Defaults of the method, made-up tables, one process.
 *
 * usage: bench_step time STEPS [GENES]   seconds of a step: median, min, max; of its forward,
 *                                        backward and update (medians); GFLOP/s of one product;
 *                                        seconds of the step's products at that rate; peak MiB,
 *                                        MiB of the plan, and without reuse of memory
 *        bench_step ops STEPS [GENES]    where the time goes, a table of ops: step_ops.h
 *        bench_step check FILE [GENES]   a step without dropout: inputs, weights and draws go to
 *                                        FILE; the loss, the norm of the gradient, the loss after
 *                                        the update
 *
 * time and check print one line on stdout. GENES: 2,000 by default. Threads: OMP_NUM_THREADS. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "step_export.h"
#include "step_ops.h"
#include "step_run.h"
#include "timing.h"

static const double check_lr = 1e-3; /* large enough for one update to show */

static scp_status run_time(step_run *b, int64_t steps, int64_t genes)
{
    double part[4][TIMING_MAX], one[4] = { 0 }, rate, flops = 0, peak;
    const double idle = scp_mem_peak_mib();
    size_t n = 0;
    SCP_TRY(step_begin(b, genes, NULL));
    for (int64_t step = 0; step < STEP_WARM + steps; step++) {
        SCP_TRY(step_timed(b, step, one));
        if (step < STEP_WARM) continue;
        for (int i = 0; i < 4; i++) part[i][n] = one[i];
        n++;
    }
    peak = scp_mem_peak_mib();
    SCP_TRY(step_ceiling(b->t.dev, genes, &rate));
    for (int i = 0; i < 4; i++) (void)timing_median(part[i], n); /* sorts */
    for (size_t i = 0; i < scp_graph_size(b->t.g); i++)
        flops += step_product_flops(scp_graph_node(b->t.g, i));
    printf("%.6f %.6f %.6f %.6f %.6f %.6f %.1f %.6f %.1f %.1f %.1f %.1f\n", part[0][n / 2],
           part[0][0], part[0][n - 1], part[1][n / 2], part[2][n / 2], part[3][n / 2], rate / 1e9,
           flops / rate, peak, (double)scp_plan_bytes(b->t.plan) / 1048576,
           (double)scp_plan_bytes_apart(b->t.plan) / 1048576, idle);
    return SCP_OK;
}

static scp_status run_check(step_run *b, const char *path, int64_t genes)
{
    static const char *const no_dropout[] = { "model.dropout=0", "vae.dropout=0", NULL };
    double before, after;
    SCP_TRY(step_begin(b, genes, no_dropout));
    SCP_TRY(toy_shake(&b->t, 0.02));
    SCP_TRY(step_export(&b->t, &b->c, check_lr, path));
    SCP_TRY(toy_forward(&b->t, &before));
    SCP_TRY(scp_plan_backward(b->t.plan));
    SCP_TRY(step_update(b, check_lr, 1));
    SCP_TRY(toy_forward(&b->t, &after));
    printf("%.9g %.9g %.9g\n", before, b->norm, after);
    return SCP_OK;
}

static scp_status run(step_run *b, const char *mode, const char *what, const char *text)
{
    int64_t genes = 2000, steps;
    if (text) SCP_TRY(scp_parse_int(text, &genes));
    if (genes < 1 || genes > 1000000) SCP_FAIL(SCP_EUSAGE, "GENES must be 1 to 1000000");
    if (!strcmp(mode, "check")) return run_check(b, what, genes);
    SCP_TRY(scp_parse_int(what, &steps));
    if (steps < 1 || steps > TIMING_MAX) SCP_FAIL(SCP_EUSAGE, "STEPS must be 1 to %d", TIMING_MAX);
    return !strcmp(mode, "ops") ? step_ops(b, steps, genes) : run_time(b, steps, genes);
}

/* What computes in the cases of bench/run. */
static scp_status say_device(void)
{
    char name[64];
    scp_device *dev = NULL;
    SCP_TRY(scp_device_open("cpu", &dev));
    scp_device_name(dev, name, sizeof name);
    scp_device_close(&dev);
    puts(name);
    return SCP_OK;
}

int main(int argc, char **argv)
{
    static step_run b;
    scp_status st = SCP_EUSAGE;
    const char *mode = argc > 1 ? argv[1] : "";
    if (argc > 1 && !strcmp(argv[argc - 1], "vae")) {
        b.model = STEP_VAE;
        argv[--argc] = NULL;
    }
    if (!strcmp(mode, "time") && b.model == STEP_DENOISER && !strcmp(argv[argc - 1], "bf16")) {
        b.store = SCP_BF16;
        argv[--argc] = NULL;
    }
    if ((argc == 3 || argc == 4) &&
        (!strcmp(mode, "time") || !strcmp(mode, "ops") || !strcmp(mode, "check")))
        st = run(&b, mode, argv[2], argv[3]);
    else if (argc == 2 && !strcmp(mode, "device"))
        st = say_device();
    else
        fprintf(stderr, "usage: bench_step time STEPS [GENES] | ops STEPS [GENES] | "
                        "check FILE [GENES] [vae] | time STEPS [GENES] bf16 | device\n");
    if (st != SCP_OK) fprintf(stderr, "%s", scp_err_chain());
    step_end(&b);
    return scp_status_exit_code(st);
}
