/* The generator: a prediction is a function of its condition alone, guidance combines the passes as
 * equation 15 says, a network that returns zeros gives closed forms, and bad settings are refused.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "diffusion/generate.h"
#include "model/vae_run.h"
#include "model/toy.h"
#include "tap.h"

enum { N = 11, DZ = 16, G = 40 };

static const screen_size size = { .lines = 3, .drugs = 5, .genes = G, .seed = 2 };
static const scp_option_group groups[] = { { scp_guidance_options, 0, "guidance" }, { 0 } };
static const char *const v_shift[] = { "diffusion.parameterization=v", "diffusion.target=shift",
                                       NULL };

/* A network, an autoencoder, and N conditions. */
typedef struct rig {
    toy net, vae;
    scp_guidance gd;
    float mu_pre[N * DZ];
    int32_t drug[N];
    double dose[N];
    uint64_t id[N];
    scp_conditions c;
} rig;

static scp_status rig_start(rig *r, const char *device, const char *const *extra)
{
    double row[DZ];
    memset(r, 0, sizeof *r);
    SCP_TRY(scp_conf_defaults(groups, &r->gd));
    r->gd.ddim_steps = 5;
    r->gd.block = 4;
    SCP_TRY(toy_denoiser(&r->net, device, &size, 4, toy_tiny, extra));
    SCP_TRY(toy_shake(&r->net, 0.1));
    SCP_TRY(toy_vae(&r->vae, device, &size, 4, toy_tiny, extra));
    SCP_TRY(toy_shake(&r->vae, 0.1));
    for (int i = 0; i < N; i++) {
        scp_rng_fill_normal(1, 100, 0, (uint64_t)i, DZ, row);
        for (int k = 0; k < DZ; k++) r->mu_pre[i * DZ + k] = (float)row[k];
        r->drug[i] = i % 5;
        r->dose[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? 0.05 : 5;
        r->id[i] = 1000 + (uint64_t)i;
    }
    r->c = (scp_conditions){ N, r->mu_pre, r->drug, r->dose, r->id, NULL, NULL };
    return SCP_OK;
}

static void rig_stop(rig *r)
{
    toy_stop(&r->net);
    toy_stop(&r->vae);
}

static scp_status create(rig *r, scp_generator **gen)
{
    const scp_dataset *d = &r->net.data;
    return scp_generator_create(&r->net.m, &r->gd, r->net.params, r->vae.params, &r->net.stats,
                                d->fp, d->n_drugs, G, gen);
}

/* Latents of conditions c with the rig's guidance. */
static bool latents(rig *r, const scp_conditions *c, float *mu)
{
    scp_generator *gen = NULL;
    scp_status st = create(r, &gen);
    if (st == SCP_OK) st = scp_generator_latent(gen, c, mu);
    scp_generator_destroy(&gen);
    return tap_st(st, "a prediction");
}

static double distance(const float *a, const float *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, isfinite(a[i]) ? fabs((double)a[i] - b[i]) : INFINITY);
    return worst;
}

/* On cpu a product rounds differently in another block, and eps-prediction divides by a small
 * signal level: the promise there is for v-prediction, to fp32 rounding. */
static void test_alone(const char *device, const char *const *settings, double tolerance)
{
    rig r;
    float all[N * DZ], other[N * DZ], one[DZ], x[N * G], y[N * G];
    if (!tap_st(rig_start(&r, device, settings), "%s: a generator", device) ||
        !latents(&r, &r.c, all))
        return rig_stop(&r);
    static const int64_t block[] = { 1, 3, 64 };
    for (int i = 0; i < 3; i++) {
        r.gd.block = block[i];
        if (latents(&r, &r.c, other))
            tap_ok(distance(all, other, N * DZ) <= tolerance, "%s: the same in blocks of %d",
                   device, (int)block[i]);
    }
    scp_conditions last = {
        1, r.mu_pre + (N - 1) * DZ, r.drug + N - 1, r.dose + N - 1, r.id + N - 1, NULL, NULL
    };
    if (latents(&r, &last, one))
        tap_ok(distance(all + (N - 1) * DZ, one, DZ) <= tolerance, "%s: the same alone", device);
    r.id[0]++;
    if (latents(&r, &r.c, other)) {
        tap_ok(distance(all, other, DZ) > 1e-3, "%s: another id has other noise", device);
        tap_ok(distance(all + DZ, other + DZ, (N - 1) * DZ) <= tolerance, "%s: and leaves the rest",
               device);
    }
    scp_generator *gen = NULL;
    if (tap_st(create(&r, &gen), "%s: profiles", device) &&
        tap_st(scp_generator_run(gen, &r.c, x), "%s: once", device) &&
        tap_st(scp_generator_run(gen, &r.c, y), "%s: twice", device)) {
        bool positive = true;
        for (int i = 0; i < N * G; i++) positive = positive && x[i] >= 0;
        tap_ok(memcmp(x, y, sizeof x) == 0, "%s: the same bits twice", device);
        tap_ok(positive, "%s: profiles are not negative", device);
    }
    scp_generator_destroy(&gen);
    rig_stop(&r);
}

