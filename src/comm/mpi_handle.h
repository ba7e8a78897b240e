/* The MPI communicator behind an scp_comm, for parallel HDF5 (src/io only). */
#ifndef SCP_COMM_MPI_HANDLE_H
#define SCP_COMM_MPI_HANDLE_H

#include <mpi.h>

#include "comm/comm.h"

/** MPI_COMM_SELF for "self" (MPI must be initialised). Borrowed. Not collective. */
MPI_Comm scp_comm_mpi(const scp_comm *c);

#endif
