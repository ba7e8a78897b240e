/* Ranks without MPI, for tests on machines that have none: processes of one program that meet in
 * shared memory. */
#ifndef SCP_TESTS_GPU_FORKED_H
#define SCP_TESTS_GPU_FORKED_H

#include "comm/comm.h"

enum { FORKED_MAX = 8 };

/** What one rank does; shared is memory of all ranks and the caller. */
typedef scp_status (*forked_main)(scp_comm *comm, void *shared);

/** Run `f` as n ranks, each a child of this process, and wait for them at most `seconds`; the rest
 *  is killed. Call it before this process touches a GPU: a child could not use it. *shared: zeroed
 *  before the start, forked_free. SCP_EINTERNAL when a rank failed; it has printed why on stderr.
 */
scp_status forked_run(int n, forked_main f, size_t bytes, double seconds,
                      void **shared) SCP_MUST_USE;
void forked_free(void *shared, size_t bytes);

#endif
