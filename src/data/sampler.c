/* The order of training samples, see the header for the construction. */
#include "data/sampler.h"

#include "base/rng.h"

/* Row at position q of the endless sequence; q may be negative. */
static int32_t row_at(uint64_t seed, uint64_t n_train, int64_t q)
{
    int64_t n = (int64_t)n_train;
    int64_t epoch = q / n - (q % n < 0); /* floor */
    uint64_t at = (uint64_t)(q - epoch * n);
    return (int32_t)scp_rng_permute(seed, SCP_RNG_SHUFFLE, (uint64_t)epoch, n_train, at);
}

void scp_sampler_rows(uint64_t seed, uint64_t n_train, uint64_t step, uint64_t B_global,
                      uint64_t first, size_t n, int32_t *rows)
{
    int64_t start = (int64_t)(step * B_global + first);
    for (size_t i = 0; i < n; i++) rows[i] = row_at(seed, n_train, start + (int64_t)i);
}

void scp_sampler_negatives(uint64_t seed, uint64_t n_train, uint64_t step, uint64_t B_global,
                           uint64_t bank_len, size_t n_neg, int32_t *rows)
{
    int64_t start = (int64_t)(step * B_global) - (int64_t)bank_len;
    for (size_t i = 0; i < n_neg; i++) {
        uint64_t at = scp_rng_permute(seed, SCP_RNG_NEGATIVES, step, bank_len, i);
        rows[i] = row_at(seed, n_train, start + (int64_t)at);
    }
}
