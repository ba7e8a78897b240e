/* Dispatch of communicators, and what needs no more than their operations: agreement on a status,
 * byte strings, shares. Knows no MPI. */
#include "comm/comm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "comm/comm_impl.h"
#include "comm/watchdog.h"
#include "dev/device.h"

/* Run an operation of the communicator under the eyes of the watchdog. */
#define WATCHED(what, call)                                                                        \
    do {                                                                                           \
        scp_watchdog_enter(what);                                                                  \
        scp_status watched_ = (call);                                                              \
        scp_watchdog_leave();                                                                      \
        if (watched_ != SCP_OK) return scp_err_frame(watched_, __FILE__, __LINE__, #call);         \
    } while (0)

size_t scp_comm_type_size(scp_comm_type t)
{
    switch (t) {
    case SCP_COMM_F32:
    case SCP_COMM_I32:
        return 4;
    case SCP_COMM_F64:
    case SCP_COMM_I64:
        return 8;
    case SCP_COMM_U8:
        break;
    }
    return 1;
}

void scp_comm_destroy(scp_comm **c)
{
    if (!c || !*c) return;
    (*c)->ops->destroy(*c);
    *c = NULL;
}

int scp_comm_rank(const scp_comm *c)
{
    return c->rank;
}

int scp_comm_size(const scp_comm *c)
{
    return c->size;
}

void scp_comm_set_timeout(scp_comm *c, double seconds)
{
    c->timeout = seconds;
    if (c->host) scp_comm_set_timeout(c->host, seconds);
}

const char *scp_comm_name(const scp_comm *c)
{
    return c->ops->name;
}

scp_status scp_comm_allreduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op)
{
    SCP_ARG(c && (buf || n == 0), "communicator and buffer are required");
    if (c->size > 1 && n > 0) WATCHED("an all-reduce", c->ops->allreduce(c, buf, n, t, op));
    return SCP_OK;
}

scp_status scp_comm_allreduce_on(scp_comm *c, scp_device *dev, void *buf, size_t n,
                                 scp_comm_type t, scp_comm_op op)
{
    SCP_ARG(c && dev && (buf || n == 0), "communicator, device and buffer are required");
    if (c->size == 1 || n == 0) return SCP_OK;
    if (dev->backend->host) return c->ops->allreduce(c, buf, n, t, op);
    SCP_ARG(c->ops->allreduce_on, "communicator %s does not reach the memory of %s", c->ops->name,
            dev->backend->name);
    return c->ops->allreduce_on(c, dev, buf, n, t, op);
}

scp_status scp_comm_reduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op,
                           int root)
{
    SCP_ARG(c && (buf || n == 0), "communicator and buffer are required");
    SCP_ARG(root >= 0 && root < c->size, "root %d is not a rank of %d", root, c->size);
    if (c->size > 1 && n > 0) WATCHED("a reduction", c->ops->reduce(c, buf, n, t, op, root));
    return SCP_OK;
}

scp_status scp_comm_bcast(scp_comm *c, void *buf, size_t n, scp_comm_type t, int root)
{
    SCP_ARG(c && (buf || n == 0), "communicator and buffer are required");
    SCP_ARG(root >= 0 && root < c->size, "root %d is not a rank of %d", root, c->size);
    if (c->size > 1 && n > 0) WATCHED("a broadcast", c->ops->bcast(c, buf, n, t, root));
    return SCP_OK;
}

static bool is_other(const scp_comm *c, int rank)
{
    return rank >= 0 && rank < c->size && rank != c->rank;
}

scp_status scp_comm_send(scp_comm *c, const void *buf, size_t n, int to)
{
    SCP_ARG(c && (buf || n == 0), "communicator and buffer are required");
    SCP_ARG(is_other(c, to), "rank %d cannot send to %d of %d", c->rank, to, c->size);
    if (n > 0) WATCHED("a message to another rank", c->ops->send(c, buf, n, to));
    return SCP_OK;
}

scp_status scp_comm_recv(scp_comm *c, void *buf, size_t n, int from)
{
    SCP_ARG(c && (buf || n == 0), "communicator and buffer are required");
    SCP_ARG(is_other(c, from), "rank %d cannot receive from %d of %d", c->rank, from, c->size);
    if (n > 0) WATCHED("a message from another rank", c->ops->recv(c, buf, n, from));
    return SCP_OK;
}

scp_status scp_comm_split(scp_comm *c, int color, scp_comm **out)
{
    SCP_ARG(c && out && color >= 0, "communicator, color and result are required");
    *out = NULL;
    if (c->size == 1) return scp_comm_create_self(out);
    WATCHED("a split of the ranks", c->ops->split(c, color, out));
    return SCP_OK;
}

scp_status scp_comm_barrier(scp_comm *c)
{
    SCP_ARG(c, "a communicator is required");
    if (c->size > 1) WATCHED("a barrier", c->ops->barrier(c));
    return SCP_OK;
}

