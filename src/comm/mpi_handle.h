/* The MPI communicator behind an scp_comm, for parallel HDF5 (src/io), and checked MPI calls. */
#ifndef SCP_COMM_MPI_HANDLE_H
#define SCP_COMM_MPI_HANDLE_H

#include <mpi.h>

#include "comm/comm.h"

/** MPI_COMM_SELF for "self" (MPI must be initialised). Borrowed. Not collective. */
MPI_Comm scp_comm_mpi(const scp_comm *c);

/** A communicator over a duplicate of `comm`. Collective over comm. */
scp_status scp_comm_create_mpi(MPI_Comm comm, scp_comm **out) SCP_MUST_USE;

/** Largest count of one MPI call, INT_MAX by default; larger buffers are cut. For tests of the
 *  cutting without a buffer of 2 GiB. Same value on all ranks. Not collective. */
void scp_comm_mpi_set_max_count(scp_comm *c, size_t max_count);

/** Record a failed MPI call with MPI's own message. @return SCP_ECOMM. */
scp_status scp_mpi_raise(int code, const char *file, int line, const char *call);

/* Check an MPI call: evaluated once, its text and MPI's message go into the chain. */
#define SCP_MPI(call)                                                                              \
    do {                                                                                           \
        int scp_mpi_ = (call);                                                                     \
        if (scp_mpi_ != MPI_SUCCESS) return scp_mpi_raise(scp_mpi_, __FILE__, __LINE__, #call);    \
    } while (0)
#define SCP_MPI_GOTO(label, call)                                                                  \
    do {                                                                                           \
        int scp_mpi_ = (call);                                                                     \
        if (scp_mpi_ != MPI_SUCCESS) {                                                             \
            st = scp_mpi_raise(scp_mpi_, __FILE__, __LINE__, #call);                               \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)

#endif
