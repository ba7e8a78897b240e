/* Products by level, see gemm.h.
 *
 * Level 4 has a kernel of its own (gemm_block.c), under which no element of the result depends on
 * how the result is cut, so every thread takes one piece. The other levels cut it into tiles by its
 * shape alone, each one call of oneDNN on one thread, or of OpenBLAS where a product is too small
 * to be worth oneDNN's set-up: OpenBLAS 0.3.21 falls back to its AVX2 kernels on a processor that
 * it does not know, oneDNN asks what the processor can do. Measured: bench/README.md, "products".
 * Both libraries stay on one thread inside a parallel region of more than one; a region of one is
 * given to them with that many. */
#include "backend/cpu/gemm.h"

#include <cblas.h>
#include <dnnl.h>

#include "backend/cpu/gemm_block.h"
#include "backend/cpu/par.h"
#include "base/machine.h"

typedef scp_gemm_product product;

static int64_t pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

#if SCP_CPU_LEVEL == 4

/* Products of fewer multiplications are not worth waking the threads. */
enum { ALONE = 1 << 18 };

/* Rows and columns of a piece: as many pieces as threads, and the least to pack for each. */
static void cut(const product *p, int64_t threads, int64_t *rows, int64_t *cols)
{
    int64_t across = pieces(p->n, SCP_GEMM_COLS), down = pieces(p->m, SCP_GEMM_ROWS), best = 0;
    for (int64_t d = 1; d <= threads; d++) {
        if (threads % d) continue;
        int64_t r = pieces(down, d) * SCP_GEMM_ROWS,
                c = pieces(across, threads / d) * SCP_GEMM_COLS;
        int64_t cost = r * c + 8 * (r + c); /* a packed element costs what 8 products do */
        if (best && cost >= best) continue;
        best = cost;
        *rows = r;
        *cols = c;
    }
}

static void multiply(const product *p)
{
    bool alone = p->m * p->n * p->k < ALONE;
    int64_t lda = p->trans_a ? p->m : p->k, ldb = p->trans_b ? p->k : p->n, rows = 1, cols = 1;
    cut(p, alone ? 1 : scp_omp_threads(), &rows, &cols);
    int64_t across = pieces(p->n, cols), all = pieces(p->m, rows) * across;
#pragma omp parallel for schedule(static) if (all > 1)
    for (int64_t i = 0; i < all; i++) {
        int64_t r = i / across * rows, c = i % across * cols;
        scp_gemm_matrix a = { p->A + (p->trans_a ? r : r * lda), lda, p->trans_a },
                        b = { p->B + (p->trans_b ? c * ldb : c), ldb, p->trans_b };
        __typeof__(&scp_gemm_block) block = p->bf16 ? scp_gemm_block_bf16 : scp_gemm_block;
        block(scp_min(rows, p->m - r), scp_min(cols, p->n - c), p->k, a, b, p->add,
              p->bias ? p->bias + c : NULL, p->C + r * p->n + c, p->n);
    }
}

#else

/* SMALL: products below this many multiplications are one call; OpenBLAS threads none so small.
 * Tiles pack their operands again, so they are as large as leaves work for TILES threads. */
enum { TILE_ROWS = 128, TILE_COLS = 256, TILE_MIN = 64, TILES = 16, SMALL = 1 << 17 };

static bool is_small(const product *p)
{
    return p->m * p->n * p->k <= SMALL;
}

/* Rows [r, r + rows) and columns [c, c + cols) of C. */
static void tile(const product *p, int64_t r, int64_t c, int64_t rows, int64_t cols)
{
    bool ta = p->trans_a, tb = p->trans_b;
    const float *A = ta ? p->A + r : p->A + r * p->k, *B = tb ? p->B + c * p->k : p->B + c;
    int64_t lda = ta ? p->m : p->k, ldb = tb ? p->k : p->n;
    float *C = p->C + r * p->n + c, beta = p->add ? 1.0f : 0.0f;
    if (is_small(p) || dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', rows, cols, p->k, 1.0f, A, lda, B,
                                  ldb, beta, C, p->n) != dnnl_success)
        cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
                    (int)rows, (int)cols, (int)p->k, 1.0f, A, (int)lda, B, (int)ldb, beta, C,
                    (int)p->n);
}

static void multiply(const product *of)
{
    int64_t rows = TILE_ROWS, cols = TILE_COLS;
    product with_bias = *of, *p = &with_bias;
    for (int64_t r = 0; p->bias && r < p->m; r++)
        memcpy(p->C + r * p->n, p->bias, (size_t)p->n * sizeof *p->C);
    p->add = p->add || p->bias;
    if (is_small(p)) {
        tile(p, 0, 0, p->m, p->n);
        return;
    }
    while (pieces(p->m, rows) * pieces(p->n, cols) < TILES && (rows > TILE_MIN || cols > TILE_MIN))
        *(cols > rows ? &cols : &rows) /= 2;
    int64_t across = pieces(p->n, cols), tiles = pieces(p->m, rows) * across;
#pragma omp parallel for
    for (int64_t i = 0; i < tiles; i++) {
        int64_t r = i / across * rows, c = i % across * cols;
        tile(p, r, c, scp_min(rows, p->m - r), scp_min(cols, p->n - c));
    }
}

#endif

/* The product that the three functions below describe by their arguments. */
#define PRODUCT(ta, tb)                                                                            \
    &(product)                                                                                     \
    {                                                                                              \
        .m = m, .n = n, .k = k, .A = A, .B = B, .trans_a = (ta), .trans_b = (tb), .add = add,      \
        .C = C                                                                                     \
    }

void scp_gemm_nt(int64_t m, int64_t n, int64_t k, const float *A, const float *B, bool add,
                 float *C)
{
    multiply(PRODUCT(false, true));
}

void scp_gemm(const scp_gemm_product *p)
{
    multiply(p);
}

void scp_gemm_nn(int64_t m, int64_t n, int64_t k, const float *A, const float *B, bool add,
                 float *C)
{
    multiply(PRODUCT(false, false));
}

void scp_gemm_tn(int64_t m, int64_t n, int64_t k, const float *A, const float *B, bool add,
                 float *C)
{
    multiply(PRODUCT(true, false));
}

scp_status scp_gemm_check(const char *node, int64_t a, int64_t b, int64_t c)
{
    if (a > INT32_MAX || b > INT32_MAX || c > INT32_MAX)
        SCP_FAIL(SCP_ESHAPE,
                 "'%s': a dimension exceeds the 2147483647 that the matrix library takes", node);
    return SCP_OK;
}
