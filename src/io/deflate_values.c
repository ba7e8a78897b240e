/* Deflate of 4-byte values (RFC 1951), see deflate_values.h.
 *
 * Matches are whole values: the last place where the same four values stood, by a hash table, and
 * as far as it goes. With few values there nearly always is one, and a table that keeps the last
 * place alone loses little. What has no match is four literals. Tokens first, then one Huffman code
 * for all of them, with one added to each weight so that all symbols have a code. */
#include "io/deflate_values.h"

#include <string.h>

#include "io/deflate_code.h"

enum {
    HASH_BITS = 12,
    CONTEXT = 4,      /* values that a place is found by */
    LEAST = 3,        /* values of a match */
    MOST = 64,        /* and most: 256 bytes */
    WINDOW = 1 << 15, /* bytes that a match may reach back */
    FIRST_LENGTH = 257,
    LEAST_LENGTH = 3
};

static inline uint32_t value_at(const uint8_t *in, size_t i)
{
    uint32_t v;
    memcpy(&v, in + i * SCP_VALUE, sizeof v);
    return v;
}

static inline uint64_t pair_at(const uint8_t *in, size_t i)
{
    uint64_t v;
    memcpy(&v, in + i * SCP_VALUE, sizeof v);
    return v;
}

/* Of four values. */
static inline uint32_t hash_at(const uint8_t *in, size_t i)
{
    uint64_t x = pair_at(in, i) * UINT64_C(0x9E3779B97F4A7C15);
    x ^= pair_at(in, i + 2) * UINT64_C(0xC2B2AE3D27D4EB4F);
    return (uint32_t)((x * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - HASH_BITS));
}

/* Values that are equal from a and b (a < b) on; MOST, or the end n, at most. */
static inline size_t equal_values(const uint8_t *in, size_t a, size_t b, size_t n)
{
    size_t most = n - b < MOST ? n - b : MOST, k = 0;
    while (k + 2 <= most && pair_at(in, a + k) == pair_at(in, b + k)) k += 2;
    return k + (k < most && value_at(in, a + k) == value_at(in, b + k));
}

/* Tokens of n values; their number. */
static size_t find_tokens(const uint8_t *in, size_t n, scp_token *token)
{
    uint32_t last[1 << HASH_BITS] = { 0 }; /* place + 1 */
    size_t tokens = 0, i = 0;
    while (i + CONTEXT <= n) {
        uint32_t *slot = &last[hash_at(in, i)], seen = *slot;
        size_t back = i + 1 - seen, k = 0;
        *slot = (uint32_t)i + 1;
        if (seen && back * SCP_VALUE <= WINDOW) k = equal_values(in, i - back, i, n);
        if (k >= LEAST) {
            token[tokens++] = (scp_token){ .length = (uint16_t)(k * SCP_VALUE),
                                           .distance = (uint16_t)(back * SCP_VALUE - 1) };
            i += k;
        } else {
            token[tokens++] = (scp_token){ .value = value_at(in, i++) };
        }
    }
    for (; i < n; i++) token[tokens++] = (scp_token){ .value = value_at(in, i) };
    return tokens;
}

/* Symbol and extra bits of a length (step 2) or a distance (step 1), less the smallest there is:
 * from 2^(step + 1) on every 2^step symbols have one extra bit more (RFC 1951, 3.2.5). */
static inline uint32_t symbol_of(uint32_t above, uint32_t step, uint32_t *extra)
{
    uint32_t log = 31 - (uint32_t)__builtin_clz(above | 1);
    *extra = log > step ? log - step : 0;
    return (*extra << step) + (above >> *extra);
}

static void count_tokens(const scp_token *token, size_t n, uint32_t *symbol, uint32_t *distance)
{
    uint32_t extra;
    for (size_t i = 0; i < SCP_DEFLATE_SYMBOLS; i++) symbol[i] = 1;
    for (size_t i = 0; i < SCP_DEFLATE_DISTANCES; i++) distance[i] = 1;
    for (size_t t = 0; t < n; t++) {
        if (token[t].length > 0) {
            symbol[FIRST_LENGTH + symbol_of(token[t].length - LEAST_LENGTH, 2, &extra)]++;
            distance[symbol_of(token[t].distance, 1, &extra)]++;
        } else {
            uint8_t byte[SCP_VALUE];
            memcpy(byte, &token[t].value, sizeof byte);
            for (int b = 0; b < SCP_VALUE; b++) symbol[byte[b]]++;
        }
    }
}

static inline void put_with_extra(scp_bits *s, scp_code c, uint32_t above, uint32_t extra)
{
    uint64_t low = above & ((UINT32_C(1) << extra) - 1);
    scp_bits_put(s, c.bits | low << c.n, c.n + extra);
}

/* The bytes of a value in memory, as literals. */
static inline void put_value(scp_bits *s, uint32_t value, const scp_code *symbol)
{
    uint8_t byte[SCP_VALUE];
    memcpy(byte, &value, sizeof byte);
    for (int b = 0; b < SCP_VALUE; b++) {
        scp_bits_put(s, symbol[byte[b]].bits, symbol[byte[b]].n);
        if (b == 1) scp_bits_flush(s);
    }
}

static void put_tokens(scp_bits *s, const scp_token *token, size_t n, const scp_code *symbol,
                       const scp_code *distance)
{
    for (size_t t = 0; t < n; t++, scp_bits_flush(s)) {
        uint32_t extra, above = token[t].length - (uint32_t)LEAST_LENGTH;
        if (token[t].length == 0) {
            put_value(s, token[t].value, symbol);
            continue;
        }
        uint32_t k = FIRST_LENGTH + symbol_of(above, 2, &extra); /* 15 + 5 + 15 + 13 bits at most */
        put_with_extra(s, symbol[k], above, extra);
        k = symbol_of(token[t].distance, 1, &extra);
        put_with_extra(s, distance[k], token[t].distance, extra);
    }
}

size_t scp_deflate_values_bound(size_t n)
{
    return 2 * SCP_VALUE * n + SCP_DEFLATE_FRAME; /* below 16 bits a literal */
}

size_t scp_deflate_values(const void *in, size_t n, scp_token *token, void *out)
{
    uint32_t symbol_weight[SCP_DEFLATE_SYMBOLS], distance_weight[SCP_DEFLATE_DISTANCES];
    scp_code symbol[SCP_DEFLATE_SYMBOLS], distance[SCP_DEFLATE_DISTANCES];
    scp_bits s = { .to = out };
    size_t tokens = find_tokens(in, n, token);
    count_tokens(token, tokens, symbol_weight, distance_weight);
    scp_code_make(symbol_weight, SCP_DEFLATE_SYMBOLS, symbol);
    scp_code_make(distance_weight, SCP_DEFLATE_DISTANCES, distance);
    scp_deflate_head(&s, symbol, SCP_DEFLATE_SYMBOLS, distance, SCP_DEFLATE_DISTANCES);
    put_tokens(&s, token, tokens, symbol, distance);
    scp_deflate_tail(&s, symbol, in, n * SCP_VALUE);
    return (size_t)(s.to - (uint8_t *)out);
}
