/* Cells kept back and added slot by slot. */
#include "data/bulk_pending.h"

#include <string.h>

#include "base/mem.h"

/* Entries of some 10,000 of Tahoe's cells: several for each of the 755 to 5,000 keys of its plates.
 * Many threads of a rank share what eight have. */
enum { MOST_ROOM = 1 << 24, LEAST_ROOM = 1 << 20, ALL_ROOM = 1 << 27 };

/* A cell: n small counts of hot genes, and so many other numbers. */
typedef struct kept {
    uint32_t slot, n, others;
    size_t at, other; /* where they begin, in room and among the others */
    double library;
} kept;

struct scp_pending {
    size_t slots;
    uint32_t *room; /* [most] entries */
    size_t used, most;
    kept *cell;             /* [most_cells] */
    uint32_t *order, *head; /* [most_cells] cells by slot; [slots + 1] where a slot's begin */
    size_t cells, most_cells;
    uint32_t *place;  /* [most_others] */
    uint64_t *number; /* the same      */
    size_t others, most_others;
};

static void set_limits(size_t G, int threads, scp_pending *p)
{
    size_t share = (size_t)ALL_ROOM / (size_t)threads;
    p->most = share > MOST_ROOM ? MOST_ROOM : share < LEAST_ROOM ? LEAST_ROOM : share;
    if (p->most < G) p->most = G;
    p->most_cells = p->most / 64; /* cells have some hundreds of entries, of which few are others */
    p->most_others = p->most / 8 > G ? p->most / 8 : G;
}

size_t scp_pending_bytes(size_t G, size_t slots, int threads)
{
    scp_pending p;
    set_limits(G, threads, &p);
    return sizeof p + p.most * sizeof *p.room + p.most_cells * (sizeof *p.cell + sizeof *p.order) +
           p.most_others * (sizeof *p.place + sizeof *p.number) + (slots + 1) * sizeof *p.head;
}

scp_status scp_pending_create(size_t G, int threads, scp_pending **out)
{
    scp_status st = SCP_OK;
    SCP_ARG(out && threads >= 1, "a number of threads and a place for the result are required");
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    scp_pending *p = *out;
    set_limits(G, threads, p);
    SCP_GOTO(done, scp_alloc(p->most, sizeof *p->room, &p->room));
    SCP_GOTO(done, scp_alloc(p->most_cells, sizeof *p->cell, &p->cell));
    SCP_GOTO(done, scp_alloc(p->most_cells, sizeof *p->order, &p->order));
    SCP_GOTO(done, scp_alloc(p->most_others, sizeof *p->place, &p->place));
    SCP_GOTO(done, scp_alloc(p->most_others, sizeof *p->number, &p->number));
done:
    if (st != SCP_OK) scp_pending_destroy(out);
    return st;
}

void scp_pending_destroy(scp_pending **p)
{
    if (!p || !*p) return;
    free((*p)->room);
    free((*p)->cell);
    free((*p)->order);
    free((*p)->head);
    free((*p)->place);
    free((*p)->number);
    free(*p);
    *p = NULL;
}

scp_status scp_pending_begin(scp_pending *p, size_t slots)
{
    p->used = p->cells = p->others = 0;
    free(p->head);
    p->head = NULL;
    SCP_TRY(scp_alloc(slots + 1, sizeof *p->head, &p->head));
    p->slots = slots;
    return SCP_OK;
}

/* ---- keeping ---- */

static void keep_other(scp_pending *p, uint32_t place, uint64_t number)
{
    p->place[p->others] = place;
    p->number[p->others++] = number;
}

/* Small counts of hot genes go into entries; large counts and rare genes are few. n of them. */
static uint32_t keep_counts(scp_pending *p, const scp_sums *s, const scp_pending_cell *c)
{
    enum { AHEAD = 64, LINE = 16 }; /* entries */
    const size_t cells = c->n;
    const int32_t *const column = c->column;
    const uint16_t *const near = s->near;
    const float *const value = c->value;
    uint32_t *const entry = p->room + p->used;
    size_t n = 0;
    for (size_t i = 0; i < cells; i++) {
        uint32_t at = near[column[i]], count = (uint32_t)(int32_t)value[i];
        if (i % LINE == 0) __builtin_prefetch(entry + n + AHEAD, 1);
        if (__builtin_expect((count - 1 < SCP_SMALL_COUNTS - 1) & (at != SCP_NOT_NEAR), 1))
            entry[n++] = at << SCP_ENTRY_PLACE | count;
        else if (count > 0)
            keep_other(p, (uint32_t)s->order.place[column[i]],
                       scp_sums_number(scp_count_addend(c->library, (double)value[i])));
    }
    return (uint32_t)n;
}

static void keep_addends(scp_pending *p, const scp_sums *s, const scp_pending_cell *c)
{
    for (size_t i = 0; i < c->n; i++)
        keep_other(p, (uint32_t)s->order.place[c->column[i]], scp_sums_number(c->addend[i]));
}

void scp_pending_put(scp_pending *p, scp_sums *s, const scp_pending_cell *c, int64_t *slot_cells)
{
    if (p->cells == p->most_cells || p->most - p->used < c->n || p->most_others - p->others < c->n)
        scp_pending_flush(p, s, slot_cells);
    kept k = {
        .slot = (uint32_t)c->slot, .at = p->used, .other = p->others, .library = c->library
    };
    if (c->addend)
        keep_addends(p, s, c);
    else
        k.n = keep_counts(p, s, c);
    k.others = (uint32_t)(p->others - k.other);
    p->used += k.n;
    p->cell[p->cells++] = k;
}

/* ---- adding ---- */

/* The beginning of a cell; the rest comes by itself. */
static void expect(const scp_pending *p, const kept *k)
{
    enum { LINES = 8, LINE = 16 };
    for (size_t i = 0; i < LINES; i++) __builtin_prefetch(p->room + k->at + i * LINE);
}

static void add_cell(const scp_pending *p, scp_sums *s, const kept *k)
{
    scp_small_counts counts = { .library = k->library };
    scp_sums_add_counts(s, k->slot, p->room + k->at, k->n, &counts);
    scp_sums_add(s, k->slot, p->place + k->other, p->number + k->other, k->others);
}

void scp_pending_flush(scp_pending *p, scp_sums *s, int64_t *slot_cells)
{
    memset(p->head, 0, (p->slots + 1) * sizeof *p->head);
    for (size_t i = 0; i < p->cells; i++) p->head[p->cell[i].slot + 1]++;
    for (size_t i = 0; i < p->slots; i++) p->head[i + 1] += p->head[i];
    for (size_t i = 0; i < p->cells; i++) p->order[p->head[p->cell[i].slot]++] = (uint32_t)i;
    for (size_t i = 0; i < p->cells;) {
        const size_t slot = p->cell[p->order[i]].slot, first = i;
        while (i < p->cells && i - first < UINT16_MAX && p->cell[p->order[i]].slot == slot) i++;
        scp_sums_begin(s, slot, i - first);
        for (size_t k = first; k < i; k++) {
            if (k + 1 < p->cells) expect(p, &p->cell[p->order[k + 1]]);
            add_cell(p, s, &p->cell[p->order[k]]);
        }
        slot_cells[slot] += (int64_t)(i - first);
        scp_sums_end(s, slot);
    }
    p->cells = p->used = p->others = 0;
}
