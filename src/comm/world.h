/* Life of the parallel world: MPI first, then everything else; and how a job ends on an error. */
#ifndef SCP_COMM_WORLD_H
#define SCP_COMM_WORLD_H

#include "comm/comm.h"

/** MPI_Init_thread (funneled), errors returned as codes, world communicator. Collective. */
scp_status scp_world_begin(int *argc, char ***argv, scp_comm **world) SCP_MUST_USE;

/** Finalize. Collective; only after all ranks agreed that all is well. */
scp_status scp_world_end(scp_comm **world) SCP_MUST_USE;

/** Print nothing, end every rank of the job with this exit code. Does not return. Not collective. */
void scp_world_abort(int exit_code);

#endif
