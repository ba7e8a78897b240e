/* Perturbation discrimination scores. One prediction is compared with all true effects (not the
 * other way round), effects are signed, and ties share the mean of their ranks. */
#include "eval/pds.h"

#include <math.h>
#include <stdbool.h>

enum { L1, L2, COSINE, KINDS };

/* Inlined twice, so that the form without dropped genes has no test in its loop. */
static inline __attribute__((always_inline)) void
distances(const double *f, const double *r, size_t G, const uint8_t *drop, double d[KINDS])
{
    double l1 = 0, l2 = 0, fr = 0, ff = 0, rr = 0;
#pragma omp simd reduction(+ : l1, l2, fr, ff, rr)
    for (size_t g = 0; g < G; g++) {
        double keep = drop ? !drop[g] : 1;
        double x = keep * f[g], y = keep * r[g], e = x - y;
        l1 += fabs(e);
        l2 += e * e;
        fr += x * y;
        ff += x * x;
        rr += y * y;
    }
    d[L1] = l1;
    d[L2] = l2; /* squared: same order */
    d[COSINE] = ff > 0 && rr > 0 ? 1 - fr / (sqrt(ff) * sqrt(rr)) : 1;
    if (isnan(l1)) d[COSINE] = NAN; /* no comparison above holds for NaN */
}

static void distances_to(const double *f, const double *r, size_t G, const uint8_t *drop,
                         double d[KINDS])
{
    if (drop)
        distances(f, r, G, drop, d);
    else
        distances(f, r, G, NULL, d);
}

void scp_pds_score(const double *f, const double *r, size_t N, size_t G, size_t own,
                   const uint8_t *drop, scp_pds_scores *out)
{
    double to_own[KINDS], k[KINDS] = { 0 };
    bool unknown = N < 2;
    distances_to(f, r + own * G, G, drop, to_own);
    for (size_t q = 0; q < N && !unknown; q++) {
        double d[KINDS];
        if (q == own) continue;
        distances_to(f, r + q * G, G, drop, d);
        for (int i = 0; i < KINDS; i++) {
            unknown |= !isfinite(d[i]) || !isfinite(to_own[i]);
            k[i] += d[i] < to_own[i] ? 1 : d[i] == to_own[i] ? 0.5 : 0;
        }
    }
    double n = (double)N;
    *out = (scp_pds_scores){ .l1 = unknown ? NAN : 1 - k[L1] / n,
                             .l2 = unknown ? NAN : 1 - k[L2] / n,
                             .cosine = unknown ? NAN : 1 - k[COSINE] / n,
                             .cosine_mid = unknown ? NAN : 1 - k[COSINE] / (n - 1) };
}
