/* Host memory, 64-byte aligned and zeroed, see host.h. Large blocks ask for large pages: products
 * read columns of weights and activations, a page or two for every row. */
#include "config.h"

#include "backend/host.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LARGE_PAGE = 2 << 20, HEAD = 64 };

/* Before every piece of device memory: where it comes from. */
typedef struct origin {
    void *base;
    size_t mapped; /* bytes of a mapping, 0: from the heap */
} origin;

bool scp_host_available(const char **why)
{
    (void)why;
    return true;
}

static void *from_heap(size_t bytes)
{
    char *base = aligned_alloc(HEAD, (bytes + 2 * HEAD - 1) / HEAD * HEAD);
    if (!base) return NULL;
    memset(base, 0, HEAD + bytes);
    *(origin *)(void *)base = (origin){ base, 0 };
    return base + HEAD;
}

/* Pages that nobody writes take no memory: gradients and moments of a store that only predicts. */
static void *from_system(size_t bytes)
{
    const size_t size = bytes + 2 * LARGE_PAGE;
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return NULL;
    char *at = base + HEAD;
    at += (LARGE_PAGE - (uintptr_t)at % LARGE_PAGE) % LARGE_PAGE;
#ifdef MADV_HUGEPAGE
    (void)madvise(at, bytes, MADV_HUGEPAGE); /* as far as there are any */
#endif
    *(origin *)(void *)(at - HEAD) = (origin){ base, size };
    return at;
}

scp_status scp_host_alloc(scp_device *dev, size_t bytes, void **out)
{
    (void)dev;
    *out = bytes > SIZE_MAX / 2  ? NULL
           : bytes >= LARGE_PAGE ? from_system(bytes)
                                 : from_heap(bytes);
    if (!*out) SCP_FAIL(SCP_ENOMEM, "cannot allocate %zu bytes of device memory", bytes);
    return SCP_OK;
}

void scp_host_release(scp_device *dev, void *p)
{
    (void)dev;
    if (!p) return;
    const origin from = *(origin *)(void *)((char *)p - HEAD);
    if (from.mapped)
        (void)munmap(from.base, from.mapped);
    else
        free(from.base);
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
