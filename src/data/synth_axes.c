/* Leading principal axes of binary rows, by orthogonal iteration on their Gram matrix.
 *
 * Rows are few (drugs) and columns many (fingerprint bits), so the axes come from B B^T, twice
 * centred. Axes with nearly equal variance may come out rotated among themselves, which is as good.
 */
#include <math.h>

#include "base/mem.h"
#include "data/synth_design.h"
#include "data/synth_rng.h"

enum { POWER_STEPS = 300 };

/* gram [n, n] = inner products of the rows after every column was centred. mean [n] is scratch. */
static void centred_gram(const uint8_t *bits, size_t n, size_t width, double *gram, double *mean)
{
    double grand = 0.0;
    for (size_t i = 0; i < n; i++) {
        mean[i] = 0.0;
        for (size_t j = 0; j < n; j++) {
            int64_t both = 0;
            for (size_t b = 0; b < width; b++) both += bits[i * width + b] & bits[j * width + b];
            gram[i * n + j] = (double)both;
            mean[i] += (double)both / (double)n;
        }
        grand += mean[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) gram[i * n + j] += grand - mean[i] - mean[j];
}

/* Gram-Schmidt on the columns of v [q, n] (each axis contiguous). A column that vanishes stays
 * zero. */
static void orthonormalise(double *v, size_t n, size_t q)
{
    for (size_t a = 0; a < q; a++) {
        double *x = v + a * n, norm = 0.0;
        for (size_t b = 0; b < a; b++) {
            const double *y = v + b * n;
            double dot = 0.0;
            for (size_t i = 0; i < n; i++) dot += x[i] * y[i];
            for (size_t i = 0; i < n; i++) x[i] -= dot * y[i];
        }
        for (size_t i = 0; i < n; i++) norm += x[i] * x[i];
        double scale = norm > 0.0 ? 1.0 / sqrt(norm) : 0.0;
        for (size_t i = 0; i < n; i++) x[i] *= scale;
    }
}

/* Unit axis to coordinates of variance one, with a sign that does not hang on rounding. */
static void store_axis(const double *x, size_t n, size_t q, size_t a, double *z)
{
    size_t top = 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(x[i]) > fabs(x[top]) * (1.0 + 1e-9)) top = i;
    double scale = copysign(sqrt((double)n), x[top]);
    for (size_t i = 0; i < n; i++) z[i * q + a] = scale * x[i];
}

scp_status scp_synth_principal_axes(const uint8_t *bits, size_t n, size_t width, size_t q,
                                    uint64_t seed, double *z)
{
    scp_status st = SCP_OK;
    double *gram = NULL, *v = NULL, *next = NULL;
    SCP_ARG(bits && z && q < n, "rows, output and fewer axes than rows");
    SCP_GOTO(done, scp_alloc(n * n, sizeof *gram, &gram));
    SCP_GOTO(done, scp_alloc(n * q, sizeof *v, &v));
    SCP_GOTO(done, scp_alloc(n * q + n, sizeof *next, &next));
    centred_gram(bits, n, width, gram, next);
    scp_rng_fill_normal(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_POWER, 0, n * q, v);
    for (int step = 0; step < POWER_STEPS; step++) {
        for (size_t a = 0; a < q; a++)
            for (size_t i = 0; i < n; i++) {
                double sum = 0.0;
                for (size_t j = 0; j < n; j++) sum += gram[i * n + j] * v[a * n + j];
                next[a * n + i] = sum;
            }
        orthonormalise(next, n, q);
        double *swap = v;
        v = next;
        next = swap;
    }
    for (size_t a = 0; a < q; a++) store_axis(v + a * n, n, q, a, z);
done:
    free(gram);
    free(v);
    free(next);
    return st;
}
