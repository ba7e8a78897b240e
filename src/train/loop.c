/* The training loop, see loop.h. */
#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/jsonl.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/sig.h"
#include "base/version.h"
#include "data/sampler.h"
#include "tensor/optim.h"
#include "train/state.h"

enum { STOP_CHECK = 8, MAX_BAD_STEPS = 25, BUCKET = 1 << 20 };

typedef struct loop {
    const scp_job *job;
    const scp_train_config *cfg;
    scp_train_state state;
    scp_job_result *out;
    scp_progress *progress;
    int32_t *rows;
    size_t local;         /* rows of this rank */
    int64_t row0;
    int64_t first;        /* step of this start */
    int64_t bad;          /* steps without update in a row */
    double grad_norm, start;
    char metrics[SCP_PATH_MAX];
} loop;

/* Average, clip and apply the gradients of one step. A gradient that is not finite is skipped: it
 * is the same on every rank after averaging, so all ranks skip alike. */
static scp_status update(loop *l, int64_t step)
{
    const scp_train_config *c = l->cfg;
    scp_params *p = l->job->params;
    scp_device *dev = scp_params_device(p);
    const scp_optim_impl *optim = dev->backend->optim;
    size_t n = scp_params_trainable(p), states = scp_params_total(p) - n;
    void *g = scp_params_arena(p, SCP_ARENA_G), *ema = scp_params_arena(p, SCP_ARENA_EMA);
    char *w = scp_params_arena(p, SCP_ARENA_W);
    double squares, scale = 1;
    SCP_TRY(scp_comm_average(l->job->comm, g, n,
                             dev->backend->real_size == 8 ? SCP_COMM_F64 : SCP_COMM_F32, BUCKET));
    SCP_TRY(optim->sum_squares(dev, g, n, &squares));
    l->grad_norm = sqrt(squares);
    if (!isfinite(squares)) {
        l->out->skipped++;
        if (++l->bad < MAX_BAD_STEPS) return SCP_OK;
        SCP_FAIL(SCP_EINTERNAL,
                 "%s: the gradient was not finite in %d steps in a row, up to step %lld; lower the "
                 "learning rate, or look at the input",
                 l->job->stage, MAX_BAD_STEPS, (long long)step);
    }
    l->bad = 0;
    if (c->clip > 0 && l->grad_norm > c->clip) scale = c->clip / (l->grad_norm + 1e-6);
    scp_adamw h = { .lr = scp_train_lr(c, step),
                    .beta1 = c->beta1,
                    .beta2 = c->beta2,
                    .eps = c->eps,
                    .decay = c->weight_decay,
                    .grad_scale = scale,
                    .ema_decay = c->ema,
                    .t = step + 1 };
    SCP_TRY(optim->adamw(dev, &h, n, w, g, scp_params_arena(p, SCP_ARENA_M),
                         scp_params_arena(p, SCP_ARENA_V), ema, scp_params_decay_mask(p)));
    size_t at = scp_device_bytes(dev, SCP_REAL, n);
    return states ? optim->ema(dev, c->ema, states, w + at, (char *)ema + at) : SCP_OK;
}

static scp_status one_step(loop *l, int64_t step)
{
    scp_step s = { .seed = (uint64_t)l->cfg->seed, .step = step, .row0 = l->row0, .train = true };
    scp_sampler_rows((uint64_t)l->cfg->seed, l->job->n_train, (uint64_t)step,
                     (uint64_t)l->cfg->batch, (uint64_t)l->row0, l->local, l->rows);
    SCP_TRY(l->job->feed(l->job->ctx, l->job->plan, step, l->rows, l->local));
    SCP_TRY(scp_plan_forward(l->job->plan, &s));
    SCP_TRY(scp_plan_backward(l->job->plan));
    return update(l, step);
}

/* The line of a step in metrics.jsonl. Rank 0. */
static scp_status write_step(const loop *l, int64_t step, const double *value, int n)
{
    const scp_job *job = l->job;
    scp_jsonl j = { 0 };
    const char *line;
    double seconds = scp_clock_seconds() - l->start;
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "event", "step");
    scp_jsonl_text(&j, "stage", job->stage);
    scp_jsonl_int(&j, "step", step + 1);
    for (int i = 0; i < n; i++) scp_jsonl_real(&j, job->report_name[i], value[i]);
    scp_jsonl_real(&j, "lr", scp_train_lr(l->cfg, step));
    scp_jsonl_real(&j, "grad_norm", l->grad_norm);
    scp_jsonl_int(&j, "skipped", l->out->skipped);
    scp_jsonl_real(&j, "samples_per_second",
                   (double)((step + 1 - l->first) * l->cfg->batch) / fmax(seconds, 1e-9));
    scp_status st = scp_jsonl_end(&j, &line);
    if (st == SCP_OK) st = scp_jsonl_append(l->metrics, line);
    scp_jsonl_fini(&j);
    return st;
}

