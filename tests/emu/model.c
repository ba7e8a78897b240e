/* The whole models on the emulated device: losses and every gradient of the denoiser with all its
 * losses and of the autoencoder, against ref on the same weights. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/toy.h"
#include "tap.h"

typedef scp_status (*start_fn)(toy *t, const char *device, const screen_size *size, int64_t B,
                               const char *const *base, const char *const *extra);

static scp_status gradient(toy *t, double *loss, double **g)
{
    SCP_TRY(scp_alloc(scp_params_trainable(t->params), sizeof **g, g));
    return toy_gradient(t, loss, *g);
}

static void compare(const char *what, start_fn start, const char *const *extra)
{
    const screen_size size = { .lines = 3, .drugs = 4, .genes = 37, .seed = 5 };
    toy ref = { 0 }, cuda = { 0 };
    double want = 0, got = 0, diff = 0, scale = 0, *a = NULL, *b = NULL;
    if (tap_st(start(&ref, "ref", &size, 6, toy_tiny, extra), "%s on ref", what) &&
        tap_st(toy_shake(&ref, 0.05), "its weights are shaken") &&
        tap_st(start(&cuda, "cuda", &size, 6, toy_tiny, extra), "%s on cuda", what) &&
        tap_st(toy_copy(&cuda, &ref), "with the same weights") &&
        tap_st(gradient(&ref, &want, &b), "gradient on ref") &&
        tap_st(gradient(&cuda, &got, &a), "gradient on cuda")) {
        for (size_t i = 0; i < scp_params_trainable(ref.params); i++) {
            diff = isfinite(a[i]) ? fmax(diff, fabs(a[i] - b[i])) : INFINITY;
            scale = fmax(scale, fabs(b[i]));
        }
        tap_rel(got, want, 1e-5, "%s: the loss is that of ref", what);
        if (!tap_ok(diff <= 1e-5 * scale, "%s: and so is every gradient", what))
            tap_diag("error %g", diff / scale);
    }
    free(a), free(b);
    toy_stop(&ref);
    toy_stop(&cuda);
}

int main(void)
{
    static const char *const literal[] = { "model.block_mode=literal", NULL };
    static const char *const concat[] = { "model.inject=concat_attn", NULL };
    static const char *const eps[] = { "diffusion.parameterization=eps", NULL };
    compare("denoiser", toy_denoiser, NULL);
    compare("denoiser, literal blocks", toy_denoiser, literal);
    compare("denoiser, condition token", toy_denoiser, concat);
    compare("denoiser, eps", toy_denoiser, eps);
    compare("autoencoder", toy_vae, NULL);
    return tap_done();
}
