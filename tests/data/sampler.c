/* The sampler is a pure function of (seed, step): permutations, continuation, the bank. */
#include <string.h>

#include "data/sampler.h"
#include "tap.h"

enum { N = 103, B = 32, BANK = 200, NEG = 64 };

static void test_epochs(void)
{
    int32_t all[4 * N];
    scp_sampler_rows(7, N, 0, 4 * N, 0, 4 * N, all);
    bool whole = true, differ = false;
    for (int e = 0; e < 4; e++) {
        int seen[N] = { 0 };
        for (int i = 0; i < N; i++) seen[all[e * N + i]]++;
        for (int i = 0; i < N; i++) whole = whole && seen[i] == 1;
        differ = differ || memcmp(all, all + e * N, sizeof(int32_t) * N) != 0;
    }
    tap_ok(whole, "every epoch visits every row once");
    tap_ok(differ, "epochs are ordered differently");

    int32_t other[N];
    scp_sampler_rows(8, N, 0, N, 0, N, other);
    tap_ok(memcmp(all, other, sizeof other) != 0, "another seed gives another order");
}

static void test_batches(void)
{
    int32_t all[3 * B], part[B];
    scp_sampler_rows(7, N, 0, 3 * B, 0, 3 * B, all);
    scp_sampler_rows(7, N, 2, B, 0, B, part);
    tap_ok(memcmp(part, all + 2 * B, sizeof part) == 0, "step 2 is positions 2B .. 3B");
    int32_t split[B];
    for (int rank = 0; rank < 4; rank++)
        scp_sampler_rows(7, N, 2, B, (uint64_t)rank * B / 4, B / 4, split + rank * B / 4);
    tap_ok(memcmp(part, split, sizeof part) == 0, "4 ranks together draw the batch of 1 rank");

    int32_t tiny[10];
    scp_sampler_rows(7, 1, 5, 10, 0, 10, tiny);
    bool zero = true;
    for (int i = 0; i < 10; i++) zero = zero && tiny[i] == 0;
    tap_ok(zero, "one training row, batch of ten");
}

static void test_negatives(void)
{
    int32_t neg[NEG], whole[BANK], again[BANK], bank[BANK];
    int count_drawn[N] = { 0 }, count_bank[N] = { 0 };
    uint64_t step = 20; /* positions 440 .. 639 are the bank */
    scp_sampler_negatives(7, N, step, B, BANK, BANK, whole);
    scp_sampler_rows(7, N, 0, 1, step * B - BANK, BANK, bank);
    for (int i = 0; i < BANK; i++) {
        count_drawn[whole[i]]++;
        count_bank[bank[i]]++;
    }
    tap_ok(memcmp(count_drawn, count_bank, sizeof count_bank) == 0,
           "drawing the whole bank gives every position of it once");
    scp_sampler_negatives(7, N, step, B, BANK, NEG, neg);
    tap_ok(memcmp(neg, whole, sizeof neg) == 0, "fewer negatives are a prefix");
    scp_sampler_negatives(7, N, step + 1, B, BANK, BANK, again);
    tap_ok(memcmp(again, whole, sizeof again) != 0, "the next step draws others");

    scp_sampler_negatives(7, N, 0, B, BANK, NEG, neg);
    bool range = true, varied = false;
    for (int i = 0; i < NEG; i++) {
        range = range && neg[i] >= 0 && neg[i] < N;
        varied = varied || neg[i] != neg[0];
    }
    tap_ok(range && varied, "the bank is full at step 0");
}

int main(void)
{
    test_epochs();
    test_batches();
    test_negatives();
    return tap_done();
}
