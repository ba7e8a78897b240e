/* Normalisation of a cell, and sums that are the same in any order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/normalize.h"
#include "tap.h"

enum { MANY = 20000 };

static void test_units(void)
{
    bool close = true;
    for (uint64_t i = 0; i < 2000; i++) {
        double x = 127.9 * scp_rng_u01(3, SCP_RNG_SYNTH, 1, i, 0);
        close = close && fabs((double)scp_to_units(x) * SCP_UNIT - x) <= SCP_UNIT / 2;
    }
    tap_ok(close, "addends are within half a unit of 2^-26");
    tap_ok(scp_to_units(0) == 0 && scp_to_units(1.5) == 3u << 25, "what is whole units stays");
}

static void test_order(void)
{
    static double x[MANY];
    double plain[3] = { 0 };
    uint64_t units[3] = { 0 }, part[4] = { 0 };
    for (uint64_t i = 0; i < MANY; i++) x[i] = log1p(1e4 * scp_rng_u01(5, SCP_RNG_SYNTH, 0, i, 0));
    for (uint64_t i = 0; i < MANY; i++) {
        const uint64_t at[3] = { i, MANY - 1 - i, scp_rng_permute(9, SCP_RNG_SYNTH, 1, MANY, i) };
        for (int k = 0; k < 3; k++) {
            plain[k] += x[at[k]];
            units[k] += scp_to_units(x[at[k]]);
        }
    }
    tap_ok(units[0] == units[1] && units[0] == units[2],
           "20,000 addends give one sum forwards, backwards and shuffled");
    tap_ok(plain[0] != plain[1] || plain[0] != plain[2], "as fp64 they do not");
    tap_near((double)units[0] * SCP_UNIT, plain[0], MANY * SCP_UNIT / 2, "the sum is right");
    for (uint64_t i = 0; i < MANY; i++) part[i % 4] += scp_to_units(x[i]);
    double ranks = 0; /* as ranks exchange them */
    for (int i = 0; i < 4; i++) ranks += (double)part[i] * SCP_UNIT;
    tap_ok(ranks == (double)units[0] * SCP_UNIT, "nor does it depend on how ranks share it");
}

static void test_rows(void)
{
    const float counts[] = { 1, 3, 0, 46, 150 };
    uint64_t out[5];
    bool empty = true;
    size_t bad = 99;
    tap_ok(scp_normalize_row(SCP_VALUES_COUNTS, counts, 5, out, &empty, &bad) == SCP_VALUE_GOOD &&
               !empty,
           "a row of counts");
    for (int i = 0; i < 5; i++)
        tap_near((double)out[i] * SCP_UNIT, log1p(1e4 * (double)counts[i] / 200.0), SCP_UNIT / 2,
                 "log1p(1e4 v / library)");
    const float values[] = { 0.25f, 7.5f };
    tap_ok(scp_normalize_row(SCP_VALUES_LOG, values, 2, out, &empty, &bad) == SCP_VALUE_GOOD,
           "log");
    tap_ok((double)out[0] * SCP_UNIT == 0.25 && (double)out[1] * SCP_UNIT == 7.5,
           "log values stay");
    tap_ok(scp_normalize_row(SCP_VALUES_LINEAR, values, 2, out, &empty, &bad) == SCP_VALUE_GOOD,
           "linear");
    tap_near((double)out[1] * SCP_UNIT, log1p(7.5), SCP_UNIT / 2, "linear values are logged");
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
    uint64_t out[4];
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
    test_units();
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
