/* Random projections: rows of few genes stay, distances and inner products of many are kept. */
#include "eval/project.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tap.h"

enum { G = 6000, DIMS = 512, ROWS = 12 };

static float x[ROWS][G], y[ROWS][DIMS], again[DIMS];

static double distance(const float *a, const float *b, size_t n)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++) squares += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sqrt(squares);
}

int main(void)
{
    scp_projection *p = NULL, *other = NULL;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t g = 0; g < G; g++) /* rows of one cell line differ less than rows of two */
            x[r][g] = (float)(scp_rng_u01(1, SCP_RNG_SYNTH, 0, r / 4, (uint32_t)g) +
                              0.2 * scp_rng_u01(2, SCP_RNG_SYNTH, 0, r, (uint32_t)g));
    if (!tap_st(scp_projection_create(G, DIMS, 1, &p), "6,000 genes to 512") ||
        !tap_st(scp_projection_create(G, DIMS, 2, &other), "with another seed"))
        return tap_done();
    tap_ok(scp_projection_dims(p) == DIMS, "dimensions");
    for (size_t r = 0; r < ROWS; r++) scp_projection_apply(p, x[r], y[r]);
    double worst = 0, sum = 0;
    size_t pairs = 0;
    for (size_t a = 0; a < ROWS; a++)
        for (size_t b = 0; b < a; b++, pairs++) {
            const double ratio = distance(y[a], y[b], DIMS) / distance(x[a], x[b], G);
            worst = fmax(worst, fabs(ratio - 1));
            sum += ratio;
        }
    /* s.d. of a squared distance sqrt(2 / 512) = 0.0625, of a distance half of it */
    tap_ok(worst < 5 * 0.0313, "each distance within 5 standard deviations (%.3f)", worst);
    tap_ok(fabs(sum / (double)pairs - 1) < 0.02, "none too long or too short on the mean (%.4f)",
           sum / (double)pairs);
    scp_projection_apply(p, x[3], again);
    tap_ok(memcmp(again, y[3], sizeof again) == 0, "the same row, the same numbers");
    scp_projection_apply(other, x[3], again);
    tap_ok(memcmp(again, y[3], sizeof again) != 0, "another seed, other numbers");
    scp_projection_destroy(&p);
    scp_projection_destroy(&other);
    if (tap_st(scp_projection_create(DIMS, DIMS, 1, &p), "as many genes as dimensions")) {
        scp_projection_apply(p, x[0], again);
        tap_ok(scp_projection_dims(p) == DIMS && memcmp(again, x[0], sizeof again) == 0,
               "the row stays what it is");
    }
    scp_projection_destroy(&p);
    tap_ok(scp_projection_create(G, 12, 1, &p) == SCP_EINTERNAL,
           "12 dimensions are no multiple of 8");
    return tap_done();
}
