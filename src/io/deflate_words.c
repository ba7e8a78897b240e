/* Deflate of 8-byte words (RFC 1950, 1951), see deflate_words.h.
 *
 * Words are little-endian. A word is written as its low bytes that are new, as literals, and its
 * upper bytes that equal those of the word before, as one match of that many bytes at distance 8:
 * in a sorted row of column numbers that is one or two literals and a match of 7 or 6. There is no
 * search. One Huffman code serves the whole input; its frequencies are counted on a part of the
 * words, with one added to each symbol so that all have a code. */
#include "io/deflate_words.h"

#include <string.h>

#include "io/deflate_code.h"

enum {
    MATCH = 257 - 3, /* symbol of a match of n bytes is MATCH + n, n = 3 .. 8 */
    SYMBOLS = MATCH + SCP_WORD + 1,
    LEAST_MATCH = 3,
    DISTANCE = 5, /* code of distances 7 and 8 */
    SAMPLE = 64   /* words counted at a time, of 4 times as many */
};

static inline uint64_t word_at(const uint8_t *in, size_t i)
{
    uint64_t w;
    memcpy(&w, in + i * SCP_WORD, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

/* Low bytes of a word that are literals; the others match. change: exclusive or with the last. */
static inline uint32_t new_bytes(uint64_t change)
{
    uint32_t n = change ? (uint32_t)(SCP_WORD - __builtin_clzll(change) / 8) : 0;
    return n > SCP_WORD - LEAST_MATCH ? SCP_WORD : n;
}

static void count_symbols(const uint8_t *in, size_t n, uint32_t weight[SYMBOLS])
{
    for (size_t i = 0; i < SYMBOLS; i++) weight[i] = 1;
    for (size_t at = 1; at < n; at += 4 * (size_t)SAMPLE)
        for (size_t i = at; i < n && i < at + SAMPLE; i++) {
            uint64_t w = word_at(in, i);
            uint32_t fresh = new_bytes(w ^ word_at(in, i - 1));
            for (uint32_t b = 0; b < fresh; b++) weight[w >> 8 * b & 0xff]++;
            if (fresh < SCP_WORD) weight[MATCH + SCP_WORD - fresh]++;
        }
}

/* One word: up to two literals without a branch, as nearly all are. */
static inline void put_word(scp_bits *s, uint64_t w, uint32_t fresh, const scp_code c[SYMBOLS])
{
    if (fresh <= 2) {
        scp_code a = c[w & 0xff], b = c[w >> 8 & 0xff], m = c[MATCH + SCP_WORD - fresh];
        uint32_t has_a = -(uint32_t)(fresh > 0), has_b = -(uint32_t)(fresh > 1);
        scp_bits_put(s, a.bits & has_a, a.n & has_a);
        scp_bits_put(s, b.bits & has_b, b.n & has_b);
        scp_bits_put(s, m.bits, m.n);
        scp_bits_flush(s);
        return;
    }
    for (uint32_t i = 0; i < fresh; i++, scp_bits_flush(s)) {
        scp_code a = c[w >> 8 * i & 0xff];
        scp_bits_put(s, a.bits, a.n);
    }
    if (fresh < SCP_WORD)
        scp_bits_put(s, c[MATCH + SCP_WORD - fresh].bits, c[MATCH + SCP_WORD - fresh].n);
    scp_bits_flush(s);
}

size_t scp_deflate_words_bound(size_t n)
{
    return 2 * SCP_WORD * n + SCP_DEFLATE_FRAME; /* below 16 bits a literal */
}

size_t scp_deflate_words(const void *in, size_t n, void *out)
{
    uint32_t weight[SYMBOLS];
    scp_code c[SYMBOLS], distance[DISTANCE + 1] = { [DISTANCE] = { 0, 1 } };
    scp_bits s = { .to = out };
    uint64_t last = 0;
    count_symbols(in, n, weight);
    scp_code_make(weight, SYMBOLS, c);
    scp_deflate_head(&s, c, SYMBOLS, distance, DISTANCE + 1);
    for (uint32_t k = LEAST_MATCH; k <= SCP_WORD;
         k++) { /* a match, its distance's bit, extra bit */
        c[MATCH + k].bits |= UINT32_C(2) << c[MATCH + k].n;
        c[MATCH + k].n += 2;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t w = word_at(in, i);
        put_word(&s, w, i ? new_bytes(w ^ last) : SCP_WORD, c);
        last = w;
    }
    scp_deflate_tail(&s, c, in, n * SCP_WORD);
    return (size_t)(s.to - (uint8_t *)out);
}
