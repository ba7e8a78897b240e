/* Sorting permutations by radix: values become 64-bit keys whose unsigned order is the order
 * wanted, sorted by 11 bits at a time from the lowest. Passes in which all keys agree are skipped,
 * so data of few distinct exponents cost less. A stable sort gives the tie rule: lower index first.
 */
#include "eval/stats.h"

#include <math.h>
#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = (64 + DIGIT_BITS - 1) / DIGIT_BITS };

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

static void sort_keys(size_t n, scp_sort_scratch scratch, uint32_t *order)
{
    uint64_t *key = scratch.key, *key_other = scratch.key + n;
    uint32_t *index = scratch.index, *index_other = scratch.index + n;
    if (n == 0) return;
    for (size_t i = 0; i < n; i++) index[i] = (uint32_t)i;
    for (int pass = 0; pass < PASSES; pass++) {
        if (!radix_pass(key, index, n, pass * DIGIT_BITS, key_other, index_other)) continue;
        uint64_t *k = key;
        uint32_t *i = index;
        key = key_other;
        index = index_other;
        key_other = k;
        index_other = i;
    }
    memcpy(order, index, n * sizeof *order);
}

void scp_argsort(const double *v, size_t n, scp_sort_scratch scratch, uint32_t *order)
{
    for (size_t i = 0; i < n; i++) scratch.key[i] = ascending_key(v[i]);
    sort_keys(n, scratch, order);
}

void scp_argsort_magnitude(const double *v, size_t n, scp_sort_scratch scratch, uint32_t *order)
{
    for (size_t i = 0; i < n; i++) scratch.key[i] = magnitude_key(v[i]);
    sort_keys(n, scratch, order);
}
