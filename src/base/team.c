/* Teams of POSIX threads. */
#include "config.h" /* _GNU_SOURCE for sched_getaffinity */

#include "base/team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct team {
    scp_team_fn fn;
    void *ctx;
    pthread_mutex_t lock;
    scp_status st; /* of the first failure, and its chain: */
    scp_err_copy err;
} team;

typedef struct member {
    team *of;
    int thread;
    pthread_t id;
} member;

static void record(team *t, scp_status st)
{
    pthread_mutex_lock(&t->lock);
    if (t->st == SCP_OK) {
        t->st = st;
        scp_err_save(&t->err);
    }
    pthread_mutex_unlock(&t->lock);
}

static void *run_member(void *arg)
{
    member *m = arg;
    scp_status st = m->of->fn(m->of->ctx, m->thread);
    if (st != SCP_OK) record(m->of, st);
    return NULL;
}

/* Start members 1 .. threads - 1 with all signals blocked; *started counts them. */
static scp_status start(member *m, int threads, int *started)
{
    sigset_t all, before;
    int rc = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (*started = 0; rc == 0 && *started < threads - 1; *started += rc == 0)
        rc = pthread_create(&m[*started + 1].id, NULL, run_member, &m[*started + 1]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        SCP_FAIL(SCP_ENOMEM, "cannot start thread %d of %d: %s; ask for fewer threads",
                 *started + 2, threads, strerror(rc));
    return SCP_OK;
}

scp_status scp_team_run(int threads, scp_team_fn fn, void *ctx)
{
    SCP_ARG(fn && threads >= 1 && threads <= SCP_TEAM_MAX, "%d threads of 1 to %d", threads,
            SCP_TEAM_MAX);
    scp_status st = SCP_OK;
    member *m = NULL;
    int started = 0;
    if (threads == 1) {
        SCP_TRY(fn(ctx, 0));
        return SCP_OK;
    }
    team t = { .fn = fn, .ctx = ctx, .lock = PTHREAD_MUTEX_INITIALIZER };
    SCP_TRY(scp_alloc((size_t)threads, sizeof *m, &m));
    for (int i = 0; i < threads; i++) m[i] = (member){ .of = &t, .thread = i };
    st = start(m, threads, &started);
    if (st != SCP_OK)
        record(&t, st);
    else
        run_member(&m[0]);
    for (int i = 1; i <= started; i++) pthread_join(m[i].id, NULL);
    free(m);
    if (t.st == SCP_OK) return SCP_OK;
    scp_err_restore(&t.err);
    return scp_err_frame(t.st, __FILE__, __LINE__, "scp_team_run");
}

int scp_team_default(void)
{
    const char *text = getenv("OMP_NUM_THREADS");
    long n = text ? strtol(text, NULL, 10) : 0;
    cpu_set_t cpus;
    if (n < 1) n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return n < 1 ? 1 : n > SCP_TEAM_MAX ? SCP_TEAM_MAX : (int)n;
}
