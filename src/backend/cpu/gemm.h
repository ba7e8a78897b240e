/* Matrix products of the cpu backend, row-major and packed. The bits do not depend on the number of
 * threads, which a matrix library's own threading does not promise. */
#ifndef SCP_BACKEND_CPU_GEMM_H
#define SCP_BACKEND_CPU_GEMM_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/cpu/level.h"
#include "base/status.h"

#define scp_gemm_nt SCP_CPU(gemm_nt)
#define scp_gemm SCP_CPU(gemm)
#define scp_gemm_nn SCP_CPU(gemm_nn)
#define scp_gemm_tn SCP_CPU(gemm_tn)
#define scp_gemm_check SCP_CPU(gemm_check)

typedef struct scp_gemm_product {
    int64_t m, n, k;
    const float *A, *B;    /* [m, k] and [k, n] */
    bool trans_a, trans_b; /* A is [k, m], B is [n, k] in memory */
    bool add;              /* C is added to */
    bool bf16;             /* multiply A and B as bf16: needs level 5 (scp_backend.level) */
    const float *bias;     /* [n], a term of every row, without add and for k > 0; or NULL */
    float *C;
} scp_gemm_product;

/** C [m, n] = A B + bias. Dimensions up to INT32_MAX. */
void scp_gemm(const scp_gemm_product *p);
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
 *  first product. The same at every level: cpu.c. */
void scp_gemm_open(void);

/** SCP_ESHAPE, naming the node, when a dimension exceeds what the library takes. */
scp_status scp_gemm_check(const char *node, int64_t a, int64_t b, int64_t c) SCP_MUST_USE;

#endif
