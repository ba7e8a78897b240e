/* Gradient of the whole training loss, with dropout and every term on, against central differences
 * in fp64: sampled elements of every parameter tensor, error relative to the tensor's largest
 * element. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/toy.h"
#include "report/ablation.h"
#include "tap.h"

enum { PROBES = 5, B = 6 };

static const screen_size size = { .lines = 3, .drugs = 5, .genes = 40, .seed = 2 };

static scp_status loss_at(toy *t, size_t at, double w, double *loss)
{
    SCP_TRY(scp_params_write_f64(t->params, SCP_ARENA_W, at, 1, &w));
    return toy_forward(t, loss);
}

/* Slope from four points: error of order h^4. */
static scp_status slope_at(toy *t, size_t at, double h, double *slope)
{
    static const double move[4] = { -2, -1, 1, 2 }, factor[4] = { 1, -8, 8, -1 };
    double w, loss;
    *slope = 0;
    SCP_TRY(scp_params_read_f64(t->params, SCP_ARENA_W, at, 1, &w));
    for (int i = 0; i < 4; i++) {
        SCP_TRY(loss_at(t, at, w + move[i] * h, &loss));
        *slope += factor[i] * loss / (12 * h);
    }
    return scp_params_write_f64(t->params, SCP_ARENA_W, at, 1, &w);
}

/* Elements to look at: the one of the largest gradient, and others evenly spread. */
static size_t probe(const scp_param_info *info, const double *g, size_t k)
{
    size_t best = 0;
    if (k > 0) return info->count * (k - 1) / (PROBES - 1);
    for (size_t i = 0; i < info->count; i++)
        if (fabs(g[info->offset + i]) > fabs(g[info->offset + best])) best = i;
    return best;
}

/* A tensor without effect on the loss (a bias in front of a batch norm) has a gradient of rounding
 * only; its slope is compared with the largest gradient of all. */
static double error_of(toy *t, const scp_param_info *info, const double *g, double largest,
                       double h)
{
    double scale = 0, worst = 0, slope;
    for (size_t i = 0; i < info->count; i++) scale = fmax(scale, fabs(g[info->offset + i]));
    if (scale < 1e-12 * largest) scale = largest;
    for (size_t k = 0; k < PROBES && (k == 0 || k <= info->count); k++) {
        size_t at = info->offset + probe(info, g, k);
        if (slope_at(t, at, h, &slope) != SCP_OK || !isfinite(slope)) return INFINITY;
        worst = fmax(worst, fabs(slope - g[at]));
    }
    return worst / scale;
}

static void check(toy *t, const char *name, double h)
{
    size_t n = scp_params_trainable(t->params), tensors = 0;
    double *g = NULL, loss, largest = 0, worst = 0;
    const char *where = "";
    if (!tap_st(scp_alloc(n, sizeof *g, &g), "%s: room", name)) return;
    if (tap_st(toy_gradient(t, &loss, g), "%s: a step", name)) {
        for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(g[i]));
        for (size_t i = 0; i < scp_params_count(t->params); i++) {
            const scp_param_info *info = scp_params_info(t->params, i);
            if (info->state) continue;
            double error = error_of(t, info, g, largest, h);
            tensors++;
            if (error > worst) {
                worst = error;
                where = info->name;
            }
        }
        bool good = tap_ok(isfinite(loss) && largest > 0 && worst <= 1e-6,
                           "%s: gradient of %zu tensors", name, tensors);
        tap_diag("%s: loss %.6f, largest error %.2g in %s", name, loss, worst, where);
        if (!good) tap_diag("largest gradient %g", largest);
    }
    free(g);
}

static void check_denoiser(const char *name, const char *const *extra)
{
    toy t;
    if (tap_st(toy_denoiser(&t, "ref", &size, B, toy_tiny, extra), "%s: builds", name) &&
        tap_st(toy_shake(&t, 0.1), "%s: weights", name))
        check(&t, name, 2e-4);
    toy_stop(&t);
}

#define DENOISER(name, ...) check_denoiser(name, (const char *const[]){ __VA_ARGS__, NULL })

/* Every ablation that has a network of its own, in both block modes; D and E sample from the full
 * model's. */
static void check_ablations(void)
{
    static const char *const mode[] = { "residual", "literal" };
    char name[64], setting[64], block[64];
    for (size_t i = 1; i < SCP_ABLATIONS; i++)
        for (size_t m = 0; m < 2 && !scp_ablations[i].sampling; m++) {
            const scp_ablation *a = &scp_ablations[i];
            snprintf(name, sizeof name, "ablation %c, %s", a->letter, mode[m]);
            snprintf(setting, sizeof setting, "%s=%s", a->key, a->value);
            snprintf(block, sizeof block, "model.block_mode=%s", mode[m]);
            DENOISER(name, setting, block);
        }
}

static void check_vae(const char *name, const char *const *extra)
{
    toy t;
    if (tap_st(toy_vae(&t, "ref", &size, B, toy_tiny, extra), "%s: builds", name) &&
        tap_st(toy_shake(&t, 0.1), "%s: weights", name))
        check(&t, name, 1e-5);
    toy_stop(&t);
}

static void check_baseline(scp_baseline_kind kind)
{
    toy t;
    const char *name = scp_baseline_name(kind);
    if (tap_st(toy_baseline(&t, "ref", &size, B, kind), "%s: builds", name)) check(&t, name, 1e-5);
    toy_stop(&t);
}

int main(void)
{
    check_denoiser("residual, eps, post", NULL);
    DENOISER("residual, v, shift", "diffusion.parameterization=v", "diffusion.target=shift");
    DENOISER("residual, v, post", "diffusion.parameterization=v");
    DENOISER("literal, eps, post", "model.block_mode=literal");
    DENOISER("literal, v, shift", "model.block_mode=literal", "diffusion.parameterization=v",
             "diffusion.target=shift");
    DENOISER("two blocks, three widths", "model.blocks=2", "model.widths=20,18,16");
    check_ablations();
    DENOISER("concat_mlp, v, shift", "model.inject=concat_mlp", "diffusion.parameterization=v",
             "diffusion.target=shift");
    DENOISER("zeros for a dropped channel", "model.null=zero");
    DENOISER("regression", "diffusion.objective=regression", "diffusion.target=shift");
    DENOISER("every channel dropped", "diffusion.drop_pre=1", "diffusion.drop_drug=1");
    check_vae("autoencoder", NULL);
    check_vae("autoencoder, dropout at the input",
              (const char *const[]){ "vae.input_dropout=0.2", NULL });
    check_vae("autoencoder, unit latents", (const char *const[]){ "vae.latent_norm=l2", NULL });
    for (int kind = SCP_BASELINE_LINEAR; kind < SCP_BASELINE_KINDS; kind++)
        check_baseline((scp_baseline_kind)kind);
    return tap_done();
}
