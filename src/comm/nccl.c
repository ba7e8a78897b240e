/* NCCL communicator: a GPU for every rank. Nothing blocks the host: the communicator is made
 * non-blocking, its state is polled against the timeout, and an error of any rank, or a rank that
 * is late, ends in ncclCommAbort, so that kernels that wait for it return. Reductions are enqueued
 * on a stream, so that a captured step holds them; while such a graph exists, NCCL's abort waits
 * for it, which may be for ever. So the abort is a thread of its own that nobody waits for: the
 * error comes first, and the end of the process, by MPI_Abort, ends the thread, too. */
#include "config.h"

#include "comm/forward.h"

#ifdef HAVE_NCCL
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes" /* of its own header */
#include <nccl.h>
#pragma GCC diagnostic pop
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "comm/watch.h"
#include "dev/stream.h"

typedef struct nccl {
    scp_comm base;
    scp_device *dev;
    ncclComm_t comm; /* NULL: given up */
} nccl;

static nccl *nccl_of(scp_comm *c)
{
    return (nccl *)c;
}

static void *abort_it(void *comm)
{
    (void)ncclCommAbort(comm);
    return NULL;
}

/* Never waits. Without a thread to be had the communicator is left to the end of the process. */
static void give_up(nccl *n)
{
    pthread_t thread;
    if (n->comm) scp_comm_leave(&n->base, n->dev);
    if (n->comm && pthread_create(&thread, NULL, abort_it, n->comm) == 0) pthread_detach(thread);
    n->comm = NULL;
}

static scp_status raise(nccl *n, ncclResult_t r, const char *call)
{
    scp_status st =
        scp_err_raise(SCP_ECOMM, __FILE__, __LINE__, call, "NCCL, rank %d of %d: %s: %s",
                      n->base.rank, n->base.size, call, ncclGetErrorString(r));
    give_up(n);
    return st;
}

/* What a call began is done, or has failed. */
static scp_status settle(nccl *n, ncclResult_t r, const char *call)
{
    const double began = scp_clock_seconds();
    while (r == ncclInProgress) {
        ncclResult_t asked = ncclCommGetAsyncError(n->comm, &r);
        if (asked != ncclSuccess) r = asked;
        if (r == ncclInProgress && scp_clock_seconds() - began > n->base.timeout) {
            scp_status st =
                scp_err_raise(SCP_ECOMM, __FILE__, __LINE__, call,
                              "NCCL, rank %d of %d: %s did not finish within %.0f seconds",
                              n->base.rank, n->base.size, call, n->base.timeout);
            give_up(n);
            return st;
        }
        if (r == ncclInProgress) nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
    }
    return r == ncclSuccess ? SCP_OK : raise(n, r, call);
}

static ncclDataType_t nccl_type(scp_comm_type t)
{
    switch (t) {
    case SCP_COMM_F32:
        return ncclFloat32;
    case SCP_COMM_F64:
        return ncclFloat64;
    case SCP_COMM_I32:
        return ncclInt32;
    case SCP_COMM_I64:
        return ncclInt64;
    case SCP_COMM_U8:
        break;
    }
    return ncclUint8;
}

static scp_status reduce_on(nccl *n, scp_stream where, void *buf, size_t count, scp_comm_type t,
                            ncclRedOp_t op)
{
    void *stream = NULL;
    if (!n->comm) SCP_FAIL(SCP_ECOMM, "NCCL was given up after an earlier error");
    SCP_TRY(scp_stream_native(n->dev, where, &stream));
    return settle(n,
                  ncclAllReduce(buf, buf, count, nccl_type(t), op, n->comm, (cudaStream_t)stream),
                  "ncclAllReduce");
}

static scp_status allreduce_on(scp_comm *c, scp_device *dev, void *buf, size_t n, scp_comm_type t,
                               scp_comm_op op)
{
    SCP_ARG(dev == nccl_of(c)->dev, "this communicator moves the memory of another device");
    return reduce_on(nccl_of(c), SCP_STREAM_MAIN, buf, n, t,
                     op == SCP_COMM_MIN   ? ncclMin
                     : op == SCP_COMM_MAX ? ncclMax
                                          : ncclSum);
}

/* State of an average: an event of every bucket, and the one that joins the streams. */
static scp_status open_events(scp_average *a)
{
    scp_event **e = NULL;
    SCP_TRY(scp_alloc(a->n + 1, sizeof *e, &e));
    a->state = e;
    for (size_t i = 0; i <= a->n; i++) SCP_TRY(scp_event_create(a->dev, &e[i]));
    return SCP_OK;
}

static void close_events(scp_average *a)
{
    scp_event **e = a->state;
    for (size_t i = 0; e && i <= a->n; i++) scp_event_destroy(a->dev, &e[i]);
    free(e);
}

static scp_status start(scp_average *a, size_t i)
{
    scp_event **e = a->state;
    SCP_TRY(scp_event_record(a->dev, e[i], SCP_STREAM_MAIN));
    SCP_TRY(scp_event_follow(a->dev, SCP_STREAM_COMM, e[i]));
    return reduce_on(nccl_of(a->comm), SCP_STREAM_COMM,
                     a->g + a->begin[i] * scp_comm_type_size(a->type), scp_average_count(a, i),
                     a->type, ncclAvg);
}

