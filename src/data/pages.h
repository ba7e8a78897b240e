/* Zeroed memory of many MiB in pages of its own: given by the system when it is first touched, and
 * given back at once. Only src/data. */
#ifndef SCP_DATA_PAGES_H
#define SCP_DATA_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/** Map n zeroed bytes (0: *out is NULL). `whole`: all of them will be used: the system is asked for
 *  large pages, of which it gives and clears 512 small ones at a time; what is used here and there
 *  must not ask for them, for it would take memory that nobody needs. SCP_ENOMEM.
 *  *out: scp_pages_unmap with the same n. */
scp_status scp_pages_map(size_t n, bool whole, void **out) SCP_MUST_USE;
void scp_pages_unmap(void *pages, size_t n);

#endif
