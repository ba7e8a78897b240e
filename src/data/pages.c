/* See pages.h. */
#include "config.h" /* _GNU_SOURCE for madvise */

#include "data/pages.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

scp_status scp_pages_map(size_t n, bool whole, void **out)
{
    *out = NULL;
    if (n == 0) return SCP_OK;
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                   0);
    if (p == MAP_FAILED)
        SCP_FAIL(SCP_ENOMEM,
                 "cannot allocate %zu MiB: %s (give less with --memory, the plates are then read "
                 "in more parts)",
                 n >> 20, strerror(errno));
    if (whole) (void)madvise(p, n, MADV_HUGEPAGE); /* a wish */
    *out = p;
    return SCP_OK;
}

void scp_pages_unmap(void *pages, size_t n)
{
    if (pages) munmap(pages, n);
}
