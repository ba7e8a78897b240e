/* Decomposable guidance [paper eq. 15, 23-25, App. B] on data whose conditional scores are known:
 * two states, two drugs, one Gaussian each. */
#include <math.h>
#include <string.h>

#include "diffusion/ddim.h"
#include "diffusion/guidance.h"
#include "diffusion/mixture.h"
#include "tap.h"

enum { T = 1000, DIM = 2 };

static const scp_option_group groups[] = { { scp_guidance_options, 0, "guidance" }, { 0 } };

/* Component 2 i + j: state i, drug j. State and drug act on axes of their own, or together. */
static const mixture apart = { .n = 4,
                               .dim = DIM,
                               .weight = { 0.25, 0.25, 0.25, 0.25 },
                               .sd = { 0.5, 0.5, 0.5, 0.5 },
                               .mean = { { -1, -0.5 }, { -1, 1 }, { 1, -0.5 }, { 1, 1 } } };
static const mixture mixed = { .n = 4,
                               .dim = DIM,
                               .weight = { 0.25, 0.25, 0.25, 0.25 },
                               .sd = { 0.5, 0.5, 0.5, 0.5 },
                               .mean = { { -1, -0.5 }, { 0.3, 1 }, { 0.8, 0.4 }, { 1, -1 } } };

static scp_schedule s;

/* The components that are left when state 1 and drug 1 are given, less what a mask hides. */
static mixture given(const mixture *m, int mask)
{
    bool keep[4];
    for (int k = 0; k < 4; k++) keep[k] = ((mask & 1) || k / 2 == 1) && ((mask & 2) || k % 2 == 1);
    return mixture_part(m, keep);
}

/* A perfect network under guidance. */
typedef struct guided {
    const mixture *m;
    const scp_guidance *gd;
    double dose;
} guided;

static scp_status network(void *ctx, int64_t t, const double *z, double *out)
{
    guided *g = ctx;
    scp_pass pass[SCP_PASS_MAX];
    double weight[SCP_PASS_MAX], eps[SCP_PASS_MAX][DIM];
    int n = scp_guidance_passes(g->gd, g->dose, pass);
    for (int p = 0; p < n; p++) {
        mixture m = given(g->m, pass[p].mask);
        weight[p] = pass[p].weight;
        mixture_noise(&m, s.signal[t], s.noise[t], z, eps[p]);
    }
    scp_guidance_combine(g->gd, (size_t)n, 1, DIM, weight, eps[0], out);
    return SCP_OK;
}

/* log p(what mask_given sees | z) - that of mask_known, up to a constant: log of a ratio of
 * densities; its slope by differences. */
static void slope(const mixture *top, const mixture *bottom, int64_t t, const double *z,
                  double *out)
{
    double a = s.signal[t], b = s.noise[t], h = 1e-4 * b;
    for (int k = 0; k < DIM; k++) {
        double value[2];
        for (int i = 0; i < 2; i++) {
            double at[DIM] = { z[0], z[1] };
            at[k] += i ? h : -h;
            value[i] = mixture_log_density(top, a, b, at) - mixture_log_density(bottom, a, b, at);
        }
        out[k] = (value[1] - value[0]) / (2 * h);
    }
}

/* The interaction residual r_t(z) by its definition [eq. 24]. */
static void residual(const mixture *m, int64_t t, const double *z, double *r)
{
    mixture both = given(m, 0), drug = given(m, 1), pre = given(m, 2), none = given(m, 3);
    double joint[DIM], of_pre[DIM], of_drug[DIM];
    slope(&both, &none, t, z, joint);
    slope(&pre, &none, t, z, of_pre);
    slope(&drug, &none, t, z, of_drug);
    for (int k = 0; k < DIM; k++) r[k] = joint[k] - of_pre[k] - of_drug[k];
}

/* A bound of |r_t|: every score is (a mean - z) / variance with a mean inside the hull of the
 * components, and the z cancel, so r_t is a difference of two differences of such means. */
static double lambda(const mixture *m, int64_t t)
{
    double a = s.signal[t], b = s.noise[t], most = 0;
    for (int i = 0; i < m->n; i++)
        for (int j = 0; j < m->n; j++)
            most = fmax(most, hypot(m->mean[i][0] - m->mean[j][0], m->mean[i][1] - m->mean[j][1]));
    return 2 * a * most / (a * a * m->sd[0] * m->sd[0] + b * b);
}

typedef struct found {
    double exact, ratio, size;
} found;

