/* Perturbation discrimination scores. One prediction is compared with all true effects (not the
 * other way round), effects are signed, and ties share the mean of their ranks. */
#include "eval/pds.h"

#include <math.h>

#include "eval/pds_impl.h"

/* Inlined twice, so that the form without dropped genes has no test in its loop. */
static inline __attribute__((always_inline)) void
distances(const double *f, const double *r, size_t G, const uint8_t *drop, double d[SCP_PDS_KINDS])
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
    d[SCP_PDS_L1] = l1;
    d[SCP_PDS_L2] = l2; /* squared: same order */
    d[SCP_PDS_COSINE] = ff > 0 && rr > 0 ? 1 - fr / (sqrt(ff) * sqrt(rr)) : 1;
    if (isnan(l1)) d[SCP_PDS_COSINE] = NAN; /* no comparison above holds for NaN */
}

void scp_pds_distances(const double *f, const double *r, size_t G, const uint8_t *drop,
                       double d[SCP_PDS_KINDS])
{
    if (drop)
        distances(f, r, G, drop, d);
    else
        distances(f, r, G, NULL, d);
}

void scp_pds_count(scp_pds_places *p, const double d[SCP_PDS_KINDS])
{
    for (int i = 0; i < SCP_PDS_KINDS; i++) {
        p->unknown |= !isfinite(d[i]) || !isfinite(p->own[i]);
        p->k[i] += d[i] < p->own[i] ? 1 : d[i] == p->own[i] ? 0.5 : 0;
    }
}

scp_pds_scores scp_pds_scores_of(const scp_pds_places *p, size_t N)
{
    const double n = (double)N;
    scp_pds_scores s = { NAN, NAN, NAN, NAN };
    if (p->unknown) return s;
    return (scp_pds_scores){ .l1 = 1 - p->k[SCP_PDS_L1] / n,
                             .l2 = 1 - p->k[SCP_PDS_L2] / n,
                             .cosine = 1 - p->k[SCP_PDS_COSINE] / n,
                             .cosine_mid = 1 - p->k[SCP_PDS_COSINE] / (n - 1) };
}

void scp_pds_score(const double *f, const double *r, size_t N, size_t G, size_t own,
                   const uint8_t *drop, scp_pds_scores *out)
{
    scp_pds_places p = { .unknown = N < 2 };
    double d[SCP_PDS_KINDS];
    scp_pds_distances(f, r + own * G, G, drop, p.own);
    for (size_t q = 0; q < N && !p.unknown; q++) {
        if (q == own) continue;
        scp_pds_distances(f, r + q * G, G, drop, d);
        scp_pds_count(&p, d);
    }
    *out = scp_pds_scores_of(&p, N);
}