/* One pass at t = T is affine in the weights of guidance, so equation 15 shows in differences. */
static void test_guidance(void)
{
    rig r;
    float mu[3][N * DZ], none[N * DZ], both[N * DZ];
    if (!tap_st(rig_start(&r, "ref", v_shift), "a v-network")) return rig_stop(&r);
    r.gd.readout = SCP_READOUT_MEAN;
    r.gd.kind = SCP_GUIDANCE_NONE;
    if (!latents(&r, &r.c, none)) return rig_stop(&r);
    r.gd.kind = SCP_GUIDANCE_DUAL;
    r.gd.s_p = r.gd.s_0 = 0;
    if (latents(&r, &r.c, both))
        tap_ok(memcmp(none, both, sizeof none) == 0, "s_p = s_0 = 0: the network alone, exactly");
    for (int which = 0; which < 2; which++) {
        bool done = true;
        for (int i = 0; i < 3; i++) {
            r.gd.s_p = which ? 0 : i;
            r.gd.s_0 = which ? i : 0;
            done = latents(&r, &r.c, mu[i]) && done;
        }
        double bend = 0, move = distance(mu[0], mu[1], N * DZ);
        for (int i = 0; i < N * DZ; i++)
            bend = fmax(bend, fabs((double)mu[2][i] - 2.0 * mu[1][i] + mu[0][i]));
        tap_ok(done && bend < 1e-5 && move > 1e-3, "the prediction is affine in %s",
               which ? "s_0" : "s_p");
    }
    r.gd.s_p = 1;
    r.gd.s_0 = 3;
    r.gd.ddim_steps = 1;
    if (latents(&r, &r.c, mu[0])) {
        r.gd.readout = SCP_READOUT_DRAWS;
        if (latents(&r, &r.c, mu[1]))
            tap_ok(memcmp(mu[0], mu[1], sizeof mu[0]) == 0,
                   "the mean readout is a draw of one step");
    }
    rig_stop(&r);
}

/* Doubt about a new drug: (1 - doubt) of the guided prediction and doubt of the one without the
 * drug, condition by condition; a drug that training has seen is predicted as before. */
static void test_doubt(void)
{
    rig r;
    float plain[N * DZ], full[N * DZ], half[N * DZ], seen[N * DZ];
    uint8_t unseen[N];
    double worst = 0, same = 0, move = 0;
    if (!tap_st(rig_start(&r, "ref", v_shift), "a v-network")) return rig_stop(&r);
    r.gd.readout = SCP_READOUT_MEAN;
    for (int i = 0; i < N; i++) unseen[i] = i % 2;
    bool done = latents(&r, &r.c, plain);
    r.c.unseen = unseen;
    r.gd.doubt = 1;
    done = latents(&r, &r.c, full) && done;
    r.gd.doubt = 0.5;
    done = latents(&r, &r.c, half) && done;
    r.c.unseen = NULL;
    done = latents(&r, &r.c, seen) && done;
    for (int i = 0; i < N * DZ; i++) {
        double want = unseen[i / DZ] ? 0.5 * plain[i] + 0.5 * full[i] : plain[i];
        worst = fmax(worst, fabs(half[i] - want));
        same = fmax(same, fabs((double)seen[i] - plain[i]));
        if (unseen[i / DZ]) move = fmax(move, fabs((double)full[i] - plain[i]));
    }
    tap_ok(done && worst < 1e-5 && move > 1e-3, "half of the doubt is half of the way");
    tap_ok(done && same < 1e-6, "without new drugs nothing changes");
    /* All doubt: the structure of a new drug does not matter any more. */
    float other[N * DZ];
    r.c.unseen = unseen;
    r.gd.doubt = 1;
    for (int i = 0; i < N; i++) r.drug[i] = (r.drug[i] + 1) % 5;
    double apart = 0;
    if (latents(&r, &r.c, other)) {
        for (int i = 0; i < N * DZ; i++)
            if (unseen[i / DZ]) apart = fmax(apart, fabs((double)other[i] - full[i]));
        tap_ok(apart < 1e-6, "all doubt: whatever the drug");
    }
    rig_stop(&r);
}

/* Give the network's last layer zeros. */
static scp_status silence(toy *t)
{
    static const char *const last[] = { "denoiser/out/W", "denoiser/out/b" };
    for (int i = 0; i < 2; i++) {
        int64_t index = scp_params_find(t->params, last[i]);
        SCP_ARG(index >= 0, "there is no %s", last[i]);
        const scp_param_info *info = scp_params_info(t->params, (size_t)index);
        double *zero = NULL;
        SCP_TRY(scp_alloc(info->count, sizeof *zero, &zero));
        scp_status st =
            scp_params_write_f64(t->params, SCP_ARENA_W, info->offset, info->count, zero);
        free(zero);
        SCP_TRY(st);
    }
    return SCP_OK;
}

