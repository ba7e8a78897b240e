/* One run at a time: a lock file that a live process holds by flock. It is gone with the process,
 * however that ends; the file is removed when the lock is given back. Not collective. */
#ifndef SCP_IO_RUN_LOCK_H
#define SCP_IO_RUN_LOCK_H

#include "base/status.h"

typedef struct scp_run_lock scp_run_lock;

/** Take the lock `path`. SCP_ERETRY when another process has it. `*works` is false on a file system
 *  without locks (some NFS): then nothing is held. *out: scp_run_lock_release. */
scp_status scp_run_lock_take(const char *path, bool *works, scp_run_lock **out) SCP_MUST_USE;
void scp_run_lock_release(scp_run_lock **lock);

#endif
