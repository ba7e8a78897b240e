/* See deferred.h. */
#include "dev/deferred.h"

#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu_ops.h"
#include "backend/host.h"
#include "base/mem.h"
#include "tensor/step.h"

typedef enum kind { FORWARD, BACKWARD, ZERO, COPY, LOAD, SEED, UPDATE, RECORD, FOLLOW } kind;

typedef struct item {
    kind kind;
    scp_stream stream;
    const scp_op_impl *impl;
    scp_call call;
    void *dst;
    const void *src;
    size_t bytes;
    scp_step_ring ring;
    scp_update update;
    scp_event *event;
    long generation;
} item;

typedef struct list {
    item *v;
    size_t n, cap, head;
} list;

struct scp_event {
    long recorded, done;
};

struct scp_program {
    list items;
};

struct deferred {
    scp_device dev;
    deferred_order order;
    list queue[SCP_STREAM_COUNT];
    list captured;
    bool capturing;
    long calls, replayed;
};

static deferred *of(const scp_device *dev)
{
    return dev->impl;
}

static scp_status append(list *l, const item *i)
{
    SCP_TRY(scp_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v));
    l->v[l->n++] = *i;
    return SCP_OK;
}

/* An event is recorded again each time that its item is enqueued, and a wait is for the newest. */
static scp_status enqueue(deferred *d, item i)
{
    if (i.kind == RECORD) i.generation = ++i.event->recorded;
    if (i.kind == FOLLOW) i.generation = i.event->recorded;
    d->calls++;
    return append(&d->queue[i.stream], &i);
}

static scp_status put(scp_device *dev, const item *i)
{
    deferred *d = of(dev);
    return d->capturing ? append(&d->captured, i) : enqueue(d, *i);
}

static const scp_backend *cpu_backend; /* what opening "cpu" gives */

static scp_status run(const item *i)
{
    scp_device cpu = { .backend = cpu_backend };
    scp_call c = i->call;
    c.dev = &cpu;
    switch (i->kind) {
    case FORWARD:
        return i->impl->fwd(&c);
    case BACKWARD:
        return i->impl->bwd(&c);
    case ZERO:
        memset(i->dst, 0, i->bytes);
        return SCP_OK;
    case COPY:
        memcpy(i->dst, i->src, i->bytes);
        return SCP_OK;
    case LOAD:
        return scp_host_step.load(&cpu, &i->ring);
    case SEED:
        return scp_host_step.seed(&cpu, i->ring.state, i->src, i->dst);
    case UPDATE:
        return scp_host_step.update(&cpu, &i->update);
    case RECORD:
        i->event->done = i->generation;
        return SCP_OK;
    case FOLLOW:
        break;
    }
    return SCP_OK;
}

/* Run what one stream can. *moved is set when it ran anything. */
static scp_status advance(list *q, bool *moved)
{
    while (q->head < q->n) {
        const item *i = &q->v[q->head];
        if (i->kind == FOLLOW && i->event->done < i->generation) return SCP_OK;
        SCP_TRY(run(i));
        q->head++;
        *moved = true;
    }
    q->head = q->n = 0;
    return SCP_OK;
}

static scp_status flush(deferred *d)
{
    const int first = d->order == DEFERRED_MAIN_FIRST ? 0 : 1;
    SCP_ARG(!d->capturing, "the host waited for the device during a capture");
    for (bool moved = true; moved;) {
        moved = false;
        SCP_TRY(advance(&d->queue[first], &moved));
        SCP_TRY(advance(&d->queue[!first], &moved));
    }
    SCP_ARG(!d->queue[0].n && !d->queue[1].n, "the streams wait for each other");
    return SCP_OK;
}

static scp_status enqueue_forward(const scp_call *c)
{
    item i = { .kind = FORWARD, .call = *c };
    for (size_t k = 0; k < cpu_backend->n_ops; k++)
        if (cpu_backend->ops[k]->op == c->node->op) i.impl = cpu_backend->ops[k];
    return put(c->dev, &i);
}

static scp_status enqueue_backward(const scp_call *c)
{
    item i = { .kind = BACKWARD, .call = *c };
    for (size_t k = 0; k < cpu_backend->n_ops; k++)
        if (cpu_backend->ops[k]->op == c->node->op) i.impl = cpu_backend->ops[k];
    return put(c->dev, &i);
}

static scp_status load(scp_device *dev, const scp_step_ring *r)
{
    return put(dev, &(item){ .kind = LOAD, .ring = *r });
}

static scp_status seed(scp_device *dev, const scp_step_state *s, const void *loss, void *loss_grad)
{
    return put(dev, &(item){ .kind = SEED,
                             .ring.state = (scp_step_state *)(uintptr_t)s,
                             .src = loss,
                             .dst = loss_grad });
}

static scp_status update(scp_device *dev, const scp_update *u)
{
    return put(dev, &(item){ .kind = UPDATE, .update = *u });
}

static scp_status alloc(scp_device *dev, size_t bytes, void **out)
{
    SCP_ARG(!of(dev)->capturing, "memory was taken during a capture");
    return scp_host_alloc(dev, bytes, out);
}

