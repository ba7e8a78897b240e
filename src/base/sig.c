/* Stop requests, see sig.h. The handler only stores a number.
 *
 * It must not interrupt the threads that compute: the matrix kernels that oneDNN 2.6 generates let
 * the stack pointer leave the stack, and a signal frame written there destroys the heap. So the
 * signals are blocked in the thread that installs them and in all that it starts later, and one
 * thread of our own does nothing but take them. */
#include "base/sig.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static const int stop_signals[] = { SIGUSR1, SIGTERM, SIGINT };
enum { N_SIGNALS = sizeof stop_signals / sizeof stop_signals[0] };

static atomic_int pending; /* lock-free, so a handler may use it */

static void on_signal(int sig)
{
    int none = 0;
    if (sig == SIGINT && atomic_load(&pending) == SIGINT) _exit(128 + SIGINT);
    atomic_compare_exchange_strong(&pending, &none, sig);
}

static void make_set(sigset_t *set)
{
    sigemptyset(set);
    for (int i = 0; i < N_SIGNALS; i++) sigaddset(set, stop_signals[i]);
}

/* The thread that takes the signals. */
static void *take_signals(void *unused)
{
    sigset_t set;
    make_set(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    for (;;) pause();
    return unused;
}

static scp_status start_thread(void)
{
    pthread_t thread;
    sigset_t set;
    make_set(&set);
    int rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (rc == 0) rc = pthread_create(&thread, NULL, take_signals, NULL);
    if (rc == 0) rc = pthread_detach(thread);
    if (rc != 0) SCP_FAIL(SCP_EINTERNAL, "cannot start a thread for signals: %s", strerror(rc));
    return SCP_OK;
}

scp_status scp_sig_install(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < N_SIGNALS; i++)
        if (sigaction(stop_signals[i], &action, NULL) != 0)
            SCP_FAIL(SCP_EINTERNAL, "cannot install a handler for signal %d: %s", stop_signals[i],
                     strerror(errno));
    return start_thread();
}

int scp_sig_pending(void)
{
    return atomic_load(&pending);
}

void scp_sig_clear(void)
{
    atomic_store(&pending, 0);
}
