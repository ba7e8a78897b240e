/* Monotonic time in seconds, and wall time as ISO 8601 UTC text. */
#ifndef SCP_BASE_CLOCK_H
#define SCP_BASE_CLOCK_H

#include <stddef.h>

double scp_clock_seconds(void);                /* monotonic; only differences mean something */
double scp_clock_wall(void);                   /* since 1970, may jump: for time stamps only */
double scp_clock_thread_seconds(void);         /* time that the calling thread has computed */
void scp_clock_utc(char *buf, size_t size);    /* e.g. 2025-01-31T12:00:00Z */

#endif
