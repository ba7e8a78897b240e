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

/** Average in buckets, see bucket.c. */
scp_status scp_comm_mpi_average(scp_comm *c, void *g, size_t n, scp_comm_type t, size_t bucket);

#endif
