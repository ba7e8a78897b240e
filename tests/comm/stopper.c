/* To be preloaded: a rank stops for good, as by SIGSTOP, at a chosen call of MPI.
 *
 * SCP_STOP="MPI_Bcast:3@1": rank 1 stops at its third MPI_Bcast, before anything of it is done. The
 * calls are those below; the programs and the HDF5 library make them. */
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void stop_at(const char *call)
{
    static char at[64];
    static int left = -1, at_rank = -1;
    int rank = -1;
    const char *plan = getenv("SCP_STOP");
    if (left < 0 && (!plan || sscanf(plan, "%63[A-Za-z_]:%d@%d", at, &left, &at_rank) != 3))
        left = 0;
    if (left == 0 || strcmp(call, at) != 0) return;
    PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank != at_rank || --left > 0) return;
    fprintf(stderr, "rank %d stops at %s\n", rank, call);
    raise(SIGSTOP);
}

#define STOPPER(call, parameters, arguments)                                                       \
    int call parameters                                                                            \
    {                                                                                              \
        stop_at(#call);                                                                            \
        return P##call arguments;                                                                  \
    }

STOPPER(MPI_Allreduce,
        (const void *from, void *to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
        (from, to, n, type, op, comm))
STOPPER(MPI_Reduce,
        (const void *from, void *to, int n, MPI_Datatype type, MPI_Op op, int root, MPI_Comm comm),
        (from, to, n, type, op, root, comm))
STOPPER(MPI_Bcast, (void *buf, int n, MPI_Datatype type, int root, MPI_Comm comm),
        (buf, n, type, root, comm))
STOPPER(MPI_Send, (const void *buf, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm),
        (buf, n, type, to, tag, comm))
STOPPER(MPI_File_write_at_all,
        (MPI_File file, MPI_Offset at, const void *buf, int n, MPI_Datatype type, MPI_Status *st),
        (file, at, buf, n, type, st))
