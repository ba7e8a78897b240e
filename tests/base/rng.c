/* Philox against the known answers of Random123 (tests/kat_vectors), and what the draws built
 * on it promise. */
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static void known_answers(void)
{
    static const struct {
        uint64_t seed, step, sample;
        uint32_t index, purpose, want[4];
    } kat[] = {
        { 0, 0, 0, 0, 0, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { UINT64_MAX,
          0xffffffff,
          0xffffffff,
          0xffffffff,
          0xffffffff,
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { 0x299f31d0a4093822,
          0x13198a2e,
          0x03707344,
          0x243f6a88,
          0x85a308d3,
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < sizeof kat / sizeof kat[0]; i++) {
        uint32_t got[4];
        scp_rng_block(kat[i].seed, kat[i].purpose, kat[i].step, kat[i].sample, kat[i].index, got);
        tap_ok(memcmp(got, kat[i].want, sizeof got) == 0, "philox4x32-10 known answer %zu", i);
    }
}

static void words(void)
{
    enum { N = 131, FIRST = 7 }; /* two full batches and a rest */
    static const uint64_t at[][2] = { { 3, 9 }, { UINT64_C(5) << 33, 9 }, { 3, UINT64_MAX - 1 } };
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        uint32_t many[4 * N + 1], one[4];
        bool same = true;
        many[4 * N] = 17;
        scp_rng_fill_words(UINT64_MAX - 4, SCP_RNG_SYNTH, at[k][0], at[k][1], FIRST, N, many);
        for (uint32_t i = 0; i < N; i++) {
            scp_rng_block(UINT64_MAX - 4, SCP_RNG_SYNTH, at[k][0], at[k][1], FIRST + i, one);
            same &= memcmp(one, many + 4 * (size_t)i, sizeof one) == 0;
        }
        tap_ok(same && many[4 * N] == 17, "blocks made at once are the single ones (stream %zu)",
               k);
    }
}

static void uniforms(void)
{
    enum { N = 1003 };
    double u[N], part[10];
    scp_rng_fill_u01(7, SCP_RNG_NOISE, 3, 5, 0, N, u);
    scp_rng_fill_u01(7, SCP_RNG_NOISE, 3, 5, 990, 10, part);
    tap_ok(memcmp(part, u + 990, sizeof part) == 0, "a part of a stream is the stream");
    bool same = true, inside = true;
    for (uint32_t i = 0; i < N; i++) {
        same &= u[i] == scp_rng_u01(7, SCP_RNG_NOISE, 3, 5, i);
        inside &= u[i] > 0 && u[i] < 1;
    }
    tap_ok(same, "filled uniforms are the single ones");
    tap_ok(inside, "uniforms lie inside (0, 1)");
    tap_ok(scp_rng_to_u01(0) > 0 && scp_rng_to_u01(UINT32_MAX) < 1, "the ends 0 and 1 never come");
}

static void normals(void)
{
    enum { N = 200000 };
    /* The first pair by hand from the known answer: words 0x6627e8d5, 0xe169c58d. */
    double two[2], r = sqrt(-2 * log((0x6627e8d5 + 0.5) / 4294967296.0));
    double a = 2 * M_PI * ((0xe169c58d + 0.5) / 4294967296.0);
    scp_rng_fill_normal(0, 0, 0, 0, 2, two);
    tap_near(two[0], r * cos(a), 1e-15, "Box-Muller, cosine branch");
    tap_near(two[1], r * sin(a), 1e-15, "Box-Muller, sine branch");

    double *x = malloc(N * sizeof *x), moment[5] = { 0 }, odd[7];
    scp_rng_fill_normal(1, SCP_RNG_NOISE, 0, 0, N, x);
    for (size_t i = 0; i < N; i++)
        for (int k = 1; k <= 4; k++) moment[k] += pow(x[i], k) / N;
    /* four standard errors of each sample moment: sqrt(Var(x^k) / N) */
    tap_near(moment[1], 0, 4 * sqrt(1.0 / N), "mean of normals");
    tap_near(moment[2], 1, 4 * sqrt(2.0 / N), "variance of normals");
    tap_near(moment[3], 0, 4 * sqrt(15.0 / N), "third moment of normals");
    tap_near(moment[4], 3, 4 * sqrt(96.0 / N), "fourth moment of normals");
    scp_rng_fill_normal(1, SCP_RNG_NOISE, 0, 0, 7, odd);
    tap_ok(memcmp(odd, x, sizeof odd) == 0, "a shorter fill is a prefix of a longer one");
    free(x);
}

/* Sample correlation of two streams of n uniforms; its standard error is 1/sqrt(n). */
static double correlation(const double *a, const double *b, size_t n)
{
    double sab = 0;
    for (size_t i = 0; i < n; i++) sab += (a[i] - 0.5) * (b[i] - 0.5) * 12;
    return sab / (double)n;
}

static void streams_differ(void)
{
    enum { N = 40000, K = 7 };
    static const struct {
        const char *what;
        uint64_t seed;
        uint32_t purpose;
        uint64_t step, sample;
    } s[K] = {
        { "the base stream", 1, 1, 1, 1 },
        { "another seed", 2, 1, 1, 1 },
        { "another purpose", 1, 2, 1, 1 },
        { "another step", 1, 1, 2, 1 },
        { "another sample", 1, 1, 1, 2 },
        { "a step 2^32 later", 1, 1, 1 + (UINT64_C(1) << 32), 1 },
        { "a sample 2^32 later", 1, 1, 1, 1 + (UINT64_C(1) << 32) },
    };
    double *u = malloc(K * N * sizeof *u);
    for (int k = 0; k < K; k++)
        scp_rng_fill_u01(s[k].seed, s[k].purpose, s[k].step, s[k].sample, 0, N, u + k * N);
    for (int k = 1; k < K; k++)
        tap_near(correlation(u, u + k * N, N), 0, 4 / sqrt(N), "%s is an independent stream",
                 s[k].what);
    tap_near(correlation(u + (K - 2) * N, u + (K - 1) * N, N), 0, 4 / sqrt(N),
             "high words of step and sample are kept apart");
    free(u);
}

static void bounded(void)
{
    enum { BINS = 10, N = 50000 };
    double count[BINS] = { 0 }, chi2 = 0;
    bool inside = true;
    for (uint32_t i = 0; i < N; i++) {
        uint64_t x = scp_rng_below(3, SCP_RNG_NEGATIVES, 0, 0, i, BINS);
        inside &= x < BINS;
        if (x < BINS) count[x]++;
    }
    for (int b = 0; b < BINS; b++) chi2 += pow(count[b] - N / BINS, 2) / (N / BINS);
    tap_ok(inside, "bounded integers stay below the bound");
    tap_ok(chi2 < 27.9, "bounded integers are uniform (chi2 %.1f on 9 degrees, 0.1 %% point 27.9)",
           chi2);
    tap_ok(scp_rng_below(3, 1, 0, 0, 9, 1) == 0, "below 1 there is only 0");
}

static bool is_permutation(uint64_t n, uint64_t step)
{
    bool *seen = calloc(n, 1), good = true;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = scp_rng_permute(11, SCP_RNG_SHUFFLE, step, n, i);
        good = good && at < n && !seen[at];
        if (good) seen[at] = true;
    }
    free(seen);
    return good;
}

static bool table_agrees(uint64_t n, uint64_t step)
{
    uint32_t *words = calloc(scp_rng_permute_words(n), sizeof *words);
    bool good = words != NULL;
    if (good) scp_rng_permute_prepare(11, SCP_RNG_SHUFFLE, step, n, words);
    for (uint64_t i = 0; good && i < n; i++)
        good = scp_rng_permute_with(words, n, i) ==
               scp_rng_permute(11, SCP_RNG_SHUFFLE, step, n, i);
    free(words);
    return good;
}

static void permutations(void)
{
    static const uint64_t sizes[] = {
        1, 2, 3, 4, 5, 7, 16, 17, 100, 1000, 1023, 4096, 4097, 65537
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        tap_ok(is_permutation(sizes[i], i) && table_agrees(sizes[i], i),
               "permutation of %d numbers, without a table and with one", (int)sizes[i]);
    int fixed = 0, same = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t at = scp_rng_permute(11, SCP_RNG_SHUFFLE, 0, 1000, i);
        fixed += at == i;
        same += at == scp_rng_permute(11, SCP_RNG_SHUFFLE, 1, 1000, i);
    }
    tap_ok(fixed < 10, "few fixed points (%d; 1 expected)", fixed);
    tap_ok(same < 10, "another epoch is another order (%d places agree; 1 expected)", same);
    uint64_t big = UINT64_C(1) << 40;
    bool inside = true;
    for (uint64_t i = 0; i < 1000; i++) inside &= scp_rng_permute(1, 2, 0, big, big - 1 - i) < big;
    tap_ok(inside, "2^40 numbers without a table");
}

int main(void)
{
    known_answers();
    words();
    uniforms();
    normals();
    streams_differ();
    bounded();
    permutations();
    return tap_done();
}
