/* See stepper.h. A step is two parts: up to the gradients of this rank, and the update. Where the
 * average over ranks waits on the host (MPI) the two are recorded apart, else as one. */
#include "train/stepper.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "comm/bucket.h"
#include "comm/watch.h"
#include "data/sampler.h"
#include "dev/stream.h"

enum { SLOTS = 2 * SCP_STEPPER_MOST, RUNS = 2, BUCKET = 1 << 20 };

struct scp_stepper {
    const scp_job *job;
    scp_device *dev;
    const scp_step_impl *impl;
    size_t local; /* rows of this rank                            */
    int64_t row0;
    int32_t *rows;
    size_t record_bytes;
    char *host, *ring;     /* [SLOTS] records: pinned, and on the device   */
    scp_step_state *state; /* device memory                                */
    scp_step_ring load;
    scp_update update;
    scp_plan_bucket *bucket;
    scp_plan_ready ready;
    scp_average *average;
    scp_event *done[RUNS];   /* of the last runs                             */
    scp_program *step, *end; /* recorded: the step, or its two parts         */
    bool recording;
    int64_t written, runs, direct, replayed;
};

static scp_status bucket_ready(void *ctx, size_t i)
{
    return scp_average_start(((scp_stepper *)ctx)->average, i);
}

static scp_status make_buckets(scp_stepper *s)
{
    scp_params *p = s->job->params;
    size_t n = 0, *begin = NULL;
    SCP_TRY(
        scp_plan_buckets(s->job->plan, s->job->bucket ? s->job->bucket : BUCKET, &s->bucket, &n));
    SCP_TRY(scp_alloc(n + 1, sizeof *begin, &begin));
    for (size_t i = 0; i < n; i++) begin[i] = s->bucket[i].begin;
    begin[n] = scp_params_trainable(p);
    scp_status st = scp_average_create(
        s->job->comm, s->dev, scp_params_arena(p, SCP_ARENA_G),
        s->dev->backend->real_size == 8 ? SCP_COMM_F64 : SCP_COMM_F32, n, begin, &s->average);
    free(begin);
    s->ready = (scp_plan_ready){ .bucket = s->bucket, .n = n, .ready = bucket_ready, .ctx = s };
    return st;
}

static scp_status make_ring(scp_stepper *s)
{
    size_t feed_bytes = 0;
    void *feed = scp_plan_feed_block(s->job->plan, &feed_bytes);
    s->record_bytes = scp_step_record_bytes(feed_bytes);
    SCP_TRY(scp_pin(s->dev, SLOTS * s->record_bytes, (void **)&s->host));
    SCP_TRY(scp_device_alloc(s->dev, SLOTS * s->record_bytes, (void **)&s->ring));
    SCP_TRY(scp_device_alloc(s->dev, sizeof *s->state, (void **)&s->state));
    s->load = (scp_step_ring){ .state = s->state,
                               .records = s->ring,
                               .slots = SLOTS,
                               .feed = feed,
                               .feed_bytes = feed_bytes };
    for (int i = 0; i < RUNS; i++) SCP_TRY(scp_event_create(s->dev, &s->done[i]));
    /* the record before the first: inputs that were fed before this */
    char *last = s->host + (SLOTS - 1) * s->record_bytes + SCP_STEP_HEAD;
    return feed_bytes ? s->dev->backend->read(s->dev, last, feed, feed_bytes) : SCP_OK;
}

static scp_status set_update(scp_stepper *s)
{
    const scp_train_config *c = s->job->cfg;
    scp_params *p = s->job->params;
    const scp_dtype store = scp_plan_store(s->job->plan);
    s->update = (scp_update){ .state = s->state,
                              .beta1 = c->beta1,
                              .beta2 = c->beta2,
                              .eps = c->eps,
                              .decay = c->weight_decay,
                              .ema_decay = c->ema,
                              .clip = c->clip,
                              .growth_every = store == SCP_F16 ? SCP_SCALE_GROWTH : 0,
                              .n = scp_params_trainable(p),
                              .states = scp_params_total(p) - scp_params_trainable(p),
                              .w = scp_params_arena(p, SCP_ARENA_W),
                              .g = scp_params_arena(p, SCP_ARENA_G),
                              .m = scp_params_arena(p, SCP_ARENA_M),
                              .v = scp_params_arena(p, SCP_ARENA_V),
                              .ema = scp_params_arena(p, SCP_ARENA_EMA),
                              .decay_mask = scp_params_decay_mask(p),
                              .half_type = store };
    return store == SCP_REAL ? SCP_OK : scp_params_half(p, store, &s->update.half);
}