/* One line of metrics.jsonl and the note of the progress bar; losses are means over ranks. */
static scp_status report(loop *l, int64_t step)
{
    const scp_job *job = l->job;
    double value[SCP_JOB_REPORTS] = { 0 };
    char note[64];
    int n = 0;
    for (; n < SCP_JOB_REPORTS && job->report[n]; n++)
        SCP_TRY(scp_plan_fetch_f64(job->plan, job->report[n], &value[n]));
    SCP_TRY(scp_comm_allreduce(job->comm, value, (size_t)n, SCP_COMM_F64, SCP_COMM_SUM));
    for (int i = 0; i < n; i++) value[i] /= scp_comm_size(job->comm);
    l->out->loss = value[0];
    snprintf(note, sizeof note, "loss %.5f", value[0]);
    scp_progress_update(l->progress, step + 1, note);
    return scp_agree(job->comm,
                     scp_comm_rank(job->comm) == 0 ? write_step(l, step, value, n) : SCP_OK);
}

/* The line of a validation. Rank 0. */
static scp_status write_score(const loop *l, double score)
{
    scp_jsonl j = { 0 };
    const char *line;
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "event", "validate");
    scp_jsonl_text(&j, "stage", l->job->stage);
    scp_jsonl_int(&j, "step", l->state.step);
    scp_jsonl_real(&j, "score", score);
    scp_status st = scp_jsonl_end(&j, &line);
    if (st == SCP_OK) st = scp_jsonl_append(l->metrics, line);
    scp_jsonl_fini(&j);
    return st;
}

/* Score with the averaged weights, which then go back. */
static scp_status validate(loop *l)
{
    double score = NAN;
    if (!l->job->validate) return SCP_OK;
    scp_params_swap_ema(l->job->params);
    scp_status st = l->job->validate(l->job->ctx, &score);
    scp_params_swap_ema(l->job->params);
    SCP_TRY(scp_agree(l->job->comm, st));
    scp_log(SCP_LOG_INFO, "%s: step %lld, validation score %.5f", l->job->stage,
            (long long)l->state.step, score);
    if (!isnan(score) && !(l->state.best >= score)) { /* also when there is none yet */
        l->state.best = score;
        l->state.best_step = l->state.step;
    }
    return scp_agree(l->job->comm,
                     scp_comm_rank(l->job->comm) == 0 ? write_score(l, score) : SCP_OK);
}

/* Has any rank been asked to stop? Agreed by all. */
static scp_status stop_wanted(loop *l, int64_t step, bool *stop)
{
    int32_t flag = scp_sig_pending() != 0;
    *stop = false;
    if (l->cfg->stop_after && step + 1 - l->first >= l->cfg->stop_after) {
        l->out->stop = SCP_STOP_AFTER;
        *stop = true;
        return SCP_OK;
    }
    if ((step + 1) % STOP_CHECK) return SCP_OK;
    SCP_TRY(scp_comm_allreduce(l->job->comm, &flag, 1, SCP_COMM_I32, SCP_COMM_MAX));
    *stop = flag != 0;
    if (flag) l->out->stop = SCP_STOP_SIGNAL;
    return SCP_OK;
}

/* The first line of every start: what runs where, with all settings, so that an unfinished run can
 * be read. The run folder remembers the settings only now that no checkpoint refused them. */
static scp_status announce(const loop *l)
{
    const scp_job *job = l->job;
    char host[256] = "", now[32];
    const char *line;
    if (scp_comm_rank(job->comm) != 0) return SCP_OK;
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
    scp_jsonl_text(&j, "device", scp_params_device(job->params)->backend->name);
    scp_jsonl_int(&j, "resumed_from", l->first);
    scp_jsonl_int(&j, "parameters", (int64_t)scp_params_trainable(job->params));
    scp_jsonl_int(&j, "plan_bytes", (int64_t)scp_plan_bytes(job->plan));
    scp_jsonl_text(&j, "config", job->config_text);
    scp_status st = scp_jsonl_end(&j, &line);
    if (st == SCP_OK) st = scp_jsonl_append(l->metrics, line);
    scp_jsonl_fini(&j);
    return st;
}

