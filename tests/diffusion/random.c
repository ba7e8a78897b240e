/* What is drawn in training: rates of the four states, uniform times, normal noise; and the
 * statistics that standardise latents. Every rate within 3 standard errors on 100,000 draws, for
 * several seeds. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "diffusion/method.h"
#include "tap.h"
#include "tensor/plan.h"

enum { DRAWS = 100000, TIMES = 1000, WIDTH = 4 };

typedef struct draws {
    int32_t *mask, *t;
    double *eps;
} draws;

static scp_status run(const char *device, uint64_t seed, draws *d)
{
    scp_device *dev = NULL;
    scp_params *p = NULL;
    scp_graph *g = NULL;
    scp_plan *plan = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_device_open(device, &dev));
    SCP_GOTO(done, scp_params_create(dev, 1, &p));
    SCP_GOTO(done, scp_graph_create(p, &g));
    scp_node *mask = scp_output(g, scp_four_state(g, "mask", DRAWS, 0.1, 0.1));
    scp_node *t = scp_output(g, scp_rand_time(g, "t", DRAWS, TIMES));
    scp_node *eps = scp_output(g, scp_rand_normal(g, "eps", SCP_RNG_NOISE, DRAWS, WIDTH));
    SCP_GOTO(done, scp_plan_create(g, NULL, NULL, &plan));
    SCP_GOTO(done, scp_plan_forward(plan, &(scp_step){ .seed = seed, .step = 1, .train = true }));
    SCP_GOTO(done, scp_plan_fetch_i32(plan, mask, d->mask));
    SCP_GOTO(done, scp_plan_fetch_i32(plan, t, d->t));
    SCP_GOTO(done, scp_plan_fetch_f64(plan, eps, d->eps));
done:
    scp_plan_destroy(&plan);
    scp_graph_destroy(&g);
    scp_params_destroy(&p);
    scp_device_close(&dev);
    return st;
}

static void check_mask(const draws *d, int seed)
{
    static const double rate[4] = { 0.81, 0.09, 0.09, 0.01 };
    static const char *const name[4] = { "both", "no-pre", "no-drug", "neither" };
    double count[4] = { 0 };
    for (int i = 0; i < DRAWS; i++) count[d->mask[i] & 3]++;
    for (int k = 0; k < 4; k++) {
        double sigma = sqrt(rate[k] * (1 - rate[k]) / DRAWS);
        tap_near(count[k] / DRAWS, rate[k], 3 * sigma, "seed %d: rate of %s within 3 sigma", seed,
                 name[k]);
    }
}

static void check_time(const draws *d, int seed)
{
    double sum = 0, square = 0;
    bool inside = true, ends[2] = { false, false };
    for (int i = 0; i < DRAWS; i++) {
        inside = inside && d->t[i] >= 0 && d->t[i] < TIMES;
        ends[0] |= d->t[i] == 0;
        ends[1] |= d->t[i] == TIMES - 1;
        sum += d->t[i];
        square += (double)d->t[i] * d->t[i];
    }
    double mean = (TIMES - 1) / 2.0, var = ((double)TIMES * TIMES - 1) / 12;
    tap_ok(inside && ends[0] && ends[1], "seed %d: times from 0 to T - 1", seed);
    tap_near(sum / DRAWS, mean, 3 * sqrt(var / DRAWS), "seed %d: mean of the times", seed);
    /* Var(t^2-moment): fourth central moment of a uniform variable is 9/5 var^2. */
    tap_near(square / DRAWS - pow(sum / DRAWS, 2), var, 3 * var * sqrt(0.8 / DRAWS),
             "seed %d: their variance", seed);
}

static void check_noise(const draws *d, int seed)
{
    double n = (double)DRAWS * WIDTH, m[5] = { 0 };
    for (int i = 0; i < DRAWS * WIDTH; i++)
        for (int k = 1; k <= 4; k++) m[k] += pow(d->eps[i], k) / n;
    tap_near(m[1], 0, 3 / sqrt(n), "seed %d: mean of the noise", seed);
    tap_near(m[2], 1, 3 * sqrt(2 / n), "seed %d: its variance", seed);
    tap_near(m[4], 3, 3 * sqrt(96 / n), "seed %d: its fourth moment", seed);
}

