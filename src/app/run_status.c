/* The state of the runs in a folder, see run_status.h. */
#include "app/run_status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/jsonl.h"
#include "io/ckpt.h"
#include "train/beat.h"

/* One stage, as it is now. */
typedef struct stage_view {
    scp_beat_view beat;
    char checkpoint[SCP_PATH_MAX]; /* name of the newest file, "" without one */
    bool whole;                    /* its checksum is right                   */
    const char *state;             /* in words                                */
    int code;
} stage_view;

enum { FINISHED = 0, RUNNING = 75, AGAIN = 85, FAILED = 70 };

static void look_at_checkpoint(const char *dir, stage_view *s)
{
    char path[SCP_PATH_MAX], *text = NULL;
    s->checkpoint[0] = '\0';
    s->whole = false;
    if (scp_fs_join(path, sizeof path, dir, "LATEST") == SCP_OK && scp_fs_exists(path) &&
        scp_fs_read_text(path, &text, NULL) == SCP_OK) {
        snprintf(s->checkpoint, sizeof s->checkpoint, "%s", scp_str_trim(text));
        s->whole = !strchr(s->checkpoint, '/') &&
                   scp_fs_join(path, sizeof path, dir, s->checkpoint) == SCP_OK &&
                   scp_ckpt_check(path) == SCP_OK;
    }
    scp_err_clear();
    free(text);
}

/* In words, and as an exit code. What stopped, and what was killed, goes on from its checkpoint. */
static void judge(stage_view *s)
{
    const bool again = s->checkpoint[0] != '\0';
    s->state = scp_beat_state_name(s->beat.state);
    switch (s->beat.state) {
    case SCP_BEAT_RUNNING:
        if (s->beat.halted) s->state = "halted";
        s->code = RUNNING;
        break;
    case SCP_BEAT_FINISHED:
        s->code = FINISHED;
        break;
    case SCP_BEAT_STOPPED:
    case SCP_BEAT_DEAD:
        s->code = again ? AGAIN : FAILED;
        break;
    case SCP_BEAT_FAILED:
        s->code = FAILED;
        break;
    }
}

