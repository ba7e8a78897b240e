/* Normal and Poisson draws on a counter-based stream, see synth_rng.h. */
#include "data/synth_rng.h"

#include <math.h>

double scp_synth_normal(scp_synth_stream *s)
{
    double radius = sqrt(-2.0 * log(scp_synth_u01(s)));
    return radius * cos(2.0 * M_PI * scp_synth_u01(s));
}

static int64_t poisson_inversion(scp_synth_stream *s, double mean)
{
    double u = scp_synth_u01(s), term = exp(-mean), sum = term;
    int64_t k = 0;
    while (u > sum && k < 200) { /* P(X > 200) is below 1e-170 for means under 10 */
        term *= mean / (double)++k;
        sum += term;
    }
    return k;
}

static int64_t poisson_ptrs(scp_synth_stream *s, double mean)
{
    double b = 0.931 + 2.53 * sqrt(mean), a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2.0);
    for (;;) {
        double u = scp_synth_u01(s) - 0.5, v = scp_synth_u01(s);
        double us = 0.5 - fabs(u), k = floor((2.0 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= v_r) return (int64_t)k;
        if (k < 0.0 || (us < 0.013 && v > us)) continue;
        int sign;
        if (log(v * inverse_alpha / (a / (us * us) + b)) <=
            k * log(mean) - mean - lgamma_r(k + 1.0, &sign))
            return (int64_t)k;
    }
}

int64_t scp_synth_poisson(scp_synth_stream *s, double mean)
{
    if (!(mean > 0.0)) return 0;
    return mean < 10.0 ? poisson_inversion(s, mean) : poisson_ptrs(s, mean);
}
