/* Buckets over MPI in host memory: every bucket is a non-blocking all-reduce, all in flight at
 * once, and divided by the number of ranks when all have arrived. MPI counts are int: large buckets
 * go in several parts. */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "comm/mpi_impl.h"

typedef struct flight {
    MPI_Request *request;
    size_t n, cap;
} flight;

scp_status scp_mpi_sum_start(scp_comm *c, void **fp, void *buf, size_t n, scp_comm_type t)
{
    if (!*fp) SCP_TRY(scp_alloc(1, sizeof(flight), fp));
    flight *f = *fp;
    const size_t max = scp_comm_mpi_state_of(c)->max_count, bytes = scp_comm_type_size(t);
    for (size_t at = 0; at < n; at += max) {
        size_t count = n - at < max ? n - at : max;
        SCP_TRY(scp_grow(&f->request, &f->cap, f->n + 1, sizeof *f->request));
        SCP_MPI(MPI_Iallreduce(MPI_IN_PLACE, (char *)buf + at * bytes, (int)count,
                               scp_comm_mpi_type(t), MPI_SUM, scp_comm_mpi(c), &f->request[f->n]));
        f->n++;
    }
    return SCP_OK;
}

scp_status scp_mpi_sum_land(scp_comm *c, void *fp)
{
    flight *f = fp;
    if (!f) return SCP_OK;
    enum { SPINS = 10000 };
    const double began = scp_clock_seconds();
    int here = 0;
    for (long i = 0; f->n && !here; i++) {
        SCP_MPI(MPI_Testall((int)f->n, f->request, &here, MPI_STATUSES_IGNORE));
        if (here || i < SPINS || i % 1024) continue;
        if (scp_clock_seconds() - began > c->timeout)
            SCP_FAIL(SCP_ECOMM,
                     "rank %d of %d waited %.0f seconds for the other ranks to average gradients; "
                     "one of them is stuck or gone",
                     c->rank, c->size, c->timeout);
    }
    f->n = 0;
    return SCP_OK;
}

void scp_mpi_sum_end(scp_comm *c, void *fp)
{
    flight *f = fp;
    (void)c;
    if (f) free(f->request);
    free(f);
}

static void end(scp_average *a)
{
    scp_mpi_sum_end(a->comm, a->state);
}

static scp_status start(scp_average *a, size_t i)
{
    return scp_mpi_sum_start(a->comm, &a->state, a->g + a->begin[i] * scp_comm_type_size(a->type),
                             scp_average_count(a, i), a->type);
}

static scp_status finish(scp_average *a)
{
    SCP_TRY(scp_mpi_sum_land(a->comm, a->state));
    scp_comm_scale(a->comm, a->g + a->begin[0] * scp_comm_type_size(a->type),
                   a->begin[a->n] - a->begin[0], a->type);
    return SCP_OK;
}

const scp_average_ops scp_comm_mpi_average = {
    .close = end, .start = start, .finish = finish, .waits = true
};
