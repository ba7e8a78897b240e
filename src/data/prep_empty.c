/* Keys of which no cell has a molecule: they have no mean, and a shard cannot have them.
 *
 * Where X is stored by rows, the row starts tell before anything is read which cells have no entry.
 * By columns or dense, nothing but reading it all tells; and an entry may be stored that is 0. So
 * there are two looks, before and after. */
#include <stdlib.h>

#include "base/mem.h"
#include "data/prep_plan.h"
#include "io/h5ad.h"

enum { BLOCK = 1 << 16 }; /* row starts at a time */

/* Mark the slots of cells that may have a molecule. */
static scp_status mark_cells(const scp_prep_plan *p, size_t file, scp_h5ad *f, uint8_t *filled)
{
    scp_status st = SCP_OK;
    int64_t *start = NULL;
    const int32_t *slot = p->bulk.cell_slot[file];
    size_t n = p->bulk.file_cells[file];
    bool rows = scp_h5ad_matrix_kind(f) == SCP_H5AD_CSR;
    SCP_GOTO(done, scp_alloc(BLOCK + 1, sizeof *start, &start));
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t some = n - at < BLOCK ? n - at : BLOCK;
        if (rows) SCP_GOTO(done, scp_h5ad_row_starts(f, at, some, start));
        for (size_t i = 0; i < some; i++)
            if (slot[at + i] >= 0 && (!rows || start[i + 1] > start[i])) filled[slot[at + i]] = 1;
    }
done:
    free(start);
    return st;
}

static scp_status empty_key(const scp_prep_plan *p, size_t profile)
{
    char text[1024];
    SCP_FAIL(
        SCP_EDATA,
        "no cell of key %s has any count: leave the key out with a larger --min-cells, or its "
        "cells with --qc-column and --qc-value",
        scp_key_text(&p->keys, &p->keys.key[p->pairing.profile_key[profile]], text, sizeof text));
}

scp_status scp_prep_plan_check_filled(scp_prep_plan *p)
{
    SCP_ARG(p && p->bulk.first_slot, "a plan with slots is required");
    scp_status st = SCP_OK;
    const scp_bulk_plan *b = &p->bulk;
    scp_h5ad *f = NULL;
    uint8_t *filled = NULL;
    if (b->values != SCP_VALUES_COUNTS) return SCP_OK; /* zeros are values then */
    SCP_TRY(scp_alloc((size_t)b->first_slot[b->P], 1, &filled));
    for (size_t i = 0; i < p->n_files; i++) {
        SCP_GOTO(done, scp_prep_plan_file(p, i, &f));
        SCP_GOTO(done, mark_cells(p, i, f, filled));
    }
    for (size_t i = 0; i < b->P; i++) {
        bool some = false;
        for (int32_t s = b->first_slot[i]; s < b->first_slot[i + 1]; s++) some |= filled[s] != 0;
        if (!some) SCP_GOTO(done, empty_key(p, i));
    }
done:
    free(filled);
    return st;
}

scp_status scp_prep_plan_check_cells(const scp_prep_plan *p, const int64_t *slot_cells)
{
    SCP_ARG(p && slot_cells, "a plan and the cells of its slots are required");
    const scp_bulk_plan *b = &p->bulk;
    for (size_t i = 0; i < b->P; i++) {
        int64_t cells = 0;
        for (int32_t s = b->first_slot[i]; s < b->first_slot[i + 1]; s++) cells += slot_cells[s];
        if (cells == 0) SCP_TRY(empty_key(p, i));
    }
    return SCP_OK;
}
