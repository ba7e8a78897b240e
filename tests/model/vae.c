/* The autoencoder: published parameter counts, KL at the start, running over rows, evaluation mode.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/toy.h"
#include "model/vae_run.h"
#include "tap.h"

static const scp_option_group groups[] = { { scp_vae_options, 0, "vae" }, { 0 } };

static size_t count(const scp_params *p, const char *prefix)
{
    size_t n = 0;
    for (size_t i = 0; i < scp_params_count(p); i++) {
        const scp_param_info *info = scp_params_info(p, i);
        if (!info->state && strncmp(info->name, prefix, strlen(prefix)) == 0) n += info->count;
    }
    return n;
}

/* SCimilarity's shapes at 2,000 genes, with the log-variance head; the store need not be allocated.
 */
static void test_counts(void)
{
    scp_device *dev = NULL;
    scp_params *p = NULL;
    scp_graph *g = NULL;
    scp_vae_config cfg = { 0 };
    scp_node *mu, *logvar;
    if (tap_st(scp_device_open("cpu", &dev), "device") &&
        tap_st(scp_params_create(dev, 1, &p), "store") &&
        tap_st(scp_graph_create(p, &g), "graph") &&
        tap_st(scp_conf_defaults(groups, &cfg), "settings")) {
        scp_vae_encode(g, &cfg, scp_input(g, "x", SCP_REAL, SCP_SHAPE(1, 2000)), &mu, &logvar);
        scp_vae_decode(g, &cfg, mu, 2000);
        tap_st(scp_graph_status(g), "graphs of encoder and decoder");
        tap_ok(count(p, "vae/encoder/") == 4416771, "parameters of the encoder (%zu)",
               count(p, "vae/encoder/"));
        tap_ok(count(p, "vae/decoder/") == 4287443, "parameters of the decoder (%zu)",
               count(p, "vae/decoder/"));
        tap_ok(scp_params_find(p, SCP_VAE_OUTPUT_BIAS) >= 0, "the output bias has its name");
    }
    scp_conf_fini(groups, &cfg);
    scp_graph_destroy(&g);
    scp_params_destroy(&p);
    scp_device_close(&dev);
}

/* Log-variance head: weight 0, bias -4, so KL per dimension = mu^2/2 + (e^-4 - 1 + 4)/2. */
static void test_kl(void)
{
    static const screen_size size = { .lines = 3, .drugs = 5, .genes = 40, .seed = 2 };
    enum { B = 6, DZ = 16 };
    toy t;
    double loss, kl, mu[B * DZ], square = 0;
    setenv("SCPPDM_REUSE", "no", 1); /* the mean is no output */
    scp_status st = toy_vae(&t, "ref", &size, B, toy_tiny, NULL);
    unsetenv("SCPPDM_REUSE");
    scp_node *mean = NULL;
    for (size_t i = 0; st == SCP_OK && i < scp_graph_size(t.g); i++) {
        scp_node *n = scp_graph_node(t.g, i);
        if (n == t.vae.kl) mean = n->in[0];
    }
    if (tap_st(st, "an autoencoder") && tap_ok(mean != NULL, "its mean") &&
        tap_st(toy_forward(&t, &loss), "forward") &&
        tap_st(scp_plan_fetch_f64(t.plan, t.vae.kl, &kl), "KL") &&
        tap_st(scp_plan_fetch_f64(t.plan, mean, mu), "mean")) {
        for (int i = 0; i < B * DZ; i++) square += mu[i] * mu[i] / (2 * B * DZ);
        tap_near(kl - square, (exp(-4) + 3) / 2, 1e-12,
                 "KL at the start: mu^2/2 + 1.509 per dimension");
        tap_near((exp(-4) + 3) / 2, 1.509, 5e-4, "which is the published constant");
    }
    toy_stop(&t);
}

/* Rows do not see each other: any block size gives the same latents and reconstructions. */
static void test_rows(void)
{
    static const screen_size size = { .lines = 3, .drugs = 5, .genes = 40, .seed = 2 };
    enum { N = 11, G = 40, DZ = 16 };
    toy t;
    float mu[2][N * DZ], x[2][N * G];
    if (tap_st(toy_vae(&t, "cpu", &size, 6, toy_tiny, NULL), "an autoencoder") &&
        tap_st(toy_shake(&t, 0.1), "weights")) {
        const size_t block[2] = { 4, 64 };
        for (int i = 0; i < 2; i++) {
            tap_st(scp_vae_encode_rows(t.params, &t.m.vae, t.data.x, N, G, block[i], mu[i]),
                   "encode by %zu", block[i]);
            tap_st(
                scp_vae_decode_rows(t.params, &t.m.vae, mu[0], N, G, block[i], SCP_VAE_CUT, x[i]),
                "decode by %zu", block[i]);
        }
        double worst = 0;
        for (int i = 0; i < N * DZ; i++) worst = fmax(worst, fabs((double)mu[0][i] - mu[1][i]));
        for (int i = 0; i < N * G; i++) worst = fmax(worst, fabs((double)x[0][i] - x[1][i]));
        tap_ok(worst < 1e-6, "block size does not change the results");
        bool positive = true, differ = false;
        for (int i = 0; i < N * G; i++) positive = positive && x[0][i] >= 0;
        for (int i = 0; i < DZ; i++) differ = differ || mu[0][i] != mu[0][DZ + i];
        tap_ok(positive, "reconstructions are not negative");
        tap_ok(differ, "profiles have different latents");
    }
    toy_stop(&t);
}

/* latent_norm l2: every posterior mean has length 1, and is the direction of the plain one. */
static void test_norm(void)
{
    static const screen_size size = { .lines = 3, .drugs = 5, .genes = 40, .seed = 2 };
    static const char *const l2[] = { "vae.latent_norm=l2", NULL };
    enum { N = 7, G = 40, DZ = 16 };
    toy plain, t;
    float mu[N * DZ], z[N * DZ];
    double length = 0, turn = 0;
    bool both = tap_st(toy_vae(&plain, "ref", &size, 6, toy_tiny, NULL), "an autoencoder");
    both = tap_st(toy_vae(&t, "ref", &size, 6, toy_tiny, l2), "with unit latents") && both;
    if (both && tap_st(toy_copy(&t, &plain), "of the same weights") &&
        tap_st(toy_copy(&plain, &plain), "rounded") &&
        tap_st(scp_vae_encode_rows(plain.params, &plain.m.vae, t.data.x, N, G, 4, mu), "encode") &&
        tap_st(scp_vae_encode_rows(t.params, &t.m.vae, t.data.x, N, G, 4, z), "encode"))
        for (int i = 0; i < N; i++) {
            double square = 0, dot = 0, other = 0;
            for (int k = 0; k < DZ; k++) {
                square += (double)z[i * DZ + k] * z[i * DZ + k];
                other += (double)mu[i * DZ + k] * mu[i * DZ + k];
                dot += (double)mu[i * DZ + k] * z[i * DZ + k];
            }
            length = fmax(length, fabs(sqrt(square) - 1));
            turn = fmax(turn, fabs(dot / sqrt(other) - 1));
        }
    tap_ok(both && length < 1e-6 && turn < 1e-6, "unit latents: length 1, the same direction");
    toy_stop(&plain);
    toy_stop(&t);
}

int main(void)
{
    test_counts();
    test_kl();
    test_rows();
    test_norm();
    return tap_done();
}
