/* The kernels are compiled once for each generation of processors (src/backend/local.mk): SCP_CPU
 * gives what they export a name of its own at every level. Level 1 is the compiler's default; 3 and
 * 4 are x86-64-v3 (AVX2) and x86-64-v4 (AVX-512). Level 5 is 4 with AVX512_BF16: the same kernels,
 * but products of values in bf16 are made as such. Which one runs is decided when the device is
 * opened, see cpu.c. Levels differ in the last bits of reals, never in integers. */
#ifndef SCP_BACKEND_CPU_LEVEL_H
#define SCP_BACKEND_CPU_LEVEL_H

#ifndef SCP_CPU_LEVEL
#define SCP_CPU_LEVEL 1
#endif

#if SCP_CPU_LEVEL == 4
#define SCP_CPU(name) scp_cpu_##name##_v4
#elif SCP_CPU_LEVEL == 3
#define SCP_CPU(name) scp_cpu_##name##_v3
#else
#define SCP_CPU(name) scp_cpu_##name
#endif

#endif
