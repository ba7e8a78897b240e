/* MPI communicator. MPI counts are int: larger buffers go in several calls. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "comm/mpi_impl.h"

scp_status scp_mpi_raise(int code, const char *file, int line, const char *call)
{
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int len = 0;
    MPI_Error_string(code, text, &len);
    return scp_err_raise(SCP_ECOMM, file, line, call, "%s", text);
}

MPI_Datatype scp_comm_mpi_type(scp_comm_type t)
{
    switch (t) {
    case SCP_COMM_F32:
        return MPI_FLOAT;
    case SCP_COMM_F64:
        return MPI_DOUBLE;
    case SCP_COMM_I32:
        return MPI_INT32_T;
    case SCP_COMM_I64:
        return MPI_INT64_T;
    case SCP_COMM_U8:
        break;
    }
    return MPI_UINT8_T;
}

static MPI_Op mpi_op(scp_comm_op op)
{
    return op == SCP_COMM_MIN ? MPI_MIN : op == SCP_COMM_MAX ? MPI_MAX : MPI_SUM;
}

/* A walk over a buffer in parts that one MPI call may take. */
typedef struct walk {
    char *part;
    int count;
    size_t done;
} walk;

static bool next_part(walk *w, scp_comm *c, void *buf, size_t n, scp_comm_type t)
{
    size_t max = scp_comm_mpi_state_of(c)->max_count, left = n - w->done;
    w->part = (char *)buf + w->done * scp_comm_type_size(t);
    w->count = (int)(left < max ? left : max);
    w->done += (size_t)w->count;
    return w->count > 0;
}

static scp_status mpi_allreduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op)
{
    for (walk w = { 0 }; next_part(&w, c, buf, n, t);)
        SCP_MPI(MPI_Allreduce(MPI_IN_PLACE, w.part, w.count, scp_comm_mpi_type(t), mpi_op(op),
                              scp_comm_mpi(c)));
    return SCP_OK;
}

static scp_status mpi_reduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op,
                             int root)
{
    for (walk w = { 0 }; next_part(&w, c, buf, n, t);)
        SCP_MPI(MPI_Reduce(c->rank == root ? MPI_IN_PLACE : w.part, w.part, w.count,
                           scp_comm_mpi_type(t), mpi_op(op), root, scp_comm_mpi(c)));
    return SCP_OK;
}

static scp_status mpi_bcast(scp_comm *c, void *buf, size_t n, scp_comm_type t, int root)
{
    for (walk w = { 0 }; next_part(&w, c, buf, n, t);)
        SCP_MPI(MPI_Bcast(w.part, w.count, scp_comm_mpi_type(t), root, scp_comm_mpi(c)));
    return SCP_OK;
}

static scp_status mpi_allgatherv(scp_comm *c, const void *mine, scp_comm_type t, void *out,
                                 size_t total, const size_t *counts)
{
    scp_status st = SCP_OK;
    size_t bytes = scp_comm_type_size(t), ranks = (size_t)c->size, at = 0;
    if (total > scp_comm_mpi_state_of(c)->max_count) { /* displacements are int: rank by rank */
        for (int r = 0; r < c->size; r++) {
            char *slab = (char *)out + at * bytes;
            if (r == c->rank) memcpy(slab, mine, counts[r] * bytes);
            SCP_TRY(mpi_bcast(c, slab, counts[r], t, r));
            at += counts[r];
        }
        return SCP_OK;
    }
    int *table = NULL;
    SCP_TRY(scp_agree(c, scp_alloc(2 * ranks, sizeof *table, &table)));
    for (size_t r = 0; r < ranks; r++) {
        table[r] = (int)counts[r];
        table[ranks + r] = (int)at;
        at += counts[r];
    }
    SCP_MPI_GOTO(done, MPI_Allgatherv(mine, table[c->rank], scp_comm_mpi_type(t), out, table,
                                      table + ranks, scp_comm_mpi_type(t), scp_comm_mpi(c)));
done:
    free(table);
    return st;
}

static scp_status mpi_barrier(scp_comm *c)
{
    SCP_MPI(MPI_Barrier(scp_comm_mpi(c)));
    return SCP_OK;
}