static scp_status join(scp_average *a)
{
    scp_event **e = a->state;
    SCP_TRY(scp_event_record(a->dev, e[a->n], SCP_STREAM_COMM));
    return scp_event_follow(a->dev, SCP_STREAM_MAIN, e[a->n]);
}

static const scp_average_ops nccl_average = {
    .open = open_events, .close = close_events, .start = start, .join = join
};

static scp_status poll_errors(scp_comm *c)
{
    nccl *n = nccl_of(c);
    ncclResult_t r = ncclSuccess;
    if (!n->comm) SCP_FAIL(SCP_ECOMM, "NCCL was given up after an earlier error");
    ncclResult_t asked = ncclCommGetAsyncError(n->comm, &r);
    if (asked != ncclSuccess) r = asked;
    return r == ncclSuccess || r == ncclInProgress ? SCP_OK : raise(n, r, "the communicator");
}

static void abort_comm(scp_comm *c)
{
    give_up(nccl_of(c));
}

static void destroy(scp_comm *c)
{
    nccl *n = nccl_of(c);
    if (n->comm && (ncclCommFinalize(n->comm) == ncclInProgress || poll_errors(c) == SCP_OK)) {
        scp_status st = settle(n, ncclInProgress, "ncclCommFinalize");
        if (st == SCP_OK) (void)ncclCommDestroy(n->comm);
    }
    free(n);
}

static const scp_comm_ops nccl_ops = { .name = "nccl",
                                       SCP_COMM_FORWARD,
                                       .allreduce_on = allreduce_on,
                                       .average = &nccl_average,
                                       .average_alone = true,
                                       .poll = poll_errors,
                                       .abort = abort_comm,
                                       .destroy = destroy };

/* The first reduction connects the ranks, outside of any capture, on both streams. Where it does
 * not end, its number stays on the device: to free it would be to wait. */
static scp_status reduce_first(nccl *n)
{
    void *one = NULL;
    scp_event *e = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_agree(n->base.host, scp_device_alloc(n->dev, sizeof(float), &one)));
    SCP_GOTO(done, scp_device_write_f64(n->dev, one, &(double){ 1 }, 1));
    SCP_GOTO(done, scp_event_create(n->dev, &e));
    SCP_GOTO(done, reduce_on(n, SCP_STREAM_COMM, one, 1, SCP_COMM_F32, ncclSum));
    SCP_GOTO(done, scp_event_record(n->dev, e, SCP_STREAM_COMM));
    SCP_GOTO(done, scp_event_follow(n->dev, SCP_STREAM_MAIN, e));
    SCP_GOTO(done, reduce_on(n, SCP_STREAM_MAIN, one, 1, SCP_COMM_F32, ncclSum));
    SCP_GOTO(done, scp_event_record(n->dev, e, SCP_STREAM_MAIN));
    SCP_GOTO(done, scp_comm_watch(&n->base, n->dev, e, "the first reduction of NCCL"));
    scp_device_release(n->dev, one);
done:
    scp_event_destroy(n->dev, &e);
    return scp_agree(n->base.host, st);
}

/* NCCL's own thread stores the communicator when the connection ends, well or badly, which may be
 * long after this rank has given it up. So it stores into a cell of its own, which is left to it
 * for good unless the connection stands; what it stored before it began to connect is ours. */
static scp_status begin_and_settle(nccl *n, ncclUniqueId id, ncclConfig_t *config)
{
    ncclComm_t *cell = NULL;
    SCP_TRY(scp_alloc(1, sizeof *cell, &cell));
    const ncclResult_t r = ncclCommInitRankConfig(cell, n->base.size, id, n->base.rank, config);
    n->comm = __atomic_load_n(cell, __ATOMIC_ACQUIRE);
    SCP_TRY(settle(n, r, "ncclCommInitRankConfig"));
    free(cell);
    return SCP_OK;
}

/* The ranks meet by an id that rank 0 draws. */
static scp_status connect_ranks(nccl *n, scp_comm *world)
{
    ncclUniqueId id;
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    scp_status st = SCP_OK;
    config.blocking = 0;
    if (world->rank == 0) {
        ncclResult_t r = ncclGetUniqueId(&id);
        if (r != ncclSuccess) st = raise(n, r, "ncclGetUniqueId");
    }
    SCP_TRY(scp_agree(world, st));
    SCP_TRY(scp_comm_bcast(world, &id, sizeof id, SCP_COMM_U8, 0));
    SCP_TRY(scp_agree(world, begin_and_settle(n, id, &config)));
    return reduce_first(n);
}

scp_status scp_comm_create_nccl(scp_comm *world, scp_device *dev, scp_comm **out)
{
    nccl *n = NULL;
    SCP_TRY(scp_agree(world, scp_alloc(1, sizeof *n, &n)));
    *n = (nccl){ .base = { .ops = &nccl_ops,
                           .rank = world->rank,
                           .size = world->size,
                           .host = world,
                           .timeout = world->timeout },
                 .dev = dev };
    scp_status st = connect_ranks(n, world);
    if (st == SCP_OK)
        *out = &n->base;
    else {
        give_up(n);
        free(n);
    }
    return st;
}

#else

scp_status scp_comm_create_nccl(scp_comm *world, scp_device *dev, scp_comm **out)
{
    (void)world, (void)dev, (void)out;
    SCP_FAIL(SCP_EUSAGE, "this build has no NCCL (configure --with-nccl)");
}

#endif
