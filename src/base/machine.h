/* What loops ask of compiler and machine: vector units and threads. */
#ifndef SCP_BASE_MACHINE_H
#define SCP_BASE_MACHINE_H

#include <stdlib.h> /* __GLIBC__ */

#ifdef _OPENMP
#include <omp.h>
#endif

/* Before a function: it is compiled for several generations of x86-64, and the loader takes the
 * best that the machine has (where the C library can). For integers; for floating point only where
 * every order of operations gives the same bits, or the last bits do not count. */
#if defined(__x86_64__) && defined(__GLIBC__) && __GNUC__ >= 12 && !defined(__clang__) &&          \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SCP_ANY_MACHINE                                                                            \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3")))
#else
#define SCP_ANY_MACHINE
#endif

/** Threads of a parallel region, and the number of the one that asks. */
static inline int scp_omp_threads(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

static inline int scp_omp_thread(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

#endif
