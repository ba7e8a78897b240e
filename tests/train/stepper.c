/* Steps without the host (train/stepper.h) on 1, 2 and 4 ranks, against a loop written out here:
 * one call at a time and several at once, on the cpu and on the deferred device, which records the
 * step and replays it, over MPI in host memory and staged. The same bits wherever the order of sums
 * is the same. And what a gradient that is not finite does to the loss scale. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "comm/world.h"
#include "tap.h"
#include "train/small_net.h"

static scp_comm *world;

/* One way of running against the loop by hand: the same bits. */
static void same_bits(const net_weights *want, const char *device, deferred_order order, net_how h,
                      const char *what)
{
    net t;
    net_weights w = { 0 };
    scp_step_state state = { 0 };
    int64_t replayed = -1;
    scp_status st = net_start(&t, device, order, world, true, SCP_REAL);
    if (st == SCP_OK) st = net_by_stepper(&t, &h, &w, &state, &replayed);
    tap_st(scp_agree(world, st), "%s", what);
    tap_ok(net_distance(&w, want) == 0, "%s: the weights of the loop by hand, bit for bit", what);
    tap_ok(replayed == (device || h.direct ? 0 : NET_STEPS - 1), "%s: %d steps replayed", what,
           (int)replayed);
    tap_ok(state.now.step.step == NET_STEPS - 1 && state.next == NET_STEPS && state.skipped == 0 &&
               isfinite(state.grad_norm),
           "%s: the state has the last step", what);
    free(w.v);
    net_stop(&t);
}

static void all_ways(const net_weights *want)
{
    same_bits(want, "cpu", 0, (net_how){ .stride = 1 }, "cpu, a step at a time");
    same_bits(want, "cpu", 0, (net_how){ .stride = 8 }, "cpu, eight steps at once");
    same_bits(want, NULL, DEFERRED_MAIN_FIRST, (net_how){ .stride = 8, .direct = true },
              "deferred, not recorded");
    same_bits(want, NULL, DEFERRED_COMM_FIRST, (net_how){ .stride = 3, .direct = true },
              "deferred, not recorded, the other order of streams");
    same_bits(want, NULL, DEFERRED_MAIN_FIRST, (net_how){ .stride = 8 }, "deferred, recorded");
    same_bits(want, NULL, DEFERRED_COMM_FIRST, (net_how){ .stride = 5 },
              "deferred, recorded, the other order of streams");
}

/* All ranks against one. */
static void one_rank(const net_weights *want)
{
    net t;
    net_weights w = { 0 };
    scp_comm *self = NULL;
    scp_status st = scp_comm_create_self(&self);
    if (st == SCP_OK) st = net_start(&t, "cpu", 0, self, false, SCP_REAL);
    if (st == SCP_OK) st = net_by_hand(&t, &w);
    tap_st(scp_agree(world, st), "the loop on one rank");
    double worst = net_distance(&w, want);
    tap_st(scp_comm_allreduce(world, &worst, 1, SCP_COMM_F64, SCP_COMM_MAX), "compared");
    tap_ok(worst < 1e-6, "any number of ranks gives the weights of one (%.2g)", worst);
    free(w.v);
    net_stop(&t);
    scp_comm_destroy(&self);
}

/* Ranks that ask for kernels of different levels: all take the lowest, and their weights stay the
 * same. */
static void mixed_levels(void)
{
    net t;
    net_weights w = { 0 }, first = { 0 };
    scp_step_state state = { 0 };
    int64_t replayed;
    char was[16] = "";
    const char *asked = getenv("SCPPDM_CPU_LEVEL");
    if (asked) snprintf(was, sizeof was, "%s", asked);
    setenv("SCPPDM_CPU_LEVEL", scp_comm_rank(world) % 2 ? "1" : "4", 1);
    scp_status st = net_start(&t, "cpu", 0, world, true, SCP_REAL);
    if (asked)
        setenv("SCPPDM_CPU_LEVEL", was, 1);
    else
        unsetenv("SCPPDM_CPU_LEVEL");
    if (st == SCP_OK) st = net_by_stepper(&t, &(net_how){ .stride = 1 }, &w, &state, &replayed);
    if (st == SCP_OK) st = scp_alloc(w.n, sizeof *first.v, &first.v);
    if (tap_st(scp_agree(world, st), "ranks of different levels of kernels")) {
        first.n = w.n;
        memcpy(first.v, w.v, w.n * sizeof *w.v);
        tap_st(scp_comm_bcast(world, first.v, first.n, SCP_COMM_F64, 0), "weights of rank 0");
        double apart = net_distance(&w, &first);
        tap_st(scp_comm_allreduce(world, &apart, 1, SCP_COMM_F64, SCP_COMM_MAX), "compared");
        tap_ok(apart == 0, "every rank ends with the same weights (%.2g)", apart);
        tap_ok(scp_comm_size(world) == 1 || t.dev->backend->level == 1,
               "all ranks take the lowest level");
    }
    free(w.v);
    free(first.v);
    net_stop(&t);
}