static scp_status fill(scp_stepper *s)
{
    SCP_ARG(s->impl, "device %s takes no training steps", s->dev->backend->name);
    SCP_TRY(scp_alloc(s->local, sizeof *s->rows, &s->rows));
    SCP_TRY(make_ring(s));
    SCP_TRY(make_buckets(s));
    SCP_TRY(set_update(s));
    s->recording = scp_capture_possible(s->dev) && !s->job->direct &&
                   !(scp_average_waits(s->average) && scp_plan_talks(s->job->plan));
    return scp_stepper_begin(s, 0, 0, 0);
}

scp_status scp_stepper_create(const scp_job *job, scp_stepper **out)
{
    scp_stepper *s = NULL;
    SCP_TRY(scp_alloc(1, sizeof *s, &s));
    s->job = job;
    s->dev = scp_params_device(job->params);
    s->impl = s->dev->backend->step;
    s->local = (size_t)(job->cfg->batch / scp_comm_size(job->comm));
    s->row0 = scp_comm_rank(job->comm) * (int64_t)s->local;
    scp_status st = fill(s);
    if (st == SCP_OK)
        *out = s;
    else
        scp_stepper_destroy(&s);
    return st;
}

void scp_stepper_destroy(scp_stepper **sp)
{
    if (!sp || !*sp) return;
    scp_stepper *s = *sp;
    scp_program_destroy(s->dev, &s->step);
    scp_program_destroy(s->dev, &s->end);
    scp_average_destroy(&s->average);
    for (int i = 0; i < RUNS; i++) scp_event_destroy(s->dev, &s->done[i]);
    scp_device_release(s->dev, s->state);
    scp_device_release(s->dev, s->ring);
    scp_unpin(s->dev, s->host);
    free(s->bucket);
    free(s->rows);
    free(s);
    *sp = NULL;
}

int64_t scp_stepper_stride(const scp_stepper *s)
{
    return s->dev->backend->async ? SCP_STEPPER_MOST : 1;
}

size_t scp_stepper_calls(const scp_stepper *s)
{
    return scp_program_calls(s->dev, s->step) + scp_program_calls(s->dev, s->end);
}

int64_t scp_stepper_replayed(const scp_stepper *s)
{
    return s->replayed;
}

scp_status scp_stepper_begin(scp_stepper *s, double loss_scale, int64_t good, int64_t bad)
{
    const double first = s->update.growth_every ? SCP_SCALE_START : 1;
    const scp_step_state state = { .loss_scale = loss_scale > 0 ? loss_scale : first,
                                   .good = good,
                                   .bad = bad };
    s->written = 0;
    SCP_TRY(s->dev->backend->write(s->dev, s->state, &state, sizeof state));
    return scp_params_half_refresh(s->job->params);
}

/* The record of a step, behind that of the step before, whose inputs stay where none are fed. */
static scp_status write_record(scp_stepper *s, int64_t step)
{
    const scp_job *job = s->job;
    const scp_train_config *c = job->cfg;
    char *at = s->host + (size_t)(s->written % SLOTS) * s->record_bytes,
         *before = s->host + (size_t)((s->written + SLOTS - 1) % SLOTS) * s->record_bytes;
    const scp_step_record head = {
        .step = { .seed = (uint64_t)c->seed, .step = step, .row0 = s->row0, .train = true },
        .lr = scp_train_lr(c, step),
        .unbias1 = 1 - pow(c->beta1, (double)step + 1),
        .unbias2 = 1 - pow(c->beta2, (double)step + 1)
    };
    memcpy(at, before, s->record_bytes);
    memcpy(at, &head, sizeof head);
    scp_sampler_rows((uint64_t)c->seed, job->n_train, (uint64_t)step, (uint64_t)c->batch,
                     (uint64_t)s->row0, s->local, s->rows);
    scp_plan_feed_to(job->plan, at + SCP_STEP_HEAD);
    scp_status st = job->feed(job->ctx, job->plan, step, s->rows, s->local);
    scp_plan_feed_to(job->plan, NULL);
    s->written++;
    return st;
}

