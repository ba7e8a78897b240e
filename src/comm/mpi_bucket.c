/* Buckets over MPI in host memory: every bucket is a non-blocking all-reduce, all in flight at once,
 * and divided by the number of ranks when all have arrived. MPI counts are int: large buckets go in
 * several parts. */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "comm/mpi_impl.h"

scp_status scp_mpi_flight_start(scp_comm *c, scp_mpi_flight *f, void *buf, size_t n,
                                scp_comm_type t)
{
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

scp_status scp_mpi_flight_land(scp_comm *c, scp_mpi_flight *f)
{
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

void scp_mpi_flight_fini(scp_mpi_flight *f)
{
    free(f->request);
    *f = (scp_mpi_flight){ 0 };
}

static scp_status open_flight(scp_average *a)
{
    return scp_alloc(1, sizeof(scp_mpi_flight), &a->state);
}

static void close_flight(scp_average *a)
{
    if (a->state) scp_mpi_flight_fini(a->state);
    free(a->state);
}

static scp_status start(scp_average *a, size_t i)
{
    return scp_mpi_flight_start(a->comm, a->state,
                                a->g + a->begin[i] * scp_comm_type_size(a->type),
                                scp_average_count(a, i), a->type);
}

static scp_status finish(scp_average *a)
{
    SCP_TRY(scp_mpi_flight_land(a->comm, a->state));
    scp_comm_scale(a->comm, a->g + a->begin[0] * scp_comm_type_size(a->type),
                   a->begin[a->n] - a->begin[0], a->type);
    return SCP_OK;
}

const scp_average_ops scp_comm_mpi_average = {
    .open = open_flight, .close = close_flight, .start = start, .finish = finish, .waits = true
};
