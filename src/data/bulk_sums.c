/* Accumulators in two parts: rows of frequent genes, groups of rare ones. */
#include "data/bulk_sums.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "base/machine.h"
#include "base/mem.h"
#include "base/team.h"

enum { SPINS = 1000 }; /* tries before the processor is given to another thread */

#define COUNT ((UINT64_C(1) << SCP_SUMS_COUNT) - 1) /* the lower bits of a number */

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

size_t scp_sums_slot_bytes(size_t G)
{
    return (round_up(G, SCP_SUMS_GROUP) + SCP_SUMS_GROUP) * sizeof(uint64_t) + sizeof(uint8_t) +
           sizeof(uint16_t);
}

/* Zeroed pages, given when they are first touched. Large ones are not asked for: a cell visits few
 * pages of its row, since frequent genes lie together, and adding 12,000 cells to 8,000 slots took
 * 14 us a cell with either size, but 1.4 GB of first touches 1.0 s in small pages and 3.6 s in
 * large ones (a virtual machine). */
static scp_status map_pages(size_t n, uint64_t **out)
{
    const size_t bytes = n * sizeof **out;
    if (n == 0) return SCP_OK;
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

static void unmap_pages(uint64_t *p, size_t n)
{
    if (p) munmap(p, n * sizeof *p);
}

static size_t hot_numbers(const scp_sums *s)
{
    return s->slots * s->stride;
}

static size_t cold_numbers(const scp_sums *s)
{
    return s->groups * s->slots * SCP_SUMS_GROUP;
}

/* Pages of hot rows, for a team. */
typedef struct touching {
    scp_sums *sums;
    size_t threads;
} touching;

static scp_status touch(void *ctx, int thread)
{
    const touching *t = ctx;
    size_t n = hot_numbers(t->sums), k = (size_t)thread;
    size_t begin = n * k / t->threads, end = n * (k + 1) / t->threads;
    memset(t->sums->hot + begin, 0, (end - begin) * sizeof *t->sums->hot);
    return SCP_OK;
}

scp_status scp_sums_create(scp_sums *s, const scp_sums_order *order, const uint8_t *train,
                           size_t slots, int threads)
{
    SCP_ARG(s && order && order->hot <= order->G, "sums and an order of genes are required");
    scp_status st = SCP_OK;
    *s = (scp_sums){ .order = *order, .slots = slots, .train = train };
    s->stride = round_up(order->hot, SCP_SUMS_GROUP);
    s->groups = round_up(order->G - order->hot, SCP_SUMS_GROUP) / SCP_SUMS_GROUP;
    SCP_GOTO(done, scp_alloc(s->groups, 1, &s->touched));
    SCP_GOTO(done, scp_alloc(slots, 1, &s->lock));
    SCP_GOTO(done, scp_alloc(slots, sizeof *s->counted, &s->counted));
    SCP_GOTO(done, scp_alloc(order->G, sizeof *s->detected, &s->detected));
    SCP_GOTO(done, scp_alloc(order->G + 1, sizeof *s->near, &s->near));
    for (size_t g = 0; g < order->G; g++) {
        bool near = (size_t)order->place[g] < order->hot && order->place[g] < SCP_NOT_NEAR;
        s->near[g] = near ? (uint16_t)order->place[g] : SCP_NOT_NEAR;
    }
    SCP_GOTO(done, map_pages(hot_numbers(s), &s->hot));
    SCP_GOTO(done, map_pages(cold_numbers(s), &s->cold));
    if (s->hot) SCP_GOTO(done, scp_team_run(threads, touch, &(touching){ s, (size_t)threads }));
done:
    if (st != SCP_OK) scp_sums_fini(s);
    return st;
}

void scp_sums_fini(scp_sums *s)
{
    if (!s) return;
    unmap_pages(s->hot, hot_numbers(s));
    unmap_pages(s->cold, cold_numbers(s));
    free(s->near);
    free(s->touched);
    free(s->lock);
    free(s->counted);
    free(s->detected);
    *s = (scp_sums){ 0 };
}

static size_t cold_at(const scp_sums *s, size_t slot, size_t place)
{
    size_t at = place - s->order.hot;
    return (at / SCP_SUMS_GROUP * s->slots + slot) * SCP_SUMS_GROUP + at % SCP_SUMS_GROUP;
}

/* ---- cells that had a gene ---- */

static uint64_t *number_of(const scp_sums *s, size_t slot, size_t at)
{
    return at < s->order.hot ? s->hot + slot * s->stride + at : s->cold + cold_at(s, slot, at);
}

bool scp_sums_has(const scp_sums *s, size_t place)
{
    return place < s->order.hot ||
           __atomic_load_n(&s->touched[(place - s->order.hot) / SCP_SUMS_GROUP], __ATOMIC_RELAXED);
}

/* Take the lower bits of a slot out, for they are full. With its lock. */
static void relieve(scp_sums *s, size_t slot)
{
    for (size_t at = 0; at < s->order.G; at++) {
        if (!scp_sums_has(s, at)) continue;
        uint64_t *number = number_of(s, slot, at);
        if (s->train[slot])
            __atomic_fetch_add(&s->detected[at], (int64_t)(*number & COUNT), __ATOMIC_RELAXED);
        *number &= ~COUNT;
    }
    s->counted[slot] = 0;
}

/* Lower bits of n numbers that lie together. */
SCP_ANY_MACHINE
static void add_counts(const uint64_t *number, size_t n, int64_t *to)
{
    for (size_t i = 0; i < n; i++) to[i] += (int64_t)(number[i] & COUNT);
}

/* Places [begin, end) of the hot ones, of all slots; groups likewise. */
static void detected_hot(const scp_sums *s, size_t begin, size_t end, int64_t *detected)
{
    for (size_t slot = 0; slot < s->slots; slot++)
        if (s->train[slot])
            add_counts(s->hot + slot * s->stride + begin, end - begin, detected + begin);
}

static void detected_cold(const scp_sums *s, size_t begin, size_t end, int64_t *detected)
{
    for (size_t g = begin; g < end; g++) {
        size_t first = s->order.hot + g * SCP_SUMS_GROUP, left = s->order.G - first;
        if (!s->touched[g]) continue;
        for (size_t slot = 0; slot < s->slots; slot++)
            if (s->train[slot])
                add_counts(s->cold + (g * s->slots + slot) * SCP_SUMS_GROUP,
                           left < SCP_SUMS_GROUP ? left : SCP_SUMS_GROUP, detected + first);
    }
}

typedef struct detecting {
    const scp_sums *sums;
    size_t threads;
    int64_t *detected;
} detecting;

static scp_status detect(void *ctx, int thread)
{
    const detecting *d = ctx;
    const size_t hot = d->sums->order.hot, groups = d->sums->groups, t = (size_t)thread;
    detected_hot(d->sums, hot * t / d->threads, hot * (t + 1) / d->threads, d->detected);
    detected_cold(d->sums, groups * t / d->threads, groups * (t + 1) / d->threads, d->detected);
    return SCP_OK;
}

scp_status scp_sums_detected(const scp_sums *s, int threads, int64_t *detected)
{
    detecting d = { s, (size_t)threads, detected };
    for (size_t at = 0; at < s->order.G; at++) detected[at] += s->detected[at];
    return scp_team_run(threads, detect, &d);
}

/* ---- adding ---- */

void scp_sums_begin(scp_sums *s, size_t slot, size_t cells)
{
    uint8_t *lock = &s->lock[slot];
    for (int tries = 0; __atomic_test_and_set(lock, __ATOMIC_ACQUIRE); tries++)
        if (tries >= SPINS) {
            tries = 0;
            sched_yield();
        }
    if (s->counted[slot] + cells > COUNT) relieve(s, slot);
    s->counted[slot] = (uint16_t)(s->counted[slot] + cells);
}

void scp_sums_end(scp_sums *s, size_t slot)
{
    __atomic_clear(&s->lock[slot], __ATOMIC_RELEASE);
}

static void keep_most(scp_sums *s, uint64_t number)
{
    uint64_t most = __atomic_load_n(&s->most, __ATOMIC_RELAXED), units = number >> SCP_SUMS_COUNT;
    while (units > most && !__atomic_compare_exchange_n(&s->most, &most, units, true,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

void scp_sums_add(scp_sums *s, size_t slot, const uint32_t *place, const uint64_t *number, size_t n)
{
    uint64_t most = 0;
    for (size_t i = 0; i < n; i++) {
        *number_of(s, slot, place[i]) += number[i];
        if (number[i] > most) most = number[i];
        if (!scp_sums_has(s, place[i]))
            __atomic_store_n(&s->touched[(place[i] - s->order.hot) / SCP_SUMS_GROUP], 1,
                             __ATOMIC_RELAXED);
    }
    keep_most(s, most);
}

static __attribute__((noinline)) uint64_t new_number(scp_sums *s, scp_small_counts *c, uint32_t k)
{
    c->number[k] = scp_sums_number(scp_count_addend(c->library, k));
    keep_most(s, c->number[k]);
    return c->number[k];
}

static inline void add_entry(scp_sums *s, uint64_t *row, uint32_t entry, scp_small_counts *c)
{
    uint32_t count = entry & (SCP_SMALL_COUNTS - 1);
    uint64_t number = c->number[count];
    if (__builtin_expect(number == 0, 0)) number = new_number(s, c, count);
    row[entry >> SCP_ENTRY_PLACE] += number;
}

/* A row is longer than the first cache: what is stored to must be there in time, since stores wait
 * for each other. */
void scp_sums_add_ones(scp_sums *s, size_t slot, const uint16_t *place, size_t n,
                       scp_small_counts *counts)
{
    enum { AHEAD = 32 }; /* entries */
    uint64_t *row = s->hot + slot * s->stride;
    if (n == 0) return;
    const uint64_t number = new_number(s, counts, 1);
    size_t ahead = n > AHEAD ? n - AHEAD : 0;
    for (size_t i = 0; i < ahead; i++) {
        __builtin_prefetch(row + place[i + AHEAD], 1);
        row[place[i]] += number;
    }
    for (size_t i = ahead; i < n; i++) row[place[i]] += number;
}

void scp_sums_add_counts(scp_sums *s, size_t slot, const uint32_t *entry, size_t n,
                         scp_small_counts *counts)
{
    enum { AHEAD = 32 }; /* entries */
    uint64_t *row = s->hot + slot * s->stride;
    size_t ahead = n > AHEAD ? n - AHEAD : 0;
    for (size_t i = 0; i < ahead; i++) {
        __builtin_prefetch(row + (entry[i + AHEAD] >> SCP_ENTRY_PLACE), 1);
        add_entry(s, row, entry[i], counts);
    }
    for (size_t i = ahead; i < n; i++) add_entry(s, row, entry[i], counts);
}

/* ---- results ---- */

bool scp_sums_in_range(uint64_t most, int64_t cells)
{
    const uint64_t limit = UINT64_C(1) << (64 - SCP_SUMS_COUNT);
    return most == 0 || (uint64_t)cells < limit / most;
}

/* Rows are read in the order of the columns, that is here and there, so each is asked for while
 * the one before it is read. */
void scp_sums_rows(const scp_sums *s, size_t first, size_t n, const int32_t *place, size_t K,
                   double *out)
{
    for (size_t i = 0; i < n; i++) {
        const size_t slot = first + i, next = i + 1 < n ? slot + 1 : slot;
        const uint64_t *ahead = s->hot + next * s->stride;
        for (size_t k = 0; k < K; k++) {
            uint64_t number = place[k] < 0 ? 0 : *number_of(s, slot, (size_t)place[k]);
            out[i * K + k] = (double)(number >> SCP_SUMS_COUNT) * SCP_UNIT;
            if (k < s->stride && k % SCP_SUMS_GROUP == 0) __builtin_prefetch(ahead + k);
        }
    }
}
