/* A product on one thread for AVX-512, see gemm_block.h.
 *
 * Compiled twice: at level 4 it multiplies in fp32; at level 5 a word of a panel is a pair of bf16,
 * neighbours in k, which one instruction multiplies and adds. Operands are rounded while they are
 * packed; all below but that and the one instruction is the same.
 *
 * C is made by blocks of up to 512 x NC, for each DEPTH of k after the other; the block of C and
 * what it takes of A stay in the second cache. B is packed panel by panel, [k][COLS], which stays
 * in the first cache while all row panels of A pass by: as they lie in memory where that goes (fp32
 * and rows of k), else packed. The kernel keeps ROWS x COLS sums in 16 registers: 2 loads of B, 8
 * broadcasts of A and 16 multiply-adds a k, so the multipliers set the pace and not the 2 loads of
 * a cycle. Panels at the edge are filled up with zeros. */
#include "backend/cpu/gemm_block.h"

#include <immintrin.h>
#include <string.h>

enum {
    ROWS = SCP_GEMM_ROWS,
    COLS = SCP_GEMM_COLS,
    DEPTH = SCP_GEMM_DEPTH,
    MC = 256,
    NC = 512,
    LANES = 16
};
/* Of a row in a panel: no power of two, whose lines get in each other's way. */
enum { STRIDE = DEPTH + LANES };
/* PER_WORD: neighbours in k in one word. k and depth below count elements, panels hold words. */
#if SCP_CPU_LEVEL == 5
#define scp_gemm_block scp_gemm_block_bf16
enum { PER_WORD = 2 };
#else
enum { PER_WORD = 1 };
#endif

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline __mmask16 lanes(int64_t n)
{
    return n >= LANES ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}

static inline int64_t words(int64_t k)
{
    return (k + PER_WORD - 1) / PER_WORD;
}

#if SCP_CPU_LEVEL == 5

static inline __m512i two_rounded(__m512 low, __m512 high)
{
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* Up to 16 words of one row from x on, of which k elements are there. */
static inline __m512 along(const float *x, int64_t k)
{
    return _mm512_castsi512_ps(two_rounded(
        _mm512_maskz_loadu_ps(lanes(k), x),
        k > LANES ? _mm512_maskz_loadu_ps(lanes(k - LANES), x + LANES) : _mm512_setzero_ps()));
}

/* A word of each of the columns that are there: rows x and x + ld, of which k are there. */
static inline __m512 down(const float *x, int64_t ld, int64_t k, __mmask16 there)
{
    const __m512i pairs =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __m512 second = k > 1 ? _mm512_maskz_loadu_ps(there, x + ld) : _mm512_setzero_ps();
    return _mm512_castsi512_ps(
        _mm512_permutexvar_epi16(pairs, two_rounded(_mm512_maskz_loadu_ps(there, x), second)));
}

/* The same for up to 8 columns. */
static inline __m256 down_narrow(const float *x, int64_t ld, int64_t k, __mmask16 there)
{
    return _mm512_castps512_ps256(down(x, ld, k, there));
}

static inline __m512 multiply_add(__m512 a, __m512 b, __m512 sum)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

#else

static inline __m512 along(const float *x, int64_t k)
{
    return _mm512_maskz_loadu_ps(lanes(k), x);
}

static inline __m512 down(const float *x, int64_t ld, int64_t k, __mmask16 there)
{
    (void)ld;
    (void)k;
    return _mm512_maskz_loadu_ps(there, x);
}

static inline __m256 down_narrow(const float *x, int64_t ld, int64_t k, __mmask16 there)
{
    (void)ld;
    (void)k;
    return _mm256_maskz_loadu_ps((__mmask8)there, x);
}

static inline __m512 multiply_add(__m512 a, __m512 b, __m512 sum)
{
    return _mm512_fmadd_ps(a, b, sum);
}

#endif

/* y [16][ldy] = transpose of up to 16 columns of words of `rows` rows (up to 16) of x, of which k
 * elements are there; rows that are not there count as zeros. Only as many rows of y are written as
 * there are words. */
static inline void transpose(const float *x, int64_t ldx, int64_t rows, int64_t k, float *y,
                             int64_t ldy)
{
    __m512 r[LANES], t[LANES];
    for (int i = 0; i < LANES; i++) r[i] = i < rows ? along(x + i * ldx, k) : _mm512_setzero_ps();
    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < LANES; i += 4)
        for (int h = 0; h < 2; h++) {
            __m512d a = _mm512_castps_pd(t[i + h]), b = _mm512_castps_pd(t[i + 2 + h]);
            r[i + 2 * h] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * h + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    /* r[4 g + c]: column c of every quarter, rows of group g */
    for (int c = 0; c < 4; c++) {
        t[c] = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88);
        t[4 + c] = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xdd);
        t[8 + c] = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
        t[12 + c] = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xdd);
    }
    for (int c = 0; c < 4; c++) {
        r[c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0x88);
        r[8 + c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0xdd);
        r[4 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0x88);
        r[12 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0xdd);
    }
    for (int i = 0; i < LANES && i < words(k); i++) _mm512_storeu_ps(y + i * ldy, r[i]);
}

