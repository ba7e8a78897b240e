/* Log lines: formatted into one buffer and written by one write(2), so that ranks do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    scp_log_level level;
    int rank, size;
    char host[64];
} log_state = { .level = SCP_LOG_INFO, .rank = 0, .size = 1 };

void scp_log_set_level(scp_log_level level)
{
    log_state.level = level;
}

scp_log_level scp_log_get_level(void)
{
    return log_state.level;
}

void scp_log_set_rank(int rank, int size)
{
    log_state.rank = rank;
    log_state.size = size;
    if (gethostname(log_state.host, sizeof log_state.host) != 0) log_state.host[0] = '\0';
    log_state.host[sizeof log_state.host - 1] = '\0';
}

static void print(scp_log_level level, const char *fmt, va_list ap)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    char line[4096], *at = line, *end = line + sizeof line - 1; /* one byte kept for the newline */
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    /* On a terminal a progress bar may stand on the current line: wipe it first. */
    if (isatty(STDERR_FILENO)) at = stpcpy(at, "\r\033[K");
    at += strftime(at, (size_t)(end - at), "%H:%M:%S ", &tm);
    if (log_state.size > 1)
        at += snprintf(at, (size_t)(end - at), "[%d %s] ", log_state.rank, log_state.host);
    at += snprintf(at, (size_t)(end - at), "%-7s ", names[level]);
    int n = vsnprintf(at, (size_t)(end - at), fmt, ap);
    if (n > 0) at += n < end - at ? n : end - at - 1;
    *at++ = '\n';
    for (const char *from = line; from < at;) {
        ssize_t done = write(STDERR_FILENO, from, (size_t)(at - from));
        if (done <= 0) break; /* nowhere left to complain */
        from += done;
    }
}

void scp_log(scp_log_level level, const char *fmt, ...)
{
    bool for_this_rank = log_state.rank == 0 || (level != SCP_LOG_INFO && level != SCP_LOG_WARN);
    if (level > log_state.level || !for_this_rank) return;
    va_list ap;
    va_start(ap, fmt);
    print(level, fmt, ap);
    va_end(ap);
}

void scp_log_all(scp_log_level level, const char *fmt, ...)
{
    if (level > log_state.level) return;
    va_list ap;
    va_start(ap, fmt);
    print(level, fmt, ap);
    va_end(ap);
}
