/* The denoising loss by its definition [paper eq. 2, 13]: a network that says zero leaves the mean
 * square of its target over pairs and latent dimensions, and the targets are computed here from the
 * draws of the step, the latents and the schedule alone. */
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "data/sampler.h"
#include "model/toy.h"
#include "tap.h"

enum { B = 6, DZ = 16 };

static const screen_size size = { .lines = 3, .drugs = 5, .genes = 40, .seed = 2 };

/* Weights and bias of the network's last layer become 0. */
static scp_status silence(toy *t)
{
    static const char *const name[] = { "denoiser/out/W", "denoiser/out/b" };
    for (int i = 0; i < 2; i++) {
        double *zero = NULL;
        int64_t index = scp_params_find(t->params, name[i]);
        SCP_ARG(index >= 0, "there is no %s", name[i]);
        const scp_param_info *info = scp_params_info(t->params, (size_t)index);
        size_t n = (size_t)scp_shape_count(&info->shape);
        SCP_TRY(scp_alloc(n, sizeof *zero, &zero));
        scp_status st = scp_params_write_f64(t->params, SCP_ARENA_W, info->offset, n, zero);
        free(zero);
        SCP_TRY(st);
    }
    return SCP_OK;
}

/* The draws of the nodes "t" and "eps" of the graph: their names are part of the key. */
static uint32_t stream(const char *name, uint32_t purpose)
{
    return purpose | (uint32_t)(scp_hash_text(name, 0) << 8);
}

/* What the network should have said for sample b, z_0 the standardised target of its pair. */
static void target(const toy *t, const scp_schedule *s, uint64_t b, const double *z_0, double *out)
{
    const scp_diffusion_config *d = &t->m.diffusion;
    const uint64_t step = (uint64_t)t->step.step;
    double eps[DZ];
    const uint64_t time = scp_rng_below(t->step.seed, stream("t", SCP_RNG_TIMESTEP), step, b, 0,
                                        (uint64_t)d->T);
    scp_rng_fill_normal(t->step.seed, stream("eps", SCP_RNG_NOISE), step, b, DZ, eps);
    for (int k = 0; k < DZ; k++) {
        if (d->objective == SCP_OBJECTIVE_REGRESSION) out[k] = z_0[k];
        else if (d->parameterization == SCP_PREDICT_EPS) out[k] = eps[k];
        else out[k] = sqrt(s->abar[time]) * eps[k] - sqrt(1 - s->abar[time]) * z_0[k];
    }
}

static scp_status expected(const toy *t, double *loss)
{
    const size_t N = t->data.N;
    double *z_0 = NULL, want[DZ];
    int32_t rows[B];
    scp_schedule s = { 0 };
    scp_status st = SCP_OK;
    *loss = 0;
    scp_sampler_rows(t->step.seed, N, (uint64_t)t->step.step, B, 0, B, rows);
    SCP_GOTO(done, scp_schedule_init(&s, t->m.diffusion.T, 1e-4, 0.02));
    SCP_GOTO(done, scp_alloc(N * DZ, sizeof *z_0, &z_0));
    SCP_GOTO(done, scp_device_read_f64(t->dev, z_0, t->tables.z_0, N * DZ));
    for (uint64_t b = 0; b < B; b++) {
        target(t, &s, b, z_0 + (size_t)rows[b] * DZ, want);
        for (int k = 0; k < DZ; k++) *loss += want[k] * want[k] / (B * DZ);
    }
done:
    scp_schedule_fini(&s);
    free(z_0);
    return st;
}

static void check(const char *name, const char *const *extra)
{
    toy t;
    double loss, denoise = 0, want = 0;
    if (tap_st(toy_denoiser(&t, "ref", &size, B, toy_tiny, extra), "%s: builds", name) &&
        tap_st(silence(&t), "%s: a network that says zero", name) &&
        tap_st(toy_forward(&t, &loss), "%s: a step", name) &&
        tap_st(scp_plan_fetch_f64(t.plan, t.nodes.denoise, &denoise), "%s: its loss", name) &&
        tap_st(expected(&t, &want), "%s: the target", name))
        tap_near(denoise, want, 1e-12 * want, "%s: the mean square of the target [eq. 13]", name);
    toy_stop(&t);
}

int main(void)
{
    check("eps, z_post", (const char *const[]){ "diffusion.parameterization=eps", NULL });
    check("v, z_post", (const char *const[]){ "diffusion.parameterization=v", NULL });
    check("v, shift", (const char *const[]){ "diffusion.parameterization=v",
                                             "diffusion.target=shift", NULL });
    check("regression", (const char *const[]){ "diffusion.objective=regression", NULL });
    return tap_done();
}
