/* Conditions of an MPI test: rank 0 prints what holds on all ranks. Collective. */
#ifndef SCP_TESTS_TAP_RANKS_H
#define SCP_TESTS_TAP_RANKS_H

#include "comm/comm.h"
#include "tap.h"

/** Does it hold on every rank? */
static inline bool tap_everywhere(scp_comm *world, bool here)
{
    int32_t yes = here;
    return scp_comm_allreduce(world, &yes, 1, SCP_COMM_I32, SCP_COMM_MIN) == SCP_OK && yes;
}

/** One result line; a rank where it does not hold says so, with its error chain, which is cleared.
 */
static inline void tap_ok_ranks(scp_comm *world, bool cond, const char *what)
{
    if (!cond) tap_diag("%s: rank %d: %s", what, scp_comm_rank(world), scp_err_message());
    tap_ok(tap_everywhere(world, cond), "%s", what);
    scp_err_clear();
}

#endif
