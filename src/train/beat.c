/* Writing of the status file, see beat.h. */
#include "train/beat.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/jsonl.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "train/beat_process.h"

static const char *const names[] = { [SCP_BEAT_RUNNING] = "running",
                                     [SCP_BEAT_FINISHED] = "finished",
                                     [SCP_BEAT_STOPPED] = "stopped",
                                     [SCP_BEAT_FAILED] = "failed",
                                     [SCP_BEAT_DEAD] = "dead" };

const char *scp_beat_state_name(scp_beat_state s)
{
    return names[s];
}

struct scp_beat {
    char path[SCP_PATH_MAX], stage[64], started[32];
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t ending;
    scp_beat_facts facts;
    double step_at; /* when facts.step last grew */
    bool end, complained;
};

static void add_facts(scp_jsonl *j, const scp_beat_facts *f)
{
    scp_jsonl_int(j, "step", f->step);
    scp_jsonl_int(j, "steps", f->steps);
    scp_jsonl_int(j, "resumed_from", f->resumed_from);
    scp_jsonl_int(j, "restarts", f->restarts);
    scp_jsonl_int(j, "checkpoint", f->checkpoint);
    scp_jsonl_int(j, "skipped", f->skipped);
    scp_jsonl_real(j, "loss", f->loss);
    scp_jsonl_real(j, "samples_per_second", f->samples_per_second);
    scp_jsonl_real(j, "seconds_left", f->seconds_left);
    scp_jsonl_int(j, "ranks", f->ranks);
}

/* The text of the file. The monotonic clock means something to readers of the same boot only. */
static scp_status compose(const scp_beat *b, scp_beat_state state, const char *message,
                          const scp_beat_facts *f, double step_at, scp_jsonl *j, const char **text)
{
    char now[32], host[64] = "", boot[128];
    double clock = scp_clock_seconds();
    const char *job = getenv("SLURM_JOB_ID");
    gethostname(host, sizeof host - 1);
    scp_clock_utc(now, sizeof now);
    scp_beat_boot(boot, sizeof boot);
    scp_jsonl_begin(j);
    scp_jsonl_text(j, "stage", b->stage);
    scp_jsonl_text(j, "state", names[state]);
    scp_jsonl_text(j, "message", message);
    scp_jsonl_text(j, "host", host);
    scp_jsonl_text(j, "boot", boot);
    scp_jsonl_int(j, "pid", getpid());
    scp_jsonl_int(j, "pid_start", scp_beat_process(getpid(), NULL));
    scp_jsonl_text(j, "job", job ? job : "");
    scp_jsonl_text(j, "version", scp_version());
    scp_jsonl_text(j, "started", b->started);
    scp_jsonl_text(j, "updated", now);
    scp_jsonl_real(j, "clock", clock);
    scp_jsonl_real(j, "wall", scp_clock_wall());
    scp_jsonl_real(j, "idle", clock - step_at);
    add_facts(j, f);
    return scp_jsonl_end(j, text);
}

/* One beat. A folder that refuses it (a full disk) is complained of once: the run goes on. */
static void write_beat(scp_beat *b, scp_beat_state state, const char *message)
{
    scp_jsonl j = { 0 };
    const char *text;
    scp_strbuf line = { 0 };
    pthread_mutex_lock(&b->lock);
    const scp_beat_facts facts = b->facts;
    const double step_at = b->step_at;
    pthread_mutex_unlock(&b->lock);
    scp_status st = compose(b, state, message, &facts, step_at, &j, &text);
    if (st == SCP_OK) st = scp_strbuf_addf(&line, "%s\n", text);
    if (st == SCP_OK) st = scp_fs_post_text(b->path, line.text, line.len);
    if (st != SCP_OK) {
        if (!b->complained) scp_log(SCP_LOG_WARN, "%s; the run goes on", scp_err_message());
        b->complained = true;
        scp_err_clear();
    }
    scp_strbuf_fini(&line);
    scp_jsonl_fini(&j);
}

/* Wait for the next beat; true when it is the end. */
static bool rest(scp_beat *b)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)SCP_BEAT_SECONDS;
    pthread_mutex_lock(&b->lock);
    while (!b->end && pthread_cond_timedwait(&b->ending, &b->lock, &t) == 0) {
    }
    bool end = b->end;
    pthread_mutex_unlock(&b->lock);
    return end;
}

static void *run(void *arg)
{
    while (!rest(arg)) write_beat(arg, SCP_BEAT_RUNNING, "");
    return NULL;
}

static scp_status start_thread(scp_beat *b)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&b->ending, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&b->lock, NULL);
    write_beat(b, SCP_BEAT_RUNNING, "");
    int rc = pthread_create(&b->thread, NULL, run, b);
    if (rc != 0)
        SCP_FAIL(SCP_EINTERNAL, "cannot start a thread for %s: %s", b->path, strerror(rc));
    return SCP_OK;
}

scp_status scp_beat_start(const char *path, const char *stage, const scp_beat_facts *facts,
                          scp_beat **out)
{
    SCP_ARG(path && stage && facts && out, "all arguments are required");
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    scp_beat *b = *out;
    snprintf(b->stage, sizeof b->stage, "%s", stage);
    scp_clock_utc(b->started, sizeof b->started);
    b->facts = *facts;
    b->step_at = scp_clock_seconds();
    scp_status st = scp_str_format(b->path, sizeof b->path, "%s", path);
    if (st == SCP_OK) st = start_thread(b);
    if (st != SCP_OK) {
        free(b);
        *out = NULL;
    }
    return st;
}

void scp_beat_tell(scp_beat *b, const scp_beat_facts *facts)
{
    if (!b) return;
    pthread_mutex_lock(&b->lock);
    if (facts->step != b->facts.step) b->step_at = scp_clock_seconds();
    b->facts = *facts;
    pthread_mutex_unlock(&b->lock);
}

void scp_beat_end(scp_beat **bp, scp_beat_state state, const char *message)
{
    scp_beat *b = bp ? *bp : NULL;
    if (!b) return;
    pthread_mutex_lock(&b->lock);
    b->end = true;
    pthread_cond_signal(&b->ending);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    write_beat(b, state, message);
    pthread_cond_destroy(&b->ending);
    pthread_mutex_destroy(&b->lock);
    free(b);
    *bp = NULL;
}
