/* Waiting for a device whose work may wait for other ranks: errors of the communicator and the
 * timeout are looked at meanwhile, and either ends the work of the communicator on the device. */
#include "comm/watch.h"

#include <time.h>

#include "base/clock.h"
#include "comm/comm_impl.h"
#include "comm/watchdog.h"

scp_status scp_comm_poll(scp_comm *c)
{
    return c->ops->poll ? c->ops->poll(c) : SCP_OK;
}

void scp_comm_abort(scp_comm *c)
{
    if (c->ops->abort) c->ops->abort(c);
}

void scp_comm_leave(scp_comm *c, scp_device *dev)
{
    for (scp_comm *each = c; each; each = each->host) each->lost = true;
    scp_device_give_up(dev);
}

bool scp_comm_is_lost(const scp_comm *c)
{
    return c->lost;
}

static scp_status wait_for(scp_comm *c, scp_device *dev, scp_event *e, const char *what)
{
    enum { SPINS = 20000, POLL = 16 };
    const double began = scp_clock_seconds();
    bool done = !e;
    for (long i = 0; !done; i++) {
        SCP_TRY(scp_event_done(dev, e, &done));
        if (done || i < SPINS) continue;
        if (i % POLL == 0) SCP_TRY(scp_comm_poll(c));
        if (scp_clock_seconds() - began > c->timeout) {
            scp_status st = scp_err_raise(
                SCP_ECOMM, __FILE__, __LINE__, NULL,
                "rank %d of %d: %s did not finish within %.0f seconds; another rank is stuck or "
                "gone, or the device is",
                c->rank, c->size, what, c->timeout);
            scp_comm_leave(c, dev);
            scp_comm_abort(c);
            return st;
        }
        nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
    }
    return scp_comm_poll(c);
}

scp_status scp_comm_watch(scp_comm *c, scp_device *dev, scp_event *e, const char *what)
{
    if (c->size > 1) scp_watchdog_enter(what);
    scp_status st = wait_for(c, dev, e, what);
    if (c->size > 1) scp_watchdog_leave();
    return st;
}
