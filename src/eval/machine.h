/* What the kernels of this room ask of compiler and machine: threads, vector units. */
#ifndef SCP_EVAL_MACHINE_H
#define SCP_EVAL_MACHINE_H

#ifdef _OPENMP
#include <omp.h>
#endif

/* Compile a function for several generations of vector units; the program takes the best that the
 * machine has. Only for sums whose last bits do not count. */
#if defined(__x86_64__) && defined(__linux__) && __GNUC__ >= 12 && !defined(__clang__) &&          \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SCP_ANY_MACHINE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
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
