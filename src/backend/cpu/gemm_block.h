/* One matrix product on one thread with AVX-512, the kernel of gemm.c from level 4 on. */
#ifndef SCP_BACKEND_CPU_GEMM_BLOCK_H
#define SCP_BACKEND_CPU_GEMM_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* A matrix in place: element (i, j) is at x[i * ld + j], or, transposed, at x[j * ld + i]. */
typedef struct scp_gemm_matrix {
    const float *x;
    int64_t ld;
    bool transposed;
} scp_gemm_matrix;

/** C [m, n], rows ldc apart, = A [m, k] B [k, n]; add: C is added to; bias [n] or NULL: every row
 * of it as well, which needs k > 0 and no add. Every element of C is one sum over k in ascending
 * order, blocks of SCP_GEMM_DEPTH apart, whatever m and n are: cutting C into pieces does not
 * change a bit. m, n, k >= 0. Takes 300 kB of the stack. */
void scp_gemm_block(int64_t m, int64_t n, int64_t k, scp_gemm_matrix A, scp_gemm_matrix B, bool add,
                    const float *bias, float *C, int64_t ldc);

/** The same with A and B rounded to bf16, nearest, ties to even, in pairs of k, blocks of 2
 *  SCP_GEMM_DEPTH apart; sums are fp32, which the processor rounds to nearest; what is below the
 *  normal numbers counts as zero. Needs AVX512_BF16: level 5. */
void scp_gemm_block_bf16(int64_t m, int64_t n, int64_t k, scp_gemm_matrix A, scp_gemm_matrix B,
                         bool add, const float *bias, float *C, int64_t ldc);

enum { SCP_GEMM_DEPTH = 256, SCP_GEMM_ROWS = 8, SCP_GEMM_COLS = 32 };

#endif