static scp_status run_steps(loop *l)
{
    const scp_train_config *c = l->cfg;
    bool stop = false;
    for (int64_t step = l->first; step < c->steps && !stop; step++) {
        SCP_TRY(one_step(l, step));
        l->state.step = step + 1;
        bool last = step + 1 == c->steps;
        SCP_TRY(stop_wanted(l, step, &stop));
        stop = stop && !last;
        if ((step + 1) % c->log_every == 0 || last || stop) SCP_TRY(report(l, step));
        bool score = last || (c->validate_every && (step + 1) % c->validate_every == 0);
        if (score && (!stop || l->out->stop == SCP_STOP_AFTER)) SCP_TRY(validate(l));
        if (score || stop || (step + 1) % c->checkpoint_every == 0)
            SCP_TRY(scp_train_state_save(l->job, &l->state));
        if (last) l->out->stop = SCP_STOP_DONE;
    }
    return SCP_OK;
}

/* Settings that work and are hardly meant: made for a longer run than this one. */
static void warn_short(const scp_job *job)
{
    const scp_train_config *c = job->cfg;
    if (c->warmup >= c->steps)
        scp_log(SCP_LOG_WARN,
                "%s: the warm-up (%lld steps) is not over at the end (%lld steps): the learning "
                "rate stays below its setting",
                job->stage, (long long)c->warmup, (long long)c->steps);
    if (c->ema > 0 && (double)c->steps * (1 - c->ema) < 1)
        scp_log(SCP_LOG_WARN,
                "%s: the average of the weights (decay %g) reaches back beyond %lld steps: "
                "evaluation will see mostly the initial weights",
                job->stage, c->ema, (long long)c->steps);
}

static scp_status prepare(loop *l)
{
    const scp_job *job = l->job;
    int size = scp_comm_size(job->comm), rank = scp_comm_rank(job->comm);
    if (l->cfg->batch % size)
        SCP_FAIL(SCP_EUSAGE, "%s: the global batch (%lld) must be a multiple of the %d ranks",
                 job->stage, (long long)l->cfg->batch, size);
    if (!job->n_train) SCP_FAIL(SCP_EDATA, "%s: the shard has no training rows", job->stage);
    l->local = (size_t)(l->cfg->batch / size);
    l->row0 = rank * (int64_t)l->local;
    warn_short(job);
    SCP_TRY(scp_alloc(l->local, sizeof *l->rows, &l->rows));
    SCP_TRY(scp_fs_join(l->metrics, sizeof l->metrics, job->run_dir, "metrics.jsonl"));
    return scp_progress_create(job->stage, l->cfg->steps, rank == 0, &l->progress);
}

static scp_status resume(loop *l)
{
    bool found = false;
    l->state = (scp_train_state){ .best = NAN };
    if (l->job->fresh)
        SCP_TRY(scp_train_state_clear(l->job));
    else
        SCP_TRY(scp_train_state_load(l->job, &l->state, &found));
    l->first = l->out->resumed_from = l->state.step;
    if (found)
        scp_log(SCP_LOG_INFO, "%s: resumed at step %lld", l->job->stage, (long long)l->first);
    return SCP_OK;
}

scp_status scp_job_run(const scp_job *job, scp_job_result *out)
{
    *out = (scp_job_result){ .loss = NAN, .best = NAN };
    loop l = { .job = job, .cfg = job->cfg, .out = out, .start = scp_clock_seconds() };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_agree(job->comm, prepare(&l)));
    SCP_GOTO(done, resume(&l));
    SCP_GOTO(done, scp_agree(job->comm, announce(&l)));
    SCP_GOTO(done, run_steps(&l));
    if (l.state.step == job->cfg->steps) SCP_GOTO(done, scp_train_state_export(job));
done:
    scp_progress_destroy(&l.progress);
    free(l.rows);
    out->step = l.state.step;
    out->best = l.state.best;
    out->best_step = l.state.best_step;
    out->seconds = scp_clock_seconds() - l.start;
    return st;
}
