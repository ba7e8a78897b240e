/* Tiles over OpenBLAS, see gemm.h. An OpenBLAS built on OpenMP runs on one thread when it is called
 * inside a parallel region; one with its own threads is told to (scp_gemm_open). Tiles pack their
 * operands again, so they are as large as leaves work for TILES threads: on one thread, tiles of
 * 128 x 256, 64 x 128 and 64 x 64 run at 93, 88 and 85 % of the speed of one call. */
#include "backend/cpu/gemm.h"

#include <cblas.h>

#include "backend/cpu/par.h"

/* SMALL: products below this many multiplications are one call; OpenBLAS threads none so small. */
enum { TILE_ROWS = 128, TILE_COLS = 256, TILE_MIN = 64, TILES = 16, SMALL = 1 << 17 };

typedef struct product {
    int64_t m, n, k;
    const float *A, *B;
    CBLAS_TRANSPOSE trans_a, trans_b;
    float beta, *C;
} product;

/* Rows [r, r + rows) and columns [c, c + cols) of C. */
static void tile(const product *p, int64_t r, int64_t c, int64_t rows, int64_t cols)
{
    bool ta = p->trans_a == CblasTrans, tb = p->trans_b == CblasTrans;
    const float *A = ta ? p->A + r : p->A + r * p->k, *B = tb ? p->B + c * p->k : p->B + c;
    cblas_sgemm(CblasRowMajor, p->trans_a, p->trans_b, (int)rows, (int)cols, (int)p->k, 1.0f, A,
                (int)(ta ? p->m : p->k), B, (int)(tb ? p->k : p->n), p->beta, p->C + r * p->n + c,
                (int)p->n);
}

static int64_t pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

static void multiply(product p)
{
    int64_t rows = TILE_ROWS, cols = TILE_COLS;
    if (p.m * p.n * p.k <= SMALL) {
        tile(&p, 0, 0, p.m, p.n);
        return;
    }
    while (pieces(p.m, rows) * pieces(p.n, cols) < TILES && (rows > TILE_MIN || cols > TILE_MIN))
        *(cols > rows ? &cols : &rows) /= 2;
    int64_t across = pieces(p.n, cols), tiles = pieces(p.m, rows) * across;
#pragma omp parallel for
    for (int64_t i = 0; i < tiles; i++) {
        int64_t r = i / across * rows, c = i % across * cols;
        tile(&p, r, c, scp_min(rows, p.m - r), scp_min(cols, p.n - c));
    }
}

/* The product that the three functions below describe by their arguments. */
#define PRODUCT(ta, tb)                                                                            \
    (product){ m, n, k, A, B, ta, tb, add ? 1.0f : 0.0f, C }

void scp_gemm_nt(int64_t m, int64_t n, int64_t k, const float *A, const float *B, bool add,
                 float *C)
{
    multiply(PRODUCT(CblasNoTrans, CblasTrans));
}

void scp_gemm_nn(int64_t m, int64_t n, int64_t k, const float *A, const float *B, bool add,
                 float *C)
{
    multiply(PRODUCT(CblasNoTrans, CblasNoTrans));
}

void scp_gemm_tn(int64_t m, int64_t n, int64_t k, const float *A, const float *B, bool add,
                 float *C)
{
    multiply(PRODUCT(CblasTrans, CblasNoTrans));
}

void scp_gemm_open(void)
{
    if (openblas_get_parallel() == OPENBLAS_THREAD) openblas_set_num_threads(1);
}

scp_status scp_gemm_check(const char *node, int64_t a, int64_t b, int64_t c)
{
    if (a > INT32_MAX || b > INT32_MAX || c > INT32_MAX)
        SCP_FAIL(SCP_ESHAPE,
                 "'%s': a dimension exceeds the 2147483647 that the matrix library takes", node);
    return SCP_OK;
}