/* Number of elements of every rank, as a sum of one-hot vectors. all [size]. */
static scp_status share_counts(scp_comm *c, size_t n, int64_t *all)
{
    memset(all, 0, (size_t)c->size * sizeof *all);
    all[c->rank] = (int64_t)n;
    return scp_comm_allreduce(c, all, (size_t)c->size, SCP_COMM_I64, SCP_COMM_SUM);
}

static scp_status gather(scp_comm *c, const void *mine, scp_comm_type t, void *out, size_t total,
                         const size_t *counts)
{
    WATCHED("a gathering of all ranks", c->ops->allgatherv(c, mine, t, out, total, counts));
    return SCP_OK;
}

scp_status scp_comm_allgatherv(scp_comm *c, const void *mine, size_t n, scp_comm_type t, void **out,
                               size_t *total, size_t *counts)
{
    scp_status st = SCP_OK;
    int64_t *all = NULL;
    size_t *sizes = NULL, sum = 0, ranks;
    SCP_ARG(c && out && (mine || n == 0), "communicator, buffer and result are required");
    ranks = (size_t)c->size;
    *out = NULL;
    SCP_GOTO(done, scp_alloc(ranks, sizeof *all, &all));
    SCP_GOTO(done, scp_alloc(ranks, sizeof *sizes, &sizes));
    SCP_GOTO(done, share_counts(c, n, all));
    for (size_t r = 0; r < ranks; r++) sum += sizes[r] = (size_t)all[r];
    SCP_GOTO(done, scp_agree(c, scp_alloc(sum, scp_comm_type_size(t), out)));
    if (ranks > 1 && sum > 0)
        SCP_GOTO(done, gather(c, mine, t, *out, sum, sizes));
    else if (n > 0)
        memcpy(*out, mine, n * scp_comm_type_size(t));
    if (total) *total = sum;
    if (counts) memcpy(counts, sizes, ranks * sizeof *counts);
done:
    free(all);
    free(sizes);
    if (st != SCP_OK) {
        free(*out);
        *out = NULL;
    }
    return st;
}

scp_status scp_comm_bcast_bytes(scp_comm *c, void **buf, size_t *n, int root)
{
    SCP_ARG(c && buf && n, "communicator, buffer and size are required");
    if (c->size == 1) return SCP_OK;
    int64_t bytes = c->rank == root ? (int64_t)*n : 0;
    SCP_TRY(scp_comm_bcast(c, &bytes, 1, SCP_COMM_I64, root));
    scp_status st = SCP_OK;
    if (c->rank != root) st = scp_alloc((size_t)bytes, 1, buf);
    SCP_TRY(scp_agree(c, st));
    st = scp_comm_bcast(c, *buf, (size_t)bytes, SCP_COMM_U8, root);
    if (c->rank != root) {
        *n = (size_t)bytes;
        if (st != SCP_OK) {
            free(*buf);
            *buf = NULL;
        }
    }
    return st;
}

scp_status scp_agree(scp_comm *c, scp_status st)
{
    enum { TEXT_BYTES = 2048 }; /* fixed, so that agreeing on an error never allocates */
    SCP_ARG(c, "a communicator is required");
    if (c->size == 1) return st;
    int64_t lowest = st == SCP_OK ? c->size : c->rank;
    SCP_TRY(scp_comm_allreduce(c, &lowest, 1, SCP_COMM_I64, SCP_COMM_MIN));
    if (lowest == c->size) return SCP_OK;
    char text[TEXT_BYTES] = "";
    if (lowest == c->rank) {
        char host[64] = "";
        if (gethostname(host, sizeof host) != 0) host[0] = '\0';
        host[sizeof host - 1] = '\0';
        const char *message = scp_err_message();
        snprintf(text, sizeof text, "rank %d on %s: %s", c->rank, host,
                 *message ? message : scp_status_text(st));
    }
    SCP_TRY(scp_comm_bcast(c, text, sizeof text, SCP_COMM_U8, (int)lowest));
    if (st != SCP_OK) return scp_err_frame(st, __FILE__, __LINE__, "scp_agree");
    SCP_FAIL(SCP_EPEER, "%s", text);
}

void scp_comm_scale(const scp_comm *c, void *g, size_t n, scp_comm_type t)
{
    double factor = 1.0 / c->size;
    float *f = (float *)g;
    double *d = (double *)g;
    for (size_t i = 0; i < n; i++)
        if (t == SCP_COMM_F32)
            f[i] *= (float)factor;
        else
            d[i] *= factor;
}

void scp_comm_share(const scp_comm *c, size_t n, size_t *begin, size_t *end)
{
    size_t r = (size_t)c->rank, size = (size_t)c->size, least = n / size, extra = n % size;
    *begin = r * least + (r < extra ? r : extra);
    *end = *begin + least + (r < extra);
}
