/* How the cpu kernels go parallel: work is cut into pieces that do not depend on the number of
 * threads, and sums over pieces are added in their order, so results repeat bit for bit. */
#ifndef SCP_BACKEND_CPU_PAR_H
#define SCP_BACKEND_CPU_PAR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Fewer element operations than this are not worth waking the threads: use as
 * `#pragma omp parallel for if (work > SCP_PAR_MIN)`. */
enum { SCP_PAR_MIN = 1 << 15 };

/* A long sum is cut into at most SCP_PARTS pieces of scp_part_size(n) elements; the partial sums
 * are fp64. SCP_COLS neighbouring columns (a cache line) go to one thread in sums over rows. */
enum { SCP_PARTS = 256, SCP_PART_MIN = 2048, SCP_COLS = 16 };

/* Width of the tokens of the default model: loops over rows so short are compiled for it apart. */
enum { SCP_NARROW = 16 };

static inline int64_t scp_part_size(int64_t n)
{
    int64_t size = (n + SCP_PARTS - 1) / SCP_PARTS;
    return size < SCP_PART_MIN ? SCP_PART_MIN : size;
}

static inline int64_t scp_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/** Deliver one gradient value as scp_call.add asks. */
static inline void scp_put(float *d, bool add, float v)
{
    *d = add ? *d + v : v;
}

/** Make a gradient ready to be added to: cleared where it is to be overwritten. */
static inline void scp_prepare(float *d, bool add, int64_t n)
{
    if (d && !add) memset(d, 0, (size_t)n * sizeof *d);
}

static inline float scp_dot(const float *a, const float *b, int64_t n)
{
    float s = 0;
#pragma omp simd reduction(+ : s)
    for (int64_t i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

static inline bool scp_is_zero(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] != 0) return false;
    return true;
}

/** y += a x. x and y do not overlap. */
static inline void scp_axpy(float a, const float *restrict x, float *restrict y, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

#endif
