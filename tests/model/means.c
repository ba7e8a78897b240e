/* Mean models: examples computed by hand, back-offs, dose levels, the same bits on any number of
 * ranks. */
#include "model/means.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "comm/world.h"
#include "eval/screen.h"
#include "tap_ranks.h"

static scp_comm *world, *self;

/* One gene; lines A and B with controls 10 and 20. Shifts of drug X at 1 uM: 1 and 3 in A (plates 1
 * and 2), 5 in B: by pairs their mean is 3.0, not the 3.5 of a mean over lines. */
static const float one[] = { 10, 12, 20, 11, 15, 25, 10.5f, 14, 9, 24, 10, 22 };
static const screen_row small[] = {
    { "A", NULL, "p1", 0, 0, &one[0] },
    { "A", NULL, "p2", 0, 0, &one[1] },
    { "B", NULL, "p1", 0, 0, &one[2] },
    { "A", "X", "p1", 1, SCP_SPLIT_TRAIN, &one[3] },   /* pair 0: shift 1    */
    { "A", "X", "p2", 1, SCP_SPLIT_TRAIN, &one[4] },   /* pair 1: shift 3    */
    { "B", "X", "p1", 1, SCP_SPLIT_TRAIN, &one[5] },   /* pair 2: shift 5    */
    { "A", "X", "p1", 0.1, SCP_SPLIT_TRAIN, &one[6] }, /* pair 3: shift 0.5  */
    { "A", "Y", "p1", 10, SCP_SPLIT_TRAIN, &one[7] },  /* pair 4: shift 4    */
    { "A", "Y", "p1", 1, SCP_SPLIT_UC, &one[8] },      /* pair 5             */
    { "B", "X", "p1", 0.4, SCP_SPLIT_UC, &one[9] },    /* pair 6             */
    { "A", "Z", "p2", 1, SCP_SPLIT_UD, &one[10] },     /* pair 7             */
    { "B", "Z", "p1", 10, SCP_SPLIT_UD, &one[11] },    /* pair 8             */
};
enum { N_SMALL = sizeof small / sizeof small[0] };

static void expect(const scp_dataset *d, scp_means_kind kind, const double *want, const char *why)
{
    scp_means *m = NULL;
    if (!tap_st(scp_means_fit(kind, world, d, &m), "%s: fit", scp_means_name(kind))) return;
    for (int32_t i = 0; i < (int32_t)d->N; i++) {
        float got = 0;
        scp_status st = scp_means_predict(m, &i, 1, &got);
        if (st == SCP_OK)
            tap_near(got, want[i], 1e-6, "%s of pair %d: %s", scp_means_name(kind), (int)i, why);
        else
            tap_ok(false, "%s of pair %d: %s", scp_means_name(kind), (int)i, scp_err_message());
    }
    scp_means_destroy(&m);
}

static void test_by_hand(void)
{
    scp_dataset d;
    if (!tap_st(screen_make(1, small, N_SMALL, &d), "a screen of one gene")) return;
    expect(&d, SCP_MEANS_NO_CHANGE, (double[]){ 10, 12, 20, 10, 10, 10, 20, 12, 20 }, "x_pre");
    expect(&d, SCP_MEANS_ORACLE, (double[]){ 11, 15, 25, 10.5, 14, 9, 24, 10, 22 }, "x_post");
    /* 5: Y at 1 uM was never trained, nearest is 10 uM. 6: X at 0.4: 1 is nearer in log than 0.1
     * (0.916 against 1.386), although 0.1 is nearer in uM. 7, 8: Z is unknown. */
    expect(&d, SCP_MEANS_PERTURB, (double[]){ 13, 15, 23, 10.5, 14, 14, 23, 12, 20 },
           "mean over pairs, nearest log dose, then no change");
    /* Controls of A: 11 on average. X at 1 uM: A (11 + 15) / 2 - 11 = 2, B 25 - 20 = 5, each line
     * once: 3.5. X at 0.1: 10.5 - 11 = -0.5. Y at 10: 14 - 11 = 3. Added to the pair's own control.
     */
    expect(&d, SCP_MEANS_POOLED, (double[]){ 13.5, 15.5, 23.5, 9.5, 13, 13, 23.5, 12, 20 },
           "controls pooled, lines alike");
    const double a = (11 + 15 + 10.5 + 14) / 4;
    expect(&d, SCP_MEANS_CONTEXT, (double[]){ a, a, 25, a, a, a, 25, a, 25 }, "mean of the line");
    /* Doses 0.1, 0.4, 1, 10 are shared; training levels 0.1: 0.5, 1: 3, 10: 4. 0.4 is level 1. */
    expect(&d, SCP_MEANS_GLOBAL, (double[]){ 13, 15, 23, 10.5, 14, 13, 23, 15, 24 },
           "mean at the dose");
    /* In A: 0.1: 0.5, 1: 2, 10: 4. In B: 1: 5; at 10 uM nothing, so B at any dose. */
    expect(&d, SCP_MEANS_LINE, (double[]){ 12, 14, 25, 10.5, 14, 12, 25, 14, 25 },
           "mean of the line at the dose");
    expect(&d, SCP_MEANS_REPLICATE, (double[]){ 13, 13, NAN, NAN, NAN, NAN, NAN, NAN, NAN },
           "the other plate's shift");
    scp_dataset_fini(&d);
}

