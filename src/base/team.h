/* A team of threads that run one function together and end together. */
#ifndef SCP_BASE_TEAM_H
#define SCP_BASE_TEAM_H

#include "base/status.h"

enum { SCP_TEAM_MAX = 1024 }; /* threads of a team at most */

/* Thread numbers are 0 .. threads - 1. */
typedef scp_status (*scp_team_fn)(void *ctx, int thread);

/** Run fn on `threads` threads (1 .. SCP_TEAM_MAX) and wait for all: the caller is thread 0, the
 *  others are new and block all signals. Returns the failure that came first, its error chain now
 *  the caller's; nobody stops the others, fn does (a flag in ctx). SCP_ENOMEM when a thread cannot
 *  be started; those that were have then run to their end. Not collective. */
scp_status scp_team_run(int threads, scp_team_fn fn, void *ctx) SCP_MUST_USE;

/** Threads to use when nobody says: $OMP_NUM_THREADS (its first number), else the CPUs that this
 *  process may run on. 1 .. SCP_TEAM_MAX. */
int scp_team_default(void);

#endif
