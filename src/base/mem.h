/* Checked allocation: sizes are multiplied with overflow checks, failures become SCP_ENOMEM with
 * the size in the message, and memory is zeroed. Free with free(). */
#ifndef SCP_BASE_MEM_H
#define SCP_BASE_MEM_H

#include <stdint.h>
#include <stdlib.h>

#include "base/status.h"

/** Zeroed array of n elements of `size` bytes; n = 0 gives a non-NULL pointer. *out owned by the
 *  caller (free). SCP_ENOMEM. Not collective. Use as scp_alloc(n, sizeof *x, &x). */
scp_status scp_alloc_bytes(size_t n, size_t size, void **out) SCP_MUST_USE;
#define scp_alloc(n, size, out) scp_alloc_bytes((n), (size), (void **)(out))

/** Grow *ptr from `have` to at least `need` elements by doubling; new elements are zero. */
scp_status scp_grow_bytes(void **ptr, size_t *have, size_t need, size_t size) SCP_MUST_USE;
#define scp_grow(ptr, have, need, size) scp_grow_bytes((void **)(ptr), (have), (need), (size))

/** Copy of a NUL-terminated string. *out owned by the caller (free). */
scp_status scp_strdup(const char *s, char **out) SCP_MUST_USE;

/** From now on, blocks of a mebibyte or more come from the system one by one and go back to it when
 *  they are freed: a process whose large blocks live one after the other does not keep them all.
 *  For programs, at their start. */
void scp_mem_return_large(void);

/** Peak resident memory of this process in MiB (VmHWM), 0 if unknown. */
double scp_mem_peak_mib(void);

#endif
