/* Teams of threads: everyone runs once, the first failure comes back with its chain. */
#include "base/team.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

enum { MOST = 8 };

typedef struct work {
    atomic_int runs[MOST];
    atomic_int blocked; /* threads that block SIGTERM */
    atomic_int order;   /* how many may fail by now   */
    int fails_first, fails_second;
    pthread_t caller;
    atomic_int on_caller;
} work;

static scp_status count(void *ctx, int thread)
{
    work *w = ctx;
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    atomic_fetch_add(&w->blocked, sigismember(&set, SIGTERM));
    atomic_fetch_add(&w->runs[thread], 1);
    if (pthread_equal(pthread_self(), w->caller)) atomic_store(&w->on_caller, thread + 1);
    return SCP_OK;
}

static scp_status inner(int thread)
{
    SCP_FAIL(SCP_EDATA, "thread %d found row 7 bad", thread);
}

static scp_status fail(void *ctx, int thread)
{
    work *w = ctx;
    if (thread == w->fails_second)
        while (!atomic_load(&w->order)) usleep(100);
    if (thread != w->fails_first && thread != w->fails_second) return SCP_OK;
    scp_status st = inner(thread);
    (void)scp_err_frame(st, "team.c", 1, "fail");
    return st;
}

/* The second to fail is let go only when the first has been recorded, as far as one can see. */
static scp_status fail_in_order(void *ctx, int thread)
{
    work *w = ctx;
    scp_status st = fail(ctx, thread);
    if (thread == 0 && w->fails_first != 0) {
        usleep(20000);
        atomic_store(&w->order, 1);
    }
    return st;
}

static void check_runs(void)
{
    for (int threads = 1; threads <= MOST; threads++) {
        work w = { .caller = pthread_self() };
        bool once = true;
        scp_status st = scp_team_run(threads, count, &w);
        for (int i = 0; i < MOST; i++) once &= atomic_load(&w.runs[i]) == (i < threads);
        tap_ok(st == SCP_OK && once && atomic_load(&w.blocked) == threads - 1 &&
                   atomic_load(&w.on_caller) == 1,
               "%d threads: each number runs once, the caller is 0, new threads block signals",
               threads);
    }
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    tap_ok(!sigismember(&set, SIGTERM), "the caller's signals are as before");
}

static void check_failures(void)
{
    work one = { .fails_first = 2, .fails_second = -1, .order = 1 };
    scp_status st = scp_team_run(4, fail, &one);
    bool chain = strstr(scp_err_chain(), "fail") && strstr(scp_err_chain(), "scp_team_run");
    tap_ok(chain, "the chain has the frames of the thread and of the team");
    tap_fails(st, SCP_EDATA, "thread 2 found row 7 bad",
              "another thread's message is the caller's");

    work two = { .fails_first = 3, .fails_second = 1 };
    tap_fails(scp_team_run(4, fail_in_order, &two), SCP_EDATA, "thread 3 found",
              "of two failures the first counts");
    work self = { .fails_first = 0, .fails_second = -1 };
    tap_fails(scp_team_run(1, fail, &self), SCP_EDATA, "thread 0 found", "a team of one fails too");
    tap_fails(scp_team_run(0, count, &self), SCP_EINTERNAL, "0 threads", "no team without threads");
}

static void check_default(void)
{
    unsetenv("OMP_NUM_THREADS");
    int cpus = scp_team_default();
    tap_ok(cpus >= 1 && cpus <= sysconf(_SC_NPROCESSORS_CONF), "default: %d of the machine's CPUs",
           cpus);
    setenv("OMP_NUM_THREADS", "3", 1);
    tap_ok(scp_team_default() == 3, "OMP_NUM_THREADS=3 gives 3");
    setenv("OMP_NUM_THREADS", "2,4", 1);
    tap_ok(scp_team_default() == 2, "OMP_NUM_THREADS=2,4 gives 2");
    setenv("OMP_NUM_THREADS", "many", 1);
    tap_ok(scp_team_default() == cpus, "a value that is no number counts as none");
    setenv("OMP_NUM_THREADS", "1000000", 1);
    tap_ok(scp_team_default() == SCP_TEAM_MAX, "never more than %d", SCP_TEAM_MAX);
}

int main(void)
{
    check_runs();
    check_failures();
    check_default();
    return tap_done();
}
