/* Accumulators that threads share: every addend arrives, wherever its gene lies, and what no cell
 * has is known as such. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/team.h"
#include "data/bulk_pending.h"
#include "tap.h"

enum { G = 1003, HOT = 100, SLOTS = 3, THREADS = 4, CELLS = 600, GENES = 40, SILENT = 8 };

static scp_sums sums;
static int32_t place[G], all[G];
static int64_t cells[SLOTS];
static scp_pending *pending[THREADS];
static const uint8_t train[SLOTS] = { 0, 1, 1 };
static int64_t detected[G];

/* Columns of a cell, rising; the last SILENT places are never taken. */
static size_t columns_of(uint64_t cell, int32_t column[GENES], float count[GENES])
{
    size_t n = 0;
    for (int32_t g = 0; g < G && n < GENES; g++) {
        if (place[g] >= G - SILENT || scp_rng_u01(2, SCP_RNG_SYNTH, 0, cell, (uint32_t)g) > 0.05)
            continue;
        column[n] = g;
        count[n++] = (float)((cell + (uint64_t)g) % 90); /* 0, small counts and others */
    }
    return n;
}

static scp_status add_cells(void *ctx, int thread)
{
    (void)ctx;
    for (uint64_t i = (uint64_t)thread; i < CELLS; i += THREADS) {
        int32_t column[GENES];
        float count[GENES];
        size_t bad, n = columns_of(i, column, count), slot = i % SLOTS;
        scp_pending_cell c = { .slot = slot, .n = n, .column = column, .value = count };
        if (scp_count_library(count, n, &c.library, &bad) != SCP_VALUE_GOOD) abort();
        scp_pending_put(pending[thread], &sums, &c, cells);
        if (i % 97 == 0) scp_pending_flush(pending[thread], &sums, cells); /* sooner than it must */
    }
    scp_pending_flush(pending[thread], &sums, cells);
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
        uint64_t addend[GENES];
        bool empty;
        size_t bad, n = columns_of(i, column, count);
        if (scp_normalize_row(SCP_VALUES_COUNTS, count, n, addend, &empty, &bad) != SCP_VALUE_GOOD)
            abort();
        for (size_t k = 0; k < n; k++) want[i % SLOTS][column[k]] += (double)addend[k] * SCP_UNIT;
        for (size_t k = 0; k < n; k++) found[column[k]] += train[i % SLOTS] && count[k] > 0;
    }
    scp_sums_rows(&sums, 0, SLOTS, place, G, have);
    for (size_t s = 0; s < SLOTS; s++)
        sum = sum && memcmp(want[s], have + s * G, sizeof want[s]) == 0;
    for (size_t g = 0; g < G; g++) {
        counts = counts && detected[place[g]] == found[g];
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

/* A key of so many cells that the lower bits of its numbers are full twice. */
static void test_many(const scp_sums_order *order)
{
    enum { TIMES = 150000, AT_ONCE = 1000 };
    const int32_t where[] = { 3, HOT + 17 }; /* in a row, in a group */
    const uint32_t at[] = { 3, HOT + 17 };
    const uint64_t number[] = { scp_sums_number(scp_to_units(9.21)), scp_sums_number(1) };
    static int64_t seen[G];
    scp_sums many = { 0 };
    double have[2];
    tap_st(scp_sums_create(&many, order, train, SLOTS, 1), "accumulators for one thread");
    for (int i = 0; i < TIMES; i++) {
        if (i % AT_ONCE == 0) scp_sums_begin(&many, 1, AT_ONCE);
        scp_sums_add(&many, 1, at, number, 2);
        if ((i + 1) % AT_ONCE == 0) scp_sums_end(&many, 1);
    }
    scp_sums_rows(&many, 1, 1, where, 2, have);
    tap_st(scp_sums_detected(&many, 1, seen), "cells of a gene");
    tap_ok(have[0] == TIMES * (double)scp_to_units(9.21) * SCP_UNIT && have[1] == TIMES * SCP_UNIT,
           "%d addends of 9.21 and of one unit are summed exactly", TIMES);
    tap_ok(seen[3] == TIMES && seen[HOT + 17] == TIMES && seen[4] == 0,
           "and their cells are counted beyond 16 bits");
    tap_ok(many.most == scp_to_units(9.21), "the largest addend is known");
    tap_ok(scp_sums_in_range(many.most, 455000), "455,000 such cells would be within range");
    tap_ok(!scp_sums_in_range(many.most, 456000), "of 456,000 the sum may be too large");
    scp_sums_fini(&many);
}

int main(void)
{
    for (int32_t g = 0; g < G; g++) {
        place[g] = (int32_t)scp_rng_permute(1, SCP_RNG_SYNTH, 0, G, (uint64_t)g);
        all[g] = g;
    }
    const scp_sums_order order = { .G = G, .hot = HOT, .place = place };
    tap_st(scp_sums_create(&sums, &order, train, SLOTS, THREADS),
           "accumulators of %d genes, %d of them hot", G, HOT);
    for (int t = 0; t < THREADS; t++) {
        tap_st(scp_pending_create(G, THREADS, &pending[t]), "room for cells of thread %d", t);
        tap_st(scp_pending_begin(pending[t], SLOTS), "for %d slots", SLOTS);
    }
    tap_st(scp_team_run(THREADS, add_cells, NULL), "cells are added");
    for (int t = 0; t < THREADS; t++) scp_pending_destroy(&pending[t]);
    tap_st(scp_sums_detected(&sums, THREADS, detected), "cells of a gene, by %d threads", THREADS);
    test_sums();
    size_t touched = 0;
    for (size_t i = 0; i < sums.groups; i++) touched += sums.touched[i];
    tap_ok(touched > sums.groups / 2 && !sums.touched[sums.groups - 1],
           "groups that no cell has are known: %zu of %zu touched", touched, sums.groups);
    tap_ok(scp_sums_slot_bytes(G) * SLOTS >=
               (sums.stride + sums.groups * SCP_SUMS_GROUP) * 8 * SLOTS,
           "a slot takes no more than announced");
    scp_sums_fini(&sums);
    test_many(&order);
    return tap_done();
}
