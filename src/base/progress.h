/* Progress on stderr: a bar on a terminal, complete lines every few seconds in batch. */
#ifndef SCP_BASE_PROGRESS_H
#define SCP_BASE_PROGRESS_H

#include <stdint.h>

#include "base/status.h"

typedef struct scp_progress scp_progress;

/** @param label  e.g. "train", copied. @param total  number of units, 0 when unknown.
 *  @param enabled  false on ranks that stay silent: every call is then a no-op. */
scp_status scp_progress_create(const char *label, int64_t total, bool enabled, scp_progress **out)
    SCP_MUST_USE;
/** Report that `done` units are finished; `note` or NULL follows the figures. Rate-limited. */
void scp_progress_update(scp_progress *p, int64_t done, const char *note);
/** Print the final line and free. NULL is fine. */
void scp_progress_destroy(scp_progress **p);

#endif
