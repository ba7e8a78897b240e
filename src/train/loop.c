/* The training loop, see loop.h. */
#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sig.h"
#include "comm/watchdog.h"
#include "train/record.h"
#include "train/state.h"
#include "train/stepper.h"

enum { STOP_CHECK = 8, MAX_BAD_STEPS = 25 };

typedef struct loop {
    const scp_job *job;
    const scp_train_config *cfg;
    scp_train_state state;
    scp_job_result *out;
    scp_train_store *store;
    scp_record *record;   /* rank 0 */
    scp_stepper *stepper;
    int64_t first;        /* step of this start */
    int64_t skipped_before; /* steps without update of earlier starts */
    int64_t saved;        /* newest checkpoint, perhaps still being written; -1: none */
    double grad_norm, start;
} loop;

/* Is the loss scaled? A scale of another precision is none to go on with. */
static bool scaled(const loop *l)
{
    return scp_plan_store(l->job->plan) == SCP_F16;
}

/* What the steps so far came to. Those whose loss or gradient is not finite leave the weights as
 * they are and are counted; too many in a row end the run. */
static scp_status look(loop *l)
{
    char last[96] = "there is no checkpoint yet";
    scp_step_state s;
    SCP_TRY(scp_stepper_look(l->stepper, &s));
    l->grad_norm = s.grad_norm;
    l->out->skipped = s.skipped;
    l->state.skipped = l->skipped_before + s.skipped;
    l->state.bad = s.bad;
    l->state.loss_scale = scaled(l) ? s.loss_scale : 0;
    l->state.good = s.good;
    if (s.worst < MAX_BAD_STEPS) return SCP_OK;
    if (l->saved >= 0)
        snprintf(last, sizeof last, "the last good checkpoint is that of step %lld",
                 (long long)l->saved);
    SCP_FAIL(SCP_EINTERNAL,
             "%s: loss or gradient was not finite in %d steps in a row, up to step %lld; %s; lower "
             "the learning rate and go on with --%s.accept_changes, or look at the input",
             l->job->stage, MAX_BAD_STEPS, (long long)l->state.step, last,
             strcmp(l->job->stage, "vae") == 0 ? "vae_train" : "train");
}

/* Losses of a step as means over ranks. values [SCP_JOB_REPORTS]. */
static scp_status fetch_losses(loop *l, double *value, int *n)
{
    const scp_job *job = l->job;
    for (*n = 0; *n < SCP_JOB_REPORTS && job->report[*n]; ++*n)
        SCP_TRY(scp_plan_fetch_f64(job->plan, job->report[*n], &value[*n]));
    SCP_TRY(scp_comm_allreduce(job->comm, value, (size_t)*n, SCP_COMM_F64, SCP_COMM_SUM));
    for (int i = 0; i < *n; i++) value[i] /= scp_comm_size(job->comm);
    l->out->loss = value[0];
    return SCP_OK;
}

/* Tell the record of a step that is done, with its losses when they are due. */
static scp_status report(loop *l, int64_t step, bool due)
{
    double value[SCP_JOB_REPORTS] = { 0 };
    scp_record_step s = { .step = step + 1,
                          .lr = scp_train_lr(l->cfg, step),
                          .grad_norm = l->grad_norm,
                          .skipped = l->state.skipped,
                          .checkpoint = scp_train_store_saved(l->store) };
    if (!due) return scp_record_add(l->record, &s); /* without values, which cannot fail */
    SCP_TRY(fetch_losses(l, value, &s.n));
    s.value = value;
    return scp_agree(l->job->comm, scp_record_add(l->record, &s));
}

/* Score with the averaged weights, which then go back. */
static scp_status validate(loop *l)
{
    double score = NAN;
    l->state.scored = l->state.step;
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
    return scp_agree(l->job->comm, scp_record_score(l->record, l->state.step, score));
}

/* Has any rank been asked to stop, or a checkpoint not been written? Agreed by all. */
static scp_status stop_wanted(loop *l, int64_t step, bool *stop)
{
    enum { SIGNAL = 1, FAILURE = 2 };
    *stop = false;
    if (l->cfg->stop_after && step + 1 - l->first >= l->cfg->stop_after) {
        l->out->stop = SCP_STOP_AFTER;
        *stop = true;
        return SCP_OK;
    }
    if ((step + 1) % STOP_CHECK) return SCP_OK;
    scp_status st = scp_train_store_poll(l->store);
    int32_t flag = st != SCP_OK ? FAILURE : scp_sig_pending() != 0 ? SIGNAL : 0;
    SCP_TRY(scp_comm_allreduce(l->job->comm, &flag, 1, SCP_COMM_I32, SCP_COMM_MAX));
    if (flag == FAILURE) return scp_agree(l->job->comm, st);
    *stop = flag != 0;
    if (flag) l->out->stop = SCP_STOP_SIGNAL;
    return SCP_OK;
}

static scp_status save(loop *l)
{
    SCP_TRY(scp_train_state_save(l->store, &l->state));
    l->saved = l->state.step;
    return SCP_OK;
}

static bool every(int64_t step, int64_t period)
{
    return period > 0 && (step + 1) % period == 0;
}

/* Does the host do anything after this step? */
static bool due(const loop *l, int64_t step)
{
    const scp_train_config *c = l->cfg;
    return step + 1 == c->steps || every(step, c->log_every) || every(step, c->validate_every) ||
           every(step, c->checkpoint_every) ||
           (c->stop_after && step + 1 - l->first >= c->stop_after);
}

/* Take steps from `step` on, as many as suit the device and no further than the next that the host
 * waits for. The last of them. */
