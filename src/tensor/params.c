/* The parameter store, see params.h. */
#include "tensor/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "tensor/half.h"

struct scp_params {
    scp_device *dev;
    uint64_t seed;
    scp_names *names;
    scp_param_info *info;
    size_t n, cap;
    size_t trainable, total, weights;
    bool finalized;
    bool fixed; /* no arena but W */
    void *arena[SCP_ARENA_COUNT];
    uint8_t *decay_mask;
    void *half;
    scp_dtype half_type;
};

scp_status scp_params_create(scp_device *dev, uint64_t seed, scp_params **out)
{
    scp_params *p = NULL;
    SCP_ARG(dev && out, "device and result are required");
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    scp_status st = scp_names_create(&p->names);
    if (st != SCP_OK) {
        free(p);
        return st;
    }
    p->dev = dev;
    p->seed = seed;
    *out = p;
    return SCP_OK;
}

scp_status scp_params_create_fixed(scp_device *dev, uint64_t seed, scp_params **out)
{
    SCP_TRY(scp_params_create(dev, seed, out));
    (*out)->fixed = true;
    return SCP_OK;
}

void scp_params_destroy(scp_params **pp)
{
    if (!pp || !*pp) return;
    scp_params *p = *pp;
    for (int a = 0; a < SCP_ARENA_COUNT; a++) scp_device_release(p->dev, p->arena[a]);
    scp_device_release(p->dev, p->decay_mask);
    scp_device_release(p->dev, p->half);
    for (size_t i = 0; i < p->n; i++) free(p->info[i].name);
    free(p->info);
    scp_names_destroy(&p->names);
    free(p);
    *pp = NULL;
}

static scp_status check_known(const scp_param_info *have, const scp_shape *shape, bool state)
{
    if (have->state != state || !scp_shape_equal(&have->shape, shape))
        SCP_FAIL(SCP_ESHAPE, "parameter '%s' is asked for with another shape than it has",
                 have->name);
    return SCP_OK;
}

scp_status scp_params_add(scp_params *p, const char *name, const scp_shape *shape, scp_init init,
                          bool state, size_t *index)
{
    int64_t known = scp_names_find(p->names, name);
    if (known >= 0) {
        *index = (size_t)known;
        return check_known(&p->info[known], shape, state);
    }
    if (p->finalized)
        SCP_FAIL(SCP_EINTERNAL,
                 "parameter '%s' is new, but the store is final: build the graph that "
                 "creates it first",
                 name);
    SCP_TRY(scp_grow(&p->info, &p->cap, p->n + 1, sizeof *p->info));
    scp_param_info *info = &p->info[p->n];
    *info = (scp_param_info){ .shape = *shape,
                              .init = init,
                              .state = state,
                              .decay = shape->n >= 2,
                              .count = (size_t)scp_shape_count(shape) };
    SCP_TRY(scp_strdup(name, &info->name));
    SCP_TRY(scp_names_add(p->names, name, index));
    p->n++;
    return SCP_OK;
}

/* Element i of an initial tensor is a function of (seed, name, i) alone. */
static scp_status initialise(scp_params *p, const scp_param_info *info)
{
    enum { PART = 1024 };
    double part[PART];
    uint64_t stream = scp_hash_text(info->name, 0);
    for (size_t first = 0; first < info->count; first += PART) {
        size_t n = info->count - first < PART ? info->count - first : PART;
        uint64_t block = first / PART;
        if (info->init.kind == SCP_INIT_NORMAL)
            scp_rng_fill_normal(p->seed, SCP_RNG_INIT, block, stream, n, part);
        else if (info->init.kind == SCP_INIT_UNIFORM)
            scp_rng_fill_u01(p->seed, SCP_RNG_INIT, block, stream, 0, n, part);
        for (size_t i = 0; i < n; i++) {
            if (info->init.kind == SCP_INIT_NORMAL)
                part[i] *= info->init.a;
            else if (info->init.kind == SCP_INIT_UNIFORM)
                part[i] = info->init.a * (2 * part[i] - 1);
            else
                part[i] = info->init.a;
        }
        SCP_TRY(scp_params_write_f64(p, SCP_ARENA_W, info->offset + first, n, part));
        if (!p->fixed)
            SCP_TRY(scp_params_write_f64(p, SCP_ARENA_EMA, info->offset + first, n, part));
    }
    return SCP_OK;
}

/* The next offset at which vectors of 16 bytes may begin, in fp32 and in half. */
static size_t aligned(size_t at)
{
    return (at + SCP_PARAM_ALIGN - 1) / SCP_PARAM_ALIGN * SCP_PARAM_ALIGN;
}

static void assign_offsets(scp_params *p)
{
    size_t at = 0;
    for (int state = 0; state < 2; state++) {
        for (size_t i = 0; i < p->n; i++) {
            if (p->info[i].state != state) continue;
            p->info[i].offset = at;
            at = aligned(at + p->info[i].count);
            if (!state) p->weights += p->info[i].count;
        }
        if (!state) p->trainable = at;
    }
    p->total = at;
}

static scp_status make_decay_mask(scp_params *p)
{
    uint8_t *host = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(p->trainable, 1, &host));
    for (size_t i = 0; i < p->n; i++)
        if (!p->info[i].state && p->info[i].decay)
            memset(host + p->info[i].offset, 1, p->info[i].count);
    SCP_GOTO(done, scp_device_alloc(p->dev, p->trainable + 1, (void **)&p->decay_mask));
    SCP_GOTO(done, p->dev->backend->write(p->dev, p->decay_mask, host, p->trainable));
