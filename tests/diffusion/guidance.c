/* Guidance weights and the codes of dose and time, against closed forms and published values. */
#include <math.h>
#include <string.h>

#include "diffusion/guidance.h"
#include "model/denoiser.h"
#include "tap.h"

static const scp_option_group groups[] = { { scp_guidance_options, 0, "guidance" }, { 0 } };

static const double dose[] = { 0, 0.05, 0.5, 5 };

static double sum_of(const scp_pass *pass, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += pass[i].weight;
    return sum;
}

static void test_strength(scp_guidance *gd)
{
    static const double want[] = { 1.1326, 1.2022, 1.7313, 2.8686 };
    for (int i = 0; i < 4; i++)
        tap_near(scp_guidance_strength(gd, dose[i]), want[i], 5e-5,
                 "s_d at %g uM with the paper's settings", dose[i]);
    tap_near(scp_guidance_strength(gd, 5), 3 / (1 + exp(0.5) / 36), 1e-12,
             "s_d by hand: (1 + dose)^alpha e^gamma");
    gd->dose_map = SCP_DOSE_CONSTANT;
    tap_near(scp_guidance_strength(gd, 5), 3, 0, "constant map: s_0");
    gd->dose_map = SCP_DOSE_SIGMOID;
}

static void test_dual(scp_guidance *gd)
{
    scp_pass p[SCP_PASS_MAX];
    for (int i = 0; i < 4; i++) {
        double s_d = scp_guidance_strength(gd, dose[i]);
        int n = scp_guidance_passes(gd, dose[i], p);
        tap_ok(n == 3 && p[0].mask == 0 && p[1].mask == 1 && p[2].mask == 2,
               "dual: both, no-pre, no-drug");
        tap_near(p[0].weight, 1 + gd->s_p + s_d, 1e-12, "dual, %g uM: weight of both [eq. 15]",
                 dose[i]);
        tap_near(p[1].weight, -gd->s_p, 0, "dual, %g uM: weight of no-pre", dose[i]);
        tap_near(p[2].weight, -s_d, 0, "dual, %g uM: weight of no-drug", dose[i]);
        tap_near(sum_of(p, n), 1, 1e-12, "dual, %g uM: weights sum to 1", dose[i]);
    }
    tap_near(1 + gd->s_p + scp_guidance_strength(gd, 5), 4.8686, 5e-5,
             "weight of both at the highest dose");
}

static void test_reduced(scp_guidance gd)
{
    scp_pass p[SCP_PASS_MAX];
    scp_guidance none = gd, no_pre = gd, no_drug = gd;
    none.s_p = none.s_0 = 0;
    tap_ok(scp_guidance_passes(&none, 5, p) == 1 && p[0].mask == 0 && p[0].weight == 1,
           "s_p = s_0 = 0 is the conditional network alone, exactly");
    none.kind = SCP_GUIDANCE_SINGLE;
    tap_ok(scp_guidance_passes(&none, 5, p) == 1 && p[0].weight == 1, "and so it is with one knob");
    none = gd;
    none.kind = SCP_GUIDANCE_NONE;
    tap_ok(scp_guidance_passes(&none, 5, p) == 1 && p[0].weight == 1, "and with guidance off");
    no_pre.s_p = 0;
    int n = scp_guidance_passes(&no_pre, 5, p);
    tap_ok(n == 2 && p[1].mask == 2 && fabs(sum_of(p, n) - 1) < 1e-12,
           "s_p = 0 leaves the no-drug pass");
    no_drug.s_0 = 0;
    n = scp_guidance_passes(&no_drug, 5, p);
    tap_ok(n == 2 && p[1].mask == 1 && fabs(sum_of(p, n) - 1) < 1e-12,
           "s_0 = 0 leaves the no-pre pass");
}

/* Every rule, with and without doubt: for a new drug the weights still sum to 1, and those that
 * training has seen keep theirs. */
