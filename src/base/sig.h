/* Stop requests: SIGUSR1, SIGTERM and SIGINT set a flag that the training loop reads at a step
 * boundary and agrees on with all ranks. */
#ifndef SCP_BASE_SIG_H
#define SCP_BASE_SIG_H

#include "base/status.h"

/** Install the handlers (once per process, before threads that compute are started): the calling
 *  thread and those it starts later are not interrupted, a thread of its own takes the signals. A
 *  second SIGINT ends the process at once. SCP_EINTERNAL. */
scp_status scp_sig_install(void) SCP_MUST_USE;

/** Number of the first signal received since install or clear, 0 when none. */
int scp_sig_pending(void);
void scp_sig_clear(void);

#endif
