/* metrics.jsonl, TensorBoard, status file, progress, see record.h. */
#include "train/record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/jsonl.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/version.h"
#include "train/tb_events.h"

struct scp_record {
    const scp_job *job;
    char metrics[SCP_PATH_MAX];
    scp_tb_events *tb;
    scp_beat *beat;
    scp_beat_facts facts;
    scp_progress *progress;
    int64_t from, scored;
    double start;
};

/* ---- what an earlier start wrote ---- */

typedef struct cut {
    const scp_job *job;
    int64_t upto[2];  /* lines of later steps and validations go */
    int64_t seen[2];  /* newest step and validation that stay: repeats go */
    int64_t starts;   /* lines of starts that stay */
} cut;

static bool keep_parsed(cut *c, const scp_json *v)
{
    const char *event, *stage;
    int64_t step;
    if (scp_json_as_text(scp_json_get(v, "stage"), "stage", &stage) != SCP_OK ||
        scp_json_as_text(scp_json_get(v, "event"), "event", &event) != SCP_OK ||
        strcmp(stage, c->job->stage) != 0)
        return true;
    if (c->job->fresh) return false;
    if (strcmp(event, "start") == 0) c->starts++;
    if (scp_json_as_int(scp_json_get(v, "step"), "step", &step) != SCP_OK) return true;
    const bool validation = strcmp(event, "validate") == 0;
    if (step > c->upto[validation] || step <= c->seen[validation]) return false;
    c->seen[validation] = step;
    return true;
}

static bool keep_line(void *ctx, const char *line, size_t len)
{
    scp_json *v = NULL;
    bool keep = scp_json_parse(line, len, "metrics.jsonl", &v) != SCP_OK || keep_parsed(ctx, v);
    scp_err_clear();
    scp_json_destroy(&v);
    return keep;
}

/* ---- the start ---- */

scp_status scp_record_path(char *buf, size_t size, const char *run_dir, const char *stage)
{
    const bool alone = strcmp(stage, "vae") != 0 && strcmp(stage, "train") != 0;
    return scp_str_format(buf, size, "%s/metrics%s%s.jsonl", run_dir, alone ? "-" : "",
                          alone ? stage : "");
}

static scp_status write_line(const scp_record *r, scp_jsonl *j)
{
    const char *line;
    scp_status st = scp_jsonl_end(j, &line);
    if (st == SCP_OK) st = scp_jsonl_append(r->metrics, line);
    scp_jsonl_fini(j);
    return st;
}

/* What runs where, with all settings, so that an unfinished run can be read. The run folder
 * remembers the settings only now that no checkpoint refused them. */
static scp_status write_start(const scp_record *r, int64_t restarts)
{
    const scp_job *job = r->job;
    char host[256] = "", now[32], device[128];
    scp_device_name(scp_params_device(job->params), device, sizeof device);
    if (job->config_path)
        SCP_TRY(scp_fs_write_text(job->config_path, job->config_text, strlen(job->config_text)));
    gethostname(host, sizeof host - 1);
    scp_clock_utc(now, sizeof now);
    scp_jsonl j = { 0 };
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "event", "start");
    scp_jsonl_text(&j, "stage", job->stage);
    scp_jsonl_text(&j, "time", now);
    scp_jsonl_text(&j, "host", host);
    scp_jsonl_text(&j, "version", scp_version());
    scp_jsonl_text(&j, "revision", scp_version_git());
    scp_jsonl_int(&j, "ranks", scp_comm_size(job->comm));
    scp_jsonl_text(&j, "communicator", scp_comm_name(job->comm));
    scp_jsonl_text(&j, "device", device);
    scp_jsonl_int(&j, "restart", restarts);
    scp_jsonl_int(&j, "resumed_from", r->from);
    scp_jsonl_int(&j, "parameters", (int64_t)scp_params_weights(job->params));
    scp_jsonl_int(&j, "plan_bytes", (int64_t)scp_plan_bytes(job->plan));
    scp_jsonl_text(&j, "config", job->config_text);
    return write_line(r, &j);
}

