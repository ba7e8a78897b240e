/* Deflate of 8-byte words (RFC 1950, 1951), see deflate_words.h.
 *
 * Words are little-endian. A word is written as its low bytes that are new, as literals, and its
 * upper bytes that equal those of the word before, as one match of that many bytes at distance 8:
 * in a sorted row of column numbers that is one or two literals and a match of 7 or 6. There is no
 * search. One Huffman code serves the whole input; its frequencies are counted on a part of the
 * words, with one added to each symbol so that all have a code. */
#include "io/deflate_words.h"

#include <stdbool.h>
#include <string.h>

#include <libdeflate.h>

enum {
    END = 256,       /* of the block */
    MATCH = 257 - 3, /* symbol of a match of n bytes is MATCH + n, n = 3 .. 8 */
    SYMBOLS = MATCH + SCP_WORD + 1,
    LEAST_MATCH = 3,
    MOST_BITS = 15,     /* of a code */
    DISTANCE = 5,       /* code of distances 7 and 8 */
    SAMPLE = 64,        /* words counted at a time, of 4 times as many */
    HEADER_BYTES = 1024 /* more than head, code and tail take */
};

typedef struct code { /* to be written lowest bit first */
    uint32_t bits, n;
} code;

/* ---- a Huffman code ---- */

typedef struct leaf {
    uint32_t weight;
    uint16_t symbol, length;
} leaf;

static void sort_leaves(leaf *l, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11) /* Shell's */
        for (size_t i = gap; i < n; i++) {
            leaf one = l[i];
            size_t j = i;
            for (; j >= gap && l[j - gap].weight > one.weight; j -= gap) l[j] = l[j - gap];
            l[j] = one;
        }
}

/* Depth of every leaf in Huffman's tree, leaves sorted by weight. */
static void tree_depths(leaf *l)
{
    uint32_t weight[SYMBOLS]; /* of inner nodes, in the order of their making */
    uint16_t parent[2 * SYMBOLS], depth[SYMBOLS];
    size_t leaf_at = 0, inner_at = 0;
    for (size_t made = 0; made < SYMBOLS - 1; made++) {
        weight[made] = 0;
        for (int k = 0; k < 2; k++) {
            bool take_leaf =
                leaf_at < SYMBOLS && (inner_at == made || l[leaf_at].weight <= weight[inner_at]);
            weight[made] += take_leaf ? l[leaf_at].weight : weight[inner_at];
            parent[take_leaf ? leaf_at++ : SYMBOLS + inner_at++] = (uint16_t)made;
        }
    }
    depth[SYMBOLS - 2] = 0;
    for (size_t i = SYMBOLS - 2; i-- > 0;) depth[i] = depth[parent[SYMBOLS + i]] + 1;
    for (size_t i = 0; i < SYMBOLS; i++) l[i].length = depth[parent[i]] + 1;
}

/* Cut lengths to MOST_BITS and lengthen others until the code is complete again. */
static void limit_lengths(leaf *l)
{
    uint32_t used = 0, all = UINT32_C(1) << MOST_BITS; /* Kraft's sum */
    for (size_t i = 0; i < SYMBOLS; i++) {
        if (l[i].length > MOST_BITS) l[i].length = MOST_BITS;
        used += all >> l[i].length;
    }
    while (used > all) /* from the rarest that can still grow */
        for (size_t i = 0; i < SYMBOLS && used > all; i++)
            if (l[i].length < MOST_BITS) used -= all >> ++l[i].length;
    for (size_t i = SYMBOLS; i-- > 0;) /* what that freed, to the most frequent */
        while (l[i].length > 1 && used + (all >> l[i].length) <= all) used += all >> l[i].length--;
}

static uint32_t reversed(uint32_t bits, uint32_t n)
{
    uint32_t r = 0;
    for (uint32_t i = 0; i < n; i++) r |= (bits >> i & 1) << (n - 1 - i);
    return r;
}

