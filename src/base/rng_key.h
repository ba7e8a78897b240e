/* The key of a random stream, inline for host and device code: see base/rng.h. */
#ifndef SCP_BASE_RNG_KEY_H
#define SCP_BASE_RNG_KEY_H

#include <stdint.h>

#ifdef __CUDACC__
#define SCP_HOST_DEVICE __host__ __device__
#else
#define SCP_HOST_DEVICE
#endif

/* Finaliser of SplitMix64. */
static inline SCP_HOST_DEVICE uint64_t scp_rng_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* scp_rng_key. */
static inline SCP_HOST_DEVICE uint64_t scp_rng_key_of(uint64_t seed, uint64_t step, uint64_t sample)
{
    uint64_t high = (step >> 32) << 32 | sample >> 32;
    return high ? scp_rng_mix(seed ^ scp_rng_mix(high)) : seed;
}

#endif
