/* Random words on the device: the same header and the same key as base/rng.c, so the same bits. */
#ifndef SCP_BACKEND_CUDA_PHILOX_CUH
#define SCP_BACKEND_CUDA_PHILOX_CUH

#include <Random123/philox.h>

#include "backend/cuda/kernel.cuh"
#include "base/rng_key.h"

/** Four words of block `index` of a sample's stream in a step: scp_rng_block. */
static __device__ __forceinline__ void scp_philox(const scp_step *step, uint32_t stream,
                                                  int64_t row, uint32_t index, uint32_t (&w)[4])
{
    const uint64_t sample = (uint64_t)(step->row0 + row), at = (uint64_t)step->step;
    const uint64_t key = scp_rng_key_of(step->seed, at, sample);
    const philox4x32_key_t k = { { (uint32_t)key, (uint32_t)(key >> 32) } };
    const philox4x32_ctr_t c = { { index, stream, (uint32_t)at, (uint32_t)sample } };
    const philox4x32_ctr_t r = philox4x32(c, k);
    for (int i = 0; i < 4; i++) w[i] = r.v[i];
}

/** scp_rng_to_u01. */
static __device__ __forceinline__ double scp_to_u01(uint32_t bits)
{
    return ((double)bits + 0.5) * (1.0 / 4294967296.0);
}

#endif