static scp_status take_steps(loop *l, int64_t *step)
{
    int64_t n = 1;
    while (n < scp_stepper_stride(l->stepper) && !due(l, *step + n - 1) &&
           !every(*step + n - 1, STOP_CHECK))
        n++;
    SCP_TRY(scp_stepper_run(l->stepper, *step, n));
    *step += n - 1;
    l->state.step = *step + 1;
    return SCP_OK;
}

/* A stop by a signal has no time for the validation that its step is due: it is made up for here,
 * before the next step, so that the best weights are those of a run that was not stopped. */
static scp_status catch_up(loop *l)
{
    if (l->state.scored >= l->first || !every(l->first - 1, l->cfg->validate_every)) return SCP_OK;
    SCP_TRY(validate(l));
    return save(l);
}

static scp_status run_steps(loop *l)
{
    const scp_train_config *c = l->cfg;
    bool stop = false;
    SCP_TRY(catch_up(l));
    for (int64_t step = l->first; step < c->steps && !stop; step++) {
        scp_watchdog_place(l->job->stage, step + 1);
        SCP_TRY(take_steps(l, &step));
        bool last = step + 1 == c->steps;
        SCP_TRY(stop_wanted(l, step, &stop));
        stop = stop && !last;
        if (scp_stepper_stride(l->stepper) == 1 || due(l, step) || stop) SCP_TRY(look(l));
        SCP_TRY(report(l, step, every(step, c->log_every) || last || stop));
        bool score = last || every(step, c->validate_every);
        if (score && (!stop || l->out->stop == SCP_STOP_AFTER)) SCP_TRY(validate(l));
        if (score || stop || every(step, c->checkpoint_every)) SCP_TRY(save(l));
        if (last) l->out->stop = SCP_STOP_DONE;
    }
    return scp_train_store_wait(l->store);
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
    int size = scp_comm_size(job->comm);
    if (l->cfg->batch % size)
        SCP_FAIL(SCP_EUSAGE, "%s: the global batch (%lld) must be a multiple of the %d ranks",
                 job->stage, (long long)l->cfg->batch, size);
    if (!job->n_train) SCP_FAIL(SCP_EDATA, "%s: the shard has no training rows", job->stage);
    warn_short(job);
    return scp_stepper_create(job, &l->stepper);
}

static scp_status resume(loop *l)
{
    bool found = false;
    l->state = (scp_train_state){ .best = NAN };
    if (l->job->fresh)
        SCP_TRY(scp_train_state_clear(l->store));
    else
        SCP_TRY(scp_train_state_load(l->store, &l->state, &found));
    l->first = l->out->resumed_from = l->state.step;
    l->saved = found ? l->first : -1;
    l->skipped_before = l->state.skipped;
    const double scale = scaled(l) ? l->state.loss_scale : 0;
    SCP_TRY(scp_agree(l->job->comm,
                      scp_stepper_begin(l->stepper, scale, l->state.good, l->state.bad)));
    if (found)
        scp_log(SCP_LOG_INFO, "%s: resumed at step %lld", l->job->stage, (long long)l->first);
    return SCP_OK;
}

static scp_status open_record(loop *l)
{
    scp_status st = SCP_OK;
    if (scp_comm_rank(l->job->comm) == 0)
        st = scp_record_open(l->job, l->first, l->state.scored, &l->record);
    SCP_TRY(scp_agree(l->job->comm, st));
    return scp_train_store_begin(l->store, l->record ? scp_record_metrics(l->record) : NULL);
}

static void log_memory(const loop *l)
{
    const scp_params *p = l->job->params;
    const double mib = 1048576;
    const size_t reals = 3 * scp_params_trainable(p) + 2 * scp_params_total(p);
    scp_log(SCP_LOG_INFO,
            "%s: a step takes %.1f MiB (%.1f if no memory were reused); weights, their average, "
            "gradients and moments %.1f MiB",
            l->job->stage, (double)scp_plan_bytes(l->job->plan) / mib,
            (double)scp_plan_bytes_apart(l->job->plan) / mib,
            (double)scp_device_bytes(scp_params_device(p), SCP_REAL, reals) / mib);
}

/* The last word of the status file, after the last checkpoint. */
static void close_run(loop *l, scp_status st)
{
    scp_beat_state state = st != SCP_OK                      ? SCP_BEAT_FAILED
                           : l->out->stop == SCP_STOP_DONE ? SCP_BEAT_FINISHED
                                                             : SCP_BEAT_STOPPED;
    int64_t saved = l->store ? scp_train_store_saved(l->store) : -1;
    scp_record_close(&l->record, state, l->state.step, saved,
                     st != SCP_OK                          ? scp_err_message()
                     : l->out->stop == SCP_STOP_SIGNAL ? "stopped by a signal"
                     : l->out->stop == SCP_STOP_AFTER  ? "stopped by stop_after"
                                                           : "");
    scp_train_store_close(&l->store);
}

scp_status scp_job_run(const scp_job *job, scp_job_result *out)
{
    *out = (scp_job_result){ .loss = NAN, .best = NAN };
    loop l = { .job = job, .cfg = job->cfg, .out = out, .start = scp_clock_seconds() };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_agree(job->comm, prepare(&l)));
    SCP_GOTO(done, scp_train_store_open(job, &l.store));
    SCP_GOTO(done, resume(&l));
    SCP_GOTO(done, open_record(&l));
    log_memory(&l);
    SCP_GOTO(done, run_steps(&l));
    if (l.state.step == job->cfg->steps) SCP_GOTO(done, scp_train_state_export(job));
done:
    close_run(&l, st);
    scp_stepper_destroy(&l.stepper);
    out->step = l.state.step;
    out->best = l.state.best;
    out->best_step = l.state.best_step;
    out->seconds = scp_clock_seconds() - l.start;
    return st;
}