/* 75 -> "1:15", 3675 -> "1:01:15"; days as hours. */
static const char *span(double seconds, char buf[32])
{
    long s = isfinite(seconds) && seconds > 0 ? lround(seconds) : 0;
    if (s >= 3600)
        snprintf(buf, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(buf, 32, "%ld:%02ld", s / 60, s % 60);
    return buf;
}

static scp_status add_state(const stage_view *s, scp_strbuf *b)
{
    const scp_beat_view *v = &s->beat;
    char age[32];
    SCP_TRY(scp_strbuf_addf(b, "%s\n  state       %s", v->stage, s->state));
    if (v->state == SCP_BEAT_RUNNING)
        SCP_TRY(scp_strbuf_addf(b, " since %s, last sign of life %s ago", v->started,
                                span(v->age, age)));
    else if (v->state == SCP_BEAT_DEAD)
        SCP_TRY(scp_strbuf_addf(b, ", killed: last sign of life %s, %s ago", v->updated,
                                span(v->age, age)));
    else
        SCP_TRY(scp_strbuf_addf(b, " since %s", v->updated));
    SCP_TRY(scp_strbuf_addf(b, "\n  where       process %lld on %s, %d rank%s%s%s\n",
                            (long long)v->pid, v->host, v->facts.ranks,
                            v->facts.ranks == 1 ? "" : "s", v->job[0] ? ", job " : "", v->job));
    if (v->halted)
        SCP_TRY(scp_strbuf_addf(b, "  note        its process is stopped (SIGSTOP, or suspended by "
                                   "a scheduler)\n"));
    if (v->message[0]) SCP_TRY(scp_strbuf_addf(b, "  message     %s\n", v->message));
    return SCP_OK;
}

static scp_status add_progress(const stage_view *s, scp_strbuf *b)
{
    const scp_beat_facts *f = &s->beat.facts;
    char left[32];
    SCP_TRY(scp_strbuf_addf(b,
                            "  step        %lld of %lld (%.1f %%), resumed at %lld, "
                            "%lld restart%s\n",
                            (long long)f->step, (long long)f->steps,
                            f->steps > 0 ? 100.0 * (double)f->step / (double)f->steps : 0,
                            (long long)f->resumed_from, (long long)f->restarts,
                            f->restarts == 1 ? "" : "s"));
    if (isfinite(f->loss)) SCP_TRY(scp_strbuf_addf(b, "  loss        %.6g\n", f->loss));
    if (f->skipped > 0)
        SCP_TRY(scp_strbuf_addf(b, "  skipped     %lld steps without update\n",
                                (long long)f->skipped));
    if (isfinite(f->samples_per_second)) {
        SCP_TRY(scp_strbuf_addf(b, "  speed       %.4g samples/s", f->samples_per_second));
        if (s->beat.state == SCP_BEAT_RUNNING)
            SCP_TRY(scp_strbuf_addf(b, ", %s left", span(f->seconds_left, left)));
        SCP_TRY(scp_strbuf_addf(b, "\n"));
    }
    if (!s->checkpoint[0]) return scp_strbuf_addf(b, "  checkpoint  none yet\n");
    return scp_strbuf_addf(b, "  checkpoint  %s, %s\n", s->checkpoint,
                           s->whole ? "whole" : "DAMAGED: the one before is used");
}

static void add_json(const stage_view *s, scp_jsonl *j)
{
    const scp_beat_view *v = &s->beat;
    const scp_beat_facts *f = &v->facts;
    scp_jsonl_open(j, v->stage);
    scp_jsonl_text(j, "state", s->state);
    scp_jsonl_int(j, "code", s->code);
    scp_jsonl_text(j, "started", v->started);
    scp_jsonl_text(j, "updated", v->updated);
    scp_jsonl_real(j, "seconds_since_update", v->age);
    scp_jsonl_real(j, "seconds_without_step", v->idle);
    scp_jsonl_text(j, "host", v->host);
    scp_jsonl_int(j, "pid", v->pid);
    scp_jsonl_text(j, "job", v->job);
    scp_jsonl_text(j, "message", v->message);
    scp_jsonl_int(j, "ranks", f->ranks);
    scp_jsonl_int(j, "step", f->step);
    scp_jsonl_int(j, "steps", f->steps);
    scp_jsonl_int(j, "resumed_from", f->resumed_from);
    scp_jsonl_int(j, "restarts", f->restarts);
    scp_jsonl_int(j, "skipped", f->skipped);
    scp_jsonl_real(j, "loss", f->loss);
    scp_jsonl_real(j, "samples_per_second", f->samples_per_second);
    scp_jsonl_real(j, "seconds_left", v->state == SCP_BEAT_RUNNING ? f->seconds_left : NAN);
    scp_jsonl_text(j, "checkpoint", s->checkpoint[0] ? s->checkpoint : NULL);
    scp_jsonl_bool(j, "checkpoint_whole", s->whole);
    scp_jsonl_close(j);
}

/* The whole folder under construction. */
typedef struct folder_view {
    scp_strbuf *text; /* or NULL: */
    scp_jsonl *json;
    size_t n;
    double youngest;
    int code;
    bool running;
} folder_view;

static scp_status add_stage(folder_view *f, const char *dir)
{
    char path[SCP_PATH_MAX];
    stage_view s = { 0 };
    SCP_TRY(scp_fs_join(path, sizeof path, dir, SCP_BEAT_FILE));
    if (!scp_fs_exists(path)) return SCP_OK;
    SCP_TRY(scp_beat_read(path, &s.beat));
    look_at_checkpoint(dir, &s);
    judge(&s);
    if (f->n++ == 0 || (s.beat.age >= 0 && s.beat.age < f->youngest)) {
        f->youngest = s.beat.age;
        f->code = s.code;
    }
    f->running = f->running || s.code == RUNNING;
    if (f->json) {
        add_json(&s, f->json);
        return SCP_OK;
    }
    SCP_TRY(add_state(&s, f->text));
    return add_progress(&s, f->text);
}

static scp_status add_stages(folder_view *f, const char *dir)
{
    char path[SCP_PATH_MAX], **names = NULL;
    size_t n = 0;
    scp_status st = scp_fs_list(dir, "", &names, &n);
    for (size_t i = 0; i < n && st == SCP_OK; i++) {
        st = scp_fs_join(path, sizeof path, dir, names[i]);
        if (st == SCP_OK && scp_fs_is_dir(path)) st = add_stage(f, path);
    }
    scp_fs_list_free(names, n);
    SCP_TRY(st);
    if (f->n == 0)
        SCP_FAIL(SCP_ENOINPUT, "%s: no run has left its state here (STAGE/%s); --run names the "
                               "folder that scppdm_vae or scppdm_train got",
                 dir, SCP_BEAT_FILE);
    return SCP_OK;
}

scp_status scp_run_status(const char *dir, bool json, scp_strbuf *out, int *code)
{
    scp_jsonl j = { 0 };
    const char *line = NULL;
    folder_view f = { .text = out, .json = json ? &j : NULL };
    scp_status st = SCP_OK;
    if (json) {
        scp_jsonl_begin(&j);
        scp_jsonl_text(&j, "run", dir);
        scp_jsonl_open(&j, "stages");
    }
    SCP_GOTO(done, add_stages(&f, dir));
    *code = f.running ? RUNNING : f.code;
    if (json) {
        scp_jsonl_close(&j);
        scp_jsonl_int(&j, "code", *code);
        SCP_GOTO(done, scp_jsonl_end(&j, &line));
        SCP_GOTO(done, scp_strbuf_addf(out, "%s\n", line));
    }
done:
    scp_jsonl_fini(&j);
    return st;
}
