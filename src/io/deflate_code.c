/* Huffman codes and the frame of a stream, see deflate_code.h. */
#include "io/deflate_code.h"

#include <stdbool.h>

#include <libdeflate.h>

enum { MOST_BITS = 15 }; /* of a code */

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
static void tree_depths(leaf *l, size_t n)
{
    uint32_t weight[SCP_DEFLATE_SYMBOLS]; /* of inner nodes, in the order of their making */
    uint16_t parent[2 * SCP_DEFLATE_SYMBOLS], depth[SCP_DEFLATE_SYMBOLS];
    size_t leaf_at = 0, inner_at = 0;
    for (size_t made = 0; made < n - 1; made++) {
        weight[made] = 0;
        for (int k = 0; k < 2; k++) {
            bool take_leaf =
                leaf_at < n && (inner_at == made || l[leaf_at].weight <= weight[inner_at]);
            weight[made] += take_leaf ? l[leaf_at].weight : weight[inner_at];
            parent[take_leaf ? leaf_at++ : n + inner_at++] = (uint16_t)made;
        }
    }
    depth[n - 2] = 0;
    for (size_t i = n - 2; i-- > 0;) depth[i] = depth[parent[n + i]] + 1;
    for (size_t i = 0; i < n; i++) l[i].length = depth[parent[i]] + 1;
}

/* Cut lengths to MOST_BITS and lengthen others until the code is complete again. */
static void limit_lengths(leaf *l, size_t n)
{
    uint32_t used = 0, all = UINT32_C(1) << MOST_BITS; /* Kraft's sum */
    for (size_t i = 0; i < n; i++) {
        if (l[i].length > MOST_BITS) l[i].length = MOST_BITS;
        used += all >> l[i].length;
    }
    while (used > all) /* from the rarest that can still grow */
        for (size_t i = 0; i < n && used > all; i++)
            if (l[i].length < MOST_BITS) used -= all >> ++l[i].length;
    for (size_t i = n; i-- > 0;) /* what that freed, to the most frequent */
        while (l[i].length > 1 && used + (all >> l[i].length) <= all) used += all >> l[i].length--;
}

static uint32_t reversed(uint32_t bits, uint32_t n)
{
    uint32_t r = 0;
    for (uint32_t i = 0; i < n; i++) r |= (bits >> i & 1) << (n - 1 - i);
    return r;
}

void scp_code_make(const uint32_t *weight, size_t n, scp_code *out)
{
    leaf l[SCP_DEFLATE_SYMBOLS];
    uint32_t count[MOST_BITS + 1] = { 0 }, next[MOST_BITS + 2] = { 0 };
    for (size_t i = 0; i < n; i++) l[i] = (leaf){ weight[i], (uint16_t)i, 0 };
    sort_leaves(l, n);
    tree_depths(l, n);
    limit_lengths(l, n);
    for (size_t i = 0; i < n; i++) {
        out[l[i].symbol].n = l[i].length;
        count[l[i].length]++;
    }
    for (int k = 1; k <= MOST_BITS; k++) next[k + 1] = (next[k] + count[k]) << 1;
    for (size_t i = 0; i < n; i++) out[i].bits = reversed(next[out[i].n]++, out[i].n);
}

/* The code of code lengths has 4 bits for each of 0 to 15, and no repeats. */
static void put_lengths(scp_bits *s, const scp_code *c, size_t n)
{
    for (size_t i = 0; i < n; i++, scp_bits_flush(s)) scp_bits_put(s, reversed(c[i].n, 4), 4);
}

void scp_deflate_head(scp_bits *s, const scp_code *symbol, size_t symbols, const scp_code *distance,
                      size_t distances)
{
    enum { LENGTH_CODES = 19, REPEATS = 3 };
    scp_bits_put(s, 0x0178, 16);    /* deflate, 32 KiB window, fastest */
    scp_bits_put(s, 1 | 2 << 1, 3); /* last block, its own code */
    scp_bits_put(s, symbols - 257, 5);
    scp_bits_put(s, distances - 1, 5);
    scp_bits_put(s, LENGTH_CODES - 4, 4);
    scp_bits_flush(s);
    for (int i = 0; i < LENGTH_CODES; i++, scp_bits_flush(s))
        scp_bits_put(s, i < REPEATS ? 0 : 4, 3);
    put_lengths(s, symbol, symbols);
    put_lengths(s, distance, distances);
}

void scp_deflate_tail(scp_bits *s, const scp_code *symbol, const void *in, size_t size)
{
    scp_bits_put(s, symbol[SCP_DEFLATE_END].bits, symbol[SCP_DEFLATE_END].n);
    s->n = (s->n + 7) & ~7u;
    scp_bits_flush(s);
    uint32_t sum = libdeflate_adler32(1, in, size);
    for (int i = 3; i >= 0; i--) *s->to++ = (uint8_t)(sum >> 8 * i);
}
