/* Normalisation of one cell, and checks of what a matrix holds. */
#include "data/normalize.h"

#include <math.h>

#include "base/machine.h"

enum { ENOUGH = 200 }; /* values without which a sample says nothing */

const char *scp_value_fault_text(scp_value_fault fault)
{
    static const char *const text[] = {
        [SCP_VALUE_GOOD] = "",
        [SCP_VALUE_NAN] = "a value that is not a finite number",
        [SCP_VALUE_NEGATIVE] = "a negative value",
        [SCP_VALUE_FRACTION] =
            "a count that is not a whole number (is the matrix already normalised? "
            "say --values=log or --values=linear)",
        [SCP_VALUE_HUGE] = "a value too large for a log scale (say --values=counts or "
                           "--values=linear)",
        [SCP_VALUE_INEXACT] = "a count above 2^24, which 32-bit reals do not hold exactly: no "
                              "single cell has that many molecules of a gene",
    };
    return text[fault];
}

static scp_value_fault fault_of(scp_values kind, float v)
{
    if (!isfinite(v)) return SCP_VALUE_NAN;
    if (v < 0) return SCP_VALUE_NEGATIVE;
    if (kind == SCP_VALUES_COUNTS && v != floorf(v)) return SCP_VALUE_FRACTION;
    if (kind == SCP_VALUES_COUNTS && v > SCP_COUNT_LIMIT) return SCP_VALUE_INEXACT;
    if (kind == SCP_VALUES_LOG && v > SCP_LOG_LIMIT) return SCP_VALUE_HUGE;
    return SCP_VALUE_GOOD;
}

/* Are all values counts that the fast path takes? Adding 2^23 leaves no fraction. Sums of whole
 * numbers are exact in any order. */
SCP_ANY_MACHINE
static bool small_counts(const float *value, size_t n, double *library)
{
    const float most = 4194304, shift = 8388608; /* 2^22, 2^23 */
    double sum = 0;
    int good = 1;
#pragma omp simd reduction(& : good) reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        float v = value[i];
        good &= (v >= 0) & (v <= most) & ((v + shift) - shift == v);
        sum += (double)v;
    }
    *library = sum;
    return good != 0;
}

/* The first value that is not what it is declared to be; sums those before it. */
static scp_value_fault check_row(scp_values kind, const float *value, size_t n, double *library,
                                 size_t *bad)
{
    *library = 0;
    for (size_t i = 0; i < n; i++) {
        scp_value_fault fault = fault_of(kind, value[i]);
        if (fault != SCP_VALUE_GOOD) {
            *bad = i;
            return fault;
        }
        *library += (double)value[i];
    }
    return SCP_VALUE_GOOD;
}

scp_value_fault scp_count_library(const float *value, size_t n, double *library, size_t *bad)
{
    if (small_counts(value, n, library)) return SCP_VALUE_GOOD;
    return check_row(SCP_VALUES_COUNTS, value, n, library, bad);
}

uint64_t scp_count_addend(double library, double count)
{
    return scp_to_units(log1p(SCP_LIBRARY * count / library));
}

scp_value_fault scp_normalize_row(scp_values kind, const float *value, size_t n, uint64_t *out,
                                  bool *empty, size_t *bad)
{
    double library = 0;
    *empty = false;
    if (kind == SCP_VALUES_COUNTS) {
        scp_value_fault fault = scp_count_library(value, n, &library, bad);
        if (fault != SCP_VALUE_GOOD) return fault;
        *empty = library == 0;
        for (size_t i = 0; i < n; i++)
            out[i] = *empty ? 0 : scp_count_addend(library, (double)value[i]);
        return SCP_VALUE_GOOD;
    }
    scp_value_fault fault = check_row(kind, value, n, &library, bad);
    if (fault != SCP_VALUE_GOOD) return fault;
    for (size_t i = 0; i < n; i++) {
        double v = (double)value[i];
        out[i] = scp_to_units(kind == SCP_VALUES_LINEAR ? log1p(v) : v);
    }
    return SCP_VALUE_GOOD;
}

void scp_value_sample_add(scp_value_sample *s, const float *value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (value[i] == 0) continue;
        s->n++;
        s->integral += value[i] == floorf(value[i]);
        s->max = fmax(s->max, (double)value[i]);
    }
}

void scp_value_sample_join(scp_value_sample *s, const scp_value_sample *other)
{
    s->n += other->n;
    s->integral += other->integral;
    s->max = fmax(s->max, other->max);
}

scp_status scp_value_sample_check(const scp_value_sample *s, scp_values kind, const char *path)
{
    static const char *const name[] = { "counts", "log", "linear" };
    if (kind == SCP_VALUES_COUNTS && s->integral < s->n)
        SCP_FAIL(SCP_EDATA,
                 "%s: declared as counts, but %lld of %lld sampled values are not whole numbers: "
                 "say --values=log or --values=linear",
                 path, (long long)(s->n - s->integral), (long long)s->n);
    if (kind != SCP_VALUES_COUNTS && s->n >= ENOUGH && s->integral == s->n)
        SCP_FAIL(SCP_EDATA,
                 "%s: declared as %s, but all of %lld sampled values are whole numbers, as counts "
                 "are: say --values=counts",
                 path, name[kind], (long long)s->n);
    if (kind == SCP_VALUES_LOG && s->max > SCP_LOG_LIMIT)
        SCP_FAIL(SCP_EDATA, "%s: declared as log, but a sampled value is %g: say --values=linear",
                 path, s->max);
    return SCP_OK;
}