static void test_backoff(void)
{
    scp_dataset d;
    scp_means *m = NULL;
    scp_means_backoff b;
    const int32_t rows[] = { 0, 5, 6, 7, 8 };
    if (!tap_st(screen_make(1, small, N_SMALL, &d), "a screen")) return;
    if (tap_st(scp_means_fit(SCP_MEANS_PERTURB, world, &d, &m), "perturb mean")) {
        scp_means_count_backoff(m, rows, 5, &b);
        tap_ok(b.n_exact == 1 && b.n_nearest == 2 && b.n_none == 2, "back-offs are counted");
    }
    scp_means_destroy(&m);
    if (tap_st(scp_means_fit(SCP_MEANS_LINE, world, &d, &m), "line mean")) {
        scp_means_count_backoff(m, rows, 5, &b);
        tap_ok(b.n_exact == 4 && b.n_nearest == 1 && !scp_means_dose_by_rank(m),
               "a shared ladder of doses is levelled by dose");
    }
    scp_means_destroy(&m);
    scp_dataset_fini(&d);
}

/* Drug Z was never trained: it takes the shift of X or of Y, whichever shares more of its bits, at
 * the nearest dose. */
static void test_nearest_drug(void)
{
    static const struct {
        int bits[3]; /* of X, Y, Z: so many of the first ones */
        float want[2];
        const char *what;
    } row[] = { { { 10, 4, 5 }, { 4, 4 }, "Y" }, { { 6, 20, 5 }, { 3, 3 }, "X" } };
    const int32_t at[] = { 7, 8 }, known[] = { 5, 6 };
    for (size_t k = 0; k < 2; k++) {
        scp_dataset d;
        scp_means *m = NULL, *perturb = NULL;
        float got[2], plain[2], same[2];
        if (!tap_st(screen_make(1, small, N_SMALL, &d), "a screen")) return;
        if (tap_st(scp_alloc(d.n_drugs * SCP_FP_BITS, 1, &d.fp), "fingerprints")) {
            for (size_t i = 0; i < d.n_drugs; i++)
                for (int b = 0; b < row[k].bits[d.drug[i][0] - 'X']; b++)
                    d.fp[i * SCP_FP_BITS + (size_t)b] = 1;
            if (tap_st(scp_means_fit(SCP_MEANS_SIMILAR, world, &d, &m), "nearest drug") &&
                tap_st(scp_means_fit(SCP_MEANS_PERTURB, world, &d, &perturb), "perturb mean") &&
                tap_st(scp_means_predict(m, at, 2, got), "new drugs") &&
                tap_st(scp_means_predict(m, known, 2, same), "known ones") &&
                tap_st(scp_means_predict(perturb, known, 2, plain), "by their own mean")) {
                for (int i = 0; i < 2; i++)
                    tap_near(got[i], (double)d.x[d.pre[at[i]]] + row[k].want[i], 1e-6,
                             "Z is most like %s: shift %g", row[k].what, row[k].want[i]);
                tap_ok(memcmp(same, plain, sizeof same) == 0, "a known drug has its own mean");
            }
        }
        scp_means_destroy(&m);
        scp_means_destroy(&perturb);
        scp_dataset_fini(&d);
    }
}

/* A dose-finding study: each drug has a ladder of its own, one of them without a lowest dose. */
static void test_dose_by_rank(void)
{
    static const float v[] = { 10, 11, 12, 14, 11.5f, 15, 10.5f, 0, 0, 0 };
    const screen_row row[] = {
        { "A", NULL, "p", 0, 0, &v[0] },
        { "A", "X", "p", 8, SCP_SPLIT_TRAIN, &v[1] },   /* shift 1, low    */
        { "A", "X", "p", 40, SCP_SPLIT_TRAIN, &v[2] },  /* 2, middle       */
        { "A", "X", "p", 200, SCP_SPLIT_TRAIN, &v[3] }, /* 4, high         */
        { "A", "Y", "p", 30, SCP_SPLIT_TRAIN, &v[4] },  /* 1.5, middle     */
        { "A", "Y", "p", 150, SCP_SPLIT_TRAIN, &v[5] }, /* 5, high         */
        { "A", "W", "p", 2, SCP_SPLIT_TRAIN, &v[6] },   /* 0.5, its only   */
        { "A", "Z", "p", 0.3, SCP_SPLIT_UD, &v[7] },    /* 6: low          */
        { "A", "Z", "p", 1.5, SCP_SPLIT_UD, &v[8] },    /* 7: middle       */
        { "A", "Z", "p", 7.5, SCP_SPLIT_UD, &v[9] },    /* 8: high         */
    };
    scp_dataset d;
    scp_means *m = NULL;
    if (!tap_st(screen_make(1, row, sizeof row / sizeof row[0], &d), "a dose-finding screen"))
        return;
    if (tap_st(scp_means_fit(SCP_MEANS_GLOBAL, world, &d, &m), "global mean")) {
        const int32_t rows[] = { 6, 7, 8 };
        float got[3];
        tap_ok(scp_means_dose_by_rank(m), "doses are ranked within the drug");
        if (tap_st(scp_means_predict(m, rows, 3, got), "prediction")) {
            tap_near(got[0], 11, 1e-6, "lowest of three: X's low dose");
            tap_near(got[1], 11.75, 1e-6, "middle: X's and Y's");
            tap_near(got[2], 10 + 9.5 / 3, 1e-6, "highest: X's, Y's and the single dose of W");
        }
    }
    scp_means_destroy(&m);
    scp_dataset_fini(&d);
}

