/* The MPI communicator and its checked calls. Private to src/comm. */
#ifndef SCP_COMM_MPI_IMPL_H
#define SCP_COMM_MPI_IMPL_H

#include "comm/mpi_handle.h"

#include "comm/comm_impl.h"

typedef struct scp_comm_mpi_state {
    scp_comm base;
    MPI_Comm comm;    /* our own duplicate                                                       */
    MPI_Comm end;     /* a second one for scp_world_meet, MPI_COMM_NULL but for the world        */
    size_t max_count; /* largest count of one MPI call                                           */
} scp_comm_mpi_state;

extern const scp_comm_ops scp_comm_mpi_ops;

static inline scp_comm_mpi_state *scp_comm_mpi_state_of(scp_comm *c)
{
    return (scp_comm_mpi_state *)c;
}

MPI_Datatype scp_comm_mpi_type(scp_comm_type t);

/* Buckets of host memory by non-blocking all-reduce, mpi_bucket.c. */
extern const scp_average_ops scp_comm_mpi_average;

/* Sums of parts of host memory in flight: members of scp_comm_ops, mpi_bucket.c. Landing fails with
 * SCP_ECOMM when it takes longer than the communicator's timeout. */
scp_status scp_mpi_sum_start(scp_comm *c, void **flight, void *buf, size_t n, scp_comm_type t);
scp_status scp_mpi_sum_land(scp_comm *c, void *flight);
void scp_mpi_sum_end(scp_comm *c, void *flight);

#endif
