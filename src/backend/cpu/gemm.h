/* Matrix products of the cpu backend, row-major and packed. The matrix library picks its kernels
 * and blocking by the number of threads it may use, so its own threading changes the last bits.
 * Here the result is cut into tiles that depend on the shape alone, each tile is one call on one
 * thread, and the bits are those of any other number of threads. */
#ifndef SCP_BACKEND_CPU_GEMM_H
#define SCP_BACKEND_CPU_GEMM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/** C [m, n] = A [m, k] B^T, B [n, k]; add: C is added to. Dimensions up to INT32_MAX. */
void scp_gemm_nt(int64_t m, int64_t n, int64_t k, const float *A, const float *B, bool add,
                 float *C);
/** C [m, n] = A [m, k] B [k, n]. */
void scp_gemm_nn(int64_t m, int64_t n, int64_t k, const float *A, const float *B, bool add,
                 float *C);
/** C [m, n] = A^T B, A [k, m], B [k, n]. */
void scp_gemm_tn(int64_t m, int64_t n, int64_t k, const float *A, const float *B, bool add,
                 float *C);

/** Keep a matrix library that brings its own threads to the calling one. Call once, before the
 *  first product. */
void scp_gemm_open(void);

/** SCP_ESHAPE, naming the node, when a dimension exceeds what the library takes. */
scp_status scp_gemm_check(const char *node, int64_t a, int64_t b, int64_t c) SCP_MUST_USE;

#endif
