/* The sampler in process: conditions to latents by guided DDIM (three passes), and to profiles by
 * the decoder. Defaults of the method, made-up weights and conditions in blocks of 256.
 *
 * usage: bench_sample time RUNS CONDITIONS DDIM GENES   seconds to profiles: median, min, max; to
 *                latents alone, median; GFLOP of a DDIM step of a block if everything ran for every
 *                row, and as it runs; seconds of the products at the rate of one; GFLOP/s of that
 *                one; peak MiB
 *        bench_sample check FILE CONDITIONS DDIM GENES  weights, conditions, noise and results go
 *                to FILE
 *        bench_sample ops RUNS CONDITIONS DDIM GENES    where the time goes, a table of ops:
 *                op_clock.h
 *
 * Threads: OMP_NUM_THREADS. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "op_clock.h"
#include "sample_run.h"
#include "step_run.h"
#include "timing.h"

typedef struct result {
    float *mu, *x;
} result;

static scp_status run_check(sample_run *r, const result *out, const char *path)
{
    SCP_TRY(scp_generator_latent(r->gen, &r->c, out->mu));
    SCP_TRY(scp_generator_run(r->gen, &r->c, out->x));
    return sample_export(r, out->mu, out->x, path);
}

/* Products of the decoder for one profile. */
static double decoder_flops(const sample_run *r)
{
    const scp_int_list *h = &r->t.m.vae.hidden;
    double sum = 0, in = (double)r->t.m.vae.latent;
    for (size_t i = h->n; i-- > 0; in = (double)h->v[i]) sum += 2 * in * (double)h->v[i];
    return sum + 2 * in * (double)r->genes;
}

static scp_status run_time(sample_run *r, const result *out, int64_t runs, double idle)
{
    double whole[TIMING_MAX], latent[TIMING_MAX], rate, plain, later, peak;
    const double blocks = (double)((r->c.n + (size_t)r->gd.block - 1) / (size_t)r->gd.block);
    SCP_TRY(sample_flops(r, &plain, &later));
    SCP_TRY(scp_generator_run(r->gen, &r->c, out->x)); /* warm-up */
    for (int64_t i = 0; i < runs; i++) {
        double start = scp_clock_seconds();
        SCP_TRY(scp_generator_run(r->gen, &r->c, out->x));
        whole[i] = scp_clock_seconds() - start;
        start = scp_clock_seconds();
        SCP_TRY(scp_generator_latent(r->gen, &r->c, out->mu));
        latent[i] = scp_clock_seconds() - start;
    }
    peak = scp_mem_peak_mib();
    SCP_TRY(step_ceiling(r->t.dev, r->genes, &rate));
    const double median = timing_median(whole, (size_t)runs),
                 work = 1e9 * later * blocks * (double)r->gd.ddim_steps +
                        (double)r->c.n * decoder_flops(r);
    printf("%.6f %.6f %.6f %.6f %.4f %.4f %.6f %.1f %.1f %.1f\n", median, whole[0], whole[runs - 1],
           timing_median(latent, (size_t)runs), plain, later, work / rate, rate / 1e9,
           peak, idle);
    return SCP_OK;
}

/* Where the time of a whole sampling goes. */
static scp_status run_ops(sample_run *r, const result *out, int64_t runs)
{
    double rate, copy, total = 0;
    SCP_TRY(step_ceiling(r->t.dev, r->genes, &rate));
    SCP_TRY(step_copy_rate(&copy));
    SCP_TRY(sample_plan(r));
    for (int64_t i = -1; i < runs; i++) {
        if (i == 0) op_clock_reset();
        double start = scp_clock_seconds();
        SCP_TRY(scp_generator_run(r->gen, &r->c, out->x));
        if (i >= 0) total += scp_clock_seconds() - start;
    }
    op_clock_add("conditions, the host's part", runs, total - op_clock_known(), 0, 0);
    op_clock_print(runs, total / (double)runs, rate, copy);
    printf("sampling %.3f ms; the best product %.1f GFLOP/s, copy of memory %.1f GB/s\n",
           1e3 * total / (double)runs, rate / 1e9, copy / 1e9);
    return SCP_OK;
}

static scp_status clocked(sample_run *r, const result *out, int64_t runs)
{
    op_clock_begin(r->t.dev);
    scp_status st = run_ops(r, out, runs);
    scp_generator_destroy(&r->gen);
    op_clock_end(r->t.dev);
    return st;
}

static scp_status number(const char *text, int64_t *out)
{
    SCP_TRY(scp_parse_int(text, out));
    if (*out < 1 || *out > 1000000) SCP_FAIL(SCP_EUSAGE, "%s is not a size", text);
    return SCP_OK;
}

static scp_status run(sample_run *r, result *out, char **argv)
{
    int64_t n, ddim, genes, runs = 0;
    const double idle = scp_mem_peak_mib();
    SCP_TRY(number(argv[3], &n));
    SCP_TRY(number(argv[4], &ddim));
    SCP_TRY(number(argv[5], &genes));
    if (strcmp(argv[1], "check") != 0) SCP_TRY(number(argv[2], &runs));
    if (runs > TIMING_MAX) SCP_FAIL(SCP_EUSAGE, "RUNS must be 1 to %d", TIMING_MAX);
    SCP_TRY(sample_begin(r, "cpu", n, ddim, genes, SCP_REAL));
    SCP_TRY(scp_alloc((size_t)(n * r->t.m.vae.latent), sizeof *out->mu, &out->mu));
    SCP_TRY(scp_alloc((size_t)(n * genes), sizeof *out->x, &out->x));
    if (!strcmp(argv[1], "ops")) return clocked(r, out, runs);
    return runs ? run_time(r, out, runs, idle) : run_check(r, out, argv[2]);
}

int main(int argc, char **argv)
{
    static sample_run r;
    result out = { 0 };
    scp_status st = SCP_EUSAGE;
    if (argc == 6 &&
        (!strcmp(argv[1], "time") || !strcmp(argv[1], "ops") || !strcmp(argv[1], "check")))
        st = run(&r, &out, argv);
    else
        fprintf(stderr, "usage: bench_sample time|ops RUNS CONDITIONS DDIM GENES | "
                        "check FILE CONDITIONS DDIM GENES\n");
    if (st != SCP_OK) fprintf(stderr, "%s", scp_err_chain());
    free(out.mu);
    free(out.x);
    sample_end(&r);
    return scp_status_exit_code(st);
}
