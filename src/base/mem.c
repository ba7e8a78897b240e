/* Checked allocation, see mem.h. */
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static scp_status array_bytes(size_t n, size_t size, size_t *bytes)
{
    if (__builtin_mul_overflow(n, size, bytes))
        SCP_FAIL(SCP_ENOMEM, "an array of %zu elements of %zu bytes does not fit into memory", n,
                 size);
    return SCP_OK;
}

scp_status scp_alloc_bytes(size_t n, size_t size, void **out)
{
    size_t bytes;
    *out = NULL;
    SCP_TRY(array_bytes(n, size, &bytes));
    *out = calloc(bytes ? bytes : 1, 1);
    if (!*out) SCP_FAIL(SCP_ENOMEM, "cannot allocate %zu bytes (%zu x %zu)", bytes, n, size);
    return SCP_OK;
}

scp_status scp_grow_bytes(void **ptr, size_t *have, size_t need, size_t size)
{
    if (need <= *have && *ptr) return SCP_OK;
    size_t n = *have > 8 ? *have : 8, bytes;
    while (n < need && n <= SIZE_MAX / 2) n *= 2;
    if (n < need) n = need;
    SCP_TRY(array_bytes(n, size, &bytes));
    void *grown = realloc(*ptr, bytes);
    if (!grown)
        SCP_FAIL(SCP_ENOMEM, "cannot grow an array to %zu bytes (%zu x %zu)", bytes, n, size);
    size_t kept = *ptr ? *have * size : 0;
    memset((char *)grown + kept, 0, bytes - kept);
    *ptr = grown;
    *have = n;
    return SCP_OK;
}

scp_status scp_strdup(const char *s, char **out)
{
    *out = NULL;
    SCP_ARG(s, "a text to copy is required");
    *out = strdup(s);
    if (!*out) SCP_FAIL(SCP_ENOMEM, "cannot allocate %zu bytes for a text", strlen(s) + 1);
    return SCP_OK;
}

double scp_mem_peak_mib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    if (!f) return 0;
    char line[256];
    double kib = 0;
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lf kB", &kib) == 1) break;
    fclose(f);
    return kib / 1024;
}

void scp_mem_return_large(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20); /* which would else grow with what is freed */
#endif
}
