/* Cells kept back: more than there is room for, of more genes than 16 bits number, and more of a
 * slot than the lower bits of its numbers count, by two threads. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/team.h"
#include "data/bulk_pending.h"
#include "data/bulk_split.h"
#include "tap.h"

enum {
    G = 70000,
    HOT = 66000, /* more than a near place numbers */
    SLOTS = 2,
    THREADS = 2,
    CELLS = 90000, /* of a thread, and of a slot */
    GENES = 8,
    MANY = 200 /* threads that are told: little room for each */
};

static const uint8_t train[SLOTS] = { 0, 1 };
static scp_sums sums;
static scp_pending *pending[THREADS];
static int32_t place[G];
static int64_t cells[SLOTS];
static bool logged; /* values that are normalised already */

/* A cell of GENES genes, rising, one of them in common with all others. */
static void make_cell(uint64_t cell, int32_t column[GENES], float value[GENES])
{
    for (int32_t i = 0; i < GENES; i++) {
        uint64_t r = scp_rng_permute(4, SCP_RNG_SYNTH, 0, G / GENES,
                                     (cell * GENES + (uint64_t)i) % (G / GENES));
        column[i] = i == 0 ? 0 : i * (G / GENES) + (int32_t)r;
        value[i] = logged ? (float)(cell % 7) / 4 : (float)((cell + (uint64_t)i) % 70);
    }
}

static scp_status add_cells(void *ctx, int thread)
{
    (void)ctx;
    for (uint64_t i = 0; i < CELLS; i++) {
        int32_t column[GENES];
        float value[GENES];
        uint64_t addend[GENES];
        bool empty;
        size_t bad;
        scp_pending_cell c = { .slot = i % SLOTS, .n = GENES, .column = column, .value = value };
        make_cell(i * THREADS + (uint64_t)thread, column, value);
        if (logged) {
            (void)scp_normalize_row(SCP_VALUES_LOG, value, GENES, addend, &empty, &bad);
            c.addend = addend;
        } else {
            (void)scp_count_library(value, GENES, &c.library, &bad);
        }
        scp_pending_put(pending[thread], &sums, &c, cells);
    }
    return SCP_OK;
}

/* Sums and cells of all genes, one by one. */
static void expect(uint64_t *want, int64_t *found)
{
    for (uint64_t i = 0; i < (uint64_t)CELLS * THREADS; i++) {
        int32_t column[GENES];
        float value[GENES];
        uint64_t addend[GENES];
        bool empty;
        size_t bad, slot = i / THREADS % SLOTS;
        make_cell(i, column, value);
        (void)scp_normalize_row(logged ? SCP_VALUES_LOG : SCP_VALUES_COUNTS, value, GENES, addend,
                                &empty, &bad);
        for (int k = 0; k < GENES; k++) {
            want[slot * G + (size_t)column[k]] += addend[k];
            found[column[k]] += train[slot] && value[k] > 0;
        }
    }
}

static void test(const char *kind)
{
    static uint64_t want[SLOTS * G];
    static int64_t found[G], detected[G];
    static double have[SLOTS * G];
    const scp_sums_order order = { .G = G, .hot = HOT, .place = place };
    memset(want, 0, sizeof want);
    memset(found, 0, sizeof found);
    memset(detected, 0, sizeof detected);
    memset(cells, 0, sizeof cells);
    expect(want, found);
    tap_st(scp_sums_create(&sums, &order, train, SLOTS, THREADS), "accumulators");
    for (int t = 0; t < THREADS; t++) tap_st(scp_pending_begin(pending[t], SLOTS), "ready");
    tap_st(scp_team_run(THREADS, add_cells, NULL), "%s: %d cells", kind, CELLS * THREADS);
    tap_ok(cells[0] > 0 && cells[1] > 0, "%s: a full room is emptied: %lld cells are added", kind,
           (long long)(cells[0] + cells[1]));
    for (int t = 0; t < THREADS; t++) scp_pending_flush(pending[t], &sums, cells);
    tap_ok(cells[0] == CELLS && cells[1] == CELLS, "%s: then the rest", kind);
    scp_sums_rows(&sums, 0, SLOTS, place, G, have);
    bool same = true, counted = true;
    for (size_t i = 0; i < SLOTS * G; i++) same = same && have[i] == (double)want[i] * SCP_UNIT;
    tap_ok(same, "%s: every sum is right", kind);
    tap_st(scp_sums_detected(&sums, THREADS, detected), "cells of every gene");
    for (size_t g = 0; g < G; g++) counted = counted && detected[place[g]] == found[g];
    tap_ok(counted && detected[place[0]] > UINT16_MAX,
           "%s: and right, beyond 16 bits, without those that do not count", kind);
    scp_sums_fini(&sums);
}