/* Canonical code of the weights. */
static void make_code(const uint32_t weight[SYMBOLS], code out[SYMBOLS])
{
    leaf l[SYMBOLS];
    uint32_t count[MOST_BITS + 1] = { 0 }, next[MOST_BITS + 2] = { 0 };
    for (size_t i = 0; i < SYMBOLS; i++) l[i] = (leaf){ weight[i], (uint16_t)i, 0 };
    sort_leaves(l, SYMBOLS);
    tree_depths(l);
    limit_lengths(l);
    for (size_t i = 0; i < SYMBOLS; i++) {
        out[l[i].symbol].n = l[i].length;
        count[l[i].length]++;
    }
    for (int n = 1; n <= MOST_BITS; n++) next[n + 1] = (next[n] + count[n]) << 1;
    for (size_t i = 0; i < SYMBOLS; i++) out[i].bits = reversed(next[out[i].n]++, out[i].n);
}

/* ---- words ---- */

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

typedef struct sink {
    uint8_t *to;
    uint64_t bits;
    uint32_t n; /* bits held: below 8 after flush */
} sink;

static inline void put(sink *s, uint64_t bits, uint32_t n)
{
    s->bits |= bits << s->n;
    s->n += n;
}

static inline void flush(sink *s)
{
    uint64_t bits = s->bits;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bits = __builtin_bswap64(bits);
#endif
    memcpy(s->to, &bits, sizeof bits);
    s->to += s->n / 8;
    s->bits >>= s->n & ~7u;
    s->n &= 7;
}

/* Head of zlib and of the one block, with its code: the code of lengths has 4 bits for each of 0 to
 * 15, the distance code one entry. */
static void put_head(sink *s, const code c[SYMBOLS])
{
    enum { LENGTH_CODES = 19, FIRST_LENGTH = 3, LENGTH_BITS = 4 };
    put(s, 0x0178, 16); /* deflate, 32 KiB window, fastest */
    put(s, 1 | 2 << 1, 3);
    put(s, SYMBOLS - 257, 5);
    put(s, DISTANCE, 5);
    put(s, LENGTH_CODES - 4, 4);
    flush(s);
    for (int i = 0; i < LENGTH_CODES; i++, flush(s)) put(s, i < FIRST_LENGTH ? 0 : LENGTH_BITS, 3);
    for (size_t i = 0; i < SYMBOLS; i++, flush(s))
        put(s, reversed(c[i].n, LENGTH_BITS), LENGTH_BITS);
    for (int i = 0; i <= DISTANCE; i++, flush(s))
        put(s, reversed(i == DISTANCE, LENGTH_BITS), LENGTH_BITS);
}

/* One word: up to two literals without a branch, as nearly all are. */
static inline void put_word(sink *s, uint64_t w, uint32_t fresh, const code c[SYMBOLS])
{
    if (fresh <= 2) {
        code a = c[w & 0xff], b = c[w >> 8 & 0xff], m = c[MATCH + SCP_WORD - fresh];
        uint32_t has_a = -(uint32_t)(fresh > 0), has_b = -(uint32_t)(fresh > 1);
        put(s, a.bits & has_a, a.n & has_a);
        put(s, b.bits & has_b, b.n & has_b);
        put(s, m.bits, m.n);
        flush(s);
        return;
    }
    for (uint32_t i = 0; i < fresh; i++, flush(s)) {
        code a = c[w >> 8 * i & 0xff];
        put(s, a.bits, a.n);
    }
    if (fresh < SCP_WORD) put(s, c[MATCH + SCP_WORD - fresh].bits, c[MATCH + SCP_WORD - fresh].n);
    flush(s);
}

size_t scp_deflate_words_bound(size_t n)
{
    return 2 * SCP_WORD * n + HEADER_BYTES; /* below 16 bits a literal */
}

size_t scp_deflate_words(const void *in, size_t n, void *out)
{
    uint32_t weight[SYMBOLS];
    code c[SYMBOLS];
    sink s = { .to = out };
    uint64_t last = 0;
    count_symbols(in, n, weight);
    make_code(weight, c);
    put_head(&s, c);
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
    put(&s, c[END].bits, c[END].n);
    s.n = (s.n + 7) & ~7u;
    flush(&s);
    uint32_t sum = libdeflate_adler32(1, in, n * SCP_WORD);
    for (int i = 3; i >= 0; i--) *s.to++ = (uint8_t)(sum >> 8 * i);
    return (size_t)(s.to - (uint8_t *)out);
}
