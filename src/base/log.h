/* Log lines on stderr: level, rank prefix, one complete line per call. stdout is for results. */
#ifndef SCP_BASE_LOG_H
#define SCP_BASE_LOG_H

#include "base/status.h"

typedef enum scp_log_level {
    SCP_LOG_ERROR, SCP_LOG_WARN, SCP_LOG_INFO, SCP_LOG_DEBUG
} scp_log_level;

/** Least important level that is printed (default SCP_LOG_INFO). The only mutable
 *  global. */
void scp_log_set_level(scp_log_level level);
scp_log_level scp_log_get_level(void);

/** Prefix lines with rank and host, and print INFO and WARN on rank 0 only (size 1: no prefix). */
void scp_log_set_rank(int rank, int size);

/** Print one line "HH:MM:SS level message". Not collective. */
void scp_log(scp_log_level level, const char *fmt, ...) SCP_PRINTF(2, 3);

/** Print from every rank, whatever the level rule for ranks says. */
void scp_log_all(scp_log_level level, const char *fmt, ...) SCP_PRINTF(2, 3);

#endif