static void at_point(const mixture *m, const scp_guidance *gd, int64_t t, const double *z, found *f)
{
    guided g = { m, gd, 1 };
    double sigma = s.noise[t], hat[DIM], both[DIM], r[DIM];
    mixture m_both = given(m, 0);
    if (network(&g, t, z, hat) != SCP_OK) return;
    mixture_noise(&m_both, s.signal[t], sigma, z, both);
    residual(m, t, z, r);
    for (int k = 0; k < DIM; k++) f->exact = fmax(f->exact, fabs(hat[k] - both[k] - sigma * r[k]));
    double error = hypot(hat[0] - both[0], hat[1] - both[1]);
    f->ratio = fmax(f->ratio, error / (sigma * lambda(m, t)));
    f->size = fmax(f->size, error);
}

/* s_p = s_d = 1 on the unconditional anchor: the error of the composition is the residual. */
static void test_bound(scp_guidance gd)
{
    found apart_f = { 0 }, mixed_f = { 0 };
    gd.anchor = SCP_ANCHOR_UNCOND;
    gd.dose_map = SCP_DOSE_CONSTANT;
    gd.s_p = gd.s_0 = 1;
    for (int64_t t = 0; t < T; t += 37)
        for (int i = 0; i < 81; i++) {
            double z[DIM] = { -2 + 0.5 * (i % 9), -2 + 0.5 * (i / 9) };
            at_point(&apart, &gd, t, z, &apart_f);
            at_point(&mixed, &gd, t, z, &mixed_f);
        }
    tap_ok(apart_f.size < 1e-12, "axes of their own: no residual, the composition is exact");
    bool ok = tap_ok(mixed_f.exact < 1e-6, "its error is sigma r_t [eq. 24]");
    ok = tap_ok(mixed_f.ratio <= 1, "and at most sigma lambda(t) [eq. 25]") && ok;
    ok = tap_ok(mixed_f.ratio > 0.2 && mixed_f.size > 0.1, "a bound that is reached in size") && ok;
    if (!ok)
        tap_diag("apart %g, exact %g, ratio %g, size %g", apart_f.size, mixed_f.exact,
                 mixed_f.ratio, mixed_f.size);
}

/* Equation 15 adds what the state says beyond the drug, and the drug beyond the state. */
static void test_meaning(scp_guidance gd)
{
    double worst = 0;
    scp_pass pass[SCP_PASS_MAX];
    mixture both = given(&mixed, 0), drug = given(&mixed, 1), pre = given(&mixed, 2);
    guided g = { &mixed, &gd, 1 };
    double s_d = scp_guidance_strength(&gd, 1);
    tap_ok(scp_guidance_passes(&gd, 1, pass) == 3, "the paper's knobs: three passes");
    for (int64_t t = 0; t < T; t += 37) {
        double z[DIM] = { 0.4, -0.3 }, hat[DIM], eps[DIM], of_pre[DIM], of_drug[DIM];
        if (network(&g, t, z, hat) != SCP_OK) return;
        mixture_noise(&both, s.signal[t], s.noise[t], z, eps);
        slope(&both, &drug, t, z, of_pre);
        slope(&both, &pre, t, z, of_drug);
        for (int k = 0; k < DIM; k++)
            worst = fmax(worst, fabs(hat[k] - eps[k] +
                                     s.noise[t] * (gd.s_p * of_pre[k] + s_d * of_drug[k])));
    }
    if (!tap_ok(worst < 1e-6, "eq. 15: -sigma (s_p grad log p(state | z, drug) + s_d grad log "
                              "p(drug | z, state)) on top"))
        tap_diag("error %g", worst);
}

static bool sample_at(const mixture *m, const scp_guidance *gd, double dose, double *z)
{
    guided g = { m, gd, dose };
    double z0[DIM], eps[DIM], out[DIM];
    const scp_ddim d = { .schedule = &s, .steps = 50, .network = network, .ctx = &g };
    z[0] = 0.7;
    z[1] = -1.1;
    return scp_ddim_sample(&d, DIM, z, z0, eps, out) == SCP_OK;
}

static bool sample(const mixture *m, const scp_guidance *gd, double *z)
{
    return sample_at(m, gd, 1, z);
}

/* A network that does not know the dose: the mapping of equation 16 alone makes the effect along
 * the drug's axis grow with it, a constant strength (ablation E) makes it the same at every dose.
 */
static void test_dose(scp_guidance gd)
{
    static const double dose[] = { 0, 0.05, 0.5, 5 };
    double z[2][4][DIM];
    bool done = true, rising = true, same = true;
    for (int map = 0; map < 2; map++)
        for (int i = 0; i < 4; i++) {
            gd.dose_map = map ? SCP_DOSE_CONSTANT : SCP_DOSE_SIGMOID;
            done = sample_at(&apart, &gd, dose[i], z[map][i]) && done;
        }
    for (int i = 1; i < 4; i++) {
        rising = rising && z[0][i][1] > z[0][i - 1][1] + 1e-4;
        same = same && memcmp(z[1][i], z[1][0], sizeof z[1][0]) == 0;
    }
    tap_ok(done && rising, "s_d(dose): the effect along the drug's axis rises with the dose");
    tap_ok(done && same, "constant s_d: it is the same at every dose");
}

