/* Factorisation, solution and product in fp64 against plain triple loops, at sizes around the
 * tiles.
 */
#include "tensor/linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tap.h"

static double *noise(uint32_t stream, int64_t n)
{
    double *v = malloc((size_t)n * sizeof *v);
    if (v) scp_rng_fill_normal(1, 100, 0, stream, (size_t)n, v);
    return v;
}

/* A = R R^T + I. */
static double *positive(const double *R, int64_t n)
{
    double *A = malloc((size_t)(n * n) * sizeof *A);
    for (int64_t i = 0; A && i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = i == j;
            for (int64_t k = 0; k < n; k++) sum += R[i * n + k] * R[j * n + k];
            A[i * n + j] = sum;
        }
    return A;
}

static void test_solve(int64_t n, int64_t m)
{
    double *R = noise(1, n * n), *A = R ? positive(R, n) : NULL, *X = noise(2, n * m);
    double *B = calloc((size_t)(n * m), sizeof *B), *L = malloc((size_t)(n * n) * sizeof *L);
    double worst_l = 0, worst_x = 0;
    if (A && X && B && L) {
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < n; k++)
                for (int64_t j = 0; j < m; j++) B[i * m + j] += A[i * n + k] * X[k * m + j];
        memcpy(L, A, (size_t)(n * n) * sizeof *L);
        tap_st(scp_linalg_cholesky(L, n), "%d rows factor", (int)n);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++) {
                double sum = 0;
                for (int64_t k = 0; k <= j; k++) sum += L[i * n + k] * L[j * n + k];
                worst_l = fmax(worst_l, fabs(sum - A[i * n + j]) / (double)n);
            }
        scp_linalg_solve(L, n, B, m);
        for (int64_t i = 0; i < n * m; i++) worst_x = fmax(worst_x, fabs(B[i] - X[i]));
        tap_ok(worst_l < 1e-12, "%d rows: L L' is A", (int)n);
        if (!tap_ok(worst_x < 1e-7, "%d rows, %d columns: solved", (int)n, (int)m))
            tap_diag("error %g", worst_x);
    }
    free(R);
    free(A);
    free(X);
    free(B);
    free(L);
}

static void test_multiply(int64_t m, int64_t n, int64_t k)
{
    double *A = noise(3, k * m), *B = noise(4, k * n), *C = calloc((size_t)(m * n), sizeof *C);
    double worst = 0;
    if (A && B && C) {
        scp_linalg_multiply_tn(m, n, k, A, B, C);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t l = 0; l < k; l++) sum += A[l * m + i] * B[l * n + j];
                worst = fmax(worst, fabs(sum - C[i * n + j]));
            }
        tap_ok(worst < 1e-12 * (double)k, "A' B of %d x %d x %d", (int)m, (int)n, (int)k);
    }
    free(A);
    free(B);
    free(C);
}

int main(void)
{
    static const int64_t size[] = { 1, 63, 64, 65, 150 };
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) test_solve(size[i], 70);
    test_multiply(5, 3, 7);
    test_multiply(65, 130, 40);
    double A[4] = { 1, 2, 2, 1 };
    tap_fails(scp_linalg_cholesky(A, 2), SCP_EDATA, "not positive definite",
              "a matrix with a negative eigenvalue is refused");
    return tap_done();
}
