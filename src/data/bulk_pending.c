/* Cells kept back and added slot by slot. */
#include "data/bulk_pending.h"

#include <string.h>

#include "base/mem.h"

/* Room for the entries of some 10,000 of Tahoe's cells: several for each of the 755 to 5,000 keys of
 * its plates. */
enum { ROOM = 1 << 24 };

/* A cell: n small counts of hot genes, and so many other numbers. */
typedef struct kept {
    uint32_t slot, n, others;
    size_t at, other; /* where they begin, in room and among the others */
    double library;
} kept;

struct scp_pending {
    size_t G, slots, size, used; /* size: words of room */
    uint32_t *room;
    kept *cell;
    size_t cells, cap_cells;
    uint32_t *order, *head; /* [cap_order] cells by slot; [slots + 1] where those of a slot begin */
    size_t cap_order;
    uint32_t *place; /* [cap_others] of the others, kept until the next flush */
    uint64_t *number;
    size_t others, cap_place, cap_number;
};

static size_t room_of(size_t G)
{
    return G > ROOM ? G : ROOM;
}

size_t scp_pending_bytes(size_t G, size_t slots)
{
    /* others are a small part of the entries, and cells have some hundreds */
    return room_of(G) * sizeof(uint32_t) +
           room_of(G) / 64 * (sizeof(kept) + 2 * sizeof(uint32_t) + sizeof(uint64_t)) +
           (slots + 1) * sizeof(uint32_t);
}

scp_status scp_pending_create(size_t G, scp_pending **out)
{
    scp_status st = SCP_OK;
    SCP_ARG(out, "a place for the result is required");
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    scp_pending *p = *out;
    p->G = G;
    p->size = room_of(G);
    SCP_GOTO(done, scp_alloc(p->size, sizeof *p->room, &p->room));
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

/* Room for n more others. */
static scp_status grow_others(scp_pending *p, size_t n)
{
    SCP_TRY(scp_grow(&p->place, &p->cap_place, p->others + n, sizeof *p->place));
    return scp_grow(&p->number, &p->cap_number, p->others + n, sizeof *p->number);
}

static void keep_other(scp_pending *p, uint32_t place, uint64_t number)
{
    p->place[p->others] = place;
    p->number[p->others++] = number;
}

/* Small counts of hot genes go into entries; large counts and rare genes are few. */
static scp_status keep_counts(scp_pending *p, const scp_sums *s, const scp_pending_cell *c, kept *k)
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
        if (__builtin_expect((count - 1 < SCP_SMALL_COUNTS - 1) & (at != SCP_NOT_NEAR), 1)) {
            entry[n++] = at << SCP_ENTRY_PLACE | count;
        } else if (count > 0) {
            if (p->others == p->cap_number) SCP_TRY(grow_others(p, 1));
            keep_other(p, (uint32_t)s->order.place[column[i]],
                       scp_sums_number(scp_count_addend(c->library, (double)value[i])));
        }
    }
    k->n = (uint32_t)n;
    return SCP_OK;
}

static scp_status keep_addends(scp_pending *p, const scp_sums_order *o, const scp_pending_cell *c)
{
    SCP_TRY(grow_others(p, c->n));
    for (size_t i = 0; i < c->n; i++)
        keep_other(p, (uint32_t)o->place[c->column[i]], scp_sums_number(c->addend[i]));
    return SCP_OK;
}

scp_status scp_pending_put(scp_pending *p, scp_sums *s, const scp_pending_cell *c,
                           int64_t *slot_cells)
{
    if (p->size - p->used < c->n) scp_pending_flush(p, s, slot_cells);
    SCP_TRY(scp_grow(&p->cell, &p->cap_cells, p->cells + 1, sizeof *p->cell));
    SCP_TRY(scp_grow(&p->order, &p->cap_order, p->cells + 1, sizeof *p->order));
    kept k = {
        .slot = (uint32_t)c->slot, .at = p->used, .other = p->others, .library = c->library
    };
    SCP_TRY(c->addend ? keep_addends(p, &s->order, c) : keep_counts(p, s, c, &k));
    k.others = (uint32_t)(p->others - k.other);
    p->used += k.n + k.others; /* others need room, too */
    p->cell[p->cells++] = k;
    return SCP_OK;
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
