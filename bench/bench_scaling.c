/* The training step of the denoiser on ranks, and what a model says of many GPUs.
 *
 * usage: bench_scaling step STEPS GENES BATCH   rank 0 prints: ranks; seconds of a step, its median
 *                                               over STEPS of the slowest rank; seconds of
 *                                               averaging the gradient alone; largest MiB of a rank
 *        bench_scaling model GENES STEPS        the model (scaling_model.h) of a step of GENES
 *                                               genes, calibrated by STEPS steps of one process
 *
 * BATCH is that of all ranks. The step feeds, computes, averages in buckets during the backward
 * pass, and updates, as a job does. Threads: OMP_NUM_THREADS. Collective. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "comm/bucket.h"
#include "comm/world.h"
#include "scaling_model.h"
#include "step_run.h"
#include "timing.h"

enum { BUCKET = 1 << 20 };

typedef struct ranks_run {
    step_run b;
    scp_comm *world;
    scp_average *average;
    scp_plan_bucket *bucket;
    scp_plan_ready ready;
} ranks_run;

static scp_status bucket_ready(void *ctx, size_t i)
{
    return scp_average_start(((ranks_run *)ctx)->average, i);
}

static scp_status buckets_begin(ranks_run *r)
{
    size_t n = 0, *begin = NULL;
    SCP_TRY(scp_plan_buckets(r->b.t.plan, BUCKET, &r->bucket, &n));
    SCP_TRY(scp_alloc(n + 1, sizeof *begin, &begin));
    for (size_t i = 0; i < n; i++) begin[i] = r->bucket[i].begin;
    begin[n] = scp_params_trainable(r->b.t.params);
    scp_status st =
        scp_average_create(r->world, r->b.t.dev, scp_params_arena(r->b.t.params, SCP_ARENA_G),
                           SCP_COMM_F32, n, begin, &r->average);
    free(begin);
    r->ready = (scp_plan_ready){ .bucket = r->bucket, .n = n, .ready = bucket_ready, .ctx = r };
    return st;
}

static scp_status step(ranks_run *r, int64_t number)
{
    SCP_TRY(step_feed(&r->b, number));
    SCP_TRY(scp_plan_forward(r->b.t.plan, &r->b.t.step));
    SCP_TRY(scp_plan_backward_telling(r->b.t.plan, &r->ready));
    SCP_TRY(scp_average_join(r->average));
    SCP_TRY(scp_average_finish(r->average));
    return step_update(&r->b, scp_train_lr(&r->b.c, number), number + 1);
}

static scp_status average_alone(ranks_run *r)
{
    for (size_t i = r->ready.n; i-- > 0;) SCP_TRY(scp_average_start(r->average, i));
    SCP_TRY(scp_average_join(r->average));
    return scp_average_finish(r->average);
}

/* Median seconds of the slowest rank; every rank begins when all are there. */
static scp_status time_ranks(ranks_run *r, int64_t steps, bool whole, double *seconds)
{
    double t[TIMING_MAX];
    for (int64_t i = -STEP_WARM; i < steps; i++) {
        SCP_TRY(scp_comm_barrier(r->world));
        double start = scp_clock_seconds();
        SCP_TRY(whole ? step(r, i + STEP_WARM) : average_alone(r));
        double took = scp_clock_seconds() - start;
        SCP_TRY(scp_comm_allreduce(r->world, &took, 1, SCP_COMM_F64, SCP_COMM_MAX));
        if (i >= 0) t[i] = took;
    }
    *seconds = timing_median(t, (size_t)steps);
    return SCP_OK;
}

static scp_status run_step(ranks_run *r, int64_t steps, int64_t genes, int64_t batch)
{
    double whole, alone, peak;
    r->b.ranks = scp_comm_size(r->world);
    r->b.rank = scp_comm_rank(r->world);
    r->b.batch = batch;
    if (batch < 1 || batch % r->b.ranks)
        SCP_FAIL(SCP_EUSAGE, "BATCH must be a multiple of the %lld ranks", (long long)r->b.ranks);
    SCP_TRY(scp_agree(r->world, step_begin(&r->b, genes, NULL)));
    SCP_TRY(scp_agree(r->world, buckets_begin(r)));
    SCP_TRY(time_ranks(r, steps, true, &whole));
    SCP_TRY(time_ranks(r, steps, false, &alone));
    peak = scp_mem_peak_mib();
    SCP_TRY(scp_comm_allreduce(r->world, &peak, 1, SCP_COMM_F64, SCP_COMM_MAX));
    if (r->b.rank == 0) printf("%d %.6f %.6f %.1f\n", (int)r->b.ranks, whole, alone, peak);
    return SCP_OK;
}