static void test_doubt(scp_guidance gd)
{
    static const int kind[] = { SCP_GUIDANCE_DUAL, SCP_GUIDANCE_SINGLE, SCP_GUIDANCE_NONE };
    for (int k = 0; k < 6; k++) {
        scp_pass sure[SCP_PASS_MAX], seen[SCP_PASS_MAX], doubted[SCP_PASS_MAX];
        gd.kind = kind[k % 3];
        gd.anchor = k < 3 ? SCP_ANCHOR_BOTH : SCP_ANCHOR_UNCOND;
        gd.doubt = 0;
        const int n = scp_guidance_passes(&gd, 5, sure);
        gd.doubt = 0.3;
        const int m = scp_guidance_passes(&gd, 5, seen);
        bool same = m <= SCP_PASS_MAX && (m == n || (m == n + 1 && seen[n].weight == 0));
        for (int i = 0; i < n; i++)
            same = same && seen[i].mask == sure[i].mask && seen[i].weight == sure[i].weight;
        memcpy(doubted, seen, sizeof seen);
        scp_guidance_doubt(&gd, doubted, m);
        double extra = 0;
        for (int i = 0; i < m; i++) {
            extra += seen[i].mask == 2 ? doubted[i].weight - 0.7 * seen[i].weight : 0;
            same = same &&
                   (seen[i].mask == 2 || fabs(doubted[i].weight - 0.7 * seen[i].weight) < 1e-15);
        }
        tap_ok(same && fabs(extra - 0.3) < 1e-12 && fabs(sum_of(doubted, m) - 1) < 1e-12,
               "rule %d: 0.7 of it, and 0.3 of the prediction without the drug", k);
    }
}

static void test_single(scp_guidance gd)
{
    scp_pass p[SCP_PASS_MAX];
    gd.kind = SCP_GUIDANCE_SINGLE;
    for (int i = 0; i < 4; i++) {
        double s = gd.s_p + scp_guidance_strength(&gd, dose[i]);
        int n = scp_guidance_passes(&gd, dose[i], p);
        tap_ok(n == 2 && p[0].mask == 0 && p[1].mask == 3 && fabs(p[0].weight - 1 - s) < 1e-12 &&
                   fabs(p[1].weight + s) < 1e-12,
               "one knob, %g uM: (1 + s) both - s unconditional", dose[i]);
    }
}

/* The masks and their order must not depend on the dose: one batch holds every pass of a block. */
static void test_same_passes(scp_guidance gd)
{
    bool same = true;
    for (int kind = 0; kind < 3; kind++)
        for (int k = 0; k < 4; k++) {
            scp_pass a[SCP_PASS_MAX], b[SCP_PASS_MAX];
            gd.kind = kind;
            gd.s_p = k & 1 ? 1 : 0;
            gd.s_0 = k & 2 ? 3 : 0;
            int n = scp_guidance_passes(&gd, 1, a);
            for (int i = 0; i < 4; i++) {
                same = same && scp_guidance_passes(&gd, dose[i], b) == n;
                for (int j = 0; j < n; j++) same = same && a[j].mask == b[j].mask;
            }
        }
    tap_ok(same, "passes are the same for every dose");
}

static void test_time_code(void)
{
    static const double want[8] = { 0.54030, 0.99500, 0.99995, 1.00000,
                                    0.84147, 0.09983, 0.01000, 0.00100 };
    double code[9];
    scp_time_code(1, 8, code);
    for (int i = 0; i < 8; i++)
        tap_near(code[i], want[i], 5e-6, "time code of width 8 at t = 1, element %d", i);
    scp_time_code(0, 8, code);
    tap_ok(code[0] == 1 && code[3] == 1 && code[4] == 0 && code[7] == 0,
           "time code at t = 0: cosines 1, sines 0");
    scp_time_code(3, 9, code);
    tap_ok(code[8] == 0 && fabs(code[4] - sin(3)) < 1e-15, "an odd width ends with 0");
}

static void test_dose_code(void)
{
    double code[SCP_DOSE_CODE];
    scp_dose_code(0.5, code);
    bool at_centre = code[0] == 0 && code[SCP_DOSE_CODE - 1] == 0;
    for (int j = 0; j < 15; j++)
        at_centre = at_centre && code[1 + 2 * j] == 0 && code[2 + 2 * j] == 1;
    tap_ok(at_centre, "0.5 uM is the centre: x = 0, sines 0, cosines 1");
    scp_dose_code(5, code);
    tap_near(code[0], 1, 1e-15, "5 uM: x = 1");
    tap_near(code[1], sin(0.25), 1e-15, "first wave, 0.25");
    tap_near(code[29], sin(4), 1e-14, "last wave, 4");
    tap_near(code[15], sin(1), 1e-14, "middle wave, 1 (geometric)");
    scp_dose_code(0.05, code);
    tap_near(code[0], -1, 1e-15, "0.05 uM: x = -1");
    scp_dose_code(0, code);
    tap_ok(code[0] == -3 && code[SCP_DOSE_CODE - 1] == 1, "no dose: x = -3 and the flag");
}

int main(void)
{
    scp_guidance gd = { 0 };
    if (!tap_st(scp_conf_defaults(groups, &gd), "the paper's settings")) return tap_done();
    test_strength(&gd);
    test_dual(&gd);
    test_reduced(gd);
    test_doubt(gd);
    test_single(gd);
    test_same_passes(gd);
    test_time_code();
    test_dose_code();
    return tap_done();
}
