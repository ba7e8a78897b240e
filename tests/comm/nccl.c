/* src/comm/nccl.c over an emulation of NCCL (tests/emu/nccl.cc), on 1, 2 and 4 ranks with an
 * emulated GPU each: it is chosen; sums, averages in buckets and training steps, recorded and not;
 * and every way in which it may fail: no id, no connection, an error at once, later, or of another
 * rank, a call that stays in progress, and a reduction that never ends. Each ends in an error
 * within the timeout, and nothing waits for NCCL's own abort, the device, or at the end of the
 * process for either. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "comm/bucket.h"
#include "comm/forward.h"
#include "comm/watch.h"
#include "comm/world.h"
#include "dev/stream.h"
#include "emu/emu.h"
#include "emu/nccl_faults.h"
#include "tap_ranks.h"
#include "train/small_net.h"

enum { N = 3000, BUCKETS = 4 };

static const size_t begin[BUCKETS + 1] = { 0, 10, 10, 700, N };
static const double brief = 0.15; /* seconds: the timeout of what fails here */
static scp_comm *world;
static int rank, size;

/* Every rank fails, with a message that says why; one that is another's names it. */
static bool failed(scp_status st, const char *part)
{
    return st != SCP_OK && strstr(scp_err_message(), part) != NULL;
}

/* A device for every rank, and a communicator without asking which. */
static scp_status join(scp_device **dev, scp_comm **c)
{
    char name[32];
    *dev = NULL;
    *c = NULL;
    snprintf(name, sizeof name, "cuda:%d", rank);
    SCP_TRY(scp_agree(world, scp_device_open(name, dev)));
    return scp_comm_create_nccl(world, *dev, c);
}

static void part(scp_device **dev, scp_comm **c)
{
    scp_comm_destroy(c);
    scp_device_close(dev);
}

static void choice(void)
{
    scp_device *dev = NULL;
    scp_comm *c = NULL;
    char name[32];
    snprintf(name, sizeof name, "cuda:%d", rank);
    scp_status st = scp_device_open(name, &dev);
    if (st == SCP_OK) st = scp_comm_create_for(world, dev, &c);
    tap_ok_ranks(world, st == SCP_OK && (size == 1 ? !c : c && !strcmp(scp_comm_name(c), "nccl")),
                 "a GPU for every rank: NCCL");
    part(&dev, &c);
    st = scp_device_open("cuda:0", &dev);
    if (st == SCP_OK) st = scp_comm_create_for(world, dev, &c);
    tap_ok_ranks(world, st == SCP_OK && (size == 1 ? !c : c && !strcmp(scp_comm_name(c), "staged")),
                 "one for all of them: staged");
    part(&dev, &c);
    setenv("SCPPDM_COMM", "staged", 1);
    st = scp_device_open(name, &dev);
    if (st == SCP_OK) st = scp_comm_create_for(world, dev, &c);
    tap_ok_ranks(world, st == SCP_OK && (size == 1 ? !c : c && !strcmp(scp_comm_name(c), "staged")),
                 "staged where it is asked for");
    unsetenv("SCPPDM_COMM");
    part(&dev, &c);
}

static void reductions(scp_comm *c, scp_device *dev)
{
    const scp_backend *b = dev->backend;
    float sum[N];
    double least[3] = { rank, -rank, 1 };
    int64_t most[2] = { rank, 1 - rank };
    void *memory = NULL;
    for (int i = 0; i < N; i++) sum[i] = (float)(i * (rank + 1));
    bool good = scp_device_alloc(dev, sizeof sum, &memory) == SCP_OK &&
                b->write(dev, memory, sum, sizeof sum) == SCP_OK &&
                scp_comm_allreduce_on(c, dev, memory, N, SCP_COMM_F32, SCP_COMM_SUM) == SCP_OK &&
                b->read(dev, sum, memory, sizeof sum) == SCP_OK;
    for (int i = 0; i < N; i++) good = good && sum[i] == (float)(i * size * (size + 1) / 2);
    good = good && b->write(dev, memory, least, sizeof least) == SCP_OK &&
           scp_comm_allreduce_on(c, dev, memory, 3, SCP_COMM_F64, SCP_COMM_MIN) == SCP_OK &&
           b->read(dev, least, memory, sizeof least) == SCP_OK && least[0] == 0 &&
           least[1] == 1 - size && least[2] == 1;
    good = good && b->write(dev, memory, most, sizeof most) == SCP_OK &&
           scp_comm_allreduce_on(c, dev, memory, 2, SCP_COMM_I64, SCP_COMM_MAX) == SCP_OK &&
           b->read(dev, most, memory, sizeof most) == SCP_OK && most[0] == size - 1 && most[1] == 1;
    tap_ok_ranks(world, good, "sum, least and most of device memory");
    scp_device_release(dev, memory);
}

