/* The error chain: a fixed per-thread buffer, so that recording an error never allocates. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct {
    scp_err_copy now;
    size_t used; /* of the chain */
} err;

static const struct {
    scp_status st;
    int exit_code;
    const char *text;
} table[] = {
    { SCP_OK, 0, "ok" },
    { SCP_EUSAGE, 64, "usage error" },
    { SCP_EDATA, 65, "bad data" },
    { SCP_ENOINPUT, 66, "missing input" },
    { SCP_EINTERNAL, 70, "internal error" },
    { SCP_ENOMEM, 71, "out of memory" },
    { SCP_EIO, 74, "input/output error" },
    { SCP_ERETRY, 75, "temporary failure" },
    { SCP_EREQUEUE, 85, "checkpointed, please requeue" },
    { SCP_ESHAPE, 70, "shape mismatch" },
    { SCP_ECOMM, 70, "communication failure" },
    { SCP_EDEVICE, 70, "device failure" },
    { SCP_EPEER, 70, "failure on another rank" },
};

static size_t table_row(scp_status st)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].st == st) return i;
    return 4; /* an unknown code is an internal error */
}

const char *scp_status_text(scp_status st)
{
    return table[table_row(st)].text;
}

int scp_status_exit_code(scp_status st)
{
    return table[table_row(st)].exit_code;
}

static void append(const char *file, int line, const char *call, const char *message)
{
    size_t room = sizeof err.now.chain - err.used;
    int n =
        snprintf(err.now.chain + err.used, room, "  at %s:%d%s%s%s%s\n", file, line,
                 call ? " in " : "", call ? call : "", message ? ": " : "", message ? message : "");
    if (n > 0) err.used += (size_t)n < room ? (size_t)n : room - 1;
}

scp_status scp_err_raise(scp_status st, const char *file, int line, const char *call,
                         const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err.now.message, sizeof err.now.message, fmt, ap);
    va_end(ap);
    err.used = 0;
    append(file, line, call, err.now.message);
    return st;
}

scp_status scp_err_frame(scp_status st, const char *file, int line, const char *call)
{
    append(file, line, call, NULL);
    return st;
}

const char *scp_err_message(void)
{
    return err.now.message;
}

const char *scp_err_chain(void)
{
    return err.now.chain;
}

void scp_err_clear(void)
{
    err.used = 0;
    err.now.chain[0] = '\0';
    err.now.message[0] = '\0';
}

void scp_err_save(scp_err_copy *copy)
{
    *copy = err.now;
}

void scp_err_restore(const scp_err_copy *copy)
{
    err.now = *copy;
    err.used = strlen(err.now.chain);
}