/* Whole samples: no knob is the conditional model bit for bit; without a residual both anchors at
 * their neutral strength are. */
static void test_samples(scp_guidance gd)
{
    double none[DIM], zero[DIM], sum[DIM], paper[DIM];
    scp_guidance g = gd;
    bool done = sample(&apart, &gd, paper);
    g.kind = SCP_GUIDANCE_NONE;
    done = sample(&apart, &g, none) && done;
    g = gd;
    g.s_p = g.s_0 = 0;
    done = sample(&apart, &g, zero) && done;
    tap_ok(done && memcmp(none, zero, sizeof none) == 0,
           "s_p = s_d = 0: the same sample, bit for bit");
    g = gd;
    g.anchor = SCP_ANCHOR_UNCOND;
    g.dose_map = SCP_DOSE_CONSTANT;
    g.s_p = g.s_0 = 1;
    done = sample(&apart, &g, sum) && done;
    tap_ok(done && hypot(sum[0] - none[0], sum[1] - none[1]) < 1e-9,
           "no residual: the sum of both channels samples the joint condition [eq. 23]");
    tap_ok(done && paper[0] > none[0] && paper[1] > none[1],
           "the paper's knobs push the sample along state and drug");
}

/* Weights sum to 1: what is common to all passes goes through once. */
static void test_common(scp_guidance gd)
{
    double worst = 0;
    for (int anchor = 0; anchor < 2; anchor++)
        for (int kind = 0; kind < 3; kind++) {
            scp_pass pass[SCP_PASS_MAX];
            double weight[SCP_PASS_MAX], out[SCP_PASS_MAX][DIM], a[DIM], b[DIM], total = 0;
            gd.anchor = anchor;
            gd.kind = kind;
            int n = scp_guidance_passes(&gd, 5, pass);
            for (int p = 0; p < n; p++) {
                total += weight[p] = pass[p].weight;
                for (int k = 0; k < DIM; k++) out[p][k] = 0.3 * p - k;
            }
            scp_guidance_combine(&gd, (size_t)n, 1, DIM, weight, out[0], a);
            for (int p = 0; p < n; p++)
                for (int k = 0; k < DIM; k++) out[p][k] += 2.5;
            scp_guidance_combine(&gd, (size_t)n, 1, DIM, weight, out[0], b);
            worst = fmax(worst, fabs(total - 1));
            for (int k = 0; k < DIM; k++) worst = fmax(worst, fabs(b[k] - a[k] - 2.5));
        }
    tap_ok(worst < 1e-12, "weights of every rule and anchor sum to 1: a common shift goes through");
}

static void test_rescale(scp_guidance gd)
{
    const double weight[3] = { 4, -1, -2 },
                 out[3][DIM] = { { 0.6, 0.8 }, { 0.1, -0.2 }, { 0.3, 0.5 } };
    double plain[DIM], full[DIM], half[DIM];
    scp_pass pass[SCP_PASS_MAX];
    scp_guidance_combine(&gd, 3, 1, DIM, weight, out[0], plain);
    gd.rescale = 1;
    scp_guidance_combine(&gd, 3, 1, DIM, weight, out[0], full);
    gd.rescale = 0.5;
    scp_guidance_combine(&gd, 3, 1, DIM, weight, out[0], half);
    tap_near(hypot(full[0], full[1]), 1, 1e-12, "rescale 1: the norm of the conditional output");
    tap_near(full[0] * plain[1] - full[1] * plain[0], 0, 1e-12, "and the guided direction");
    tap_near(half[0], 0.5 * (plain[0] + full[0]), 1e-12, "rescale 0.5: half the way");
    gd.anchor = SCP_ANCHOR_UNCOND;
    tap_ok(scp_guidance_passes(&gd, 1, pass) == 4 && pass[0].mask == 0 && pass[0].weight == 0,
           "the unconditional anchor keeps the conditional pass to rescale by");
}

int main(void)
{
    scp_guidance gd = { 0 };
    if (!tap_st(scp_schedule_init(&s, T, 1e-4, 0.02), "the schedule of the paper") ||
        !tap_st(scp_conf_defaults(groups, &gd), "the paper's knobs"))
        return tap_done();
    test_bound(gd);
    test_meaning(gd);
    test_samples(gd);
    test_dose(gd);
    test_common(gd);
    test_rescale(gd);
    scp_conf_fini(groups, &gd);
    scp_schedule_fini(&s);
    return tap_done();
}