/* Steps 5 to 8 have a loss that is not finite, on the last rank alone: on all ranks they change
 * nothing but counts and scale. */
static void skipped(const char *device, scp_dtype store, double scale, double want_scale)
{
    net t;
    net_weights w = { 0 };
    scp_step_state s = { 0 };
    int64_t replayed;
    scp_status st = net_start(&t, device, DEFERRED_MAIN_FIRST, world, true, store);
    t.bad_from = 5;
    t.bad_to = 9;
    t.bad_rank = scp_comm_size(world) - 1;
    if (st == SCP_OK)
        st = net_by_stepper(&t, &(net_how){ .stride = 4, .loss_scale = scale }, &w, &s, &replayed);
    const char *name = device ? device : "deferred";
    tap_st(scp_agree(world, st), "%s: four steps that are not finite", name);
    bool finite = true;
    for (size_t i = 0; i < w.n; i++) finite = finite && isfinite(w.v[i]);
    tap_ok(finite && s.skipped == 4 && s.worst == 4 && s.bad == 0, "%s: are skipped and counted",
           name);
    tap_near(s.loss_scale, want_scale, 0, "%s: and each halves a dynamic loss scale", name);
    free(w.v);
    net_stop(&t);
}

/* Stored in half, and the loss scaled: near fp32, and not the same. */
static void in_half(const char *device, scp_dtype store, double tol)
{
    net_weights w[2] = { { 0 }, { 0 } };
    scp_step_state s = { 0 };
    int64_t replayed;
    scp_status st = SCP_OK;
    for (int half = 0; half < 2 && st == SCP_OK; half++) {
        net t;
        st = net_start(&t, device, 0, world, false, half ? store : SCP_REAL);
        if (st == SCP_OK)
            st = net_by_stepper(&t, &(net_how){ .stride = 1, .loss_scale = half ? 1024 : 0 },
                                &w[half], &s, &replayed);
        net_stop(&t);
    }
    tap_st(scp_agree(world, st), "%s: %s", device, store == SCP_F16 ? "fp16" : "bf16");
    w[0].n = w[1].n /= 4; /* the weights alone: moments carry no scale */
    double d = net_distance(&w[0], &w[1]);
    tap_ok(d > 1e-6 && d < tol && s.skipped == 0, "trains the weights of fp32 to %.2g (%.2g)", tol,
           d);
    free(w[0].v);
    free(w[1].v);
}

int main(int argc, char **argv)
{
    bool all_here = false;
    net t;
    net_weights want = { 0 };
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    tap_set_silent(scp_comm_rank(world) != 0);
    scp_status st = net_start(&t, "cpu", 0, world, false, SCP_REAL);
    if (st == SCP_OK) st = net_by_hand(&t, &want);
    if (tap_st(scp_agree(world, st), "the loop by hand")) {
        all_ways(&want);
        one_rank(&want);
        mixed_levels();
        skipped("cpu", SCP_REAL, 0, 1);
        skipped(NULL, SCP_REAL, 0, 1);
        skipped("cpu", SCP_F16, 1024, 64);
        skipped("ref", SCP_F16, 1024, 64);
        skipped("cpu", SCP_BF16, 0, 1);
        in_half("cpu", SCP_F16, 5e-3);
        in_half("ref", SCP_F16, 5e-3);
        in_half("cpu", SCP_BF16, 3e-2);
    }
    free(want.v);
    net_stop(&t);
    int failed = tap_done();
    if (scp_world_meet(world, 60, &all_here) != SCP_OK || !all_here) scp_world_abort(1);
    if (scp_world_end(&world) != SCP_OK) return 1;
    return failed;
}
