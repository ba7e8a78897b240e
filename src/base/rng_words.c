/* Philox 4x32-10 on many blocks of one stream at once, for the vector units: the same words as
 * scp_rng_block (Salmon et al., SC'11, table 2), a lane a block. */
#include "base/rng.h"

#include <string.h>

#include "base/machine.h"

enum { LANES = 64, ROUNDS = 10 };

/* Blocks first .. first + LANES - 1: words [LANES, 4]. head: purpose, step, sample. */
SCP_ANY_MACHINE
static void lanes(uint64_t key, uint32_t first, const uint32_t head[3], uint32_t *words)
{
    uint32_t a[LANES], b[LANES], c[LANES], d[LANES];
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (uint32_t i = 0; i < LANES; i++) {
        a[i] = first + i;
        b[i] = head[0];
        c[i] = head[1];
        d[i] = head[2];
    }
    for (int round = 0; round < ROUNDS; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85)
#pragma GCC unroll 1
        for (int i = 0; i < LANES; i++) {
            uint64_t p = (uint64_t)a[i] * 0xD2511F53, q = (uint64_t)c[i] * 0xCD9E8D57;
            a[i] = (uint32_t)(q >> 32) ^ b[i] ^ k0;
            c[i] = (uint32_t)(p >> 32) ^ d[i] ^ k1;
            b[i] = (uint32_t)q;
            d[i] = (uint32_t)p;
        }
    for (size_t i = 0; i < LANES; i++) {
        words[4 * i] = a[i];
        words[4 * i + 1] = b[i];
        words[4 * i + 2] = c[i];
        words[4 * i + 3] = d[i];
    }
}

void scp_rng_fill_words(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample,
                        uint32_t first, size_t n, uint32_t *out)
{
    const uint32_t head[3] = { purpose, (uint32_t)step, (uint32_t)sample };
    uint64_t key = scp_rng_key(seed, step, sample);
    uint32_t rest[4 * LANES];
    for (; n >= LANES; n -= LANES, first += LANES, out += 4 * LANES) lanes(key, first, head, out);
    if (n == 0) return;
    lanes(key, first, head, rest);
    memcpy(out, rest, 4 * n * sizeof *out);
}
