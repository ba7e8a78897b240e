/* Philox streams. Key = seed, counter = {index, purpose, step, sample folded to 32 bits each}: step
 * and sample are mixed into the key where their high words are non-zero, so no two streams collide
 * by truncation in practice (the key is a 64-bit hash of seed, and of the high words). */
#include "base/rng.h"

#include <math.h>

#include <Random123/philox.h>

#include "base/rng_key.h"

uint64_t scp_rng_key(uint64_t seed, uint64_t step, uint64_t sample)
{
    return scp_rng_key_of(seed, step, sample);
}

void scp_rng_block(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample, uint32_t index,
                   uint32_t out[4])
{
    uint64_t key = scp_rng_key(seed, step, sample);
    philox4x32_key_t k = { { (uint32_t)key, (uint32_t)(key >> 32) } };
    philox4x32_ctr_t c = { { index, purpose, (uint32_t)step, (uint32_t)sample } };
    philox4x32_ctr_t r = philox4x32(c, k);
    for (int i = 0; i < 4; i++) out[i] = r.v[i];
}

double scp_rng_u01(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample, uint32_t index)
{
    uint32_t w[4];
    scp_rng_block(seed, purpose, step, sample, index / 4, w);
    return scp_rng_to_u01(w[index % 4]);
}

void scp_rng_fill_u01(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample,
                      uint32_t first, size_t n, double *out)
{
    uint32_t w[4];
    for (size_t i = 0; i < n; i++) {
        uint32_t at = first + (uint32_t)i;
        if (i == 0 || at % 4 == 0) scp_rng_block(seed, purpose, step, sample, at / 4, w);
        out[i] = scp_rng_to_u01(w[at % 4]);
    }
}

void scp_rng_fill_normal_at(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample,
                            uint32_t first, size_t n, double *out)
{
    uint32_t w[4];
    for (size_t i = 0; i < n; i += 2) {
        uint32_t at = first + (uint32_t)i;
        if (i == 0 || at % 4 == 0) scp_rng_block(seed, purpose, step, sample, at / 4, w);
        double radius = sqrt(-2.0 * log(scp_rng_to_u01(w[at % 4])));
        double angle = 2.0 * M_PI * scp_rng_to_u01(w[at % 4 + 1]);
        out[i] = radius * cos(angle);
        if (i + 1 < n) out[i + 1] = radius * sin(angle);
    }
}

void scp_rng_fill_normal(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample, size_t n,
                         double *out)
{
    scp_rng_fill_normal_at(seed, purpose, step, sample, 0, n, out);
}

uint64_t scp_rng_below(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample,
                       uint32_t index, uint64_t bound)
{
    uint32_t w[4];
    scp_rng_block(seed, purpose, step, sample, index / 2, w);
    uint64_t x = (uint64_t)w[2 * (index % 2)] << 32 | w[2 * (index % 2) + 1];
    return (uint64_t)(((unsigned __int128)x * bound) >> 64);
}

enum { ROUNDS = 6 }; /* of the Feistel network of a permutation */

/* Bits of each half: 2 * half bits cover n. */
static unsigned half_bits(uint64_t n)
{
    unsigned half = 1;
    while (half < 32 && (UINT64_C(1) << (2 * half)) < n) half++;
    return half;
}

/* Where the words of the rounds come from: a table, or else the stream. */
typedef struct mixer {
    const uint32_t *words; /* [halves, ROUNDS] or NULL */
    uint64_t seed, step;
    uint32_t purpose;
} mixer;

static inline uint32_t round_word(const mixer *m, uint64_t right, uint32_t round)
{
    uint32_t w[4];
    if (m->words) return m->words[right * ROUNDS + round];
    scp_rng_block(m->seed, m->purpose, m->step, right, round, w);
    return w[0];
}

static inline uint64_t permute(const mixer *m, uint64_t n, uint64_t i)
{
    const unsigned half = half_bits(n);
    const uint64_t mask = (UINT64_C(1) << half) - 1;
    do { /* walk the cycle until the value falls back into range: fewer than 4 rounds on average */
        uint64_t left = i >> half, right = i & mask;
        for (uint32_t round = 0; round < ROUNDS; round++) {
            uint64_t next = left ^ (round_word(m, right, round) & mask);
            left = right;
            right = next;
        }
        i = left << half | right;
    } while (i >= n);
    return i;
}

uint64_t scp_rng_permute(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t n, uint64_t i)
{
    const mixer m = { .seed = seed, .step = step, .purpose = purpose };
    return permute(&m, n, i);
}

size_t scp_rng_permute_words(uint64_t n)
{
    return (size_t)ROUNDS << half_bits(n);
}

void scp_rng_permute_prepare(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t n,
                             uint32_t *words)
{
    const mixer m = { .seed = seed, .step = step, .purpose = purpose };
    const uint64_t halves = UINT64_C(1) << half_bits(n);
    for (uint64_t right = 0; right < halves; right++)
        for (uint32_t round = 0; round < ROUNDS; round++) *words++ = round_word(&m, right, round);
}

uint64_t scp_rng_permute_with(const uint32_t *words, uint64_t n, uint64_t i)
{
    const mixer m = { .words = words };
    return permute(&m, n, i);
}
