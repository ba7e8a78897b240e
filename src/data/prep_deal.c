/* From the keys of cells to their slots. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/team.h"
#include "data/prep_plan.h"

enum { DEAL_CELLS = 1 << 18 }; /* cells dealt at a time */

/* Cells on their way from keys to slots, for a team. */
typedef struct dealing {
    const scp_prep_plan *plan;
    int64_t *seen;    /* [keys] cells that came before */
    uint32_t **words; /* [keys] of the permutation of a held-out key, from its first cell on */
    int32_t *cell;    /* [n] key of a cell, then its slot */
    int64_t *order;   /* [n] place of a cell among those of its held-out key; -1: it has its slot */
    size_t n, threads;
} dealing;

static scp_status prepare_key(dealing *d, int32_t key)
{
    const scp_prep_plan *p = d->plan;
    const uint64_t n = (uint64_t)p->keys.cells[key];
    SCP_TRY(scp_alloc(scp_rng_permute_words(n), sizeof **d->words, &d->words[key]));
    scp_rng_permute_prepare((uint64_t)p->set->seed, SCP_RNG_BOOTSTRAP,
                            scp_key_hash(&p->keys, &p->keys.key[key]), n, d->words[key]);
    return SCP_OK;
}

/* What depends on the cells before: the order, and slots of keys that have one. */
static scp_status number_cells(dealing *d)
{
    const scp_prep_plan *p = d->plan;
    for (size_t i = 0; i < d->n; i++) {
        int32_t key = d->cell[i], profile = key < 0 ? -1 : p->pairing.key_profile[key];
        const int32_t *slot = p->bulk.first_slot + (profile < 0 ? 0 : profile);
        d->order[i] = -1;
        if (profile < 0 || slot[1] - slot[0] == 1) {
            d->cell[i] = profile < 0 ? -1 : slot[0];
            continue;
        }
        if (d->seen[key] == 0) SCP_TRY(prepare_key(d, key));
        d->order[i] = d->seen[key]++;
    }
    return SCP_OK;
}

static scp_status deal_cells(void *ctx, int thread)
{
    const dealing *d = ctx;
    const scp_prep_plan *p = d->plan;
    const size_t t = (size_t)thread;
    for (size_t i = d->n * t / d->threads; i < d->n * (t + 1) / d->threads; i++) {
        if (d->order[i] < 0) continue;
        const int32_t key = d->cell[i];
        const int32_t *slot = p->bulk.first_slot + p->pairing.key_profile[key];
        uint64_t at = scp_rng_permute_with(d->words[key], (uint64_t)p->keys.cells[key],
                                           (uint64_t)d->order[i]);
        d->cell[i] = slot[0] + (int32_t)(at % (uint64_t)(slot[1] - slot[0]));
    }
    return SCP_OK;
}

scp_status scp_prep_plan_deal(scp_prep_plan *p)
{
    SCP_ARG(p && p->bulk.first_slot, "a plan with slots is required");
    scp_keys *k = &p->keys;
    scp_status st = SCP_OK;
    dealing d = { .plan = p, .threads = (size_t)p->bulk.threads };
    SCP_GOTO(done, scp_alloc(k->n, sizeof *d.seen, &d.seen));
    SCP_GOTO(done, scp_alloc(k->n, sizeof *d.words, &d.words));
    SCP_GOTO(done, scp_alloc(DEAL_CELLS, sizeof *d.order, &d.order));
    for (size_t f = 0; f < k->n_files; f++)
        for (size_t at = 0; at < k->file_cells[f]; at += d.n) {
            size_t left = k->file_cells[f] - at;
            d.n = left < DEAL_CELLS ? left : DEAL_CELLS;
            d.cell = k->cell_key[f] + at;
            SCP_GOTO(done, number_cells(&d));
            SCP_GOTO(done, scp_team_run(p->bulk.threads, deal_cells, &d));
        }
    p->bulk.cell_slot = k->cell_key;
    p->bulk.file_cells = k->file_cells;
    k->cell_key = NULL;
    k->file_cells = NULL;
done:
    free(d.seen);
    for (size_t i = 0; d.words && i < k->n; i++) free(d.words[i]);
    free(d.words);
    free(d.order);
    return st;
}