/* n records, which may go over the end of the ring, in one or two copies. */
static scp_status send_records(scp_stepper *s, int64_t n)
{
    int64_t first = (s->written - n) % SLOTS, k = first + n < SLOTS ? n : SLOTS - first;
    size_t at = (size_t)first * s->record_bytes;
    SCP_TRY(scp_stream_copy(s->dev, SCP_STREAM_MAIN, SCP_COPY_TO_DEVICE, s->ring + at, s->host + at,
                            (size_t)k * s->record_bytes));
    return scp_stream_copy(s->dev, SCP_STREAM_MAIN, SCP_COPY_TO_DEVICE, s->ring, s->host,
                           (size_t)(n - k) * s->record_bytes);
}

static scp_status enqueue_gradient(scp_stepper *s)
{
    scp_plan *plan = s->job->plan;
    SCP_TRY(s->impl->load(s->dev, &s->load));
    SCP_TRY(scp_plan_enqueue(plan, &s->state->now.step, true));
    SCP_TRY(s->impl->seed(s->dev, s->state, scp_plan_loss(plan), scp_plan_loss_grad(plan)));
    SCP_TRY(scp_plan_backward_telling(plan, &s->ready));
    return scp_average_join(s->average);
}

static scp_status enqueue_update(scp_stepper *s)
{
    return s->impl->update(s->dev, &s->update);
}

static scp_status direct_step(scp_stepper *s)
{
    SCP_TRY(enqueue_gradient(s));
    SCP_TRY(scp_average_finish(s->average));
    s->direct++;
    return enqueue_update(s);
}

static scp_status record_part(scp_stepper *s, bool gradient, bool update, scp_program **out)
{
    SCP_TRY(scp_capture_begin(s->dev));
    scp_status st = gradient ? enqueue_gradient(s) : SCP_OK;
    if (st == SCP_OK && update) st = enqueue_update(s);
    SCP_KEEP(st, scp_capture_end(s->dev, out));
    return st;
}

static scp_status record(scp_stepper *s)
{
    const bool apart = scp_average_waits(s->average);
    SCP_TRY(record_part(s, true, !apart, &s->step));
    if (apart) SCP_TRY(record_part(s, false, true, &s->end));
    scp_log(SCP_LOG_DEBUG, "%s: the step is recorded%s", s->job->stage,
            apart ? ", in two parts" : "");
    return SCP_OK;
}

static scp_status one_step(scp_stepper *s)
{
    if (!s->recording || !s->direct) return direct_step(s);
    if (!s->step) SCP_TRY(record(s));
    SCP_TRY(scp_program_launch(s->dev, s->step));
    if (s->end) {
        SCP_TRY(scp_average_finish(s->average));
        SCP_TRY(scp_program_launch(s->dev, s->end));
    }
    s->replayed++;
    return SCP_OK;
}

/* The slots of this run are free once the run before the last has ended. */
scp_status scp_stepper_run(scp_stepper *s, int64_t first, int64_t n)
{
    SCP_ARG(n > 0 && n <= SCP_STEPPER_MOST, "%lld steps at once", (long long)n);
    scp_event *done = s->done[s->runs % RUNS];
    if (s->runs >= RUNS) SCP_TRY(scp_comm_watch(s->job->comm, s->dev, done, "a training step"));
    for (int64_t i = 0; i < n; i++) SCP_TRY(write_record(s, first + i));
    SCP_TRY(send_records(s, n));
    for (int64_t i = 0; i < n; i++) SCP_TRY(one_step(s));
    s->runs++;
    return scp_event_record(s->dev, done, SCP_STREAM_MAIN);
}

scp_status scp_stepper_look(scp_stepper *s, scp_step_state *out)
{
    if (s->runs > 0)
        SCP_TRY(
            scp_comm_watch(s->job->comm, s->dev, s->done[(s->runs - 1) % RUNS], "a training step"));
    SCP_TRY(scp_device_sync(s->dev)); /* what kernels could not report comes here */
    return s->dev->backend->read(s->dev, out, s->state, sizeof *out);
}