/* v = 0 everywhere: one pass gives z_0 = signal[T-1] z_T; the mean of draws averages the noise; the
 * statistics and the state are put back. eps = 0: z_0 = z_T / signal[T-1] in any number of steps.
 */
static void test_closed_form(void)
{
    for (int v = 0; v < 2; v++) {
        rig r;
        scp_schedule s = { 0 };
        float mu[N * DZ];
        double z[DZ], worst = 0;
        if (!tap_st(rig_start(&r, "ref", v ? v_shift : NULL), "%s-network", v ? "v" : "eps") ||
            !tap_st(silence(&r.net), "of zeros") ||
            !tap_st(scp_schedule_init(&s, 50, 1e-4, 0.02), "schedule"))
            return rig_stop(&r);
        r.gd.draws = v ? 4 : 1;
        if (v) r.gd.readout = SCP_READOUT_MEAN;
        double factor = v ? s.signal[49] : 1 / s.signal[49];
        if (latents(&r, &r.c, mu)) {
            for (int i = 0; i < N; i++) {
                double want[DZ] = { 0 };
                for (int64_t k = 0; k < r.gd.draws; k++) {
                    scp_rng_fill_normal((uint64_t)r.gd.seed, SCP_RNG_DDIM, (uint64_t)k, r.id[i], DZ,
                                        z);
                    for (int j = 0; j < DZ; j++) want[j] += factor * z[j] / (double)r.gd.draws;
                }
                for (int j = 0; j < DZ; j++) {
                    double state = v ? r.mu_pre[i * DZ + j] : 0;
                    double m =
                        want[j] * r.net.stats.target_std[j] + r.net.stats.target_mean[j] + state;
                    worst = fmax(worst, fabs(mu[i * DZ + j] - m) / fmax(1, fabs(m)));
                }
            }
            if (!tap_ok(worst < 1e-6, "a %s-network of zeros: noise, scaled back", v ? "v" : "eps"))
                tap_diag("error %g", worst);
        }
        scp_schedule_fini(&s);
        rig_stop(&r);
    }
}

enum { SAMPLES = 5 };

/* What the eps-network of zeros draws for condition i: z_T / signal[T-1], scaled back. */
static void zero_draw(const rig *r, double signal, uint64_t sample, int i, float *mu)
{
    double z[DZ];
    scp_rng_fill_normal((uint64_t)r->gd.seed, SCP_RNG_DDIM, sample, r->id[i], DZ, z);
    for (int k = 0; k < DZ; k++)
        mu[k] = (float)(z[k] / signal * r->net.stats.target_std[k] + r->net.stats.target_mean[k]);
}

/* The spread is the standard deviation over samples that are decoded one by one. */
static void test_spread(void)
{
    rig r;
    scp_schedule s = { 0 };
    scp_generator *gen = NULL;
    float mu[SAMPLES][N * DZ], x[SAMPLES][N * G], sd[N * G];
    double worst = 0, largest = 0;
    bool done = tap_st(rig_start(&r, "ref", NULL), "a network") &&
                tap_st(silence(&r.net), "of zeros") &&
                tap_st(scp_schedule_init(&s, 50, 1e-4, 0.02), "schedule");
    r.gd.spread = SAMPLES;
    r.gd.draws = 2;
    for (int k = 0; done && k < SAMPLES; k++) {
        for (int i = 0; i < N; i++) zero_draw(&r, s.signal[49], (uint64_t)k, i, mu[k] + i * DZ);
        done = scp_vae_decode_rows(r.vae.params, &r.net.m.vae, mu[k], N, G, 4, SCP_VAE_CUT, x[k]) ==
               SCP_OK;
    }
    if (done && tap_st(create(&r, &gen), "a generator") &&
        tap_st(scp_generator_spread(gen, &r.c, sd), "a spread")) {
        for (int i = 0; i < N * G; i++) {
            double mean = 0, squares = 0;
            for (int k = 0; k < SAMPLES; k++) mean += x[k][i] / (double)SAMPLES;
            for (int k = 0; k < SAMPLES; k++) squares += (x[k][i] - mean) * (x[k][i] - mean);
            double want = sqrt(squares / (SAMPLES - 1));
            worst = fmax(worst, fabs(sd[i] - want));
            largest = fmax(largest, want);
        }
        tap_ok(worst < 1e-5 * largest && largest > 0, "it is that of the decoded samples");
    }
    scp_generator_destroy(&gen);
    scp_schedule_fini(&s);
    rig_stop(&r);
}