/* The buckets, last to first, as the backward pass ends them. */
static scp_status start_all(scp_average *a)
{
    for (size_t i = BUCKETS; i-- > 0;) SCP_TRY(scp_average_start(a, i));
    return scp_average_join(a);
}

static scp_status average_round(scp_average *a, scp_device *dev, scp_program *p, void *memory,
                                int round, bool *good)
{
    float x[N];
    for (int i = 0; i < N; i++) x[i] = (float)(round * i * (rank + 1));
    SCP_TRY(scp_device_write_f32(dev, memory, x, N));
    SCP_TRY(p ? scp_program_launch(dev, p) : start_all(a));
    SCP_TRY(scp_average_finish(a));
    SCP_TRY(scp_device_read_f32(dev, x, memory, N));
    for (int i = 0; i < N; i++)
        *good = *good && fabsf(x[i] - (float)(round * i * (size + 1)) / 2) <= 1e-6f * x[i];
    return SCP_OK;
}

/* Two averages as they come, then two of a recording. */
static void averages(scp_comm *c, scp_device *dev)
{
    void *memory = NULL;
    scp_average *a = NULL;
    scp_program *program = NULL;
    bool good = true;
    scp_status st = scp_device_alloc(dev, N * sizeof(float), &memory);
    if (st == SCP_OK) st = scp_average_create(c, dev, memory, SCP_COMM_F32, BUCKETS, begin, &a);
    tap_ok_ranks(world, st == SCP_OK && !scp_average_waits(a),
                 "an average that does not wait on the host");
    for (int round = 1; round <= 2 && st == SCP_OK; round++)
        st = average_round(a, dev, NULL, memory, round, &good);
    const scp_nccl_calls calls = scp_emu_nccl_calls();
    tap_ok_ranks(world, st == SCP_OK && good, "in buckets on the second stream");
    tap_ok_ranks(world,
                 calls.last_counts[2] == N - 700 && calls.last_counts[1] == 690 &&
                     calls.last_counts[0] == 10,
                 "which go in the order in which they end, the empty one not at all");
    if (st == SCP_OK) st = scp_capture_begin(dev);
    if (st == SCP_OK) st = start_all(a);
    SCP_KEEP(st, scp_capture_end(dev, &program));
    for (int round = 3; round <= 5 && st == SCP_OK; round++)
        st = average_round(a, dev, program, memory, round, &good);
    tap_ok_ranks(world, st == SCP_OK && good, "and as a recording, with other numbers each time");
    scp_program_destroy(dev, &program);
    scp_average_destroy(&a);
    scp_device_release(dev, memory);
}

static void works(void)
{
    scp_device *dev;
    scp_comm *c;
    const scp_nccl_calls before = scp_emu_nccl_calls();
    scp_status st = join(&dev, &c);
    if (tap_st(scp_agree(world, st), "NCCL connects the ranks")) {
        reductions(c, dev);
        averages(c, dev);
        tap_ok_ranks(world, scp_comm_poll(c) == SCP_OK, "and has no errors");
    }
    part(&dev, &c);
    const scp_nccl_calls after = scp_emu_nccl_calls();
    tap_ok_ranks(world, after.destroyed == before.destroyed + 1 && after.aborts == before.aborts,
                 "it is closed without an abort");
}

/* Training steps on all ranks, each with its own device, against one rank alone. */
static scp_status take_steps(scp_comm *comm, bool direct, net_weights *w, int64_t *replayed)
{
    char name[32];
    net t = { 0 };
    scp_step_state state;
    snprintf(name, sizeof name, "cuda:%d", scp_comm_rank(comm));
    scp_status st = net_start(&t, name, DEFERRED_MAIN_FIRST, comm, true, SCP_REAL);
    if (st == SCP_OK)
        st = net_by_stepper(&t, &(net_how){ .stride = 8, .direct = direct }, w, &state, replayed);
    net_stop(&t);
    return st;
}

