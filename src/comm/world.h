/* Life of the parallel world: MPI first, then everything else; and how a job ends on an error. */
#ifndef SCP_COMM_WORLD_H
#define SCP_COMM_WORLD_H

#include "comm/comm.h"

/** MPI_Init_thread (funneled), errors returned as codes, world communicator; log lines carry the
 *  rank from here on. Started without a launcher it is a world of one rank, and Open MPI is told so
 *  for the time of the call (OMPI_MCA_ess_singleton_isolated, OMPI_MCA_pml, where they are not set):
 *  no daemon, no look for networks. Collective. */
scp_status scp_world_begin(int *argc, char ***argv, scp_comm **world) SCP_MUST_USE;

/** Wait at most `seconds` (< 0: forever) for all ranks to call this too.
 *  @param all_here  false when some rank did not come: it is stuck in another collective, and only
 *  scp_world_abort can end the job. Once per world. */
scp_status scp_world_meet(scp_comm *world, double seconds, bool *all_here) SCP_MUST_USE;

/** Finalize. Collective; only after all ranks met. */
scp_status scp_world_end(scp_comm **world) SCP_MUST_USE;

/** End this process, after scp_world_end, where a communicator is lost (comm/watch.h): output is
 *  flushed, but nothing of libraries runs, as that would wait for the device and for threads that
 *  still abort. Never returns. Not collective. */
void scp_world_leave(int exit_code) __attribute__((noreturn));

/** End every rank of the job with this exit code; prints nothing, never returns. Not collective. */
void scp_world_abort(int exit_code) __attribute__((noreturn));

/** Watch all collective operations from now on (comm/watchdog.h): one that does not end in
 *  `seconds` (<= 0: any time is fine) ends this process, and with it the job, with the exit code of
 *  SCP_ERETRY, after a message that names this rank, and the option that sets the limit (borrowed
 *  for good; NULL: none does). A second call sets both anew. Not collective. */
scp_status scp_world_watch(double seconds, const char *option) SCP_MUST_USE;

/** Version of the MPI library, first line, in buf. Not collective; works before scp_world_begin. */
void scp_world_library(char *buf, size_t size);

#endif
