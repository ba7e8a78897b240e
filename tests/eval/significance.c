/* Tests of significance: scipy's values, closed forms, and the table of critical values against
 * adjusted p values. */
#include "eval/significance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "eval/golden_file.h"
#include "tap.h"

enum { MOST = 512 };

static uint64_t sort_key[2 * MOST];
static uint32_t sort_index[2 * MOST], order[MOST];
static double a[MOST], b[MOST], c[MOST];
static const scp_sort_scratch sort = { sort_key, sort_index };

/* Fields first .. as numbers. Returns how many. */
static size_t numbers(const golden_file *f, size_t first, double *out)
{
    for (size_t i = first; i < f->n; i++) out[i - first] = strtod(f->field[i], NULL);
    return f->n - first;
}

static void test_wilcoxon(const golden_file *f)
{
    double d[MOST];
    const size_t n = numbers(f, 2, d);
    tap_near(scp_wilcoxon(d, n, sort, order, a, b), strtod(f->field[1], NULL), 1e-12,
             "signed ranks of %zu differences: scipy's p", n);
}

static void test_golden(void)
{
    golden_file f;
    double p[MOST], q[MOST];
    size_t n = 0;
    if (!tap_ok(golden_open(&f, "significance.tsv"), "values of scipy")) return;
    while (golden_next(&f)) {
        if (golden_is(&f, "ttest")) {
            const size_t pairs = numbers(&f, 3, a);
            const double t = scp_t_statistic(a, pairs);
            tap_near(t, strtod(f.field[1], NULL), 1e-10 * fabs(t), "t of %zu pairs", pairs);
            tap_near(scp_t_probability(t, (double)pairs - 1), strtod(f.field[2], NULL), 1e-12,
                     "and its p");
        } else if (golden_is(&f, "p")) {
            n = numbers(&f, 1, p);
        } else if (golden_is(&f, "q")) {
            double worst = 0;
            numbers(&f, 1, c);
            scp_bh_adjust(p, n, sort, order, q);
            for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs(q[i] - c[i]));
            tap_ok(worst < 1e-14, "Benjamini-Hochberg of %zu tests: %g from scipy's", n, worst);
        } else if (golden_is(&f, "wilcoxon")) {
            test_wilcoxon(&f);
        }
    }
    golden_close(&f);
}

static void test_edges(void)
{
    const double zeros[] = { 0, 0, 0 }, up[] = { 2, 2, 2, 2 }, down[] = { -1, -1 };
    tap_ok(isnan(scp_t_statistic(zeros, 3)) && isnan(scp_t_probability(NAN, 2)),
           "no difference in any pair: no t, no p");
    tap_ok(isinf(scp_t_statistic(up, 4)) && scp_t_statistic(down, 2) == -INFINITY &&
               scp_t_probability(INFINITY, 3) == 0,
           "one difference in all pairs: t is infinite, p 0");
    tap_ok(isnan(scp_t_statistic(up, 1)), "one pair: no t");
    const double t1[] = { 1, -1, 3 }; /* mean 1, sd 2, t = sqrt(3)/2 */
    tap_near(scp_t_statistic(t1, 3), sqrt(3) / 2, 1e-15, "t by hand");
    tap_near(scp_t_probability(1, 1), 0.5, 1e-14, "p of Cauchy's 1 is a half");

    const double p[] = { 0.01, NAN, 0.04, 0.03 };
    double q[4];
    scp_bh_adjust(p, 4, sort, order, q);
    tap_near(q[0], 0.04, 1e-15, "q = p n / rank");
    tap_near(q[3], 4 * 0.04 / 3, 1e-15, "the least of those above");
    tap_near(q[2], 4 * 0.04 / 3, 1e-15, "and for the larger p");
    tap_ok(q[1] == 1, "NaN counts as 1");

    const double mixed[] = { 1, NAN, 0, -2, 3 }; /* 1 and 3 against 2: ranks 4 of 6 */
    tap_near(scp_wilcoxon(mixed, 5, sort, order, a, b), 0.75, 1e-15,
             "zeros and NaN are left out: 3 of 8 signs on either side");
    tap_ok(isnan(scp_wilcoxon(zeros, 3, sort, order, a, b)), "no difference at all: no p");
    tap_near(scp_wilcoxon(t1, 1, sort, order, a, b), 1, 0, "one difference says nothing");
}

/* The table finds what adjusted p values find. */
static void test_table(void)
{
    double t[MOST], p[MOST], q[MOST];
    for (unsigned seed = 0; seed < 12; seed++) {
        const double df = 1 + seed % 4 * 2, level = seed % 3 ? 0.05 : 0.2;
        scp_bh_table table;
        scp_rng_fill_normal(seed, SCP_RNG_SYNTH, 0, 0, MOST, t);
        for (size_t i = 0; i < MOST; i++)
            t[i] *=
                i < 40 * seed ? 1 + 40 * scp_rng_u01(seed, SCP_RNG_SYNTH, 1, 0, (uint32_t)i) : 1;
        t[7] = NAN;
        t[8] = t[9];
        t[10] = -INFINITY;
        for (size_t i = 0; i < MOST; i++) p[i] = scp_t_probability(t[i], df);
        scp_bh_adjust(p, MOST, sort, order, q);
        if (!tap_st(scp_bh_table_init(MOST, df, level, &table), "table of %g degrees", df))
            continue;
        const double least = scp_bh_threshold(&table, t, sort, order, a);
        size_t wrong = 0, found = 0;
        for (size_t i = 0; i < MOST; i++) {
            const bool by_table = fabs(t[i]) >= least, by_q = q[i] <= level;
            wrong += by_table != by_q;
            found += by_q;
        }
        tap_ok(wrong == 0, "seed %u: the same %zu tests at %g", seed, found, level);
        scp_bh_table_fini(&table);
    }
    scp_bh_table none;
    tap_fails(scp_bh_table_init(4, 3, 1, &none), SCP_EINTERNAL, "rate", "a rate of 1");
}

int main(void)
{
    test_golden();
    test_edges();
    test_table();
    return tap_done();
}
