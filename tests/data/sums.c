/* Accumulators that threads share: every addend arrives, wherever its gene lies, and what no cell
 * has is known as such. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/team.h"
#include "data/bulk_sums.h"
#include "tap.h"

enum { G = 1003, HOT = 100, SLOTS = 3, THREADS = 4, CELLS = 600, GENES = 40, SILENT = 8 };

static scp_sums sums;
static int32_t place[G], all[G];
static int64_t cells[SLOTS];
static uint32_t detected[THREADS][G];

/* Columns of a cell, rising; the last SILENT places are never taken. */
static size_t columns_of(uint64_t cell, int32_t column[GENES], float count[GENES])
{
    size_t n = 0;
    for (int32_t g = 0; g < G && n < GENES; g++) {
        if (place[g] >= G - SILENT || scp_rng_u01(2, SCP_RNG_SYNTH, 0, cell, (uint32_t)g) > 0.05)
            continue;
        column[n] = g;
        count[n++] = (float)(1 + (cell + (uint64_t)g) % 50); /* small counts and others */
    }
    return n;
}

static scp_status add_cells(void *ctx, int thread)
{
    (void)ctx;
    for (uint64_t i = (uint64_t)thread; i < CELLS; i += THREADS) {
        int32_t column[GENES], where[GENES];
        float count[GENES];
        scp_count_scale scale;
        size_t bad, n = columns_of(i, column, count), slot = i % SLOTS;
        if (scp_count_scale_set(&scale, count, n, &bad) != SCP_VALUE_GOOD) abort();
        scp_sums_places(&sums, slot, column, n, where);
        const scp_sums_cell c = { .slot = slot,
                                  .n = n,
                                  .place = where,
                                  .count = count,
                                  .scale = &scale,
                                  .detected = detected[thread],
                                  .step = slot != 0 };
        scp_sums_add(&sums, &c, &cells[slot]);
    }
    return SCP_OK;
}

static void test_sums(void)
{
    static double want[SLOTS][G], have[SLOTS * G];
    static int64_t found[G];
    bool sum = true, counts = true;
    for (uint64_t i = 0; i < CELLS; i++) {
        int32_t column[GENES];
        float count[GENES];
        double addend[GENES];
        bool empty;
        size_t bad, n = columns_of(i, column, count);
        if (scp_normalize_row(SCP_VALUES_COUNTS, count, n, addend, &empty, &bad) != SCP_VALUE_GOOD)
            abort();
        for (size_t k = 0; k < n; k++) want[i % SLOTS][column[k]] += addend[k];
        for (size_t k = 0; k < n; k++) found[column[k]] += i % SLOTS != 0;
    }
    scp_sums_rows(&sums, 0, SLOTS, place, G, have);
    for (size_t s = 0; s < SLOTS; s++)
        sum = sum && memcmp(want[s], have + s * G, sizeof want[s]) == 0;
    for (size_t g = 0; g < G; g++) {
        int64_t n = 0;
        for (int t = 0; t < THREADS; t++) n += detected[t][place[g]];
        counts = counts && n == found[g];
    }
    tap_ok(sum, "sums of %d threads are those of one, bit for bit", THREADS);
    tap_ok(counts, "and so are the cells of a gene, without those of slots that do not count");
    tap_ok(cells[0] == CELLS / SLOTS && cells[2] == CELLS / SLOTS, "every slot counts its cells");
    scp_sums_rows(&sums, 1, 1, all, G, have);
    bool placed = true;
    for (size_t g = 0; g < G; g++)
        placed = placed && memcmp(&have[place[g]], &want[1][g], sizeof(double)) == 0;
    tap_ok(placed, "rows come in the order that is asked for");
}

int main(void)
{
    for (int32_t g = 0; g < G; g++) {
        place[g] = (int32_t)scp_rng_permute(1, SCP_RNG_SYNTH, 0, G, (uint64_t)g);
        all[g] = g;
    }
    const scp_sums_order order = { .G = G, .hot = HOT, .place = place };
    tap_st(scp_sums_create(&sums, &order, SLOTS), "accumulators of %d genes, %d of them hot", G,
           HOT);
    tap_st(scp_team_run(THREADS, add_cells, NULL), "cells are added");
    test_sums();
    size_t touched = 0;
    for (size_t i = 0; i < sums.groups; i++) touched += sums.touched[i];
    tap_ok(touched > sums.groups / 2 && !sums.touched[sums.groups - 1],
           "groups that no cell has are known: %zu of %zu touched", touched, sums.groups);
    tap_ok(scp_sums_slot_bytes(G) * SLOTS >=
               (sums.stride + sums.groups * SCP_SUMS_GROUP) * 8 * SLOTS,
           "a slot takes no more than announced");
    scp_sums_fini(&sums);
    return tap_done();
}