static void steps(void)
{
    net_weights one = { 0 }, direct = { 0 }, recorded = { 0 };
    scp_comm *self = NULL;
    int64_t replayed = 0;
    scp_status st = scp_comm_create_self(&self);
    if (st == SCP_OK) st = take_steps(self, true, &one, &replayed);
    if (st == SCP_OK) st = take_steps(world, true, &direct, &replayed);
    if (st == SCP_OK) st = take_steps(world, false, &recorded, &replayed);
    if (tap_st(scp_agree(world, st), "training steps over NCCL")) {
        tap_ok_ranks(world, replayed == NET_STEPS - 1,
                     "one recording holds the step and its reductions");
        tap_ok_ranks(world, net_distance(&direct, &recorded) == 0, "recorded: the same bits");
        tap_ok_ranks(world, net_distance(&recorded, &one) < 1e-6, "the weights of one rank");
    }
    free(one.v);
    free(direct.v);
    free(recorded.v);
    scp_comm_destroy(&self);
}

/* No communicator comes of a fault at one rank, on any of them, and the words say which it is. */
static void cannot_connect(scp_nccl_fault fault, int at, double timeout, double limit,
                           const char *words, const char *what)
{
    scp_device *dev;
    scp_comm *c;
    const double began = scp_clock_seconds();
    const long aborts = scp_emu_nccl_calls().aborts;
    scp_comm_set_timeout(world, timeout);
    scp_emu_nccl_fault(fault, rank == at);
    scp_status st = join(&dev, &c);
    const bool alone = rank == at ? failed(st, words) : st != SCP_OK;
    tap_ok_ranks(world, alone && !c && scp_clock_seconds() - began < limit, what);
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL); /* threads that end late */
    tap_ok_ranks(world, scp_emu_nccl_calls().aborts <= aborts + 1, "and it is given up once");
    scp_emu_nccl_fault(fault, false);
    part(&dev, &c);
    scp_comm_set_timeout(world, 60);
}

static void connections(void)
{
    const int last = size - 1;
    cannot_connect(SCP_NCCL_NO_ID, 0, 30, 5, "ncclGetUniqueId", "no id: no rank waits");
    cannot_connect(SCP_NCCL_INIT_FAILS, last, brief, brief + 2, "unhandled system error",
                   "a rank that cannot begin");
    cannot_connect(SCP_NCCL_INIT_LATER, last, brief, brief + 2, "unhandled system error",
                   "a rank whose connection fails while it is made");
    cannot_connect(SCP_NCCL_INIT_NEVER, last, brief, brief + 2, "did not finish within",
                   "a rank that does not come: an error after the timeout");
    cannot_connect(SCP_NCCL_REDUCE_FAILS, last, brief, brief + 2, "unhandled cuda error",
                   "a first reduction that fails");
    cannot_connect(SCP_NCCL_REDUCE_NEVER, last, brief, brief + 2, "did not finish within",
                   "one that does not end");
}

/* What was given up stays so, on every way in, and can be closed. */
static void stays_given_up(scp_comm *c, scp_device *dev, void *memory)
{
    bool good = failed(scp_comm_poll(c), "given up");
    scp_err_clear();
    if (size > 1) /* one rank reduces nothing */
        good = good && failed(scp_comm_allreduce_on(c, dev, memory, 1, SCP_COMM_F32, SCP_COMM_SUM),
                              "given up");
    tap_ok_ranks(world, good, "it cannot be used again");
}

/* A reduction in which the last rank takes no part, or that hangs on every rank: recorded or not,
 * the wait ends after the timeout, and then the device is free. */
static void hangs(bool recorded)
{
    scp_device *dev;
    scp_comm *c;
    scp_event *e = NULL;
    scp_average *a = NULL;
    scp_program *program = NULL;
    void *memory = NULL;
    scp_status st = join(&dev, &c);
    if (st == SCP_OK) st = scp_device_alloc(dev, N * sizeof(float), &memory);
    if (st == SCP_OK) st = scp_event_create(dev, &e);
    if (st == SCP_OK) st = scp_average_create(c, dev, memory, SCP_COMM_F32, BUCKETS, begin, &a);
    const long aborts = scp_emu_nccl_calls().aborts;
    scp_emu_nccl_fault(SCP_NCCL_REDUCE_NEVER, rank == size - 1);
    if (st == SCP_OK && recorded) st = scp_capture_begin(dev);
    if (st == SCP_OK) st = start_all(a);
    if (recorded) SCP_KEEP(st, scp_capture_end(dev, &program));
    if (st == SCP_OK && recorded) st = scp_program_launch(dev, program);
    if (st == SCP_OK) st = scp_event_record(dev, e, SCP_STREAM_MAIN);
    if (tap_st(scp_agree(world, st), "a reduction that will not end is enqueued")) {
        scp_comm_set_timeout(c, brief);
        const double began = scp_clock_seconds();
        st = scp_comm_watch(c, dev, e, "a test");
        const double took = scp_clock_seconds() - began;
        tap_ok_ranks(
            world, failed(st, "a test did not finish within") && took >= brief && took < brief + 2,
            "the wait for it ends after the timeout, with an error");
        st = scp_device_sync(dev);
        tap_ok_ranks(world, st == SCP_OK && scp_emu_nccl_calls().aborts == aborts + 1,
                     "the abort frees the device");
        stays_given_up(c, dev, memory);
    }
    scp_emu_nccl_fault(SCP_NCCL_REDUCE_NEVER, false);
    scp_comm_set_timeout(world, 60);
    scp_program_destroy(dev, &program);
    scp_average_destroy(&a);
    scp_event_destroy(dev, &e);
    scp_device_release(dev, memory);
    part(&dev, &c);
}

