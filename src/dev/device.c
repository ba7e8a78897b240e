/* Opening devices and moving reals, see device.h. */
#include "dev/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "dev/local_rank.h"

static const scp_backend *find(const char *name, size_t len)
{
    for (size_t i = 0; scp_backends[i]; i++)
        if (strlen(scp_backends[i]->name) == len && memcmp(scp_backends[i]->name, name, len) == 0)
            return scp_backends[i];
    return NULL;
}

static const scp_backend *best(void)
{
    const scp_backend *found = NULL;
    const char *why = "";
    for (size_t i = 0; scp_backends[i]; i++) {
        if (scp_backends[i]->available(&why))
            found = scp_backends[i];
        else
            scp_log(SCP_LOG_INFO, "device auto: %s is not used: %s", scp_backends[i]->name, why);
    }
    return found;
}

static scp_status pick(const char *spec, const scp_backend **backend, int *index)
{
    const char *colon = strchr(spec, ':'), *why = "";
    size_t len = colon ? (size_t)(colon - spec) : strlen(spec);
    int64_t n = -1;
    if (colon && (scp_parse_int(colon + 1, &n) != SCP_OK || n < 0 || n > 1023))
        SCP_FAIL(SCP_EUSAGE, "device '%s': the index must be 0 to 1023", spec);
    *index = (int)n;
    if (strcmp(spec, "auto") == 0) {
        *backend = best();
        if (!*backend) SCP_FAIL(SCP_EDEVICE, "no backend can run on this machine");
        return SCP_OK;
    }
    *backend = find(spec, len);
    if (!*backend)
        SCP_FAIL(SCP_EUSAGE,
                 "unknown device '%s'; this build knows auto, cpu, ref and, when "
                 "configured --with-cuda, cuda or cuda:N",
                 spec);
    if (!(*backend)->available(&why))
        SCP_FAIL(SCP_EDEVICE, "device '%s' cannot be used: %s (--device auto falls back)", spec,
                 why);
    return SCP_OK;
}

/* The device of this process: as asked for, or by turns among the ranks of the node. */
static scp_status choose_index(const char *spec, const scp_backend *backend, int *index)
{
    const int count = backend->count ? backend->count() : 0;
    if (count > 0 && *index >= count)
        SCP_FAIL(SCP_EDEVICE, "device '%s': there %s %d here, numbered from 0", spec,
                 count == 1 ? "is" : "are", count);
    if (*index < 0) *index = count > 0 ? scp_local_rank() % count : 0;
    return SCP_OK;
}

scp_status scp_device_open(const char *spec, scp_device **out)
{
    const scp_backend *backend = NULL;
    scp_device *dev = NULL;
    scp_status st = SCP_OK;
    int index = 0;
    SCP_ARG(spec && out, "device spec and result are required");
    *out = NULL;
    SCP_TRY(pick(spec, &backend, &index));
    SCP_TRY(choose_index(spec, backend, &index));
    SCP_TRY(scp_alloc(1, sizeof *dev, &dev));
    dev->backend = backend;
    dev->index = index;
    if (backend->open) SCP_GOTO(fail, backend->open(dev, index));
    *out = dev;
    return SCP_OK;
fail:
    free(dev);
    return st;
}

void scp_device_close(scp_device **dev)
{
    if (!dev || !*dev) return;
    if ((*dev)->backend->close && !(*dev)->given_up) (*dev)->backend->close(*dev);
    free(*dev);
    *dev = NULL;
}

void scp_device_give_up(scp_device *dev)
{
    dev->given_up = true;
}

void scp_device_name(const scp_device *dev, char *buf, size_t size)
{
    if (dev->backend->describe)
        dev->backend->describe(dev, buf, size);
    else
        snprintf(buf, size, "%s", dev->backend->name);
}

void scp_device_limit(scp_device *dev, int most)
{
    if (dev->backend->at_level && dev->backend->level > most)
        dev->backend = dev->backend->at_level(most);
}

scp_status scp_device_memory(scp_device *dev, size_t *left, size_t *total)
{
    *left = *total = 0;
    return dev->backend->memory ? dev->backend->memory(dev, left, total) : SCP_OK;
}

scp_status scp_device_sync(scp_device *dev)
{
    return dev->backend->sync ? dev->backend->sync(dev) : SCP_OK;
}

size_t scp_device_bytes(const scp_device *dev, scp_dtype type, size_t n)
{
    switch (type) {
    case SCP_REAL:
        return n * dev->backend->real_size;
    case SCP_I32:
        return n * 4;
    case SCP_F16:
    case SCP_BF16:
        return n * 2;
    case SCP_U8:
        break;
    }
    return n;
}

scp_status scp_device_alloc(scp_device *dev, size_t bytes, void **out)
{
    return dev->backend->alloc(dev, bytes, out);
}

void scp_device_release(scp_device *dev, void *p)
{
    if (p && !dev->given_up) dev->backend->release(dev, p);
}

scp_status scp_device_view_f32(scp_device *dev, const float *host, size_t n, void **out)
{
    if (dev->backend->host && dev->backend->real_size == sizeof *host) {
        *out = (void *)(uintptr_t)host;
        return SCP_OK;
    }
    SCP_TRY(scp_device_alloc(dev, scp_device_bytes(dev, SCP_REAL, n), out));
    return scp_device_write_f32(dev, *out, host, n);
}

void scp_device_view_end(scp_device *dev, void *view, const float *host)
{
    if (view != (void *)(uintptr_t)host) scp_device_release(dev, view);
}

/* Moves are chunked through a stack buffer when the types differ, so they never allocate. */
enum { CHUNK = 2048 };

#define DEFINE_WRITE(suffix, type, other)                                                          \
    scp_status scp_device_write_##suffix(scp_device *dev, void *dst, const type *host, size_t n)   \
    {                                                                                              \
        size_t size = dev->backend->real_size;                                                     \
        if (size == sizeof *host) return dev->backend->write(dev, dst, host, n * size);            \
        for (size_t i = 0; i < n; i += CHUNK) {                                                    \
            other part[CHUNK];                                                                     \
            size_t k = n - i < CHUNK ? n - i : CHUNK;                                              \
            for (size_t j = 0; j < k; j++) part[j] = (other)host[i + j];                           \
            SCP_TRY(dev->backend->write(dev, (char *)dst + i * size, part, k * size));             \
        }                                                                                          \
        return SCP_OK;                                                                             \
    }
#define DEFINE_READ(suffix, type, other)                                                           \
    scp_status scp_device_read_##suffix(scp_device *dev, type *host, const void *src, size_t n)    \
    {                                                                                              \
        size_t size = dev->backend->real_size;                                                     \
        if (size == sizeof *host) return dev->backend->read(dev, host, src, n * size);             \
        for (size_t i = 0; i < n; i += CHUNK) {                                                    \
            other part[CHUNK];                                                                     \
            size_t k = n - i < CHUNK ? n - i : CHUNK;                                              \
            SCP_TRY(dev->backend->read(dev, part, (const char *)src + i * size, k * size));        \
            for (size_t j = 0; j < k; j++) host[i + j] = (type)part[j];                            \
        }                                                                                          \
        return SCP_OK;                                                                             \
    }
DEFINE_WRITE(f32, float, double)
DEFINE_WRITE(f64, double, float)
DEFINE_READ(f32, float, double)
DEFINE_READ(f64, double, float)
