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

uint64_t scp_rng_permute(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t n, uint64_t i)
{
    unsigned half = 1; /* bits of each Feistel half: 2*half bits cover n */
    while (half < 32 && (UINT64_C(1) << (2 * half)) < n) half++;
    uint64_t mask = (UINT64_C(1) << half) - 1;
    do { /* walk the cycle until the value falls back into range: fewer than 4 rounds on average */
        uint64_t left = i >> half, right = i & mask;
        for (uint32_t round = 0; round < 6; round++) {
            uint32_t w[4];
            scp_rng_block(seed, purpose, step, right, round, w);
            uint64_t next = left ^ (w[0] & mask);
            left = right;
            right = next;
        }
        i = left << half | right;
    } while (i >= n);
    return i;
}
