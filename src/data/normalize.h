/* From the numbers of a cell to addends of a profile, and sums that do not depend on the order.
 *
 * Profiles are means over cells of log1p(1e4 * count / library) [decisions: mean of logs]. Their
 * sums are taken by several threads and ranks in any order, and must not depend on it. So an addend
 * is a whole number of units of 2^-26 (fixed point: the pre-rounding of reproducible summation
 * [Demmel and Nguyen 2013] taken to its end), and sums are of whole numbers, exact below 2^22. The
 * error is at most 2^-27 = 7.5e-9 an addend, of either sign; profiles are stored in fp32, whose
 * error is 6e-8 of a value, and addends of counts are seldom below 0.1. Of matrices that are
 * normalised already, values below 7.5e-9 are 0, and a scale on which most values are below 1e-6
 * (profiles that sum to 1) loses digits: scale it up. Logs of counts are at most log1p(1e4) = 9.21,
 * of any float 88.8, and log values above SCP_LOG_LIMIT are refused. */
#ifndef SCP_DATA_NORMALIZE_H
#define SCP_DATA_NORMALIZE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "data/layout.h"

#define SCP_LIBRARY 1e4     /* size to which the library of a cell is scaled */
#define SCP_UNIT    0x1p-26 /* of an addend                                  */

/** An addend in units, to the nearest. x >= 0. */
static inline uint64_t scp_to_units(double x)
{
    return (uint64_t)(x * (1 / SCP_UNIT) + 0.5);
}

/* Sums of profile values and of their squares over all training profiles, which are many more than
 * the cells of a key, are whole numbers of 2^-32 and of 2^-24: exact in any order. A value is below
 * 89 (log1p of the largest float), so 2^24 profiles stay below 2^63 units of either. */
#define SCP_SUM_UNIT      0x1p-32
#define SCP_SQUARE_UNIT   0x1p-24
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
    SCP_VALUE_NAN, /* or infinite                                 */
    SCP_VALUE_NEGATIVE,
    SCP_VALUE_FRACTION, /* declared counts, not integral               */
    SCP_VALUE_HUGE,     /* declared log values, above SCP_LOG_LIMIT    */
    SCP_VALUE_INEXACT   /* declared counts, above SCP_COUNT_LIMIT      */
} scp_value_fault;

#define SCP_COUNT_LIMIT 16777216.0 /* 2^24 */
#define SCP_LOG_LIMIT   64.0       /* no expression on a log scale is above: 2^64 molecules */

/** The fault in words, for "row 12: ...". */
const char *scp_value_fault_text(scp_value_fault fault);

/** Addends of one cell in units: out[i] for value[i]. counts: log1p(1e4 v / sum v),
 *  linear: log1p(v), log: v.
 *  @param out  [n] owned by the caller. @param bad  index of the first faulty value.
 *  @return SCP_VALUE_GOOD, or the fault. A cell of counts without any is all zeros: `*empty`. */
scp_value_fault scp_normalize_row(scp_values kind, const float *value, size_t n, uint64_t *out,
                                  bool *empty, size_t *bad);

/** Check the counts of a cell and take their sum. Otherwise as scp_normalize_row. */
scp_value_fault scp_count_library(const float *value, size_t n, double *library, size_t *bad);

/** log1p(1e4 count / library) in units: what scp_normalize_row gives. */
uint64_t scp_count_addend(double library, double count);

/* A look at some of a matrix: does it hold what it is declared to hold? */
typedef struct scp_value_sample {
    int64_t n;        /* non-zero values seen     */
    int64_t integral; /* of them, whole numbers   */
    double max;
} scp_value_sample;

void scp_value_sample_add(scp_value_sample *s, const float *value, size_t n);
/** Add what another look saw. */
void scp_value_sample_join(scp_value_sample *s, const scp_value_sample *other);

/** SCP_EDATA with `path` when the sample contradicts `kind`: fractions declared counts; only whole
 *  numbers declared log or linear. Negative values and NaN are found while reading. */
scp_status scp_value_sample_check(const scp_value_sample *s, scp_values kind,
                                  const char *path) SCP_MUST_USE;

#endif
