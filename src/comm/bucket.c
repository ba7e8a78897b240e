/* Buckets of a gradient, see bucket.h; what a kind of communicator does with them is its own. */
#include "comm/bucket.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "comm/comm_impl.h"
#include "comm/watchdog.h"
#include "comm/watchdog.h"

/* NULL: nothing to do. */
static const scp_average_ops *ops_of(const scp_average *a)
{
    return a->comm->size > 1 || a->comm->ops->average_alone ? a->comm->ops->average : NULL;
}

scp_status scp_average_create(scp_comm *comm, scp_device *dev, void *g, scp_comm_type t, size_t n,
                              const size_t *begin, scp_average **out)
{
    scp_average *a = NULL;
    scp_status st = SCP_OK;
    SCP_ARG(comm && dev && out && begin, "communicator, device and buckets are required");
    SCP_ARG(t == SCP_COMM_F32 || t == SCP_COMM_F64, "only real numbers can be averaged");
    SCP_ARG(dev->backend->host || comm->size == 1 || comm->ops->allreduce_on,
            "communicator %s does not reach the memory of %s", comm->ops->name, dev->backend->name);
    SCP_ARG(comm->size == 1 || comm->ops->average, "communicator %s averages nothing",
            comm->ops->name);
    SCP_TRY(scp_alloc(1, sizeof *a, &a));
    *a = (scp_average){ .comm = comm, .dev = dev, .g = g, .type = t, .n = n };
    SCP_GOTO(fail, scp_alloc(n + 1, sizeof *a->begin, &a->begin));
    memcpy(a->begin, begin, (n + 1) * sizeof *begin);
    if (ops_of(a) && ops_of(a)->open) SCP_GOTO(fail, ops_of(a)->open(a));
    *out = a;
    return SCP_OK;
fail:
    scp_average_destroy(&a);
    return st;
}

void scp_average_destroy(scp_average **ap)
{
    if (!ap || !*ap) return;
    scp_average *a = *ap;
    if (ops_of(a) && ops_of(a)->close) ops_of(a)->close(a);
    free(a->begin);
    free(a);
    *ap = NULL;
}

scp_status scp_average_start(scp_average *a, size_t i)
{
    SCP_ARG(i < a->n, "there is no bucket %zu", i);
    return ops_of(a) && scp_average_count(a, i) ? ops_of(a)->start(a, i) : SCP_OK;
}

scp_status scp_average_join(scp_average *a)
{
    if (!ops_of(a) || !ops_of(a)->join) return SCP_OK;
    scp_watchdog_enter("the average of the gradients");
    scp_status st = ops_of(a)->join(a);
    scp_watchdog_leave();
    return st;
}

scp_status scp_average_finish(scp_average *a)
{
    if (!ops_of(a) || !ops_of(a)->finish) return SCP_OK;
    scp_watchdog_enter("the average of the gradients");
    scp_status st = ops_of(a)->finish(a);
    scp_watchdog_leave();
    return st;
}

bool scp_average_waits(const scp_average *a)
{
    return ops_of(a) && ops_of(a)->waits;
}

/* Host memory at once: the same buckets, all started. */
scp_status scp_comm_average(scp_comm *c, void *g, size_t n, scp_comm_type t, size_t bucket)
{
    static const scp_backend backend = { .name = "host", .host = true };
    scp_device host = { .backend = &backend };
    scp_average *a = NULL;
    size_t *begin = NULL;
    scp_status st = SCP_OK;
    SCP_ARG(c && (g || n == 0), "communicator and gradient are required");
    SCP_ARG(t == SCP_COMM_F32 || t == SCP_COMM_F64, "only real numbers can be averaged");
    SCP_ARG(bucket > 0, "a bucket holds at least one element");
    if (c->size == 1 || n == 0) return SCP_OK;
    size_t buckets = n / bucket + (n % bucket > 0);
    st = scp_alloc(buckets + 1, sizeof *begin, &begin);
    for (size_t i = 0; st == SCP_OK && i <= buckets; i++) begin[i] = i < buckets ? i * bucket : n;
    if (st == SCP_OK)
        st = scp_average_create(c->host ? c->host : c, &host, g, t, buckets, begin, &a);
    SCP_GOTO(done, scp_agree(c, st));
    for (size_t i = 0; i < buckets; i++) SCP_GOTO(done, scp_average_start(a, i));
    SCP_GOTO(done, scp_average_finish(a));
done:
    scp_average_destroy(&a);
    free(begin);
    return st;
}