/* A file of its own for every start, in <run>/tensorboard/<stage>; --fresh forgets the others. */
static scp_status open_tensorboard(scp_record *r)
{
    const scp_job *job = r->job;
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX], host[64] = "", **names = NULL;
    size_t n = 0;
    const double now = scp_clock_wall();
    gethostname(host, sizeof host - 1);
    SCP_TRY(scp_str_format(dir, sizeof dir, "%s/tensorboard/%s", job->run_dir, job->stage));
    SCP_TRY(scp_fs_mkdirs(dir));
    if (job->fresh) {
        SCP_TRY(scp_fs_list(dir, "", &names, &n));
        for (size_t i = 0; i < n; i++)
            if (strncmp(names[i], "events.out.tfevents.", 20) == 0 &&
                scp_fs_join(path, sizeof path, dir, names[i]) == SCP_OK)
                scp_fs_remove(path);
        scp_fs_list_free(names, n);
    }
    SCP_TRY(scp_str_format(path, sizeof path, "%s/events.out.tfevents.%010.0f.%s.%ld.%lld", dir,
                           floor(now), host, (long)getpid(), (long long)r->from));
    scp_fs_remove(path);
    return scp_tb_events_create(path, now, r->from > 0 ? r->from + 1 : 0, &r->tb);
}

/* bf16 on the cpu: how its products are made depends on the processor. */
static void say_products(const scp_job *job)
{
    const scp_backend *b = scp_params_device(job->params)->backend;
    if (scp_plan_store(job->plan) != SCP_BF16 || b->level == 0) return;
    scp_log(SCP_LOG_INFO, "%s: precision bf16: products are made in %s", job->stage,
            b->level >= 5 ? "bf16, their sums in fp32"
                          : "fp32: the kernels are below level 5 (this processor has no "
                            "AVX512_BF16, or SCPPDM_CPU_LEVEL says so)");
}

static scp_status begin(scp_record *r)
{
    const scp_job *job = r->job;
    char path[SCP_PATH_MAX];
    cut c = { .job = job, .upto = { r->from, r->scored } };
    SCP_TRY(scp_record_path(r->metrics, sizeof r->metrics, job->run_dir, job->stage));
    SCP_TRY(scp_jsonl_filter(r->metrics, keep_line, &c));
    SCP_TRY(write_start(r, c.starts));
    say_products(job);
    if (job->cfg->tensorboard) SCP_TRY(open_tensorboard(r));
    r->facts = (scp_beat_facts){ .step = r->from,
                                 .steps = job->cfg->steps,
                                 .resumed_from = r->from,
                                 .restarts = c.starts,
                                 .checkpoint = r->from > 0 ? r->from : -1,
                                 .loss = NAN,
                                 .samples_per_second = NAN,
                                 .seconds_left = NAN,
                                 .ranks = scp_comm_size(job->comm) };
    SCP_TRY(scp_str_format(path, sizeof path, "%s/%s/%s", job->run_dir, job->stage,
                           SCP_BEAT_FILE));
    SCP_TRY(scp_beat_start(path, job->stage, &r->facts, &r->beat));
    return scp_progress_create(job->stage, job->cfg->steps, true, &r->progress);
}

scp_status scp_record_open(const scp_job *job, int64_t from, int64_t scored,
                           scp_record **out)
{
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    **out =
        (scp_record){ .job = job, .from = from, .scored = scored, .start = scp_clock_seconds() };
    scp_status st = begin(*out);
    if (st != SCP_OK) scp_record_close(out, SCP_BEAT_FAILED, from, -1, scp_err_message());
    return st;
}

const char *scp_record_metrics(const scp_record *r)
{
    return r->metrics;
}

/* ---- steps ---- */

double scp_record_rate(const scp_record *r)
{
    double seconds = scp_clock_seconds() - r->start;
    int64_t steps = r->facts.step - r->from;
    return steps > 0 ? (double)(steps * r->job->cfg->batch) / fmax(seconds, 1e-9) : NAN;
}