/* NCCL tells of an error elsewhere: by a poll, and while the host waits for the device. */
static void remote_errors(void)
{
    scp_device *dev;
    scp_comm *c;
    scp_event *e = NULL;
    scp_status st = join(&dev, &c);
    if (st == SCP_OK) st = scp_event_create(dev, &e);
    if (st == SCP_OK) st = scp_event_record(dev, e, SCP_STREAM_MAIN);
    if (tap_st(scp_agree(world, st), "ranks that are connected")) {
        scp_emu_nccl_fault(SCP_NCCL_REMOTE, true);
        st = scp_comm_watch(c, dev, e, "a test");
        tap_ok_ranks(world,
                     failed(st, "remote process exited") && strstr(scp_err_message(), "rank "),
                     "an error of another rank comes with the wait");
        tap_ok_ranks(world, failed(scp_comm_poll(c), "given up"), "and ends the communicator");
        scp_emu_nccl_fault(SCP_NCCL_REMOTE, false);
    }
    scp_event_destroy(dev, &e);
    part(&dev, &c);
}

static bool within(double seconds, long aborts)
{
    const double began = scp_clock_seconds();
    while (scp_emu_nccl_calls().ended_aborts < aborts)
        if (scp_clock_seconds() - began < seconds)
            nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        else
            return false;
    return true;
}

/* NCCL's abort waits for graphs that hold its calls: nobody waits for it. */
static void detached(void)
{
    scp_device *dev;
    scp_comm *c;
    scp_status st = join(&dev, &c);
    if (tap_st(scp_agree(world, st), "ranks that are connected")) {
        const long aborts = scp_emu_nccl_calls().aborts;
        scp_emu_nccl_fault(SCP_NCCL_ABORT_NEVER, true);
        const double began = scp_clock_seconds();
        scp_comm_abort(c);
        scp_comm_abort(c);
        scp_comm_destroy(&c);
        tap_ok_ranks(
            world, scp_clock_seconds() - began < 0.2 && scp_emu_nccl_calls().ended_aborts <= aborts,
            "an abort that does not come back holds up neither the next one nor the end");
        scp_emu_nccl_fault(SCP_NCCL_ABORT_NEVER, false);
        tap_ok_ranks(world, within(5, aborts + 1), "and there was one of it, in its own thread");
    }
    part(&dev, &c);
}

/* A call that stays in progress is given up after the timeout, then and not later. */
static void never_settles(void)
{
    scp_device *dev;
    scp_comm *c;
    scp_average *a = NULL;
    void *memory = NULL;
    scp_status st = join(&dev, &c);
    if (st == SCP_OK) st = scp_device_alloc(dev, N * sizeof(float), &memory);
    if (st == SCP_OK) st = scp_average_create(c, dev, memory, SCP_COMM_F32, BUCKETS, begin, &a);
    if (tap_st(scp_agree(world, st), "ranks that are connected")) {
        const long aborts = scp_emu_nccl_calls().aborts;
        scp_emu_nccl_fault(SCP_NCCL_CALL_NEVER, true);
        scp_comm_set_timeout(c, brief);
        st = start_all(a);
        tap_ok_ranks(world, failed(st, "ncclAllReduce did not finish within"),
                     "a call that stays in progress is an error after the timeout");
        tap_ok_ranks(world, within(5, aborts + 1) && scp_emu_nccl_calls().aborts == aborts + 1,
                     "and the communicator is aborted at once");
        scp_emu_nccl_fault(SCP_NCCL_CALL_NEVER, false);
    }
    scp_comm_set_timeout(world, 60);
    scp_average_destroy(&a);
    scp_device_release(dev, memory);
    part(&dev, &c);
}

