/* What the benchmark programs share: the median of a few timings. */
#ifndef SCP_BENCH_TIMING_H
#define SCP_BENCH_TIMING_H

#include <stdlib.h>

#include "base/clock.h"

enum { TIMING_MAX = 1000 }; /* timings kept of one thing */

static inline int timing_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** Sort t [n], n >= 1, and return its median (the upper one when n is even). */
static inline double timing_median(double *t, size_t n)
{
    qsort(t, n, sizeof *t, timing_compare);
    return t[n / 2];
}

#endif
