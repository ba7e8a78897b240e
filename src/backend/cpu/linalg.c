/* Cholesky factorisation and solution in fp64 over OpenBLAS, see tensor/linalg.h. */
#include "tensor/linalg.h"

#include <cblas.h>
#include <math.h>

#include "backend/cpu/par.h"

enum { BLOCK = 64, COLS = 64 };

/* Factor the block of b rows at d (row length n) in place: plain loops, b^3 / 3. */
static bool factor_block(double *d, int64_t n, int64_t b)
{
    for (int64_t j = 0; j < b; j++) {
        double sum = d[j * n + j];
        for (int64_t k = 0; k < j; k++) sum -= d[j * n + k] * d[j * n + k];
        if (!(sum > 0) || !isfinite(sum)) return false;
        d[j * n + j] = sqrt(sum);
        for (int64_t i = j + 1; i < b; i++) {
            double s = d[i * n + j];
            for (int64_t k = 0; k < j; k++) s -= d[i * n + k] * d[j * n + k];
            d[i * n + j] = s / d[j * n + j];
        }
    }
    return true;
}

/* Rows below the block at (at, at): X L^T = A, then the lower triangle of what is left. */
static void eliminate(double *A, int64_t n, int64_t at, int64_t b)
{
    const int64_t below = at + b, tiles = (n - below + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < tiles; i++) {
        int64_t r = below + i * BLOCK, rows = scp_min(BLOCK, n - r);
        cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)rows,
                    (int)b, 1, A + at * n + at, (int)n, A + r * n + at, (int)n);
    }
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < tiles; i++)
        for (int64_t j = 0; j <= i; j++) {
            int64_t r = below + i * BLOCK, c = below + j * BLOCK;
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)scp_min(BLOCK, n - r),
                        (int)scp_min(BLOCK, n - c), (int)b, -1, A + r * n + at, (int)n,
                        A + c * n + at, (int)n, 1, A + r * n + c, (int)n);
        }
}

scp_status scp_linalg_cholesky(double *A, int64_t n)
{
    SCP_ARG(A && n >= 0 && n <= INT32_MAX, "matrix of up to INT32_MAX rows");
    for (int64_t at = 0; at < n; at += BLOCK) {
        int64_t b = scp_min(BLOCK, n - at);
        if (!factor_block(A + at * n + at, n, b))
            SCP_FAIL(SCP_EDATA, "a matrix of %lld rows is not positive definite", (long long)n);
        eliminate(A, n, at, b);
    }
    return SCP_OK;
}

void scp_linalg_solve(const double *L, int64_t n, double *B, int64_t m)
{
    const int64_t tiles = (m + COLS - 1) / COLS;
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < tiles; i++) {
        int64_t c = i * COLS, cols = scp_min(COLS, m - c);
        for (int pass = 0; pass < 2; pass++)
            cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, pass ? CblasTrans : CblasNoTrans,
                        CblasNonUnit, (int)n, (int)cols, 1, L, (int)n, B + c, (int)m);
    }
}

void scp_linalg_multiply_tn(int64_t m, int64_t n, int64_t k, const double *A, const double *B,
                            double *C)
{
    const int64_t across = (n + COLS - 1) / COLS, tiles = across * ((m + BLOCK - 1) / BLOCK);
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < tiles; i++) {
        int64_t r = i / across * BLOCK, c = i % across * COLS;
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)scp_min(BLOCK, m - r),
                    (int)scp_min(COLS, n - c), (int)k, 1, A + r, (int)m, B + c, (int)n, 0,
                    C + r * n + c, (int)n);
    }
}
