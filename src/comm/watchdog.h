/* A watch over collective operations: one thread of this process that notices when an operation of
 * any communicator does not come to an end, because a rank is gone, stopped or elsewhere, says
 * which one of which step it is, and lets the job be ended. comm.c tells it of every operation; a
 * communicator whose operations end later (streams of a GPU) tells it around its own waiting.
 *
 * Time that the process itself was stopped (SIGSTOP, a suspended job, a sleeping machine) does not
 * count: the thread counts its own short naps, not the clock. Nothing here is collective. */
#ifndef SCP_COMM_WATCHDOG_H
#define SCP_COMM_WATCHDOG_H

#include <stdint.h>

#include "base/status.h"

/* Called once, in the thread of the watchdog, when an operation has taken too long; `message` names
 * operation, step and time. It ends the process. */
typedef void scp_watchdog_hang(const char *message);

/** Start watching. A watch that is on already gets another limit. seconds <= 0: wait for ever.
 *  option: what a user sets the limit with, for the message (borrowed for good); NULL: nothing
 *  does. SCP_EINTERNAL. */
scp_status scp_watchdog_start(double seconds, const char *option,
                              scp_watchdog_hang *hang) SCP_MUST_USE;

/** End the thread. Without a start it does nothing. */
void scp_watchdog_stop(void);

/** What the process is at, for the message: a stage ("train", borrowed for good) and its step.
 *  Cheap.
 */
void scp_watchdog_place(const char *stage, int64_t step);

/** An operation begins, with a name for the message (borrowed for good), or ends. Cheap; a call
 *  inside another one counts as that one. By the thread that communicates. */
void scp_watchdog_enter(const char *operation);
void scp_watchdog_leave(void);

#endif
