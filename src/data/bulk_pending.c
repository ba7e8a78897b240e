/* Cells kept back and added slot by slot. */
#include "data/bulk_pending.h"

#include <string.h>

#include "base/mem.h"
#include "data/bulk_split.h"

/* Entries of some 10,000 of Tahoe's cells: several for each of the 755 to 5,000 keys of its plates.
 * Many threads of a rank share what eight have. Four counts of five are 1: they get two thirds of
 * the places, in half of the bytes. */
enum { MOST_ROOM = 1 << 23, LEAST_ROOM = 1 << 19, ALL_ROOM = 1 << 26, ONES = 2 };

/* A cell: ones, other small counts of hot genes, and so many other numbers. */
typedef struct kept {
    uint32_t slot, ones, n, others;
    size_t one, at, other; /* where they begin */
    double library;
} kept;

struct scp_pending {
    size_t slots;
    scp_split_fn *split;
    uint16_t *one;  /* [ONES most + SCP_SPLIT_MORE] places of counts of 1      */
    uint32_t *room; /* [most + SCP_SPLIT_MORE] entries of other small counts   */
    uint32_t *rest; /* [G + SCP_SPLIT_MORE] what is neither, of a cell in work */
    size_t ones, used, most;
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
    p->most_cells = p->most / 32; /* cells have some hundreds of entries, of which few are others */
    p->most_others = p->most / 4 > G ? p->most / 4 : G;
}

size_t scp_pending_bytes(size_t G, size_t slots, int threads)
{
    scp_pending p;
    set_limits(G, threads, &p);
    return sizeof p + (G + 3 * SCP_SPLIT_MORE) * sizeof *p.rest +
           p.most * (sizeof *p.room + ONES * sizeof *p.one) +
           p.most_cells * (sizeof *p.cell + sizeof *p.order) +
           p.most_others * (sizeof *p.place + sizeof *p.number) + (slots + 1) * sizeof *p.head;
}

scp_status scp_pending_create(size_t G, int threads, scp_pending **out)
{
    scp_status st = SCP_OK;
    SCP_ARG(out && threads >= 1, "a number of threads and a place for the result are required");
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    scp_pending *p = *out;
    set_limits(G, threads, p);
    p->split = scp_split_choose(false);
    SCP_GOTO(done, scp_alloc(ONES * p->most + SCP_SPLIT_MORE, sizeof *p->one, &p->one));
    SCP_GOTO(done, scp_alloc(p->most + SCP_SPLIT_MORE, sizeof *p->room, &p->room));
    SCP_GOTO(done, scp_alloc(G + SCP_SPLIT_MORE, sizeof *p->rest, &p->rest));
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
    free((*p)->one);
    free((*p)->room);
    free((*p)->rest);
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
    p->ones = p->used = p->cells = p->others = 0;
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

/* Ones and other small counts of hot genes go into lists; large counts and rare genes are few. */
static void keep_counts(scp_pending *p, const scp_sums *s, const scp_pending_cell *c, kept *k)
{
    scp_count_lists to = { .one = p->one + p->ones, .small = p->room + p->used, .rest = p->rest };
    p->split(s->near, c->column, c->value, c->n, &to);
    for (size_t i = 0; i < to.rests; i++) {
        size_t at = p->rest[i];
        keep_other(p, (uint32_t)s->order.place[c->column[at]],
                   scp_sums_number(scp_count_addend(c->library, (double)c->value[at])));
    }
    k->ones = (uint32_t)to.ones;
    k->n = (uint32_t)to.smalls;
}

static void keep_addends(scp_pending *p, const scp_sums *s, const scp_pending_cell *c)
{
    for (size_t i = 0; i < c->n; i++)
        keep_other(p, (uint32_t)s->order.place[c->column[i]], scp_sums_number(c->addend[i]));
}

void scp_pending_put(scp_pending *p, scp_sums *s, const scp_pending_cell *c, int64_t *slot_cells)
{
    if (p->cells == p->most_cells || ONES * p->most - p->ones < c->n || p->most - p->used < c->n ||
        p->most_others - p->others < c->n)
        scp_pending_flush(p, s, slot_cells);
    kept k = { .slot = (uint32_t)c->slot,
               .one = p->ones,
               .at = p->used,
               .other = p->others,
               .library = c->library };
    if (c->addend)
        keep_addends(p, s, c);
    else
        keep_counts(p, s, c, &k);
    k.others = (uint32_t)(p->others - k.other);
    p->ones += k.ones;
    p->used += k.n;
    p->cell[p->cells++] = k;
}

/* ---- adding ---- */

/* The beginning of a cell; the rest comes by itself. */
static void expect(const scp_pending *p, const kept *k)
{
    enum { LINES = 6, LINE = 64 };
    for (size_t i = 0; i < LINES; i++) {
        __builtin_prefetch((const char *)(p->one + k->one) + i * LINE);
        __builtin_prefetch((const char *)(p->room + k->at) + i * LINE);
    }
}

static void add_cell(const scp_pending *p, scp_sums *s, const kept *k)
{
    scp_small_counts counts = { .library = k->library };
    scp_sums_add_ones(s, k->slot, p->one + k->one, k->ones, &counts);
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
    p->cells = p->ones = p->used = p->others = 0;
}
