/* Matrix products of row-major matrices on the device, by cuBLASLt. */
#ifndef SCP_BACKEND_CUDA_GEMM_H
#define SCP_BACKEND_CUDA_GEMM_H

#include "backend/cuda/cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* C [m, n] (+)= op(A) op(B), op(A) [m, k], op(B) [k, n]. */
typedef struct scp_gemm_call {
    int64_t m, n, k;
    bool trans_a, trans_b; /* A is stored [k, m]; B is stored [n, k] */
    const void *A, *B;
    scp_dtype type; /* of A and B */
    void *C;
    scp_dtype c_type; /* type, or SCP_REAL */
    bool add;
    const void *bias; /* [n] of c_type, added to every row of C, or NULL          */
    float *row_sums;  /* [m], gets the sums of op(A) over k, or NULL; not both. Of c_type
                       * SCP_REAL only */
} scp_gemm_call;

/** Enqueue a product. Plans (layouts and the algorithm that cuBLASLt's heuristics choose) are made
 *  at the first call of a shape and kept. Accumulates in fp32; no TF32.
 *  @param fused  [out] false: the library has no epilogue for bias or row_sums, or they do not
 *  begin at a multiple of 16 bytes, as its epilogues may want; they are left to the caller. May be
 *  NULL when neither is asked for. */
scp_status scp_cuda_gemm(scp_cuda *cu, const scp_gemm_call *g, bool *fused) SCP_MUST_USE;

/** Open and close the library's handle, workspace and plans in cu. */
scp_status scp_cuda_gemm_open(scp_cuda *cu) SCP_MUST_USE;
void scp_cuda_gemm_close(scp_cuda *cu);

#ifdef __cplusplus
}
#endif

#endif
