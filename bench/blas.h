/* OpenBLAS measured by itself, beside the backend. */
#ifndef SCP_BENCH_BLAS_H
#define SCP_BENCH_BLAS_H

#include <cblas.h>

#include "base/machine.h"

/** An OpenBLAS with threads of its own is kept to the calling one by the backend (gemm.h): give it
 *  those of OpenMP while it is measured alone, and take them back. */
static inline void blas_own_threads(bool own)
{
    if (openblas_get_parallel() == OPENBLAS_THREAD)
        openblas_set_num_threads(own ? scp_omp_threads() : 1);
}

#endif