/* Products and bytes of a step. */
static void count(const step_run *b, double *flops, double *bytes, double *calls)
{
    *flops = *bytes = *calls = 0;
    for (size_t i = 0; i < scp_graph_size(b->t.g); i++) {
        const scp_node *n = scp_graph_node(b->t.g, i);
        if (n->op == SCP_OP_INPUT || n->op == SCP_OP_TABLE || n->op == SCP_OP_PARAM ||
            n->op == SCP_OP_RESHAPE)
            continue;
        *flops += step_product_flops(n);
        *bytes += step_call_bytes(n, false) + (n->needs_grad ? step_call_bytes(n, true) : 0);
        *calls += n->needs_grad ? 2 : 1;
    }
}

/* What half a batch costs tells what a row does. */
static scp_status count_rows(int64_t genes, const step_cost *whole, step_cost *s)
{
    step_run half = { .batch = STEP_BATCH / 2 };
    double flops, bytes, calls;
    scp_status st = step_begin(&half, genes, NULL);
    if (st == SCP_OK) count(&half, &flops, &bytes, &calls);
    step_end(&half);
    if (st != SCP_OK) return st;
    s->flops_row = (whole->flops - flops) / (STEP_BATCH / 2);
    s->bytes_row = (whole->bytes - bytes) / (STEP_BATCH / 2);
    s->flops = whole->flops - STEP_BATCH * s->flops_row;
    s->bytes = whole->bytes - STEP_BATCH * s->bytes_row;
    return SCP_OK;
}

static scp_status run_model(ranks_run *r, int64_t genes, int64_t steps)
{
    double rate, copy, t[TIMING_MAX], part[4];
    step_cost whole, s;
    if (scp_comm_size(r->world) > 1) SCP_FAIL(SCP_EUSAGE, "the model is of one process");
    SCP_TRY(step_begin(&r->b, genes, NULL));
    SCP_TRY(step_product_rate(r->b.t.dev, 1024, 1024, 1024, &rate));
    SCP_TRY(step_copy_rate(&copy));
    for (int64_t i = -STEP_WARM; i < steps; i++) {
        SCP_TRY(step_timed(&r->b, i + STEP_WARM, part));
        if (i >= 0) t[i] = part[0];
    }
    double measured = timing_median(t, (size_t)steps);
    count(&r->b, &whole.flops, &whole.bytes, &whole.calls);
    s = (step_cost){ .calls = whole.calls,
                     .reals = (double)scp_params_trainable(r->b.t.params) };
    SCP_TRY(count_rows(genes, &whole, &s));
    double roofline = fmax(whole.flops / rate, whole.bytes / copy) + 40 * s.reals / copy;
    s.calibration = measured / roofline;
    printf(
        "step of %lld genes here: %.2f ms; roofline %.2f ms: %.2f GFLOP at %.0f GFLOP/s or %.0f MB "
        "at %.1f GB/s, and the update of %.1f million reals\n\n",
        (long long)genes, 1e3 * measured, 1e3 * roofline, whole.flops / 1e9, rate / 1e9,
        whole.bytes / 1e6, copy / 1e9, s.reals / 1e6);
    model_print(&cluster_h100, &s);
    return SCP_OK;
}

static scp_status run(ranks_run *r, int argc, char **argv)
{
    int64_t n[3] = { 0 };
    bool model = argc == 4 && !strcmp(argv[1], "model");
    if (!model && !(argc == 5 && !strcmp(argv[1], "step")))
        SCP_FAIL(SCP_EUSAGE, "usage: bench_scaling step STEPS GENES BATCH | model GENES STEPS");
    for (int i = 2; i < argc; i++) SCP_TRY(scp_parse_int(argv[i], &n[i - 2]));
    const int64_t genes = model ? n[0] : n[1], steps = model ? n[1] : n[0];
    if (steps < 1 || steps > TIMING_MAX || genes < 1 || genes > 1000000)
        SCP_FAIL(SCP_EUSAGE, "STEPS must be 1 to %d and GENES 1 to 1000000", TIMING_MAX);
    return model ? run_model(r, genes, steps) : run_step(r, steps, genes, n[2]);
}

int main(int argc, char **argv)
{
    static ranks_run r;
    bool all_here = false;
    if (scp_world_begin(&argc, &argv, &r.world) != SCP_OK) return 70;
    scp_status st = run(&r, argc, argv);
    if (st != SCP_OK) fprintf(stderr, "%s", scp_err_chain());
    scp_average_destroy(&r.average);
    free(r.bucket);
    step_end(&r.b);
    if (scp_world_meet(r.world, 60, &all_here) != SCP_OK || !all_here)
        scp_world_abort(scp_status_exit_code(st));
    if (scp_world_end(&r.world) != SCP_OK) return 70;
    return scp_status_exit_code(st);
}
