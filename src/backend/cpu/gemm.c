/* Tiles over oneDNN, and OpenBLAS for products too small to be worth its set-up, see gemm.h. On a
 * processor that OpenBLAS 0.3.21 does not know it falls back to its AVX2 kernels; oneDNN asks the
 * processor what it can do (120 against 230 GFLOP/s per core where this was measured). Both
 * libraries stay on one thread inside a parallel region of more than one; a region of one is given
 * to them with that many. Tiles pack their operands again, so they are as large as leaves work for
 * TILES threads. */
#include "backend/cpu/gemm.h"

#include <cblas.h>
#include <dnnl.h>

#include "backend/cpu/par.h"

/* SMALL: products below this many multiplications are one call; OpenBLAS threads none so small. */
enum { TILE_ROWS = 128, TILE_COLS = 256, TILE_MIN = 64, TILES = 16, SMALL = 1 << 17 };

typedef struct product {
    int64_t m, n, k;
    const float *A, *B;
    CBLAS_TRANSPOSE trans_a, trans_b;
    float beta, *C;
} product;

static bool is_small(const product *p)
{
    return p->m * p->n * p->k <= SMALL;
}

/* Rows [r, r + rows) and columns [c, c + cols) of C. */
static void tile(const product *p, int64_t r, int64_t c, int64_t rows, int64_t cols)
{
    bool ta = p->trans_a == CblasTrans, tb = p->trans_b == CblasTrans;
    const float *A = ta ? p->A + r : p->A + r * p->k, *B = tb ? p->B + c * p->k : p->B + c;
    int64_t lda = ta ? p->m : p->k, ldb = tb ? p->k : p->n;
    float *C = p->C + r * p->n + c;
    if (is_small(p) || dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', rows, cols, p->k, 1.0f, A, lda, B,
                                  ldb, p->beta, C, p->n) != dnnl_success)
        cblas_sgemm(CblasRowMajor, p->trans_a, p->trans_b, (int)rows, (int)cols, (int)p->k, 1.0f, A,
                    (int)lda, B, (int)ldb, p->beta, C, (int)p->n);
}

static int64_t pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

static void multiply(product p)
{
    int64_t rows = TILE_ROWS, cols = TILE_COLS;
    if (is_small(&p)) {
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
    (product)                                                                                      \
    {                                                                                              \
        m, n, k, A, B, ta, tb, add ? 1.0f : 0.0f, C                                                \
    }

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
