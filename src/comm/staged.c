/* Host-staged communicator: device, pinned memory, the world's own way (MPI), device. For several
 * ranks on one GPU, which NCCL refuses, and where there is no NCCL.
 *
 * A bucket of the gradient goes down on the second stream as soon as it is complete, while the
 * backward pass goes on; MPI sums it as soon as it is down; all buckets go up together. That a
 * bucket is down shows in a flag in pinned memory, which the stream copies behind it: an event that
 * a recorded program records again may still be the one of the program's last run. */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "comm/forward.h"
#include "comm/watch.h"
#include "dev/stream.h"

typedef struct staged {
    scp_comm base;
    char *buffer; /* of allreduce_on */
    size_t cap;
} staged;

static scp_status allreduce_on(scp_comm *c, scp_device *dev, void *buf, size_t n, scp_comm_type t,
                               scp_comm_op op)
{
    staged *s = (staged *)c;
    const size_t bytes = n * scp_comm_type_size(t);
    scp_status st = scp_grow(&s->buffer, &s->cap, bytes, 1);
    if (st == SCP_OK) st = dev->backend->read(dev, s->buffer, buf, bytes);
    SCP_TRY(scp_agree(c, st));
    SCP_TRY(c->host->ops->allreduce(c->host, s->buffer, n, t, op));
    return dev->backend->write(dev, buf, s->buffer, bytes);
}

/* State of an average. Bucket order[k] was the k-th that was started. */
typedef struct lift {
    char *pinned;
    scp_event **ready; /* [n] */
    scp_event *joined;
    scp_event *end;         /* of the backward pass, never part of a recording */
    volatile int32_t *down; /* [n] pinned: 1 when the bucket is there */
    void *one;              /* device memory: 1                       */
    size_t *order, started;
    void *flight; /* of the host communicator */
} lift;

static scp_status open_lift(scp_average *a)
{
    const int32_t one = 1;
    lift *l = NULL;
    SCP_TRY(scp_alloc(1, sizeof *l, &l));
    a->state = l;
    SCP_TRY(scp_pin(a->dev, a->begin[a->n] * scp_comm_type_size(a->type), (void **)&l->pinned));
    SCP_TRY(scp_alloc(a->n, sizeof *l->ready, &l->ready));
    SCP_TRY(scp_pin(a->dev, a->n * sizeof *l->down, (void **)&l->down));
    SCP_TRY(scp_device_alloc(a->dev, sizeof one, &l->one));
    SCP_TRY(a->dev->backend->write(a->dev, l->one, &one, sizeof one));
    SCP_TRY(scp_alloc(a->n, sizeof *l->order, &l->order));
    for (size_t i = 0; i < a->n; i++) SCP_TRY(scp_event_create(a->dev, &l->ready[i]));
    SCP_TRY(scp_event_create(a->dev, &l->joined));
    return scp_event_create(a->dev, &l->end);
}

static void close_lift(scp_average *a)
{
    lift *l = a->state;
    if (!l) return;
    for (size_t i = 0; l->ready && i < a->n; i++) scp_event_destroy(a->dev, &l->ready[i]);
    scp_event_destroy(a->dev, &l->joined);
    scp_event_destroy(a->dev, &l->end);
    scp_unpin(a->dev, l->pinned);
    scp_unpin(a->dev, (void *)(uintptr_t)l->down);
    scp_device_release(a->dev, l->one);
    if (l->flight) a->comm->host->ops->sum_end(a->comm->host, l->flight);
    free(l->ready);
    free(l->order);
    free(l);
}

static size_t bytes_of(const scp_average *a, size_t reals)
{
    return reals * scp_comm_type_size(a->type);
}