static void test_errors(void)
{
    scp_dataset d;
    scp_means *m = NULL;
    scp_means_kind kind;
    screen_row row[N_SMALL];
    memcpy(row, small, sizeof row);
    row[5].split = SCP_SPLIT_UC; /* line B has no training pair now */
    if (!tap_st(screen_make(1, row, N_SMALL, &d), "a line without training pairs")) return;
    const int32_t at[] = { 2 }, beyond[] = { 9 };
    float got;
    if (tap_st(scp_means_fit(SCP_MEANS_CONTEXT, world, &d, &m), "context mean")) {
        tap_fails(scp_means_predict(m, at, 1, &got), SCP_EDATA, "cell line B",
                  "cannot be predicted, and is named");
        tap_fails(scp_means_predict(m, beyond, 1, &got), SCP_EUSAGE, "pair 9",
                  "a pair that does not exist");
    }
    scp_means_destroy(&m);
    for (size_t i = 0; i < d.N; i++) d.split[i] = SCP_SPLIT_UC;
    scp_status st = scp_means_fit(SCP_MEANS_GLOBAL, world, &d, &m);
    tap_ok(tap_everywhere(world, st != SCP_OK && !m), "no training pair: an error on every rank");
    scp_err_clear();
    scp_dataset_fini(&d);
    tap_ok(scp_means_parse("line_mean", &kind) == SCP_OK && kind == SCP_MEANS_LINE, "names");
    tap_fails(scp_means_parse("mean", &kind), SCP_EUSAGE, "'mean'", "an unknown name");
}

/* Many genes, so that several tiles and ranks share them. */
static void test_same_bits(void)
{
    enum { G = 1500, N = 40 };
    static float x[N][G];
    static char drug[N][8];
    screen_row row[N];
    scp_dataset d;
    int32_t rows[N];
    for (size_t i = 0; i < N; i++) {
        for (size_t g = 0; g < G; g++)
            x[i][g] = (float)((i * 7919 + g * 104729) % 1000003) / 300000.0f;
        snprintf(drug[i], sizeof drug[i], "D%zu", i % 5);
        row[i] = (screen_row){ i % 3 ? "A" : "B",
                               i < 3 ? NULL : drug[i],
                               "p",
                               i % 7 + 1.0,
                               i % 6 ? SCP_SPLIT_TRAIN : SCP_SPLIT_UD,
                               x[i] };
        rows[i] = (int32_t)i;
    }
    if (!tap_st(screen_make(G, row, N, &d), "a screen of 1500 genes")) return;
    float *all = calloc(2 * d.N * G, sizeof *all), *alone = all ? all + d.N * G : NULL;
    for (int kind = 0; kind < SCP_MEANS_KINDS && all; kind++) {
        scp_means *m = NULL, *single = NULL;
        bool fitted = scp_means_fit((scp_means_kind)kind, world, &d, &m) == SCP_OK &&
                      scp_means_fit((scp_means_kind)kind, self, &d, &single) == SCP_OK &&
                      scp_means_predict(m, rows, d.N, all) == SCP_OK &&
                      scp_means_fill(single, rows, d.N, alone) == SCP_OK;
        tap_ok(tap_everywhere(world, fitted && memcmp(all, alone, d.N * G * sizeof *all) == 0),
               "%s: all ranks give the bits of one", scp_means_name((scp_means_kind)kind));
        scp_means_destroy(&m);
        scp_means_destroy(&single);
    }
    free(all);
    scp_dataset_fini(&d);
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 70;
    if (scp_comm_create_self(&self) != SCP_OK) return 70;
    tap_set_silent(scp_comm_rank(world) != 0);
    test_by_hand();
    test_backoff();
    test_nearest_drug();
    test_dose_by_rank();
    test_errors();
    test_same_bits();
    scp_comm_destroy(&self);
    int rc = tap_done();
    if (scp_world_end(&world) != SCP_OK) return 70;
    return rc;
}
