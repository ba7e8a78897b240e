/* The whole model on a device (fp32; cpu, or $SCP_TEST_DEVICE) against ref (fp64) with the same
 * weights: losses, and the gradient of all parameters, largest error over largest value. The
 * networks have their published widths. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/toy.h"
#include "tap.h"

#define TOLERANCE 1e-5

static const char *device = "cpu";

static double error_of(const double *a, const double *b, size_t n)
{
    double diff = 0, scale = 1e-30;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i])) return INFINITY;
        diff = fmax(diff, fabs(a[i] - b[i]));
        scale = fmax(scale, fabs(b[i]));
    }
    return diff / scale;
}

static scp_status gradient_of(toy *t, double *loss, double **g)
{
    SCP_TRY(scp_alloc(scp_params_trainable(t->params), sizeof **g, g));
    return toy_gradient(t, loss, *g);
}

static void compare(toy *cpu, toy *ref, const char *name)
{
    double *a = NULL, *b = NULL, loss[2];
    size_t n = scp_params_trainable(cpu->params);
    if (tap_st(toy_shake(cpu, 0.02), "%s: weights", name) &&
        tap_st(toy_copy(ref, cpu), "%s: the same", name) &&
        tap_st(gradient_of(cpu, &loss[0], &a), "%s: a step on %s", name, device) &&
        tap_st(gradient_of(ref, &loss[1], &b), "%s: a step on ref", name)) {
        double forward = fabs(loss[0] / loss[1] - 1), backward = error_of(a, b, n);
        tap_ok(forward <= TOLERANCE, "%s: loss", name);
        tap_ok(backward <= TOLERANCE, "%s: gradient of %zu weights", name, n);
        tap_diag("%s: error of the loss %.2g, of the gradient %.2g", name, forward, backward);
    }
    free(a);
    free(b);
}

static void check_denoiser(const char *name, const char *const *base, const char *const *extra)
{
    static const screen_size size = { .lines = 4, .drugs = 8, .genes = 300, .seed = 2 };
    toy cpu, ref;
    bool built = tap_st(toy_denoiser(&cpu, device, &size, 16, base, extra), "%s: builds on %s",
                        name, device);
    built = tap_st(toy_denoiser(&ref, "ref", &size, 16, base, extra), "%s: builds on ref", name) &&
            built;
    if (built) compare(&cpu, &ref, name);
    toy_stop(&cpu);
    toy_stop(&ref);
}

static void check_vae(const char *name, const char *const *base)
{
    static const screen_size size = { .lines = 4, .drugs = 8, .genes = 300, .seed = 2 };
    toy cpu, ref;
    bool built =
        tap_st(toy_vae(&cpu, device, &size, 32, base, NULL), "%s: builds on %s", name, device);
    built = tap_st(toy_vae(&ref, "ref", &size, 32, base, NULL), "%s: builds on ref", name) && built;
    if (built) compare(&cpu, &ref, name);
    toy_stop(&cpu);
    toy_stop(&ref);
}

#define TINY(name, ...)                                                                            \
    check_denoiser("tiny, " name, toy_tiny, (const char *const[]){ __VA_ARGS__, NULL })

int main(void)
{
    scp_device *dev = NULL;
    if (getenv("SCP_TEST_DEVICE")) device = getenv("SCP_TEST_DEVICE");
    if (scp_device_open(device, &dev) != SCP_OK) return tap_skip_all(scp_err_message());
    scp_device_close(&dev);
    check_denoiser("denoiser, paper", NULL, NULL);
    check_denoiser(
        "denoiser, v, shift", NULL,
        (const char *const[]){ "diffusion.parameterization=v", "diffusion.target=shift", NULL });
    TINY("literal", "model.block_mode=literal");
    TINY("inject none", "model.inject=none");
    TINY("inject concat_mlp", "model.inject=concat_mlp");
    TINY("inject concat_attn", "model.inject=concat_attn");
    TINY("drug number", "model.drug_encoder=id");
    TINY("regression", "diffusion.objective=regression");
    check_vae("autoencoder, paper", NULL);
    check_vae("autoencoder, tiny", toy_tiny);
    return tap_done();
}
