/* Host memory, 64-byte aligned and zeroed, see host.h. Large blocks ask for large pages: products read
 * columns of weights and activations, a page or two for every row. */
#include "config.h"

#include "backend/host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LARGE_PAGE = 2 << 20 };

bool scp_host_available(const char **why)
{
    (void)why;
    return true;
}

scp_status scp_host_alloc(scp_device *dev, size_t bytes, void **out)
{
    (void)dev;
    const size_t align = bytes >= LARGE_PAGE ? LARGE_PAGE : 64, size = (bytes / align + 1) * align;
    *out = size > bytes ? aligned_alloc(align, size) : NULL;
    if (!*out) SCP_FAIL(SCP_ENOMEM, "cannot allocate %zu bytes of device memory", bytes);
#ifdef MADV_HUGEPAGE
    if (align == LARGE_PAGE) (void)madvise(*out, size, MADV_HUGEPAGE); /* as far as there are any */
#endif
    memset(*out, 0, size);
    return SCP_OK;
}

void scp_host_release(scp_device *dev, void *p)
{
    (void)dev;
    free(p);
}

scp_status scp_host_write(scp_device *dev, void *dst, const void *host, size_t bytes)
{
    (void)dev;
    memcpy(dst, host, bytes);
    return SCP_OK;
}

scp_status scp_host_read(scp_device *dev, void *host, const void *src, size_t bytes)
{
    (void)dev;
    memcpy(host, src, bytes);
    return SCP_OK;
}

scp_status scp_host_zero(scp_device *dev, void *dst, size_t bytes)
{
    (void)dev;
    memset(dst, 0, bytes);
    return SCP_OK;
}
