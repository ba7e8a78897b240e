/* Loops that the compiler turns into vector code, for the machine that runs them. */
#ifndef SCP_BASE_MACHINE_H
#define SCP_BASE_MACHINE_H

/* Before a function: it is compiled for several generations of x86-64, and the loader takes the best
 * that the machine has. For integers, and for floating point only where every order of operations
 * gives the same bits. */
#if defined(__x86_64__) && defined(__linux__) && __GNUC__ >= 12 && !defined(__clang__) &&          \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SCP_ANY_MACHINE                                                                            \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3")))
#else
#define SCP_ANY_MACHINE
#endif

#endif