static scp_status write_step(const scp_record *r, const scp_record_step *s)
{
    scp_jsonl j = { 0 };
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "event", "step");
    scp_jsonl_text(&j, "stage", r->job->stage);
    scp_jsonl_int(&j, "step", s->step);
    for (int i = 0; i < s->n; i++) scp_jsonl_real(&j, r->job->report_name[i], s->value[i]);
    scp_jsonl_real(&j, "lr", s->lr);
    scp_jsonl_real(&j, "grad_norm", s->grad_norm);
    scp_jsonl_int(&j, "skipped", s->skipped);
    scp_jsonl_real(&j, "samples_per_second", r->facts.samples_per_second);
    return write_line(r, &j);
}

static scp_status write_events(const scp_record *r, const scp_record_step *s)
{
    const char *tag[SCP_JOB_REPORTS + 3];
    double value[SCP_JOB_REPORTS + 3];
    size_t n = 0;
    if (!r->tb) return SCP_OK;
    for (int i = 0; i < s->n; i++, n++) {
        tag[n] = r->job->report_name[i];
        value[n] = s->value[i];
    }
    const struct {
        const char *tag;
        double value;
    } rest[] = { { "lr", s->lr },
                 { "grad_norm", s->grad_norm },
                 { "samples_per_second", r->facts.samples_per_second } };
    for (int i = 0; i < 3; i++, n++) {
        tag[n] = rest[i].tag;
        value[n] = rest[i].value;
    }
    return scp_tb_events_add(r->tb, scp_clock_wall(), s->step, tag, value, n);
}

/* The line that people watch. */
static void show(scp_record *r)
{
    char note[128], rate[32] = "", checkpoint[48] = "no checkpoint yet";
    if (isfinite(r->facts.samples_per_second))
        snprintf(rate, sizeof rate, ", %.4g samples/s", r->facts.samples_per_second);
    if (r->facts.checkpoint >= 0)
        snprintf(checkpoint, sizeof checkpoint, "checkpoint %lld", (long long)r->facts.checkpoint);
    snprintf(note, sizeof note, "loss %.5f%s, %s", r->facts.loss, rate, checkpoint);
    scp_progress_update(r->progress, r->facts.step, note);
}

scp_status scp_record_add(scp_record *r, const scp_record_step *s)
{
    if (!r) return SCP_OK;
    scp_status st = SCP_OK;
    r->facts.step = s->step;
    r->facts.skipped = s->skipped;
    r->facts.checkpoint = s->checkpoint;
    if (s->value) {
        const double rate = scp_record_rate(r);
        const double left = (double)((r->facts.steps - s->step) * r->job->cfg->batch) / rate;
        r->facts.loss = s->value[0];
        r->facts.samples_per_second = rate;
        r->facts.seconds_left = left;
        show(r);
        st = write_step(r, s);
        if (st == SCP_OK) st = write_events(r, s);
    }
    scp_beat_tell(r->beat, &r->facts);
    return st;
}

scp_status scp_record_score(scp_record *r, int64_t step, double score)
{
    static const char *const tag[] = { "validation" };
    scp_jsonl j = { 0 };
    if (!r) return SCP_OK;
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "event", "validate");
    scp_jsonl_text(&j, "stage", r->job->stage);
    scp_jsonl_int(&j, "step", step);
    scp_jsonl_real(&j, "score", score);
    SCP_TRY(write_line(r, &j));
    return r->tb ? scp_tb_events_add(r->tb, scp_clock_wall(), step, tag, &score, 1) : SCP_OK;
}

void scp_record_close(scp_record **rp, scp_beat_state state, int64_t step, int64_t checkpoint,
                      const char *message)
{
    scp_record *r = rp ? *rp : NULL;
    scp_err_copy error;
    if (!r) return;
    scp_err_save(&error); /* closing has errors of its own, which are only logged */
    r->facts.step = step;
    r->facts.checkpoint = checkpoint;
    scp_beat_tell(r->beat, &r->facts);
    scp_beat_end(&r->beat, state, message);
    if (step > r->from) show(r);
    scp_progress_destroy(&r->progress);
    scp_tb_events_close(&r->tb);
    scp_err_restore(&error);
    free(r);
    *rp = NULL;
}
