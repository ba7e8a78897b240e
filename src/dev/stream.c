/* Streams of a device, see stream.h. Where the backend has none, a copy is done at once and events
 * are always done. */
#include "dev/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const scp_async *async_of(const scp_device *dev)
{
    return dev->backend->async;
}

scp_status scp_pin(scp_device *dev, size_t bytes, void **out)
{
    if (async_of(dev)) return async_of(dev)->pin(dev, bytes, out);
    return scp_alloc(bytes, 1, out);
}

void scp_unpin(scp_device *dev, void *p)
{
    if (!p || dev->given_up) return;
    if (async_of(dev))
        async_of(dev)->unpin(dev, p);
    else
        free(p);
}

scp_status scp_stream_copy(scp_device *dev, scp_stream s, scp_copy way, void *dst, const void *src,
                           size_t bytes)
{
    if (!bytes) return SCP_OK;
    if (async_of(dev)) return async_of(dev)->copy(dev, s, way, dst, src, bytes);
    memcpy(dst, src, bytes);
    return SCP_OK;
}

scp_status scp_event_create(scp_device *dev, scp_event **out)
{
    *out = NULL;
    return async_of(dev) ? async_of(dev)->event_create(dev, out) : SCP_OK;
}

void scp_event_destroy(scp_device *dev, scp_event **e)
{
    if (*e && !dev->given_up) async_of(dev)->event_destroy(dev, *e);
    *e = NULL;
}

scp_status scp_event_record(scp_device *dev, scp_event *e, scp_stream s)
{
    return async_of(dev) ? async_of(dev)->event_record(dev, e, s) : SCP_OK;
}

scp_status scp_event_follow(scp_device *dev, scp_stream s, scp_event *e)
{
    return async_of(dev) ? async_of(dev)->event_follow(dev, s, e) : SCP_OK;
}

scp_status scp_event_done(scp_device *dev, scp_event *e, bool *done)
{
    *done = true;
    return async_of(dev) ? async_of(dev)->event_done(dev, e, done) : SCP_OK;
}

scp_status scp_stream_native(scp_device *dev, scp_stream s, void **stream)
{
    SCP_ARG(async_of(dev), "device %s has no streams", dev->backend->name);
    return async_of(dev)->native(dev, s, stream);
}

bool scp_capture_possible(const scp_device *dev)
{
    return async_of(dev) != NULL;
}

scp_status scp_capture_begin(scp_device *dev)
{
    SCP_ARG(async_of(dev), "device %s captures nothing", dev->backend->name);
    return async_of(dev)->capture_begin(dev);
}

scp_status scp_capture_end(scp_device *dev, scp_program **out)
{
    SCP_ARG(async_of(dev), "device %s captures nothing", dev->backend->name);
    *out = NULL;
    return async_of(dev)->capture_end(dev, out);
}

scp_status scp_program_launch(scp_device *dev, scp_program *p)
{
    SCP_ARG(async_of(dev) && p, "a captured program is required");
    return async_of(dev)->launch(dev, p);
}

size_t scp_program_calls(const scp_device *dev, const scp_program *p)
{
    return p ? async_of(dev)->program_calls(p) : 0;
}

void scp_program_destroy(scp_device *dev, scp_program **p)
{
    if (*p && !dev->given_up) async_of(dev)->program_destroy(dev, *p);
    *p = NULL;
}
