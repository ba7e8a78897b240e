/* Stop requests, see sig.h. The handler only stores a number. */
#include "base/sig.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t pending;

static void on_signal(int sig)
{
    if (sig == SIGINT && pending == SIGINT) _exit(128 + SIGINT);
    if (!pending) pending = sig;
}

scp_status scp_sig_install(void)
{
    static const int signals[] = { SIGUSR1, SIGTERM, SIGINT };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], &action, NULL) != 0)
            SCP_FAIL(SCP_EINTERNAL, "cannot install a handler for signal %d: %s", signals[i],
                     strerror(errno));
    return SCP_OK;
}

int scp_sig_pending(void)
{
    return pending;
}

void scp_sig_clear(void)
{
    pending = 0;
}
