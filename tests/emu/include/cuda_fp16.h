/* IEEE binary16 as the kernels use it: storage, conversion from and to float with rounding to the
 * nearest even. */
#ifndef SCP_TESTS_EMU_CUDA_FP16_H
#define SCP_TESTS_EMU_CUDA_FP16_H

#include <stdint.h>
#include <string.h>

struct __half {
    uint16_t bits;
};

static inline float __half2float(__half h)
{
    uint32_t sign = (uint32_t)(h.bits & 0x8000u) << 16, rest = h.bits & 0x7fffu, out;
    float f;
    if (rest >= 0x7c00u) { /* inf, NaN */
        out = sign | 0x7f800000u | (rest & 0x3ffu) << 13;
    } else if (rest >= 0x400u) {
        out = sign | ((rest << 13) + (112u << 23));
    } else { /* zero and subnormals: rest * 2^-24 */
        f = (float)rest * 5.9604644775390625e-8f;
        return sign ? -f : f;
    }
    memcpy(&f, &out, sizeof f);
    return f;
}

static inline __half __float2half_rn(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    uint32_t sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu, r;
    if (a > 0x7f800000u) return __half{ (uint16_t)(sign | 0x7fffu) };
    if (a >= 0x477ff000u) return __half{ (uint16_t)(sign | 0x7c00u) }; /* 65,520 and more: inf */
    if (a < 0x38800000u) { /* below 2^-14: a multiple of 2^-24 */
        float scaled, x;
        memcpy(&x, &a, sizeof x);
        scaled = x * 16777216.0f + 8388608.0f; /* the addition rounds */
        memcpy(&r, &scaled, sizeof r);
        return __half{ (uint16_t)(sign | (r & 0x7ffu)) };
    }
    r = a - (112u << 23);
    r += 0xfffu + (r >> 13 & 1u);
    return __half{ (uint16_t)(sign | r >> 13) };
}

#endif
