/* From the numbers of a cell to addends of a profile, and sums that do not depend on the order.
 *
 * Profiles are means over cells of log1p(1e4 * count / library) [decisions: mean of logs]. The sums
 * are taken in fp64 by several ranks in any order, and must not depend on it. So every addend is
 * first rounded to a multiple of 2^-32 (pre-rounding, as in reproducible summation [Demmel and
 * Nguyen 2013]). As long as a sum of non-negative addends stays below 2^21, it and every partial
 * sum is a multiple of 2^-32 below 2^53 units, hence exact. One addend is at most log1p(1e4) =
 * 9.21, so 227,690 cells of one key are safe (Tahoe's largest key has 16,647). The error of
 * rounding is at most 2^-33 per addend, far below the fp32 in which profiles are stored. */
#ifndef SCP_DATA_NORMALIZE_H
#define SCP_DATA_NORMALIZE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "data/layout.h"

#define SCP_LIBRARY   1e4       /* size to which the library of a cell is scaled    */
#define SCP_SUM_LIMIT 2097152.0 /* 2^21: sums below it are exact                    */

/** Nearest multiple of 2^-32, for |x| < 2^19: adding 1.5 * 2^20 leaves no finer bits. */
static inline double scp_sum_round(double x)
{
    const double shift = 1572864.0;
    return (x + shift) - shift;
}

/* Sums of profile values and of their squares over all training profiles, which are many more than
 * the cells of a key, are whole numbers of 2^-32 and of 2^-24: exact in any order. A value is below
 * 89 (log1p of the largest float), so 2^24 profiles stay below 2^63 units of either. */
#define SCP_SUM_UNIT     0x1p-32
#define SCP_SQUARE_UNIT  0x1p-24
#define SCP_MOST_PROFILES (INT64_C(1) << 24)

/** x in units, to the nearest; x at most 89 for sums, 89^2 for squares. */
static inline int64_t scp_sum_units(double x)
{
    return llrint(x / SCP_SUM_UNIT);
}

static inline int64_t scp_square_units(double x)
{
    return llrint(x / SCP_SQUARE_UNIT);
}

/* What can be wrong with a value of a matrix. */
typedef enum scp_value_fault {
    SCP_VALUE_GOOD,
    SCP_VALUE_NAN,      /* or infinite                                 */
    SCP_VALUE_NEGATIVE,
    SCP_VALUE_FRACTION, /* declared counts, not integral               */
    SCP_VALUE_HUGE,     /* declared log values, above SCP_LOG_LIMIT    */
    SCP_VALUE_INEXACT   /* declared counts, above SCP_COUNT_LIMIT      */
} scp_value_fault;

#define SCP_COUNT_LIMIT 16777216.0 /* 2^24 */
#define SCP_LOG_LIMIT 64.0 /* no expression on a log scale is above: 2^64 molecules */

/** The fault in words, for "row 12: ...". */
const char *scp_value_fault_text(scp_value_fault fault);

/** Addends of one cell: out[i] for value[i], rounded as above. counts: log1p(1e4 v / sum v),
 *  linear: log1p(v), log: v.
 *  @param out  [n] owned by the caller. @param bad  index of the first faulty value.
 *  @return SCP_VALUE_GOOD, or the fault. A cell of counts without any is all zeros: `*empty`. */
scp_value_fault scp_normalize_row(scp_values kind, const float *value, size_t n, double *out,
                                  bool *empty, size_t *bad);

/* Addends of one cell of counts, one by one: most counts are small, so few logs are taken. */
enum { SCP_SMALL_COUNTS = 32 }; /* 99 % of Tahoe's counts are at most 7 */
typedef struct scp_count_scale {
    double library;                 /* sum of the counts; 0: an empty cell, which has no addends */
    double small[SCP_SMALL_COUNTS]; /* of counts that occurred; 0: not yet, or of count 0        */
} scp_count_scale;

/** Check the counts of a cell and take their sum. Otherwise as scp_normalize_row. */
scp_value_fault scp_count_scale_set(scp_count_scale *s, const float *value, size_t n, size_t *bad);

/** The addend of a count that is not a small one seen before. */
double scp_count_addend_new(scp_count_scale *s, float count);

/** log1p(1e4 count / library), rounded: what scp_normalize_row gives. */
static inline double scp_count_addend(scp_count_scale *s, float count)
{
    size_t k = count < SCP_SMALL_COUNTS ? (size_t)count : 0;
    return s->small[k] != 0 ? s->small[k] : scp_count_addend_new(s, count);
}

/* A look at some of a matrix: does it hold what it is declared to hold? */
typedef struct scp_value_sample {
    int64_t n;        /* non-zero values seen     */
    int64_t integral; /* of them, whole numbers   */
    double max;
} scp_value_sample;

void scp_value_sample_add(scp_value_sample *s, const float *value, size_t n);

/** SCP_EDATA with `path` when the sample contradicts `kind`: fractions declared counts; only whole
 *  numbers declared log or linear. Negative values and NaN are found while reading. */
scp_status scp_value_sample_check(const scp_value_sample *s, scp_values kind, const char *path)
    SCP_MUST_USE;

#endif