/* A device that hangs, in a collective whose abort does not come back: the wait for it ends with an
 * error, and nothing that is closed on the way to the message waits. */
static void stuck(void)
{
    scp_device *dev;
    scp_comm *c;
    scp_event *e = NULL;
    scp_average *a = NULL;
    scp_program *program = NULL;
    void *memory = NULL, *pinned = NULL;
    scp_status st = join(&dev, &c);
    if (st == SCP_OK) st = scp_device_alloc(dev, N * sizeof(float), &memory);
    if (st == SCP_OK) st = scp_pin(dev, N, &pinned);
    if (st == SCP_OK) st = scp_event_create(dev, &e);
    if (st == SCP_OK) st = scp_average_create(c, dev, memory, SCP_COMM_F32, BUCKETS, begin, &a);
    scp_emu_nccl_fault(SCP_NCCL_REDUCE_NEVER, true);
    scp_emu_nccl_fault(SCP_NCCL_ABORT_NEVER, true);
    if (st == SCP_OK) st = scp_capture_begin(dev);
    if (st == SCP_OK) st = start_all(a);
    SCP_KEEP(st, scp_capture_end(dev, &program));
    if (st == SCP_OK) st = scp_program_launch(dev, program);
    if (st == SCP_OK) st = scp_event_record(dev, e, SCP_STREAM_MAIN);
    if (tap_st(scp_agree(world, st), "a device that hangs")) {
        const long ended = scp_emu_nccl_calls().ended_aborts;
        scp_comm_set_timeout(c, brief);
        st = scp_comm_watch(c, dev, e, "a test");
        tap_ok_ranks(world, failed(st, "a test did not finish within"), "an error says so");
        const double began = scp_clock_seconds();
        scp_program_destroy(dev, &program);
        scp_average_destroy(&a);
        scp_event_destroy(dev, &e);
        scp_unpin(dev, pinned);
        scp_device_release(dev, memory);
        part(&dev, &c);
        tap_ok_ranks(world, scp_clock_seconds() - began < 0.5 && scp_comm_is_lost(world),
                     "and nothing waits for the device any more");
        scp_emu_nccl_fault(SCP_NCCL_ABORT_NEVER, false);
        tap_ok_ranks(world, within(5, ended + 1), "the abort ends in its own time");
    }
    scp_emu_nccl_fault(SCP_NCCL_REDUCE_NEVER, false);
    scp_comm_set_timeout(world, 60);
}

/* Ranks that do not mean the same are found by the emulation: what the tests above rest on. */
static void mismatch(void)
{
    scp_device *dev;
    scp_comm *c;
    void *memory = NULL;
    scp_status st = join(&dev, &c);
    if (st == SCP_OK) st = scp_device_alloc(dev, N * sizeof(float), &memory);
    if (tap_st(scp_agree(world, st), "ranks that are connected")) {
        scp_emu_loud(false);
        st = scp_comm_allreduce_on(c, dev, memory, 4 + (size_t)rank, SCP_COMM_F32, SCP_COMM_SUM);
        if (st == SCP_OK) st = scp_device_sync(dev);
        tap_ok_ranks(world, st != SCP_OK && scp_comm_poll(c) != SCP_OK,
                     "reductions of different sizes fail");
        scp_emu_loud(true);
    }
    scp_device_release(dev, memory);
    part(&dev, &c);
}

static void handler(void)
{
    printf("not ok - what libraries do at the end of a process has run\n");
}

int main(int argc, char **argv)
{
    bool all_here = false;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    rank = scp_comm_rank(world);
    size = scp_comm_size(world);
    tap_set_silent(rank != 0);
    scp_emu_set_devices(size);
    for (int s = SCP_EMU_LATE; s <= SCP_EMU_RANDOM; s++) {
        scp_emu_set_schedule((scp_emu_schedule)s);
        choice();
        works();
        steps();
    }
    scp_emu_set_schedule(SCP_EMU_LATE);
    connections();
    hangs(false);
    hangs(true);
    remote_errors();
    detached();
    never_settles();
    stuck();
    if (size > 1) mismatch();
    int failures = tap_done();
    if (scp_world_meet(world, 60, &all_here) != SCP_OK || !all_here) scp_world_abort(1);
    if (scp_world_end(&world) != SCP_OK || atexit(handler)) return 1;
    scp_world_leave(failures);
}