static scp_status start(scp_average *a, size_t i)
{
    lift *l = a->state;
    bool known = false;
    for (size_t k = 0; k < l->started; k++) known |= l->order[k] == i;
    if (!known) l->order[l->started++] = i;
    SCP_TRY(scp_event_record(a->dev, l->ready[i], SCP_STREAM_MAIN));
    SCP_TRY(scp_event_follow(a->dev, SCP_STREAM_COMM, l->ready[i]));
    const size_t at = bytes_of(a, a->begin[i]);
    SCP_TRY(scp_stream_copy(a->dev, SCP_STREAM_COMM, SCP_COPY_TO_HOST, l->pinned + at, a->g + at,
                            bytes_of(a, scp_average_count(a, i))));
    return scp_stream_copy(a->dev, SCP_STREAM_COMM, SCP_COPY_TO_HOST,
                           (void *)(uintptr_t)&l->down[i], l->one, sizeof l->down[i]);
}

static scp_status join(scp_average *a)
{
    lift *l = a->state;
    SCP_TRY(scp_event_record(a->dev, l->joined, SCP_STREAM_COMM));
    return scp_event_follow(a->dev, SCP_STREAM_MAIN, l->joined);
}

/* The bucket is in pinned memory. Asking for the end lets a device that failed say so. */
static scp_status wait_down(scp_average *a, size_t i)
{
    enum { SPINS = 20000, POLL = 64 };
    lift *l = a->state;
    const double began = scp_clock_seconds();
    for (long k = 0; !l->down[i]; k++) {
        bool done;
        if (k % POLL == 0) SCP_TRY(scp_event_done(a->dev, l->end, &done));
        if (k < SPINS) continue;
        if (scp_clock_seconds() - began > a->comm->timeout) {
            scp_comm_leave(a->comm, a->dev);
            SCP_FAIL(SCP_EDEVICE, "the backward pass did not finish within %.0f seconds",
                     a->comm->timeout);
        }
        nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
    }
    l->down[i] = 0;
    atomic_thread_fence(memory_order_acquire);
    return SCP_OK;
}

/* Begin the sum of a bucket that is down, or do it where the host communicator cannot go on. */
static scp_status sum(scp_comm *host, lift *l, void *buf, size_t n, scp_comm_type t)
{
    if (!host->ops->sum_start) return host->ops->allreduce(host, buf, n, t, SCP_COMM_SUM);
    return host->ops->sum_start(host, &l->flight, buf, n, t);
}

static scp_status finish(scp_average *a)
{
    lift *l = a->state;
    scp_comm *host = a->comm->host;
    SCP_TRY(scp_event_record(a->dev, l->end, SCP_STREAM_MAIN));
    for (size_t k = 0; k < l->started; k++) {
        const size_t i = l->order[k];
        SCP_TRY(wait_down(a, i));
        SCP_TRY(
            sum(host, l, l->pinned + bytes_of(a, a->begin[i]), scp_average_count(a, i), a->type));
    }
    if (host->ops->sum_land) SCP_TRY(host->ops->sum_land(host, l->flight));
    const size_t first = bytes_of(a, a->begin[0]), all = a->begin[a->n] - a->begin[0];
    scp_comm_scale(a->comm, l->pinned + first, all, a->type);
    return scp_stream_copy(a->dev, SCP_STREAM_MAIN, SCP_COPY_TO_DEVICE, a->g + first,
                           l->pinned + first, bytes_of(a, all));
}

static const scp_average_ops staged_average = { .open = open_lift,
                                                .close = close_lift,
                                                .start = start,
                                                .join = join,
                                                .finish = finish,
                                                .waits = true };

static void destroy(scp_comm *c)
{
    free(((staged *)c)->buffer);
    free(c);
}

static const scp_comm_ops staged_ops = { .name = "staged",
                                         SCP_COMM_FORWARD,
                                         .allreduce_on = allreduce_on,
                                         .average = &staged_average,
                                         .destroy = destroy };

scp_status scp_comm_create_staged(scp_comm *world, scp_device *dev, scp_comm **out)
{
    staged *s = NULL;
    (void)dev;
    SCP_TRY(scp_alloc(1, sizeof *s, &s));
    s->base = (scp_comm){ .ops = &staged_ops,
                          .rank = world->rank,
                          .size = world->size,
                          .host = world,
                          .timeout = world->timeout };
    *out = &s->base;
    return SCP_OK;
}
