/* Rounding to half precision, see half.h. */
#include "tensor/half.h"

#include <math.h>
#include <string.h>

#include "base/machine.h"

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static uint16_t bf16_bits(float x)
{
    uint32_t u = bits_of(x);
    const uint32_t nan = u >> 16 | 0x40, nearest = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : nearest);
}

/* Below 2^-14 the spacing is 2^-24: adding 0.5 rounds the magnitude there. */
static uint16_t f16_bits(float x)
{
    const uint32_t u = bits_of(x), sign = u >> 16 & 0x8000, mag = u & 0x7fffffff;
    if (mag > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (mag >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 and above */
    if (mag < 0x38800000) return (uint16_t)(sign | (bits_of(float_of(mag) + 0.5f) - bits_of(0.5f)));
    return (uint16_t)(sign | ((mag + 0xfff + (mag >> 13 & 1) - 0x38000000) >> 13));
}

static float f16_value(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, mag = h & 0x7fff;
    if (mag >= 0x7c00) return float_of(sign | 0x7f800000 | (mag & 0x3ff) << 13);
    if (mag < 0x400) return copysignf((float)mag * 0x1p-24f, float_of(sign | 0x3f800000));
    return float_of(sign | ((mag << 13) + 0x38000000));
}

uint16_t scp_half_bits(scp_dtype type, float x)
{
    return type == SCP_BF16 ? bf16_bits(x) : f16_bits(x);
}

float scp_half_value(scp_dtype type, uint16_t bits)
{
    return type == SCP_BF16 ? float_of((uint32_t)bits << 16) : f16_value(bits);
}

SCP_ANY_MACHINE
static void round_part(scp_dtype type, float *x, size_t n)
{
    if (type == SCP_BF16)
        for (size_t i = 0; i < n; i++) x[i] = float_of((uint32_t)bf16_bits(x[i]) << 16);
    else
        for (size_t i = 0; i < n; i++) x[i] = f16_value(f16_bits(x[i]));
}

void scp_half_round(scp_dtype type, void *x, size_t real_size, size_t n)
{
    float *f = x;
    double *d = x;
    if (real_size != sizeof *f) {
        for (size_t i = 0; i < n; i++)
            d[i] = scp_half_value(type, scp_half_bits(type, (float)d[i]));
        return;
    }
    enum { PART = 1 << 14 };
#pragma omp parallel for if (n > PART)
    for (size_t i = 0; i < n; i += PART)
        round_part(type, f + i, n - i < PART ? n - i : PART);
}

const char *scp_half_name(scp_dtype type)
{
    return type == SCP_F16 ? "fp16" : type == SCP_BF16 ? "bf16" : "fp32";
}
