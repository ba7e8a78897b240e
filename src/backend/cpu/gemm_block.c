/* A product on one thread for AVX-512, see gemm_block.h.
 *
 * Blocks of DEPTH in k and MC rows of A are packed into panels of ROWS rows, [k][ROWS]; they stay in
 * the second cache. B is packed panel by panel, [k][COLS], which stays in the first cache while all
 * row panels pass by. The kernel keeps ROWS x COLS sums in 16 registers: 2 loads of B, 8 broadcasts
 * of A and 16 multiply-adds a k, so the multipliers set the pace and not the 2 loads of a cycle.
 * Panels at the edge are filled up with zeros. */
#include "backend/cpu/gemm_block.h"

#include <immintrin.h>
#include <string.h>

enum { ROWS = SCP_GEMM_ROWS, COLS = SCP_GEMM_COLS, DEPTH = SCP_GEMM_DEPTH, MC = 256, LANES = 16 };

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline __mmask16 lanes(int64_t n)
{
    return n >= LANES ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}

/* y [16][ldy] = transpose of `cols` columns (up to 16) of `rows` rows (up to 16) of x; rows that are
 * not there count as zeros. Only `cols` rows of y are written. */
static inline void transpose(const float *x, int64_t ldx, int64_t rows, int64_t cols, float *y,
                             int64_t ldy, __mmask16 keep)
{
    __m512 r[LANES], t[LANES];
    __mmask16 mask = lanes(cols);
    for (int i = 0; i < LANES; i++)
        r[i] = i < rows ? _mm512_maskz_loadu_ps(mask, x + i * ldx) : _mm512_setzero_ps();
    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < LANES; i += 4)
        for (int k = 0; k < 2; k++) {
            __m512d a = _mm512_castps_pd(t[i + k]), b = _mm512_castps_pd(t[i + 2 + k]);
            r[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
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
    for (int i = 0; i < LANES && i < cols; i++) _mm512_mask_storeu_ps(y + i * ldy, keep, r[i]);
}

/* panel [k][width] = columns [0, width) of k rows of X, `have` of them there. width: 8 or a multiple
 * of 16. across: X is stored with these columns as rows. */
static void pack(const float *x, int64_t ld, bool across, int64_t k, int64_t have, int64_t width,
                 float *panel)
{
    const __mmask16 keep = lanes(width);
    if (across) {
        for (int64_t c = 0; c < width; c += LANES)
            for (int64_t p = 0; p < k; p += LANES)
                transpose(x + c * ld + p, ld, have - c, least(LANES, k - p), panel + p * width + c,
                          width, keep);
        return;
    }
    for (int64_t c = 0; c < width; c += LANES) {
        const __mmask16 there = lanes(have - c) & keep;
        for (int64_t p = 0; p < k; p++)
            _mm512_mask_storeu_ps(panel + p * width + c, keep,
                                  _mm512_maskz_loadu_ps(there, x + p * ld + c));
    }
}

/* Where a kernel's sums go: rows [0, rows) and columns [0, cols) of C, on top of C, of one row for
 * all, or of nothing. */
typedef struct target {
    float *C;
    int64_t ldc, rows, cols;
    const float *bias; /* or NULL */
    bool add;
} target;

/* The target from panels a [k][ROWS] and b [k][16 vectors]. */
static inline __attribute__((always_inline)) void kernel(const int vectors, int64_t k,
                                                         const float *a, const float *b, target t)
{
    __m512 sum[ROWS][COLS / LANES];
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) sum[i][v] = _mm512_setzero_ps();
    for (int64_t p = 0; p < k; p++, a += ROWS, b += vectors * LANES) {
        __m512 row[COLS / LANES];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) row[v] = _mm512_loadu_ps(b + v * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            __m512 x = _mm512_set1_ps(a[i]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++) sum[i][v] = _mm512_fmadd_ps(x, row[v], sum[i][v]);
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

/* Ask for a part of the next panel of B, columns [j, j + cols) and `depth` deep, which comes from far
 * and in more streams than the machine foresees. Parts: `of`, this is number `part`. */
static inline void fetch(const float *B, const scp_gemm_matrix *m, int64_t j, int64_t cols,
                         int64_t depth, int64_t part, int64_t of)
{
    const int64_t rows = m->transposed ? cols : depth, length = m->transposed ? depth : cols;
    const float *x = B + (m->transposed ? j * m->ld : j);
    for (int64_t r = part * rows / of; cols > 0 && r < (part + 1) * rows / of; r++)
        for (int64_t p = 0; p < length; p += LANES)
            _mm_prefetch((const char *)(x + r * m->ld + p), _MM_HINT_T1);
}

/* All of C that one packed block of A, t.rows rows and `depth` deep, contributes to. */
static void multiply_block(const float *a, int64_t depth, int64_t n, const float *B,
                           const scp_gemm_matrix *of_b, target t)
{
    _Alignas(64) float b[DEPTH * COLS];
    const int64_t ld = of_b->ld, panels = (t.rows + ROWS - 1) / ROWS;
    for (int64_t j = 0; j < n; j += COLS) {
        const int64_t cols = least(COLS, n - j), width = cols > LANES ? COLS : LANES;
        const int64_t next = least(COLS, n - j - cols);
        pack(B + (of_b->transposed ? j * ld : j), ld, of_b->transposed, depth, cols, width, b);
        for (int64_t i = 0; i < panels; i++) {
            target to = { .C = t.C + i * ROWS * t.ldc + j,
                          .ldc = t.ldc,
                          .rows = least(ROWS, t.rows - i * ROWS),
                          .cols = cols,
                          .bias = t.bias ? t.bias + j : NULL,
                          .add = t.add };
            fetch(B, of_b, j + cols, next, depth, i, panels);
            if (width == COLS)
                kernel(2, depth, a + i * ROWS * depth, b, to);
            else
                kernel(1, depth, a + i * ROWS * depth, b, to);
        }
    }
}

void scp_gemm_block(int64_t m, int64_t n, int64_t k, scp_gemm_matrix A, scp_gemm_matrix B, bool add,
                    const float *bias, float *C, int64_t ldc)
{
    _Alignas(64) float a[MC * DEPTH + LANES];
    for (int64_t i = 0; k == 0 && !add && i < m; i++)
        memset(C + i * ldc, 0, (size_t)n * sizeof *C);
    for (int64_t p = 0; p < k; p += DEPTH) {
        int64_t depth = least(DEPTH, k - p);
        const float *of_b = B.x + (B.transposed ? p : p * B.ld);
        for (int64_t i = 0; i < m; i += MC) {
            target t = { .C = C + i * ldc,
                         .ldc = ldc,
                         .rows = least(MC, m - i),
                         .bias = p ? NULL : bias,
                         .add = add || p > 0 };
            for (int64_t r = 0; r < t.rows; r += ROWS) {
                int64_t at = i + r;
                const float *of_a = A.x + (A.transposed ? p * A.ld + at : at * A.ld + p);
                pack(of_a, A.ld, !A.transposed, depth, least(ROWS, t.rows - r), ROWS,
                     a + r * depth);
            }
            multiply_block(a, depth, n, of_b, &B, t);
        }
    }
}