/* panel [words(k)][COLS] = columns [0, cols) of k rows of B; columns that are not there are zeros.
 * A panel of up to LANES columns is [words(k)][LANES]. */
static inline void pack_columns(const float *x, int64_t ld, bool transposed, int64_t k,
                                int64_t cols, float *panel)
{
    const int64_t width = cols > LANES ? COLS : LANES;
    for (int64_t c = 0; transposed && c < width; c += LANES)
        for (int64_t w = 0; w < words(k); w += LANES)
            transpose(x + c * ld + w * PER_WORD, ld, cols - c, k - w * PER_WORD,
                      panel + w * width + c, width);
    for (int64_t c = 0; !transposed && c < width; c += LANES) {
        const __mmask16 there = lanes(cols - c);
        for (int64_t w = 0, p = 0; p < k; w++, p += PER_WORD)
            _mm512_storeu_ps(panel + w * width + c, down(x + p * ld + c, ld, k - p, there));
    }
}

/* Rows [0, rows) of A, k deep, as they lie in memory: a panel [ROWS][STRIDE], or, when A is
 * transposed, [words(k)][ROWS]. Rows that are not there are zeros. */
static inline void pack_rows(const float *x, int64_t ld, bool transposed, int64_t k, int64_t rows,
                             float *panel)
{
    for (int64_t r = 0; !transposed && r < ROWS; r++)
        for (int64_t w = 0, p = 0; p < k; w += LANES, p += LANES * PER_WORD)
            _mm512_storeu_ps(panel + r * STRIDE + w, along(x + r * ld + p, r < rows ? k - p : 0));
    const __mmask16 there = lanes(rows);
    for (int64_t w = 0, p = 0; transposed && p < k; w++, p += PER_WORD)
        _mm256_storeu_ps(panel + w * ROWS, down_narrow(x + p * ld, ld, k - p, there));
}

/* Where sums go: rows [0, rows) and columns [0, cols) of C, on top of C, of one row for
 * all, or of nothing. */
typedef struct target {
    float *C;
    int64_t ldc, rows, cols;
    const float *bias; /* or NULL */
    bool add;
} target;

/* The target from ROWS rows a, lda apart, and b [n][16 vectors], n words. across: a is [n][ROWS]. */
static inline __attribute__((always_inline)) void kernel(const int vectors, const bool across,
                                                         int64_t n, const float *a, int64_t lda,
                                                         const float *b, target t)
{
    const int64_t next = across ? ROWS : 1, apart = across ? 1 : lda;

    __m512 sum[ROWS][COLS / LANES];
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++) {
        if (i < t.rows) _mm_prefetch((const char *)(t.C + i * t.ldc), _MM_HINT_T0);
        if (i < t.rows) _mm_prefetch((const char *)(t.C + i * t.ldc + LANES), _MM_HINT_T0);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) sum[i][v] = _mm512_setzero_ps();
    }
    for (int64_t p = 0; p < n; p++, a += next, b += vectors * LANES) {
        __m512 row[COLS / LANES];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) row[v] = _mm512_loadu_ps(b + v * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            __m512 x = _mm512_set1_ps(a[i * apart]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++) sum[i][v] = multiply_add(x, row[v], sum[i][v]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++) {
        if (i >= t.rows) break;
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            float *c = t.C + i * t.ldc + v * LANES;
            __mmask16 there = lanes(t.cols - v * LANES);
            const float *below = t.add ? c : t.bias ? t.bias + v * LANES : NULL;
            if (below) sum[i][v] = _mm512_add_ps(sum[i][v], _mm512_maskz_loadu_ps(there, below));
            _mm512_mask_storeu_ps(c, there, sum[i][v]);
        }
    }
}

/* Ask for part `part` of `of` of a block of X, rows [i, i + rows) and columns [j, j + cols), which
 * comes from far and in more streams than the machine foresees. */
static inline void fetch(const scp_gemm_matrix *X, int64_t i, int64_t rows, int64_t j, int64_t cols,
                         int64_t part, int64_t of)
{
    const int64_t lines = X->transposed ? cols : rows, length = X->transposed ? rows : cols;
    const float *x = X->x + (X->transposed ? j * X->ld + i : i * X->ld + j);
    for (int64_t r = part * lines / of; length > 0 && r < (part + 1) * lines / of; r++)
        for (int64_t p = 0; p < length; p += LANES)
            _mm_prefetch((const char *)(x + r * X->ld + p), _MM_HINT_T1);
}

static void panels(const float *a, int64_t lda, bool across, const float *b, int64_t n, target t)
{
    if (t.cols > LANES && across)
        kernel(2, true, n, a, lda, b, t);
    else if (t.cols > LANES)
        kernel(2, false, n, a, lda, b, t);
    else if (across)
        kernel(1, true, n, a, lda, b, t);
    else
        kernel(1, false, n, a, lda, b, t);
}

