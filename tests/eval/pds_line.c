/* Discrimination scores of a whole line: what one prediction at a time gives, to the bit, also
 * where the screening in fp32 cannot tell: ties, near ties, zero, huge, tiny and non-finite
 * effects; effects of one plate and of several. */
#include "eval/pds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tap.h"

/* More than two pieces of genes, tiles of labels and groups of predictions, none of them full. */
enum { G = 4500, N = 70, PREDICTIONS = 90, PLATES = 3 };

static float control[PLATES][G], truth[N][PLATES][G], pred[PREDICTIONS][PLATES][G];
static const float *pre[PLATES], *post[N + PREDICTIONS][PLATES];
static scp_pds_effect label[N], f[PREDICTIONS];
static size_t own[PREDICTIONS];
static double effect[N * G], predicted[PREDICTIONS * G];

static float uniform(uint64_t stream, size_t row, size_t g)
{
    return (float)scp_rng_u01(stream, SCP_RNG_SYNTH, 0, row, (uint32_t)g);
}

/* Labels 30 and up have three plates. */
static size_t plates_of(size_t q)
{
    return q < 30 ? 1 : PLATES;
}

static void copy(float to[PLATES][G], float from[PLATES][G])
{
    memcpy(to, from, sizeof control);
}

static void scale(float x[PLATES][G], float by)
{
    for (size_t i = 0; i < PLATES * (size_t)G; i++) x[0][i] *= by;
}

/* Profiles around controls near 1; predictions of label i % N: half of the change, and noise. */
static void make_profiles(void)
{
    for (size_t k = 0; k < PLATES; k++)
        for (size_t g = 0; g < G; g++) {
            control[k][g] = 1 + 0.1f * uniform(3, k, g);
            for (size_t q = 0; q < N; q++)
                truth[q][k][g] = control[k][g] + uniform(1, q, g) - 0.5f;
            for (size_t i = 0; i < PREDICTIONS; i++)
                pred[i][k][g] =
                    0.5f * (control[k][g] + truth[i % N][k][g]) + uniform(2, i, g) - 0.4f;
        }
}

static void make_special(void)
{
    copy(truth[5], truth[4]); /* two labels of one effect */
    copy(truth[35], truth[34]);
    copy(truth[9], control);
    copy(truth[12], truth[11]);
    truth[12][0][3] += 1e-6f; /* nearer than fp32 can tell */
    copy(pred[4], truth[4]);
    copy(pred[11], truth[11]);
    copy(pred[12], truth[11]);
    copy(pred[34], truth[34]);
    copy(pred[20], control); /* no change */
    copy(pred[50], control);
    scale(pred[21], 1e30f);
    scale(pred[22], 1e38f);
    for (size_t g = 0; g < G; g++) pred[23][0][g] = control[0][g] + (g == 7 ? 1e-6f : 0);
    pred[24][0][700] = NAN;
    pred[25][0][0] = INFINITY;
    pred[26][0][G - 1] = -INFINITY;
    pred[60][2][5] = NAN;
    for (size_t g = 0; g < 40; g++) pred[27][0][g] = -1; /* counts as 0 */
    copy(pred[80], pred[10]);
}

static void make_effects(void)
{
    make_profiles();
    make_special();
    for (size_t k = 0; k < PLATES; k++) pre[k] = control[k];
    for (size_t i = 0; i < N + PREDICTIONS; i++)
        for (size_t k = 0; k < PLATES; k++) post[i][k] = i < N ? truth[i][k] : pred[i - N][k];
    for (size_t q = 0; q < N; q++) {
        label[q] = (scp_pds_effect){ .post = post[q], .pre = pre, .plates = plates_of(q) };
        scp_pds_effect_values(&label[q], 0, G, effect + q * G);
    }
    for (size_t i = 0; i < PREDICTIONS; i++) {
        own[i] = i % N;
        f[i] = (scp_pds_effect){ .post = post[N + i], .pre = pre, .plates = plates_of(own[i]) };
        scp_pds_effect_values(&f[i], 0, G, predicted + i * G);
    }
}

static bool same(const scp_pds_scores *a, const scp_pds_scores *b)
{
    return memcmp(a, b, sizeof *a) == 0 || (isnan(a->l1) && isnan(b->l1) && isnan(a->cosine_mid) &&
                                            isnan(b->cosine_mid) && isnan(a->l2) && isnan(b->l2));
}

/* An effect against its definition, gene by gene. */
static void test_values(void)
{
    const size_t plate_means[] = { 3, 40 };
    for (size_t k = 0; k < 2; k++) {
        const size_t q = plate_means[k], plates = plates_of(q);
        double worst = 0;
        for (size_t g = 0; g < G; g++) {
            double mean = 0;
            for (size_t p = 0; p < plates; p++)
                mean += ((double)truth[q][p][g] - control[p][g]) / (double)plates;
            worst = fmax(worst, fabs(mean - effect[q * G + g]));
        }
        tap_ok(worst < 1e-15, "an effect of %zu plate%s", plates, plates > 1 ? "s" : "");
    }
    double part[7];
    scp_pds_effect_values(&label[40], 2040, 7, part);
    tap_ok(memcmp(part, effect + 40 * G + 2040, sizeof part) == 0, "a piece of it");
    tap_ok(predicted[27 * G] == -(double)control[0][0], "an entry below 0 counts as 0");
    tap_ok(isnan(predicted[25 * G]) && isnan(predicted[26 * G + G - 1]), "infinities are NaN");
}

/* All predictions, `labels` of the true effects. */
static void compare(scp_pds_line *l, size_t labels, const char *what)
{
    scp_pds_scores got[PREDICTIONS], one;
    size_t place[PREDICTIONS], wrong = 0, scored = 0;
    for (size_t i = 0; i < PREDICTIONS; i++) place[i] = own[i] % labels;
    if (!tap_st(scp_pds_line_begin(l, label, labels), "%s: begin", what)) return;
    if (!tap_st(scp_pds_line_score(l, f, place, PREDICTIONS, got), "%s: score", what)) return;
    for (size_t i = 0; i < PREDICTIONS; i++) {
        scp_pds_score(predicted + i * G, effect, labels, G, place[i], NULL, &one);
        scored += !isnan(one.l1);
        if (!same(&got[i], &one)) {
            wrong++;
            tap_diag("prediction %zu: %g %g %g, one by one %g %g %g", i, got[i].l1, got[i].l2,
                     got[i].cosine, one.l1, one.l2, one.cosine);
        }
    }
    tap_ok(wrong == 0 && scored >= (labels > 1 ? PREDICTIONS - 6 : 0),
           "%s: every score is that of one prediction at a time", what);
}

static void test_not_finite_truth(scp_pds_line *l)
{
    scp_pds_scores got[2];
    truth[2][0][8] = NAN;
    if (tap_st(scp_pds_line_begin(l, label, 3), "a line with an effect that is not finite") &&
        tap_st(scp_pds_line_score(l, f, own, 2, got), "its scores"))
        tap_ok(isnan(got[0].l1) && isnan(got[1].cosine), "no score in that line");
}

int main(void)
{
    scp_pds_line *l = NULL;
    make_effects();
    test_values();
    if (tap_st(scp_pds_line_create(G, &l), "a line")) {
        compare(l, 8, "8 labels");
        compare(l, N, "70 labels");
        compare(l, 33, "33 labels after more");
        compare(l, 2, "2 labels");
        compare(l, 1, "1 label");
        test_not_finite_truth(l);
    }
    scp_pds_line_destroy(&l);
    scp_pds_line_destroy(&l);
    return tap_done();
}
