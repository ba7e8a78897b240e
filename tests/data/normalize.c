/* Normalisation of a cell, and sums that are the same in any order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/normalize.h"
#include "tap.h"

enum { MANY = 20000 };

static void test_rounding(void)
{
    bool grid = true, close = true;
    for (uint64_t i = 0; i < 2000; i++) {
        double x = 20 * scp_rng_u01(3, SCP_RNG_SYNTH, 0, i, 0), r = scp_sum_round(x);
        grid = grid && r * 4294967296.0 == floor(r * 4294967296.0);
        close = close && fabs(r - x) <= 0.5 / 4294967296.0;
    }
    tap_ok(grid, "rounded values are multiples of 2^-32");
    tap_ok(close, "and differ by at most 2^-33");
    tap_ok(scp_sum_round(0) == 0 && scp_sum_round(1.5) == 1.5, "what is on the grid stays");
}

static void test_order(void)
{
    static double x[MANY];
    double plain[3] = { 0 }, rounded[3] = { 0 };
    for (uint64_t i = 0; i < MANY; i++) x[i] = log1p(1e4 * scp_rng_u01(5, SCP_RNG_SYNTH, 0, i, 0));
    for (uint64_t i = 0; i < MANY; i++) {
        const uint64_t at[3] = { i, MANY - 1 - i, scp_rng_permute(9, SCP_RNG_SYNTH, 1, MANY, i) };
        for (int k = 0; k < 3; k++) {
            plain[k] += x[at[k]];
            rounded[k] += scp_sum_round(x[at[k]]);
        }
    }
    tap_ok(rounded[0] == rounded[1] && rounded[0] == rounded[2],
           "20,000 addends give one sum forwards, backwards and shuffled");
    tap_ok(plain[0] != plain[1] || plain[0] != plain[2], "without rounding they do not");
    tap_near(rounded[0], plain[0], MANY * 0.5 / 4294967296.0, "the sum is right");

    double part[4] = { 0 };
    for (uint64_t i = 0; i < MANY; i++) part[i % 4] += scp_sum_round(x[i]);
    tap_ok((part[0] + part[1]) + (part[2] + part[3]) == rounded[0],
           "nor does it depend on how ranks share it");
}

static void test_rows(void)
{
    const float counts[] = { 1, 3, 0, 46, 150 };
    double out[5];
    bool empty = true;
    size_t bad = 99;
    tap_ok(scp_normalize_row(SCP_VALUES_COUNTS, counts, 5, out, &empty, &bad) == SCP_VALUE_GOOD &&
               !empty,
           "a row of counts");
    for (int i = 0; i < 5; i++)
        tap_near(out[i], log1p(1e4 * (double)counts[i] / 200.0), 2e-10, "log1p(1e4 v / library)");
    const float values[] = { 0.25f, 7.5f };
    tap_ok(scp_normalize_row(SCP_VALUES_LOG, values, 2, out, &empty, &bad) == SCP_VALUE_GOOD,
           "log");
    tap_ok(out[0] == 0.25 && out[1] == 7.5, "log values stay");
    tap_ok(scp_normalize_row(SCP_VALUES_LINEAR, values, 2, out, &empty, &bad) == SCP_VALUE_GOOD,
           "linear");
    tap_near(out[1], log1p(7.5), 2e-10, "linear values are logged");
    const float none[] = { 0, 0 };
    tap_ok(scp_normalize_row(SCP_VALUES_COUNTS, none, 2, out, &empty, &bad) == SCP_VALUE_GOOD &&
               empty,
           "a cell without molecules is empty");
    tap_ok(scp_normalize_row(SCP_VALUES_COUNTS, none, 0, out, &empty, &bad) == SCP_VALUE_GOOD &&
               empty,
           "and so is a row without entries");
}

static void fault(scp_values kind, float v, scp_value_fault want, const char *what)
{
    const float row[] = { 1, 2, v, 4 };
    double out[4];
    bool empty;
    size_t bad = 99;
    tap_ok(scp_normalize_row(kind, row, 4, out, &empty, &bad) == want && bad == 2, "%s", what);
}

static void test_samples(void)
{
    float whole[300], part[300];
    for (int i = 0; i < 300; i++) {
        whole[i] = (float)(i % 7);
        part[i] = (float)i / 64;
    }
    scp_value_sample w = { 0 }, p = { 0 };
    scp_value_sample_add(&w, whole, 300);
    scp_value_sample_add(&p, part, 300);
    tap_st(scp_value_sample_check(&w, SCP_VALUES_COUNTS, "a.h5ad"), "whole numbers are counts");
    tap_st(scp_value_sample_check(&p, SCP_VALUES_LOG, "a.h5ad"), "fractions are log values");
    tap_fails(scp_value_sample_check(&p, SCP_VALUES_COUNTS, "a.h5ad"), SCP_EDATA, "a.h5ad",
              "fractions are no counts");
    tap_fails(scp_value_sample_check(&w, SCP_VALUES_LOG, "a.h5ad"), SCP_EDATA, "--values=counts",
              "whole numbers are no log values");
    tap_fails(scp_value_sample_check(&w, SCP_VALUES_LINEAR, "a.h5ad"), SCP_EDATA, "--values=counts",
              "nor normalised linear ones");
    part[17] = 1000.5f;
    scp_value_sample_add(&p, part, 300);
    tap_fails(scp_value_sample_check(&p, SCP_VALUES_LOG, "a.h5ad"), SCP_EDATA, "1000.5",
              "too large for logs");
    tap_st(scp_value_sample_check(&p, SCP_VALUES_LINEAR, "a.h5ad"), "but fine as linear values");
}

int main(void)
{
    test_rounding();
    test_order();
    test_rows();
    fault(SCP_VALUES_COUNTS, -1, SCP_VALUE_NEGATIVE, "a negative count");
    fault(SCP_VALUES_COUNTS, 0.5f, SCP_VALUE_FRACTION, "half a count");
    fault(SCP_VALUES_COUNTS, NAN, SCP_VALUE_NAN, "a count that is no number");
    fault(SCP_VALUES_LOG, 65, SCP_VALUE_HUGE, "a log value of 65");
    fault(SCP_VALUES_COUNTS, 1e30f, SCP_VALUE_INEXACT, "a count of 1e30");
    fault(SCP_VALUES_LOG, -0.1f, SCP_VALUE_NEGATIVE, "a negative log value");
    fault(SCP_VALUES_LINEAR, INFINITY, SCP_VALUE_NAN, "an infinite value");
    test_samples();
    return tap_done();
}