static scp_status write_now(scp_device *dev, void *dst, const void *host, size_t bytes)
{
    SCP_TRY(flush(of(dev)));
    return scp_host_write(dev, dst, host, bytes);
}

static scp_status read_now(scp_device *dev, void *host, const void *src, size_t bytes)
{
    SCP_TRY(flush(of(dev)));
    return scp_host_read(dev, host, src, bytes);
}

static scp_status zero(scp_device *dev, void *dst, size_t bytes)
{
    return put(dev, &(item){ .kind = ZERO, .dst = dst, .bytes = bytes });
}

static scp_status sync(scp_device *dev)
{
    return flush(of(dev));
}

static scp_status copy(scp_device *dev, scp_stream s, scp_copy way, void *dst, const void *src,
                       size_t bytes)
{
    (void)way;
    return put(dev, &(item){ .kind = COPY, .stream = s, .dst = dst, .src = src, .bytes = bytes });
}

static scp_status event_create(scp_device *dev, scp_event **out)
{
    (void)dev;
    return scp_alloc(1, sizeof **out, out);
}

static void event_destroy(scp_device *dev, scp_event *e)
{
    (void)flush(of(dev));
    free(e);
}

static scp_status event_record(scp_device *dev, scp_event *e, scp_stream s)
{
    return put(dev, &(item){ .kind = RECORD, .stream = s, .event = e });
}

static scp_status event_follow(scp_device *dev, scp_stream s, scp_event *e)
{
    return put(dev, &(item){ .kind = FOLLOW, .stream = s, .event = e });
}

static scp_status event_done(scp_device *dev, scp_event *e, bool *done)
{
    SCP_TRY(flush(of(dev)));
    *done = e->done >= e->recorded;
    return SCP_OK;
}

static scp_status capture_begin(scp_device *dev)
{
    of(dev)->capturing = true;
    of(dev)->captured = (list){ 0 };
    return SCP_OK;
}

static scp_status capture_end(scp_device *dev, scp_program **out)
{
    of(dev)->capturing = false;
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    (*out)->items = of(dev)->captured;
    return SCP_OK;
}

static scp_status launch(scp_device *dev, scp_program *p)
{
    for (size_t i = 0; i < p->items.n; i++) SCP_TRY(enqueue(of(dev), p->items.v[i]));
    of(dev)->replayed += (long)p->items.n;
    return SCP_OK;
}

static void program_destroy(scp_device *dev, scp_program *p)
{
    (void)flush(of(dev));
    free(p->items.v);
    free(p);
}

static size_t program_calls(const scp_program *p)
{
    return p->items.n;
}

static scp_status native(scp_device *dev, scp_stream s, void **stream)
{
    (void)dev, (void)s;
    *stream = NULL;
    return SCP_OK;
}

static const scp_async async = { .pin = scp_host_alloc,
                                 .unpin = scp_host_release,
                                 .copy = copy,
                                 .event_create = event_create,
                                 .event_destroy = event_destroy,
                                 .event_record = event_record,
                                 .event_follow = event_follow,
                                 .event_done = event_done,
                                 .capture_begin = capture_begin,
                                 .capture_end = capture_end,
                                 .launch = launch,
                                 .program_destroy = program_destroy,
                                 .program_calls = program_calls,
                                 .native = native };
static const scp_step_impl step = { .load = load, .seed = seed, .update = update };

static scp_op_impl own_op[SCP_OP_COUNT];
static const scp_op_impl *own_ops[SCP_OP_COUNT];
static scp_backend backend = { .name = "deferred",
                               .real_size = sizeof(float),
                               .available = scp_host_available,
                               .alloc = alloc,
                               .release = scp_host_release,
                               .write = write_now,
                               .read = read_now,
                               .zero = zero,
                               .sync = sync,
                               .ops = own_ops,
                               .step = &step,
                               .async = &async };

scp_status deferred_open(deferred_order order, deferred **out, scp_device **dev)
{
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    SCP_TRY(scp_cpu_best(&cpu_backend));
    backend.optim = cpu_backend->optim;
    backend.n_ops = cpu_backend->n_ops;
    for (size_t k = 0; k < cpu_backend->n_ops; k++) {
        const scp_op_impl *cpu = cpu_backend->ops[k];
        own_op[k] = (scp_op_impl){ .op = cpu->op,
                                   .fwd = enqueue_forward,
                                   .bwd = cpu->bwd ? enqueue_backward : NULL };
        own_ops[k] = &own_op[k];
    }
    (*out)->order = order;
    (*out)->dev = (scp_device){ .backend = &backend, .impl = *out };
    *dev = &(*out)->dev;
    return SCP_OK;
}

void deferred_close(deferred **d)
{
    if (!*d) return;
    for (int s = 0; s < SCP_STREAM_COUNT; s++) free((*d)->queue[s].v);
    free(*d);
    *d = NULL;
}

long deferred_calls(const deferred *d)
{
    return d->calls;
}

long deferred_replayed(const deferred *d)
{
    return d->replayed;
}
