/* Sorting permutations by radix: values become 64-bit keys whose unsigned order is the order
 * wanted, sorted by 11 bits at a time from the lowest. Passes in which all keys agree are skipped,
 * so data of few distinct exponents cost less. A stable sort gives the tie rule: lower index first.
 *
 * Most keys differ in their upper 31 bits: three passes over these and an insertion sort do, unless
 * it has too much to move. The top k alone are selected, then sorted: one pass over all keys. */
#include "eval/stats.h"

#include <math.h>
#include <string.h>

enum {
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS,
    PASSES = (64 + DIGIT_BITS - 1) / DIGIT_BITS,
    UPPER = 3, /* pass that begins the upper 31 bits */
    TOP_SHIFT = 64 - DIGIT_BITS
};

/* IEEE order as unsigned order: flip all bits of negative numbers, the sign bit of the others. */
static inline uint64_t ascending_key(double v)
{
    double positive_zero = v + 0.0;
    uint64_t bits;
    memcpy(&bits, &positive_zero, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline uint64_t magnitude_key(double v)
{
    double magnitude = fabs(v);
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    return ~bits;
}

/* One pass over `shift`; false when every key has the same digit and nothing was moved. */
static int radix_pass(const uint64_t *key, const uint32_t *index, size_t n, int shift,
                      uint64_t *key_out, uint32_t *index_out)
{
    size_t start[DIGITS] = { 0 };
    for (size_t i = 0; i < n; i++) start[key[i] >> shift & (DIGITS - 1)]++;
    if (start[key[0] >> shift & (DIGITS - 1)] == n) return 0;
    size_t sum = 0;
    for (size_t d = 0; d < DIGITS; d++) {
        size_t count = start[d];
        start[d] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++) {
        size_t to = start[key[i] >> shift & (DIGITS - 1)]++;
        key_out[to] = key[i];
        index_out[to] = index[i];
    }
    return 1;
}

/* Sort by the digits first .. PASSES - 1; the result is in *key, *index. */
static void sort_digits(size_t n, int first, uint64_t **key, uint32_t **index, uint64_t **key_other,
                        uint32_t **index_other)
{
    for (int pass = first; pass < PASSES; pass++) {
        if (!radix_pass(*key, *index, n, pass * DIGIT_BITS, *key_other, *index_other)) continue;
        uint64_t *k = *key;
        uint32_t *i = *index;
        *key = *key_other;
        *index = *index_other;
        *key_other = k;
        *index_other = i;
    }
}

/* Finish a stable sort of almost sorted keys. False when that took n moves: the order is then
 * another one, but a permutation still. */
static int insert_keys(size_t n, uint64_t *key, uint32_t *index)
{
    size_t moves = 0;
    for (size_t i = 1; i < n; i++) {
        uint64_t k = key[i];
        uint32_t v = index[i];
        size_t at = i;
        for (; at > 0 && key[at - 1] > k; at--) {
            key[at] = key[at - 1];
            index[at] = index[at - 1];
        }
        key[at] = k;
        index[at] = v;
        moves += i - at;
        if (moves > n) return 0;
    }
    return 1;
}

/* Stable ascending sort of the n keys at scratch.key with their indices. Keys that are equal keep
 * their order in every step. */
static void sort_keys(size_t n, scp_sort_scratch scratch, uint32_t *order)
{
    uint64_t *key = scratch.key, *key_other = scratch.key + n;
    uint32_t *index = scratch.index, *index_other = scratch.index + n;
    if (n == 0) return;
    sort_digits(n, UPPER, &key, &index, &key_other, &index_other);
    if (!insert_keys(n, key, index)) sort_digits(n, 0, &key, &index, &key_other, &index_other);
    memcpy(order, index, n * sizeof *order);
}

void scp_argsort(const double *v, size_t n, scp_sort_scratch scratch, uint32_t *order)
{
    for (size_t i = 0; i < n; i++) {
        scratch.key[i] = ascending_key(v[i]);
        scratch.index[i] = (uint32_t)i;
    }
    sort_keys(n, scratch, order);
}

/* The digit at `shift` that the k-th smallest of n keys has, 1 <= k <= n; *before becomes the
 * number of keys of lower digits. */
static uint64_t find_digit(const uint64_t *key, size_t n, int shift, size_t k, size_t *before)
{
    size_t count[DIGITS] = { 0 }, sum = 0;
    uint64_t d = 0;
    for (size_t i = 0; i < n; i++) count[key[i] >> shift & (DIGITS - 1)]++;
    while (sum + count[d] < k) sum += count[d++];
    *before = sum;
    return d;
}

/* The k-th smallest of n keys, from the highest digit down; *less becomes how many are below it.
 * other [n] is scratch. */
static uint64_t find_key(const uint64_t *key, size_t n, size_t k, uint64_t *other, size_t *less)
{
    const size_t all = k;
    for (int shift = TOP_SHIFT;; shift = shift > DIGIT_BITS ? shift - DIGIT_BITS : 0) {
        size_t before, kept = 0;
        uint64_t d = find_digit(key, n, shift, k, &before);
        for (size_t i = 0; i < n; i++)
            if ((key[i] >> shift & (DIGITS - 1)) == d) other[kept++] = key[i];
        k -= before;
        key = other;
        n = kept;
        if (shift == 0) break;
    }
    *less = all - k;
    return key[0];
}

void scp_top_magnitude(const double *v, size_t n, size_t k, scp_sort_scratch scratch, uint32_t *top)
{
    size_t less = 0, kept = 0;
    uint64_t last = UINT64_MAX;
    for (size_t i = 0; i < n; i++) scratch.key[i] = magnitude_key(v[i]);
    if (k > 0 && k < n) last = find_key(scratch.key, n, k, scratch.key + n, &less);
    for (size_t i = 0, ties = 0; i < n && kept < k; i++) {
        uint64_t key = scratch.key[i];
        if (key > last || (key == last && ties++ + less >= k)) continue;
        scratch.key[kept] = key;
        scratch.index[kept++] = (uint32_t)i;
    }
    sort_keys(kept, scratch, top);
}
