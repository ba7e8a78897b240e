/* Accumulators in two parts: rows of frequent genes, groups of rare ones. */
#include "data/bulk_sums.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum { SPINS = 1000 }; /* tries before the processor is given to another thread */

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

size_t scp_sums_slot_bytes(size_t G)
{
    return (round_up(G, SCP_SUMS_GROUP) + SCP_SUMS_GROUP) * sizeof(double) + sizeof(uint8_t);
}

/* Zeroed pages, given when they are first touched. Large ones are not asked for: a cell visits few
 * pages of its row, since frequent genes lie together, and adding 12,000 cells to 8,000 slots took
 * 14 us a cell with either size, but 1.4 GB of first touches 1.0 s in small pages and 3.6 s in
 * large ones (a virtual machine). */
static scp_status map_pages(size_t bytes, double **out)
{
    *out = NULL;
    if (bytes == 0) return SCP_OK;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED)
        SCP_FAIL(SCP_ENOMEM,
                 "cannot allocate %zu MiB for sums: %s (give less with --memory, the plates are "
                 "then read in more parts)",
                 bytes >> 20, strerror(errno));
    *out = p;
    return SCP_OK;
}

static size_t hot_bytes(const scp_sums *s)
{
    return s->slots * s->stride * sizeof(double);
}

static size_t cold_bytes(const scp_sums *s)
{
    return s->groups * s->slots * SCP_SUMS_GROUP * sizeof(double);
}

scp_status scp_sums_create(scp_sums *s, const scp_sums_order *order, size_t slots)
{
    SCP_ARG(s && order && order->hot <= order->G, "sums and an order of genes are required");
    scp_status st = SCP_OK;
    *s = (scp_sums){ .order = *order, .slots = slots };
    s->stride = round_up(order->hot, SCP_SUMS_GROUP);
    s->groups = round_up(order->G - order->hot, SCP_SUMS_GROUP) / SCP_SUMS_GROUP;
    SCP_GOTO(done, scp_alloc(s->groups, 1, &s->touched));
    SCP_GOTO(done, scp_alloc(slots, 1, &s->lock));
    SCP_GOTO(done, map_pages(hot_bytes(s), &s->hot));
    SCP_GOTO(done, map_pages(cold_bytes(s), &s->cold));
done:
    if (st != SCP_OK) scp_sums_fini(s);
    return st;
}

void scp_sums_fini(scp_sums *s)
{
    if (!s) return;
    if (s->hot) munmap(s->hot, hot_bytes(s));
    if (s->cold) munmap(s->cold, cold_bytes(s));
    free(s->touched);
    free(s->lock);
    *s = (scp_sums){ 0 };
}

static size_t cold_at(const scp_sums *s, size_t slot, size_t place)
{
    size_t at = place - s->order.hot;
    return (at / SCP_SUMS_GROUP * s->slots + slot) * SCP_SUMS_GROUP + at % SCP_SUMS_GROUP;
}

void scp_sums_places(const scp_sums *s, size_t slot, const int32_t *column, size_t n,
                     int32_t *place)
{
    const double *row = s->hot + slot * s->stride;
    const int32_t *of = s->order.place;
    size_t hot = s->order.hot;
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)of[column[i]];
        place[i] = (int32_t)at;
        __builtin_prefetch(at < hot ? row + at : s->cold + cold_at(s, slot, at), 1);
    }
}

static void lock_slot(uint8_t *lock)
{
    for (int tries = 0; __atomic_test_and_set(lock, __ATOMIC_ACQUIRE); tries++)
        if (tries >= SPINS) {
            tries = 0;
            sched_yield();
        }
}

static void add_cold(scp_sums *s, size_t slot, size_t at, double addend)
{
    s->cold[cold_at(s, slot, at)] += addend;
    __atomic_store_n(&s->touched[(at - s->order.hot) / SCP_SUMS_GROUP], 1, __ATOMIC_RELAXED);
}

/* The time goes into waiting for memory, so logs and counters are done in its shadow. */
static void add_counts(scp_sums *s, const scp_sums_cell *c)
{
    double *row = s->hot + c->slot * s->stride;
    size_t hot = s->order.hot;
    uint32_t *detected = c->detected, step = c->step;
    for (size_t i = 0; i < c->n; i++) {
        size_t at = (size_t)c->place[i];
        double addend = scp_count_addend(c->scale, c->count[i]);
        detected[at] += addend > 0 ? step : 0;
        if (__builtin_expect(at < hot, 1))
            row[at] += addend;
        else
            add_cold(s, c->slot, at, addend);
    }
}

static void add_values(scp_sums *s, const scp_sums_cell *c)
{
    double *row = s->hot + c->slot * s->stride;
    for (size_t i = 0; i < c->n; i++) {
        size_t at = (size_t)c->place[i];
        c->detected[at] += c->addend[i] > 0 ? c->step : 0;
        if (at < s->order.hot)
            row[at] += c->addend[i];
        else
            add_cold(s, c->slot, at, c->addend[i]);
    }
}

void scp_sums_add(scp_sums *s, const scp_sums_cell *c, int64_t *cells)
{
    lock_slot(&s->lock[c->slot]);
    if (c->addend)
        add_values(s, c);
    else
        add_counts(s, c);
    ++*cells;
    __atomic_clear(&s->lock[c->slot], __ATOMIC_RELEASE);
}

void scp_sums_rows(const scp_sums *s, size_t first, size_t n, const int32_t *place, size_t K,
                   double *out)
{
    for (size_t i = 0; i < n; i++) {
        const double *row = s->hot + (first + i) * s->stride;
        for (size_t k = 0; k < K; k++) {
            size_t at = (size_t)place[k];
            out[i * K + k] = at < s->order.hot ? row[at] : s->cold[cold_at(s, first + i, at)];
        }
    }
}
