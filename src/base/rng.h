/* Counter-based random numbers: Philox 4x32-10 from Random123 (Salmon et al., SC'11).
 *
 * A draw is a pure function of (seed, purpose, step, sample, index). There is no state, so the same
 * numbers come out on any device, with any rank count and after any restart. `sample` is the
 * *global* sample: the row's place in the global batch, or whatever id does not depend on ranks. */
#ifndef SCP_BASE_RNG_H
#define SCP_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Streams that must not overlap. An op instance adds its own id:
 * purpose + SCP_RNG_OP_STRIDE * id. */
typedef enum scp_rng_purpose {
    SCP_RNG_INIT = 1,      /* parameter initialisation; sample = hash of the name          */
    SCP_RNG_SHUFFLE = 2,   /* sample order; step = epoch                                   */
    SCP_RNG_TIMESTEP = 3,  /* diffusion time                                               */
    SCP_RNG_NOISE = 4,     /* diffusion noise eps                                          */
    SCP_RNG_FOUR_STATE = 5,/* channel dropout, paper eq. 8                                 */
    SCP_RNG_DROPOUT = 6,   /* network dropout                                              */
    SCP_RNG_NEGATIVES = 7, /* InfoNCE negatives                                            */
    SCP_RNG_REPARAM = 8,   /* VAE noise                                                    */
    SCP_RNG_DDIM = 9,      /* starting noise of a sampled prediction; step = draw          */
    SCP_RNG_SPLIT = 10,    /* UC / UD / validation                                         */
    SCP_RNG_SYNTH = 11,    /* synthetic data; step = stream inside the generator           */
    SCP_RNG_BOOTSTRAP = 12,/* confidence intervals                                         */
    SCP_RNG_PERMUTE_SETS = 13,  /* random gene sets; sample = size, step = permutation     */
    SCP_RNG_PERMUTE_LABELS = 14,/* permuted classes; step = permutation                    */
    SCP_RNG_LAYOUT = 15         /* first layout of a UMAP                                  */
} scp_rng_purpose;

/** Four 32-bit words of block `index` of the stream. Pure. */
void scp_rng_block(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample, uint32_t index,
                   uint32_t out[4]);

/** Words of blocks first .. first + n - 1: what n calls of scp_rng_block give, a few times faster.
 *  out [4 n]. Pure. */
void scp_rng_fill_words(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample,
                        uint32_t first, size_t n, uint32_t *out);

/** Philox's key for a stream: the seed, mixed with the high words of step and sample where they are
 *  not zero. Pure. */
uint64_t scp_rng_key(uint64_t seed, uint64_t step, uint64_t sample);

/** Map 32 random bits to (0, 1): never 0, never 1. */
static inline double scp_rng_to_u01(uint32_t bits)
{
    return ((double)bits + 0.5) * (1.0 / 4294967296.0);
}

/** One uniform in (0, 1): word index%4 of block index/4. Pure. */
double scp_rng_u01(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample, uint32_t index);

/** n uniforms in (0, 1), elements first .. first+n-1 of the stream. out [n] owned by the caller. */
void scp_rng_fill_u01(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample,
                      uint32_t first, size_t n, double *out);

/** n standard normals by Box-Muller: pair (2j, 2j+1) comes from words (2j, 2j+1). out [n]. */
void scp_rng_fill_normal(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample, size_t n,
                         double *out);

/** The same stream from element `first` on (even), for callers that go in pieces. out [n]. */
void scp_rng_fill_normal_at(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample,
                            uint32_t first, size_t n, double *out);

/** Uniform integer in [0, bound), bound >= 1, by the 64-bit multiply-shift of two words. Pure. */
uint64_t scp_rng_below(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t sample,
                       uint32_t index, uint64_t bound);

/** The i-th element of a pseudo-random permutation of 0..n-1 chosen by (seed, purpose, step):
 *  a cycle-walking Feistel network, O(1) memory, so a sampler can jump to any position.
 *  @param n  at least 1. @param i  less than n. Pure. */
uint64_t scp_rng_permute(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t n, uint64_t i);

/** The same for callers that want many elements of one permutation: the words it mixes with are
 *  drawn once, about 6 * sqrt(n) to 12 * sqrt(n) of them. words [scp_rng_permute_words(n)]. */
size_t scp_rng_permute_words(uint64_t n);
void scp_rng_permute_prepare(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t n,
                             uint32_t *words);
uint64_t scp_rng_permute_with(const uint32_t *words, uint64_t n, uint64_t i);

#endif