static void test_draws(void)
{
    draws ref = { 0 }, cpu = { 0 };
    draws *both[2] = { &ref, &cpu };
    bool same = true;
    for (int i = 0; i < 2; i++)
        if (scp_alloc(DRAWS, sizeof(int32_t), &both[i]->mask) != SCP_OK ||
            scp_alloc(DRAWS, sizeof(int32_t), &both[i]->t) != SCP_OK ||
            scp_alloc(DRAWS * WIDTH, sizeof(double), &both[i]->eps) != SCP_OK)
            abort();
    for (int seed = 1; seed <= 3; seed++) {
        if (!tap_st(run("cpu", (uint64_t)seed, &cpu), "seed %d on cpu", seed)) break;
        check_mask(&cpu, seed);
        check_time(&cpu, seed);
        check_noise(&cpu, seed);
    }
    tap_st(run("ref", 3, &ref), "seed 3 on ref");
    for (int i = 0; i < DRAWS; i++)
        same = same && ref.mask[i] == cpu.mask[i] && ref.t[i] == cpu.t[i];
    tap_ok(same, "masks and times are the same on ref and cpu");
    double worst = 0;
    for (int i = 0; i < DRAWS * WIDTH; i++) worst = fmax(worst, fabs(ref.eps[i] - cpu.eps[i]));
    if (!tap_ok(worst < 1e-6, "noise is the same on ref and cpu"))
        tap_diag("largest difference %g", worst);
    for (int i = 0; i < 2; i++) {
        free(both[i]->mask);
        free(both[i]->t);
        free(both[i]->eps);
    }
}

/* Three profiles of two latents; pairs (1, 0) and (2, 0); dimension 1 does not move. */
static void test_stats(void)
{
    static const float mu[] = { 1, 7, 4, 7, 10, 7 };
    static const int32_t post[] = { 1, 2 }, pre[] = { 0, 0 };
    scp_latent_stats s;
    if (!tap_st(scp_latent_stats_init(&s, 2), "statistics of two dimensions")) return;
    scp_latent_stats_fit(&s, SCP_TARGET_POST, mu, post, pre, 2);
    tap_ok(s.pre_mean[0] == 7 && s.pre_std[0] == 3, "mean and spread of the treated latents");
    tap_ok(s.target_mean[0] == 7 && s.target_std[0] == 3, "post target: the same for the target");
    tap_ok(s.pre_mean[1] == 7 && s.pre_std[1] == 1 && s.target_std[1] == 1,
           "a dead dimension gets spread 1");
    scp_latent_stats_fit(&s, SCP_TARGET_SHIFT, mu, post, pre, 2);
    tap_ok(s.target_mean[0] == 6 && s.target_std[0] == 3 && s.target_mean[1] == 0,
           "shift target: of the shifts");
    tap_ok(s.pre_mean[0] == 7 && s.pre_std[0] == 3,
           "the state keeps the statistics of the treated latents");
    scp_latent_stats_fini(&s);
}

/* Standardised training latents have mean 0 and spread 1 in every live dimension. */
static void test_standardised(void)
{
    enum { P = 400, DZ = 128 };
    float *mu = NULL;
    int32_t post[P], pre[P];
    double draw[DZ], mean = 0, spread = 0;
    scp_latent_stats s;
    if (!tap_st(scp_alloc(P * DZ, sizeof *mu, &mu), "latents")) return;
    for (int i = 0; i < P; i++) {
        scp_rng_fill_normal(1, 100, 0, (uint64_t)i, DZ, draw);
        for (int k = 0; k < DZ; k++)
            mu[i * DZ + k] = (float)(0.0884 * draw[k] * (1 + k % 7) + 0.01 * k);
        post[i] = i;
        pre[i] = (i + 1) % P;
    }
    tap_st(scp_latent_stats_init(&s, DZ), "statistics");
    scp_latent_stats_fit(&s, SCP_TARGET_POST, mu, post, pre, P);
    for (int k = 0; k < DZ; k++) {
        double m = 0, q = 0;
        for (int i = 0; i < P; i++) {
            double z = (mu[i * DZ + k] - s.target_mean[k]) / s.target_std[k];
            m += z / P;
            q += z * z / P;
        }
        mean = fmax(mean, fabs(m));
        spread = fmax(spread, fabs(sqrt(q - m * m) - 1));
    }
    tap_ok(mean < 0.02 && spread < 0.02,
           "standardised latents: mean below 0.02, spread within 0.98 to 1.02");
    tap_ok(mean < 1e-12 && spread < 1e-12, "and to rounding on the data of the fit itself");
    scp_latent_stats_fini(&s);
    free(mu);
}

int main(void)
{
    test_draws();
    test_stats();
    test_standardised();
    return tap_done();
}