done:
    free(host);
    return st;
}

scp_status scp_params_finalize(scp_params *p)
{
    if (p->finalized) return SCP_OK;
    assign_offsets(p);
    for (int a = 0; a < (p->fixed ? SCP_ARENA_W + 1 : SCP_ARENA_COUNT); a++) {
        size_t n = a == SCP_ARENA_W || a == SCP_ARENA_EMA ? p->total : p->trainable;
        SCP_TRY(scp_device_alloc(p->dev, scp_device_bytes(p->dev, SCP_REAL, n + 1), &p->arena[a]));
    }
    if (!p->fixed) SCP_TRY(make_decay_mask(p));
    p->finalized = true;
    for (size_t i = 0; i < p->n; i++) SCP_TRY(initialise(p, &p->info[i]));
    return SCP_OK;
}

size_t scp_params_count(const scp_params *p)
{
    return p->n;
}

const scp_param_info *scp_params_info(const scp_params *p, size_t index)
{
    return &p->info[index];
}

int64_t scp_params_find(const scp_params *p, const char *name)
{
    return scp_names_find(p->names, name);
}

size_t scp_params_trainable(const scp_params *p)
{
    return p->trainable;
}

size_t scp_params_weights(const scp_params *p)
{
    return p->weights;
}

size_t scp_params_total(const scp_params *p)
{
    return p->total;
}

scp_device *scp_params_device(const scp_params *p)
{
    return p->dev;
}

const uint8_t *scp_params_decay_mask(const scp_params *p)
{
    return p->decay_mask;
}

void *scp_params_arena(const scp_params *p, scp_arena a)
{
    return p->arena[a];
}

scp_status scp_params_half(scp_params *p, scp_dtype type, void **half)
{
    SCP_ARG(p->finalized && (!p->half || p->half_type == type), "a store has halves of one type");
    *half = p->half;
    if (p->half) return SCP_OK;
    size_t bytes =
        scp_device_bytes(p->dev, p->dev->backend->host ? SCP_REAL : type, p->trainable + 1);
    SCP_TRY(scp_device_alloc(p->dev, bytes, &p->half));
    p->half_type = type;
    *half = p->half;
    return scp_params_half_refresh(p);
}

/* By way of the host: this is done when a run starts, and never in a step. */
scp_status scp_params_half_refresh(scp_params *p)
{
    enum { PART = 4096 };
    float part[PART];
    uint16_t bits[PART];
    const bool emulate = p->dev->backend->host;
    if (!p->half) return SCP_OK;
    for (size_t first = 0; first < p->trainable; first += PART) {
        size_t n = p->trainable - first < PART ? p->trainable - first : PART;
        scp_dtype type = emulate ? SCP_REAL : p->half_type;
        char *to = (char *)p->half + scp_device_bytes(p->dev, type, first);
        SCP_TRY(scp_params_read_f32(p, SCP_ARENA_W, first, n, part));
        if (emulate) {
            scp_half_round(p->half_type, part, sizeof part[0], n);
            SCP_TRY(scp_device_write_f32(p->dev, to, part, n));
            continue;
        }
        for (size_t i = 0; i < n; i++) bits[i] = scp_half_bits(p->half_type, part[i]);
        SCP_TRY(p->dev->backend->write(p->dev, to, bits, n * sizeof bits[0]));
    }
    return SCP_OK;
}

void scp_params_swap_ema(scp_params *p)
{
    void *w = p->arena[SCP_ARENA_W];
    p->arena[SCP_ARENA_W] = p->arena[SCP_ARENA_EMA];
    p->arena[SCP_ARENA_EMA] = w;
}

static void *at(const scp_params *p, scp_arena a, size_t offset)
{
    return (char *)p->arena[a] + scp_device_bytes(p->dev, SCP_REAL, offset);
}

scp_status scp_params_read_f64(const scp_params *p, scp_arena a, size_t offset, size_t n,
                               double *host)
{
    return scp_device_read_f64(p->dev, host, at(p, a, offset), n);
}

scp_status scp_params_write_f64(scp_params *p, scp_arena a, size_t offset, size_t n,
                                const double *host)
{
    return scp_device_write_f64(p->dev, at(p, a, offset), host, n);
}

scp_status scp_params_read_f32(const scp_params *p, scp_arena a, size_t offset, size_t n,
                               float *host)
{
    return scp_device_read_f32(p->dev, host, at(p, a, offset), n);
}

scp_status scp_params_write_f32(scp_params *p, scp_arena a, size_t offset, size_t n,
                                const float *host)
{
    return scp_device_write_f32(p->dev, at(p, a, offset), host, n);
}

scp_status scp_params_start(scp_params *p, const char *name, const double *value, size_t n)
{
    int64_t index = scp_params_find(p, name);
    SCP_ARG(index >= 0 && scp_params_info(p, (size_t)index)->count == n,
            "there is no parameter %s of %zu values", name, n);
    size_t offset = scp_params_info(p, (size_t)index)->offset;
    SCP_TRY(scp_params_write_f64(p, SCP_ARENA_W, offset, n, value));
    if (p->fixed) return SCP_OK;
    return scp_params_write_f64(p, SCP_ARENA_EMA, offset, n, value);
}