/* A block of the product: rows [i, i + rows), columns [j, j + cols) of C and [p, p + depth)
 * of k. */
typedef struct block {
    const scp_gemm_matrix *A, *B;
    int64_t i, rows, j, cols, p, depth, k;
} block;

/* Is A multiplied as it lies? */
static inline bool in_place(const scp_gemm_matrix *A)
{
    return PER_WORD == 1 && !A->transposed;
}

/* The rows of a block from `at` on, of which `rows` are there; packed holds what is packed. */
static inline void multiply_panel(const float *packed, const block *x, int64_t at, const float *b,
                                  target t)
{
    const scp_gemm_matrix *A = x->A;
    if (!in_place(A))
        panels(packed + at * STRIDE, STRIDE, A->transposed, b, words(x->depth), t);
    else if (t.rows == ROWS)
        panels(A->x + (x->i + at) * A->ld + x->p, A->ld, false, b, x->depth, t);
    else
        panels(packed, STRIDE, false, b, x->depth, t);
}

/* All of C that one block of A contributes to; meanwhile the next panel of B and the next block of
 * A come closer. */
static void multiply_block(const float *a, const block *x, target t)
{
    _Alignas(64) float b[DEPTH * COLS];
    const scp_gemm_matrix *B = x->B;
    const int64_t all = (x->rows + ROWS - 1) / ROWS, calls = all * ((x->cols + COLS - 1) / COLS);
    const int64_t after = x->p + x->depth, ahead = least(DEPTH * PER_WORD, x->k - after);
    for (int64_t c = 0, call = 0; c < x->cols; c += COLS) {
        const int64_t j = x->j + c, cols = least(COLS, x->cols - c);
        const int64_t next = least(COLS, x->cols - c - cols);
        pack_columns(B->x + (B->transposed ? j * B->ld + x->p : x->p * B->ld + j), B->ld,
                     B->transposed, x->depth, cols, b);
        for (int64_t i = 0; i < all; i++, call++) {
            target to = { .C = t.C + i * ROWS * t.ldc + c,
                          .ldc = t.ldc,
                          .rows = least(ROWS, x->rows - i * ROWS),
                          .cols = cols,
                          .bias = t.bias ? t.bias + c : NULL,
                          .add = t.add };
            if (next)
                fetch(B, x->p, x->depth, j + cols, next, i, all);
            else
                fetch(B, after, ahead, x->j, least(COLS, x->cols), i, all);
            fetch(x->A, x->i, x->rows, after, ahead, call, calls);
            multiply_panel(a, x, i * ROWS, b, to);
        }
    }
}

/* Pack the rows of a block: all of them, or those of the last panel that are no whole one. */
static void pack_block(const block *x, float *a)
{
    const scp_gemm_matrix *A = x->A;
    const int64_t first = in_place(A) ? x->rows / ROWS * ROWS : 0;
    for (int64_t r = first; r < x->rows; r += ROWS) {
        int64_t at = x->i + r;
        pack_rows(A->x + (A->transposed ? x->p * A->ld + at : at * A->ld + x->p), A->ld,
                  A->transposed, x->depth, least(ROWS, x->rows - r), a + (r - first) * STRIDE);
    }
}

/* A block of C, all of k: it stays in the second cache. */
static void multiply_deep(block x, bool add, const float *bias, float *C, int64_t ldc)
{
    _Alignas(64) float a[MC * STRIDE];
    for (x.p = 0; x.p < x.k; x.p += DEPTH * PER_WORD) {
        x.depth = least(DEPTH * PER_WORD, x.k - x.p);
        pack_block(&x, a);
        multiply_block(a, &x,
                       (target){ .C = C + x.i * ldc + x.j,
                                 .ldc = ldc,
                                 .bias = bias && !x.p ? bias + x.j : NULL,
                                 .add = add || x.p > 0 });
    }
}

/* Rows of a block: B is packed for each, so the more the better, as long as what a block takes of A
 * and C stays in the second cache. */
static int64_t block_rows(const scp_gemm_matrix *A, int64_t n, int64_t k)
{
    if (!in_place(A)) return MC;
    return n <= NC / 4 ? 2 * MC : n <= NC / 2 || k <= 2 * DEPTH ? MC + MC / 2 : MC;
}

void scp_gemm_block(int64_t m, int64_t n, int64_t k, scp_gemm_matrix A, scp_gemm_matrix B, bool add,
                    const float *bias, float *C, int64_t ldc)
{
    for (int64_t i = 0; k == 0 && !add && i < m; i++) memset(C + i * ldc, 0, (size_t)n * sizeof *C);
    const int64_t most = block_rows(&A, n, k);
    for (int64_t j = 0; j < n; j += NC)
        for (int64_t i = 0; i < m; i += most)
            multiply_deep((block){ .A = &A,
                                   .B = &B,
                                   .i = i,
                                   .rows = least(most, m - i),
                                   .j = j,
                                   .cols = least(NC, n - j),
                                   .k = k },
                          add, bias, C, ldc);
}
