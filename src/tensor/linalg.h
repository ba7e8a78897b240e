/* Dense linear algebra in fp64 on host memory, row-major and packed: what closed-form models are
 * solved with. Tiles depend on the shape alone and each is computed by one thread, so results have
 * the same bits for any number of threads. May be called inside a parallel region. Not collective.
 */
#ifndef SCP_TENSOR_LINALG_H
#define SCP_TENSOR_LINALG_H

#include <stdint.h>

#include "base/status.h"

/** A [n, n] symmetric, its lower triangle -> L with A = L L^T, in place; the upper triangle is left
 *  as it is. SCP_EDATA when A is not positive definite. */
scp_status scp_linalg_cholesky(double *A, int64_t n) SCP_MUST_USE;

/** B [n, m] <- (L L^T)^-1 B. */
void scp_linalg_solve(const double *L, int64_t n, double *B, int64_t m);

/** C [m, n] = A^T B, A [k, m], B [k, n]. */
void scp_linalg_multiply_tn(int64_t m, int64_t n, int64_t k, const double *A, const double *B,
                            double *C);

#endif
