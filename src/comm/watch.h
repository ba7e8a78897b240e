/* Waiting for work of a device that may itself wait for other ranks. Not collective. */
#ifndef SCP_COMM_WATCH_H
#define SCP_COMM_WATCH_H

#include "comm/comm.h"
#include "dev/stream.h"

/** Has a rank failed, as far as this one can tell? Looks and returns. SCP_ECOMM. */
scp_status scp_comm_poll(scp_comm *c) SCP_MUST_USE;

/** Give up what the communicator has on the device, so that nothing there waits for ever; does not
 *  wait itself. It cannot be used afterwards. Host memory is not concerned. */
void scp_comm_abort(scp_comm *c);

/** What was enqueued on `dev` may never end: nobody waits for it any more (scp_device_give_up), and
 *  a program ends by scp_world_leave. */
void scp_comm_leave(scp_comm *c, scp_device *dev);
/** Was that so, of this communicator or one that is above it? */
bool scp_comm_is_lost(const scp_comm *c);

/** Wait for an event, at most the communicator's timeout, polling it for errors; SCP_ECOMM with
 *  `what`, after scp_comm_leave and scp_comm_abort. The watchdog (watchdog.h) sees the wait. */
scp_status scp_comm_watch(scp_comm *c, scp_device *dev, scp_event *e,
                          const char *what) SCP_MUST_USE;

#endif
