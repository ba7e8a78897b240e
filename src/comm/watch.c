/* Waiting for a device whose work may wait for other ranks: errors of the communicator and the
 * timeout are looked at meanwhile, and either ends the work of the communicator on the device. */
#include "comm/watch.h"

#include <time.h>

#include "base/clock.h"
#include "comm/comm_impl.h"

scp_status scp_comm_poll(scp_comm *c)
{
    return c->size > 1 && c->ops->poll ? c->ops->poll(c) : SCP_OK;
}

void scp_comm_abort(scp_comm *c)
{
    if (c->size > 1 && c->ops->abort) c->ops->abort(c);
}

scp_status scp_comm_watch(scp_comm *c, scp_device *dev, scp_event *e, const char *what)
{
    enum { SPINS = 20000, POLL = 16 };
    const double began = scp_clock_seconds();
    bool done = !e;
    for (long i = 0; !done; i++) {
        SCP_TRY(scp_event_done(dev, e, &done));
        if (done || i < SPINS) continue;
        if (i % POLL == 0) SCP_TRY(scp_comm_poll(c));
        if (scp_clock_seconds() - began > c->timeout) {
            scp_comm_abort(c);
            SCP_FAIL(SCP_ECOMM,
                     "rank %d of %d: %s did not finish within %.0f seconds; another rank is stuck "
                     "or gone, or the device is",
                     c->rank, c->size, what, c->timeout);
        }
        nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
    }
    return scp_comm_poll(c);
}
