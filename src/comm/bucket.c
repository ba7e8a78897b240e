/* Gradient average over MPI ranks: every bucket is one non-blocking all-reduce, all in flight at
 * once; a bucket is scaled by 1/size as soon as its sum has arrived. */
#include <stdlib.h>

#include "base/mem.h"
#include "comm/mpi_impl.h"

scp_status scp_comm_mpi_average(scp_comm *c, void *g, size_t n, scp_comm_type t, size_t bucket)
{
    scp_status st = SCP_OK;
    size_t max = scp_comm_mpi_state_of(c)->max_count, bytes = scp_comm_type_size(t), started = 0;
    if (bucket > max) bucket = max;
    size_t buckets = n / bucket + (n % bucket > 0);
    MPI_Request *requests = NULL;
    SCP_TRY(scp_agree(c, scp_alloc(buckets, sizeof *requests, &requests)));
    for (; started < buckets; started++) {
        size_t at = started * bucket, count = n - at < bucket ? n - at : bucket;
        SCP_MPI_GOTO(done, MPI_Iallreduce(MPI_IN_PLACE, (char *)g + at * bytes, (int)count,
                                          scp_comm_mpi_type(t), MPI_SUM, scp_comm_mpi(c),
                                          &requests[started]));
    }
    for (size_t i = 0; i < buckets; i++) {
        int which;
        SCP_MPI_GOTO(done, MPI_Waitany((int)buckets, requests, &which, MPI_STATUS_IGNORE));
        size_t at = (size_t)which * bucket, count = n - at < bucket ? n - at : bucket;
        scp_comm_scale(c, (char *)g + at * bytes, count, t);
    }
done:
    free(requests);
    return st;
}
