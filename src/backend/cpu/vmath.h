/* Elementary functions in fp32 without branches or calls, so that `#pragma omp simd` loops over
 * them vectorise. NaN in gives NaN out. Error against the exact value, held by tests/ops/vmath.t:
 *
 *   scp_expf        1.2e-7 relative for |x| <= 87; beyond, e^87 and e^-87
 *   scp_sigmoidf    2e-7 relative for |x| <= 85
 *   scp_tanhf       2e-7 relative
 *   scp_normal_cdf  6e-7 relative for x >= -2, (10 + x^2/2) 6e-8 below
 *
 * The polynomials are minimax fits: Lawson's iteration of least squares on Chebyshev nodes. */
#ifndef SCP_BACKEND_CPU_VMATH_H
#define SCP_BACKEND_CPU_VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* x limited to [-87, 87], NaN to either end. By integers: at a comparison compilers split the code
 * behind it and evaluate the outer ranges for every element, where slow subnormals come up. */
static inline float scp_limit87(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t magnitude = bits & 0x7fffffffu;
    int32_t over = (int32_t)(magnitude - 0x42ae0000u); /* the bits of 87.0f */
    bits -= (uint32_t)(over & ~(over >> 31));
    memcpy(&x, &bits, sizeof x);
    return x;
}

/** e^x: x = n ln 2 + r, |r| <= ln(2)/2, e^r by a polynomial (fit 3e-9), 2^n as a bit pattern. */
static inline float scp_expf(float x)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds; n is in the low bits */
    float limited = scp_limit87(x), shifted = limited * 1.44269504f + round, n = shifted - round;
    float r = (limited - n * 0.693145752f) - n * 1.42860677e-6f; /* ln 2 in two parts */
    /* clang-format off */
    float p = 1.0f + (r + r * r * (0.499999934f + r * (0.166665206f + r * (0.0416683881f
              + r * (0.00836871709f + r * 0.00138145964f)))));
    /* clang-format on */
    int32_t bits;
    float power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (int32_t)(((uint32_t)bits + 127u) << 23);
    memcpy(&power, &bits, sizeof power);
    return x == x ? p * power : x;
}

/** 1 / (1 + e^-x). */
static inline float scp_sigmoidf(float x)
{
    return 1.0f / (1.0f + scp_expf(-x));
}

/** tanh x: an odd polynomial below 0.625 (fit 4e-9), 1 - 2 / (e^2|x| + 1) above. */
static inline float scp_tanhf(float x)
{
    float a = fabsf(x), z = x * x;
    float big = copysignf(1.0f - 2.0f / (scp_expf(2.0f * a) + 1.0f), x);
    float t = -0.333332839f +
              z * (0.133314912f + z * (-0.0537434953f + z * (0.020650579f + z * -0.0057170366f)));
    return a > 0.625f ? big : x + x * z * t;
}

/** Phi(x) = P(N(0, 1) < x), given e = e^(-x^2/2), which callers also need for the density.
 *  Phi(-t) = e Q(t) with Q smooth on t >= 0: a polynomial in 1/(1 + 0.23 t) (fit 5e-8). */
static inline float scp_normal_cdf(float x, float e)
{
    float u = 1.0f / (1.0f + 0.23f * fabsf(x));
    /* clang-format off */
    float q = -2.77624268e-05f + u * (0.0923784564f + u * (0.0857629186f + u * (0.119514062f
              + u * (-0.0329202381f + u * (0.301472905f + u * (-0.278127107f + u * (0.290414221f
              + u * -0.078467479f)))))));
    /* clang-format on */
    float tail = e * q;
    return x > 0.0f ? 1.0f - tail : tail;
}

#endif
