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
#include "data/sampler.h"
#include "tensor/optim.h"
#include "train/record.h"
#include "train/state.h"

enum { STOP_CHECK = 8, MAX_BAD_STEPS = 25, BUCKET = 1 << 20 };

typedef struct loop {
    const scp_job *job;
    const scp_train_config *cfg;
    scp_train_state state;
    scp_job_result *out;
    scp_train_store *store;
    scp_record *record;   /* rank 0 */
    int32_t *rows;
    size_t local;         /* rows of this rank */
    int64_t row0;
    int64_t first;        /* step of this start */
    int64_t saved;        /* newest checkpoint, perhaps still being written; -1: none */
    double grad_norm, start;
} loop;

/* Running statistics that a bad forward pass has spoilt go back to their moving average, which it has
 * not reached. They are the same on every rank. */
static scp_status mend_states(scp_params *p)
{
    size_t n = scp_params_trainable(p), states = scp_params_total(p) - n;
    double *now = NULL;
    bool good = true;
    scp_status st = SCP_OK;
    if (states == 0) return SCP_OK;
    SCP_TRY(scp_alloc(states, sizeof *now, &now));
    SCP_GOTO(done, scp_params_read_f64(p, SCP_ARENA_W, n, states, now));
    for (size_t i = 0; i < states; i++) good = good && isfinite(now[i]);
    if (good) goto done;
    SCP_GOTO(done, scp_params_read_f64(p, SCP_ARENA_EMA, n, states, now));
    SCP_GOTO(done, scp_params_write_f64(p, SCP_ARENA_W, n, states, now));
done:
    free(now);
    return st;
}

/* A step whose loss or gradient is not finite leaves the weights as they are and is counted; too
 * many in a row end the run. */
static scp_status skip_step(loop *l, int64_t step)
{
    char last[96] = "there is no checkpoint yet";
    l->state.skipped++;
    l->out->skipped++;
    if (++l->state.bad < MAX_BAD_STEPS) return mend_states(l->job->params);
    if (l->saved >= 0)
        snprintf(last, sizeof last, "the last good checkpoint is that of step %lld",
                 (long long)l->saved);
    SCP_FAIL(SCP_EINTERNAL,
             "%s: loss or gradient was not finite in %d steps in a row, up to step %lld; %s; lower "
             "the learning rate and go on with --%s.accept_changes, or look at the input",
             l->job->stage, MAX_BAD_STEPS, (long long)step + 1, last,
             strcmp(l->job->stage, "vae") == 0 ? "vae_train" : "train");
}

/* Average, clip and apply the gradients of one step. One that is not finite is the same on every
 * rank after averaging, so all ranks skip alike. */
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
    if (!isfinite(squares)) return skip_step(l, step);
    l->state.bad = 0;
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

/* A loss of this rank that is not finite counts as a bad gradient, on all ranks. */
static scp_status poison(const loop *l)
{
    static const double bad = NAN;
    double loss;
    SCP_TRY(scp_plan_fetch_f64(l->job->plan, l->job->report[0], &loss));
    if (isfinite(loss)) return SCP_OK;
    return scp_params_write_f64(l->job->params, SCP_ARENA_G, 0, 1, &bad);
}

static scp_status one_step(loop *l, int64_t step)
{
    scp_step s = { .seed = (uint64_t)l->cfg->seed, .step = step, .row0 = l->row0, .train = true };
    scp_sampler_rows((uint64_t)l->cfg->seed, l->job->n_train, (uint64_t)step,
                     (uint64_t)l->cfg->batch, (uint64_t)l->row0, l->local, l->rows);
    SCP_TRY(l->job->feed(l->job->ctx, l->job->plan, step, l->rows, l->local));
    SCP_TRY(scp_plan_forward(l->job->plan, &s));
    SCP_TRY(scp_plan_backward(l->job->plan));
    SCP_TRY(poison(l));
    return update(l, step);
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

static scp_status run_steps(loop *l)
{
    const scp_train_config *c = l->cfg;
    bool stop = false;
    for (int64_t step = l->first; step < c->steps && !stop; step++) {
        scp_watchdog_place(l->job->stage, step + 1);
        SCP_TRY(one_step(l, step));
        l->state.step = step + 1;
        bool last = step + 1 == c->steps;
        SCP_TRY(stop_wanted(l, step, &stop));
        stop = stop && !last;
        SCP_TRY(report(l, step, (step + 1) % c->log_every == 0 || last || stop));
        bool score = last || (c->validate_every && (step + 1) % c->validate_every == 0);
        if (score && (!stop || l->out->stop == SCP_STOP_AFTER)) SCP_TRY(validate(l));
        if (score || stop || (step + 1) % c->checkpoint_every == 0) SCP_TRY(save(l));
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
    int size = scp_comm_size(job->comm), rank = scp_comm_rank(job->comm);
    if (l->cfg->batch % size)
        SCP_FAIL(SCP_EUSAGE, "%s: the global batch (%lld) must be a multiple of the %d ranks",
                 job->stage, (long long)l->cfg->batch, size);
    if (!job->n_train) SCP_FAIL(SCP_EDATA, "%s: the shard has no training rows", job->stage);
    l->local = (size_t)(l->cfg->batch / size);
    l->row0 = rank * (int64_t)l->local;
    warn_short(job);
    return scp_alloc(l->local, sizeof *l->rows, &l->rows);
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
    if (found)
        scp_log(SCP_LOG_INFO, "%s: resumed at step %lld", l->job->stage, (long long)l->first);
    return SCP_OK;
}

static scp_status open_record(loop *l)
{
    scp_status st = SCP_OK;
    if (scp_comm_rank(l->job->comm) == 0) st = scp_record_open(l->job, l->first, &l->record);
    SCP_TRY(scp_agree(l->job->comm, st));
    return scp_train_store_begin(l->store, l->record ? scp_record_metrics(l->record) : NULL);
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
    SCP_GOTO(done, run_steps(&l));
    if (l.state.step == job->cfg->steps) SCP_GOTO(done, scp_train_state_export(job));
done:
    close_run(&l, st);
    free(l.rows);
    out->step = l.state.step;
    out->best = l.state.best;
    out->best_step = l.state.best_step;
    out->seconds = scp_clock_seconds() - l.start;
    return st;
}
