/* Discrimination scores of a whole line: what one prediction at a time gives, to the bit, also
 * where the screening in fp32 cannot tell: ties, near ties, zero, huge, tiny and non-finite
 * effects. */
#include "eval/pds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tap.h"

enum { G = 1100, N = 37, PREDICTIONS = 45 };

static double truth[N * G], pred[PREDICTIONS * G];
static size_t own[PREDICTIONS];

static double uniform(uint64_t stream, size_t row, size_t g)
{
    return scp_rng_u01(stream, SCP_RNG_SYNTH, 0, row, (uint32_t)g) - 0.5;
}

static void scale_row(double *x, double by)
{
    for (size_t g = 0; g < G; g++) x[g] *= by;
}

/* Predictions of label i % N: the truth and noise, then the special ones. */
static void make_effects(void)
{
    for (size_t q = 0; q < N; q++)
        for (size_t g = 0; g < G; g++) truth[q * G + g] = uniform(1, q, g);
    memcpy(truth + 5 * G, truth + 4 * G, G * sizeof *truth); /* two labels of one effect */
    memset(truth + 9 * G, 0, G * sizeof *truth);
    memcpy(truth + 12 * G, truth + 11 * G, G * sizeof *truth);
    truth[12 * G + 3] += 1e-9; /* nearer than fp32 can tell */
    for (size_t i = 0; i < PREDICTIONS; i++) {
        own[i] = i % N;
        for (size_t g = 0; g < G; g++)
            pred[i * G + g] = 0.3 * truth[own[i] * G + g] + uniform(2, i, g);
    }
    memcpy(pred + 4 * G, truth + 4 * G, G * sizeof *pred);
    memcpy(pred + 11 * G, truth + 11 * G, G * sizeof *pred);
    memcpy(pred + 12 * G, truth + 11 * G, G * sizeof *pred);
    memset(pred + 20 * G, 0, G * sizeof *pred);
    scale_row(pred + 21 * G, 1e30);
    scale_row(pred + 22 * G, 1e200);
    scale_row(pred + 23 * G, 1e-30);
    pred[24 * G + 700] = NAN;
    pred[25 * G] = INFINITY;
    memcpy(pred + 40 * G, pred + 39 * G, G * sizeof *pred);
}

static bool same(const scp_pds_scores *a, const scp_pds_scores *b)
{
    return memcmp(a, b, sizeof *a) == 0 || (isnan(a->l1) && isnan(b->l1) && isnan(a->cosine_mid) &&
                                            isnan(b->cosine_mid) && isnan(a->l2) && isnan(b->l2));
}

/* All predictions, `labels` of the true effects. */
static void compare(scp_pds_line *l, size_t labels, const char *what)
{
    scp_pds_scores got[PREDICTIONS], one;
    double *effect = NULL;
    size_t place[PREDICTIONS], wrong = 0;
    if (!tap_st(scp_pds_line_begin(l, labels, &effect), "%s: begin", what)) return;
    bool clear = true;
    for (size_t i = 0; i < labels * G; i++) clear &= effect[i] == 0;
    tap_ok(clear, "%s: effects begin at zero", what);
    memcpy(effect, truth, labels * G * sizeof *effect);
    scp_pds_line_ready(l);
    for (size_t i = 0; i < PREDICTIONS; i++) place[i] = own[i] % labels;
    scp_pds_line_score(l, pred, place, PREDICTIONS, got);
    for (size_t i = 0; i < PREDICTIONS; i++) {
        scp_pds_score(pred + i * G, truth, labels, G, place[i], NULL, &one);
        if (!same(&got[i], &one)) {
            wrong++;
            tap_diag("prediction %zu: %g %g %g, one by one %g %g %g", i, got[i].l1, got[i].l2,
                     got[i].cosine, one.l1, one.l2, one.cosine);
        }
    }
    tap_ok(wrong == 0, "%s: every score is that of one prediction at a time", what);
}

static void test_not_finite_truth(scp_pds_line *l)
{
    double *effect = NULL;
    scp_pds_scores got[2];
    if (!tap_st(scp_pds_line_begin(l, 3, &effect), "a line with an effect that is not finite"))
        return;
    memcpy(effect, truth, 3 * G * sizeof *effect);
    effect[2 * G + 8] = NAN;
    scp_pds_line_ready(l);
    scp_pds_line_score(l, pred, own, 2, got);
    tap_ok(isnan(got[0].l1) && isnan(got[1].cosine), "no score in that line");
}

int main(void)
{
    scp_pds_line *l = NULL;
    make_effects();
    if (tap_st(scp_pds_line_create(G, &l), "a line")) {
        compare(l, 8, "8 labels");
        compare(l, N, "37 labels");
        compare(l, 13, "13 labels after more");
        compare(l, 2, "2 labels");
        compare(l, 1, "1 label");
        test_not_finite_truth(l);
    }
    scp_pds_line_destroy(&l);
    scp_pds_line_destroy(&l);
    return tap_done();
}