/* Cells of any length, with counts of every kind, of genes that are near and not: the fast way
 * gives what the plain one does, behind what the lists have already. */
static void test_split(void)
{
    enum { MOST = 200, ROOM = MOST + 3 + SCP_SPLIT_MORE, NEAR = 500 };
    static const float counts[] = { 1, 1, 1, 2, 7, 62, 63, 64, 65, 1000, 4194304, 0 };
    static uint16_t near[NEAR + 1], one[2][ROOM];
    static uint32_t small[2][ROOM], rest[2][ROOM];
    bool same = true;
    size_t kept = 0, others = 0;
    if (scp_split_choose(true) == scp_split_choose(false)) {
        tap_skip("this machine has no AVX-512", "both ways alike");
        return;
    }
    for (uint32_t g = 0; g < NEAR; g++) near[g] = g % 11 == 3 ? SCP_NOT_NEAR : (uint16_t)(g * 131);
    for (uint64_t n = 0; n <= MOST; n++) {
        int32_t column[MOST];
        float value[MOST];
        scp_count_lists to[2];
        for (uint32_t i = 0; i < n; i++) {
            column[i] = (int32_t)(scp_rng_below(5, SCP_RNG_SYNTH, n, 0, i, NEAR));
            value[i] =
                counts[scp_rng_below(5, SCP_RNG_SYNTH, n, 1, i, sizeof counts / sizeof *counts)];
        }
        for (int k = 0; k < 2; k++) {
            to[k] = (scp_count_lists){ one[k], small[k], rest[k], 1, 2, 3 };
            scp_split_choose(k == 0)(near, column, value, n, &to[k]);
        }
        same = same && to[0].ones == to[1].ones && to[0].smalls == to[1].smalls &&
               to[0].rests == to[1].rests &&
               memcmp(one[0] + 1, one[1] + 1, (to[0].ones - 1) * sizeof **one) == 0 &&
               memcmp(small[0] + 2, small[1] + 2, (to[0].smalls - 2) * sizeof **small) == 0 &&
               memcmp(rest[0] + 3, rest[1] + 3, (to[0].rests - 3) * sizeof **rest) == 0;
        kept += to[0].ones - 1 + to[0].smalls - 2;
        others += to[0].rests - 3;
    }
    tap_ok(same && kept > others && others > 0, "%zu counts are kept, %zu others: both ways alike",
           kept, others);
}

/* One cell against lists made by hand, by each way and behind what the lists have already. */
static void test_lists(bool plain)
{
    enum { N = 7, ROOM = N + 1 + SCP_SPLIT_MORE };
    static const uint16_t near[] = { 10, 20, SCP_NOT_NEAR, 40, 0 };
    static const int32_t column[N] = { 0, 2, 1, 3, 0, 1, 3 };
    static const float value[N] = { 1, 1, 63, 64, 2, 0, 1 };
    uint16_t one[ROOM] = { 7 };
    uint32_t small[ROOM] = { 8 }, rest[ROOM] = { 9 };
    scp_count_lists to = { one, small, rest, 1, 1, 1 };
    const char *way = plain ? "the plain way" : "the fastest way";
    scp_split_choose(plain)(near, column, value, N, &to);
    tap_ok(to.ones == 3 && one[0] == 7 && one[1] == 10 && one[2] == 40, "%s: counts of 1", way);
    tap_ok(to.smalls == 3 && small[0] == 8 && small[1] == (20 << 8 | 63) &&
               small[2] == (10 << 8 | 2),
           "%s: other small counts", way);
    tap_ok(to.rests == 3 && rest[0] == 9 && rest[1] == 1 && rest[2] == 3,
           "%s: a gene that is not near, and a large count", way);
}

int main(void)
{
    test_lists(true);
    test_lists(false);
    test_split();
    for (int32_t g = 0; g < G; g++)
        place[g] = (int32_t)scp_rng_permute(1, SCP_RNG_SYNTH, 0, G, (uint64_t)g);
    for (int t = 0; t < THREADS; t++)
        tap_st(scp_pending_create(G, MANY, &pending[t]), "room for thread %d", t);
    tap_ok(scp_pending_bytes(G, SLOTS, MANY) < scp_pending_bytes(G, SLOTS, 8),
           "many threads have less room each");
    test("counts");
    logged = true;
    test("logs");
    for (int t = 0; t < THREADS; t++) scp_pending_destroy(&pending[t]);
    return tap_done();
}
