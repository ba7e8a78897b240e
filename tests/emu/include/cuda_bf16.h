/* bfloat16 as the kernels use it: storage, conversion from and to float with rounding to the
 * nearest even. */
#ifndef SCP_TESTS_EMU_CUDA_BF16_H
#define SCP_TESTS_EMU_CUDA_BF16_H

#include <stdint.h>
#include <string.h>

struct __nv_bfloat16 {
    uint16_t bits;
};

static inline float __bfloat162float(__nv_bfloat16 h)
{
    uint32_t u = (uint32_t)h.bits << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline __nv_bfloat16 __float2bfloat16_rn(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    if ((u & 0x7fffffffu) > 0x7f800000u) return __nv_bfloat16{ 0x7fff };
    u += 0x7fffu + (u >> 16 & 1u);
    return __nv_bfloat16{ (uint16_t)(u >> 16) };
}

#endif