static scp_status mpi_send(scp_comm *c, const void *buf, size_t n, int to)
{
    for (walk w = { 0 }; next_part(&w, c, (void *)buf, n, SCP_COMM_U8);)
        SCP_MPI(MPI_Send(w.part, w.count, MPI_UINT8_T, to, 0, scp_comm_mpi(c)));
    return SCP_OK;
}

static scp_status mpi_recv(scp_comm *c, void *buf, size_t n, int from)
{
    for (walk w = { 0 }; next_part(&w, c, buf, n, SCP_COMM_U8);)
        SCP_MPI(MPI_Recv(w.part, w.count, MPI_UINT8_T, from, 0, scp_comm_mpi(c),
                         MPI_STATUS_IGNORE));
    return SCP_OK;
}

/* A part of c as a communicator of its own; the MPI communicator is freed. */
static scp_status adopt_part(scp_comm *c, MPI_Comm part, scp_comm **out)
{
    scp_status st = scp_comm_create_mpi(part, out);
    if (st == SCP_OK) scp_comm_mpi_set_max_count(*out, scp_comm_mpi_state_of(c)->max_count);
    MPI_Comm_free(&part);
    return st;
}

static scp_status mpi_split(scp_comm *c, int color, scp_comm **out)
{
    MPI_Comm part;
    SCP_MPI(MPI_Comm_split(scp_comm_mpi(c), color, c->rank, &part));
    return adopt_part(c, part, out);
}

static scp_status mpi_split_node(scp_comm *c, scp_comm **out)
{
    MPI_Comm part;
    SCP_MPI(MPI_Comm_split_type(scp_comm_mpi(c), MPI_COMM_TYPE_SHARED, c->rank, MPI_INFO_NULL,
                                &part));
    return adopt_part(c, part, out);
}

static void mpi_destroy(scp_comm *c)
{
    scp_comm_mpi_state *m = scp_comm_mpi_state_of(c);
    if (m->end != MPI_COMM_NULL) MPI_Comm_free(&m->end);
    if (m->comm != MPI_COMM_NULL) MPI_Comm_free(&m->comm);
    free(m);
}

const scp_comm_ops scp_comm_mpi_ops = {
    .name = "mpi",
    .allreduce = mpi_allreduce,
    .reduce = mpi_reduce,
    .bcast = mpi_bcast,
    .allgatherv = mpi_allgatherv,
    .barrier = mpi_barrier,
    .send = mpi_send,
    .recv = mpi_recv,
    .split = mpi_split,
    .split_node = mpi_split_node,
    .average = &scp_comm_mpi_average,
    .sum_start = scp_mpi_sum_start,
    .sum_land = scp_mpi_sum_land,
    .sum_end = scp_mpi_sum_end,
    .destroy = mpi_destroy,
};

scp_status scp_comm_create_mpi(MPI_Comm comm, scp_comm **out)
{
    scp_status st = SCP_OK;
    scp_comm_mpi_state *m;
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *m, &m));
    m->base.ops = &scp_comm_mpi_ops;
    m->base.timeout = SCP_COMM_TIMEOUT;
    m->comm = m->end = MPI_COMM_NULL;
    m->max_count = INT_MAX;
    SCP_MPI_GOTO(fail, MPI_Comm_dup(comm, &m->comm));
    SCP_MPI_GOTO(fail, MPI_Comm_set_errhandler(m->comm, MPI_ERRORS_RETURN));
    SCP_MPI_GOTO(fail, MPI_Comm_rank(m->comm, &m->base.rank));
    SCP_MPI_GOTO(fail, MPI_Comm_size(m->comm, &m->base.size));
    *out = &m->base;
    return SCP_OK;
fail:
    mpi_destroy(&m->base);
    return st;
}

void scp_comm_mpi_set_max_count(scp_comm *c, size_t max_count)
{
    if (c->host) scp_comm_mpi_set_max_count(c->host, max_count);
    if (c->ops != &scp_comm_mpi_ops) return;
    scp_comm_mpi_state_of(c)->max_count =
        max_count > 0 && max_count < INT_MAX ? max_count : INT_MAX;
}

MPI_Comm scp_comm_mpi(const scp_comm *c)
{
    if (c->host) return scp_comm_mpi(c->host);
    if (c->ops != &scp_comm_mpi_ops) return MPI_COMM_SELF;
    return ((const scp_comm_mpi_state *)c)->comm;
}