/* A posterior mean has no spread of its own: the samples are DDIM's, and the prediction stays. */
static void test_spread_of_mean(void)
{
    rig r;
    scp_generator *gen = NULL;
    float x[2][N * G], sd[2][N * G];
    if (tap_st(rig_start(&r, "ref", v_shift), "a v-network")) {
        r.gd.spread = SAMPLES;
        for (int k = 0; k < 2; k++) {
            r.gd.readout = k ? SCP_READOUT_MEAN : SCP_READOUT_DRAWS;
            scp_generator_destroy(&gen);
            if (tap_st(create(&r, &gen), "a generator") &&
                tap_st(scp_generator_spread(gen, &r.c, sd[k]), "a spread") &&
                tap_st(scp_generator_run(gen, &r.c, x[k]), "a prediction after it"))
                continue;
            x[k][0] = NAN;
        }
        tap_ok(memcmp(sd[0], sd[1], sizeof sd[0]) == 0, "both readouts have the same spread");
        r.gd.spread = 1;
        scp_generator_destroy(&gen);
        if (tap_st(create(&r, &gen), "a generator of one sample"))
            tap_fails(scp_generator_spread(gen, &r.c, sd[0]), SCP_EUSAGE, "at least 2",
                      "no spread");
    }
    scp_generator_destroy(&gen);
    rig_stop(&r);
}

static void test_regression(void)
{
    static const char *const regression[] = { "diffusion.objective=regression", NULL };
    rig r;
    float a[N * DZ], b[N * DZ];
    if (tap_st(rig_start(&r, "ref", regression), "a regression network") && latents(&r, &r.c, a)) {
        r.gd.seed = 99;
        r.gd.draws = 7;
        if (latents(&r, &r.c, b))
            tap_ok(memcmp(a, b, sizeof a) == 0, "regression has no noise and no guidance");
    }
    rig_stop(&r);
}

/* Residual decoding: D(z_hat) + share (x_pre - D(z_pre)), cut at 0. */
static void test_decode(double share)
{
    rig r;
    scp_generator *gen = NULL;
    float mu[N * DZ], from[N * G], to[N * G], x[N * G], pre[G];
    const float *x_pre[N];
    double worst = 0;
    size_t cut = 0;
    if (!tap_st(rig_start(&r, "ref", v_shift), "a v-network")) return rig_stop(&r);
    for (int g = 0; g < G; g++) pre[g] = 0.02f * (float)g;
    for (int i = 0; i < N; i++) x_pre[i] = pre;
    r.gd.decode = SCP_DECODE_RESIDUAL;
    r.gd.residual = share;
    if (tap_st(create(&r, &gen), "residual decoding") && latents(&r, &r.c, mu) &&
        tap_st(
            scp_vae_decode_rows(r.vae.params, &r.net.m.vae, r.mu_pre, N, G, 4, SCP_VAE_RAW, from),
            "D(z_pre)") &&
        tap_st(scp_vae_decode_rows(r.vae.params, &r.net.m.vae, mu, N, G, 4, SCP_VAE_RAW, to),
               "D(z_hat)")) {
        tap_fails(scp_generator_run(gen, &r.c, x), SCP_EINTERNAL, "profiles of the controls",
                  "it needs the controls");
        r.c.x_pre = x_pre;
        tap_st(scp_generator_run(gen, &r.c, x), "with controls");
        for (int i = 0; i < N * G; i++) {
            double want = to[i] + share * ((double)pre[i % G] - from[i]);
            cut += want < 0;
            worst = fmax(worst, fabs(x[i] - fmax(0, want)));
        }
        tap_ok(worst < 1e-6 && cut > 0, "D(z_hat) + %g (x_pre - D(z_pre)), cut at 0",
               share);
    }
    scp_generator_destroy(&gen);
    rig_stop(&r);
}

static void test_refused(void)
{
    rig r;
    scp_generator *gen = NULL;
    if (tap_st(rig_start(&r, "ref", NULL), "an eps-network")) {
        r.gd.readout = SCP_READOUT_MEAN;
        tap_fails(create(&r, &gen), SCP_EUSAGE, "parameterization=v",
                  "the mean readout needs v-prediction");
        r.gd.readout = SCP_READOUT_DRAWS;
        r.gd.ddim_steps = 51;
        tap_fails(create(&r, &gen), SCP_EUSAGE, "(51) exceeds diffusion.T (50)",
                  "more steps than T");
    }
    rig_stop(&r);
}

int main(void)
{
    test_alone("ref", NULL, 0);
    test_alone("cpu", v_shift, 1e-5);
    test_guidance();
    test_doubt();
    test_closed_form();
    test_spread();
    test_spread_of_mean();
    test_regression();
    test_decode(1);
    test_decode(0.25);
    test_refused();
    return tap_done();
}
