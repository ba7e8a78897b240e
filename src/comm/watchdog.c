/* The watchdog of collective operations, see watchdog.h. The thread that communicates only stores
 * numbers; all arithmetic is the watchdog's. */
#include "comm/watchdog.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define NAP 0.25 /* seconds between looks; a nap that took longer counts as twice that at most */

static struct {
    /* by the thread that communicates */
    _Atomic(const char *) operation, stage;
    atomic_int_fast64_t step, count; /* count of operations begun: tells one from the next */
    int depth;
    /* by the thread that starts and stops the watch */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ending;
    bool runs, end;
    _Atomic double limit;
    scp_watchdog_hang *hang;
    _Atomic(const char *) option; /* that sets the limit, or NULL */
} dog = { .lock = PTHREAD_MUTEX_INITIALIZER };

void scp_watchdog_place(const char *stage, int64_t step)
{
    atomic_store_explicit(&dog.stage, stage, memory_order_relaxed);
    atomic_store_explicit(&dog.step, step, memory_order_relaxed);
}

void scp_watchdog_enter(const char *operation)
{
    if (dog.depth++ > 0) return;
    atomic_fetch_add_explicit(&dog.count, 1, memory_order_relaxed);
    atomic_store_explicit(&dog.operation, operation, memory_order_release);
}

void scp_watchdog_leave(void)
{
    if (--dog.depth > 0) return;
    atomic_store_explicit(&dog.operation, NULL, memory_order_release);
}

/* Sleep a little; false at the end. *slept: seconds that count. */
static bool nap(double *slept)
{
    struct timespec t;
    double began = scp_clock_seconds();
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(NAP * 1e9);
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_mutex_lock(&dog.lock);
    while (!dog.end && pthread_cond_timedwait(&dog.ending, &dog.lock, &t) == 0) {
    }
    bool on = !dog.end;
    pthread_mutex_unlock(&dog.lock);
    *slept = scp_clock_seconds() - began;
    if (*slept > 2 * NAP) *slept = 2 * NAP;
    return on;
}

static void bark(const char *operation, double waited)
{
    char text[512], place[128] = "", more[64] = "";
    const char *stage = atomic_load(&dog.stage);
    if (stage)
        snprintf(place, sizeof place, " of step %" PRId64 " of %s", (int64_t)atomic_load(&dog.step),
                 stage);
    const char *option = atomic_load(&dog.option);
    if (option) snprintf(more, sizeof more, ", or allow more time (%s)", option);
    snprintf(text, sizeof text,
             "%s%s has not ended in %.0f s: a rank hangs or is gone, one of those that do not say "
             "this; start the same command again%s",
             operation, place, waited, more);
    dog.hang(text);
}

static void *watch(void *unused)
{
    double waited = 0, slept;
    int_fast64_t seen = 0;
    while (nap(&slept)) {
        const char *operation = atomic_load_explicit(&dog.operation, memory_order_acquire);
        int_fast64_t count = atomic_load_explicit(&dog.count, memory_order_relaxed);
        waited = operation && count == seen ? waited + slept : 0;
        seen = count;
        if (waited < dog.limit) continue;
        bark(operation, waited);
        break;
    }
    return unused;
}

/* The thread, with all signals blocked: they are for others. */
static int start_thread(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int rc = pthread_create(&dog.thread, NULL, watch, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

scp_status scp_watchdog_start(double seconds, const char *option, scp_watchdog_hang *hang)
{
    pthread_condattr_t attr;
    SCP_ARG(hang, "somebody to call is required");
    dog.limit = seconds > 0 ? seconds : HUGE_VAL;
    atomic_store(&dog.option, option);
    if (dog.runs || !(seconds > 0)) return SCP_OK;
    dog.hang = hang;
    dog.end = false;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&dog.ending, &attr);
    pthread_condattr_destroy(&attr);
    int rc = start_thread();
    if (rc != 0)
        SCP_FAIL(SCP_EINTERNAL, "cannot start a thread that watches collectives: %s", strerror(rc));
    dog.runs = true;
    return SCP_OK;
}

void scp_watchdog_stop(void)
{
    if (!dog.runs) return;
    pthread_mutex_lock(&dog.lock);
    dog.end = true;
    pthread_cond_signal(&dog.ending);
    pthread_mutex_unlock(&dog.lock);
    pthread_join(dog.thread, NULL);
    pthread_cond_destroy(&dog.ending);
    dog.runs = false;
}
