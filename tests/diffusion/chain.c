/* The DDIM chain on the device against the loop that goes through the host: ref and cpu, both
 * parameterisations, one and three passes; its network in half, against ref. And recorded: the
 * deferred device gives the bits of the cpu, at the first run, when replayed, and with other
 * weights afterwards. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "dev/deferred.h"
#include "diffusion/chain.h"
#include "diffusion/generate.h"
#include "model/toy.h"
#include "tap.h"

enum { N = 7, DZ = 16, G = 40, BLOCK = 3, PASSES = 3, STEPS = 5, WIDTH = 8 };

static const screen_size size = { .lines = 3, .drugs = 5, .genes = G, .seed = 2 };
static const scp_option_group groups[] = { { scp_guidance_options, 0, "guidance" }, { 0 } };

static scp_status both_ways(const char *device, const char *const *extra, double s_p, double s_0,
                            float mu[2][N * DZ])
{
    toy net = { 0 }, vae = { 0 };
    scp_guidance gd;
    scp_generator *gen = NULL;
    float pre[N * DZ];
    double dose[N], row[DZ];
    int32_t drug[N];
    uint64_t id[N];
    const scp_conditions c = { .n = N, .mu_pre = pre, .drug = drug, .dose = dose, .id = id };
    scp_status st = SCP_OK;
    for (int i = 0; i < N; i++) {
        scp_rng_fill_normal(1, 100, 0, (uint64_t)i, DZ, row);
        for (int k = 0; k < DZ; k++) pre[i * DZ + k] = (float)row[k];
        drug[i] = i % 5;
        dose[i] = i % 3 == 0 ? 0 : 0.5 * i;
        id[i] = 50 + (uint64_t)i;
    }
    SCP_TRY(scp_conf_defaults(groups, &gd));
    gd.ddim_steps = STEPS;
    gd.block = BLOCK;
    gd.draws = 2;
    gd.s_p = s_p;
    gd.s_0 = s_0;
    SCP_GOTO(done, toy_denoiser(&net, device, &size, 4, toy_tiny, extra));
    SCP_GOTO(done, toy_shake(&net, 0.1));
    SCP_GOTO(done, toy_vae(&vae, device, &size, 4, toy_tiny, extra));
    SCP_GOTO(done, scp_generator_create(&net.m, &gd, net.params, vae.params, &net.stats,
                                        net.data.fp, net.data.n_drugs, G, &gen));
    for (int way = 0; way < 2; way++) {
        scp_generator_set_on_device(gen, way == 1);
        SCP_GOTO(done, scp_generator_latent(gen, &c, mu[way]));
    }
done:
    scp_generator_destroy(&gen);
    toy_stop(&net);
    toy_stop(&vae);
    return st;
}

static void agree(const char *device, const char *what, const char *const *extra, double s_p,
                  double s_0, double tol)
{
    float mu[2][N * DZ];
    double worst = 0, scale = 0;
    if (!tap_st(both_ways(device, extra, s_p, s_0, mu), "%s, %s: both ways", device, what)) return;
    for (int i = 0; i < N * DZ; i++) {
        worst = fmax(worst, fabs((double)mu[0][i] - mu[1][i]));
        scale = fmax(scale, fabs((double)mu[0][i]));
    }
    tap_ok(worst <= tol * scale && scale > 0.1, "%s, %s: the chain is the loop (%.2g)", device,
           what, worst / scale);
}

/* The denoiser's weights in a store on another device. */
typedef struct copy {
    scp_params *params;
    scp_graph *g;
    scp_plan *plan;
} copy;

static scp_status copy_make(copy *c, scp_device *dev, const toy *from)
{
    const scp_dataset *d = &from->data;
    const scp_train_sizes sizes = { .B = 4,
                                    .K = from->m.diffusion.negatives,
                                    .P = (int64_t)d->P,
                                    .N = (int64_t)d->N,
                                    .G = (int64_t)d->G,
                                    .n_drugs = (int64_t)d->n_drugs };
    scp_train_nodes nodes;
    SCP_TRY(scp_params_create(dev, 5, &c->params));
    SCP_TRY(scp_graph_create(c->params, &c->g));
    scp_method_build_train(c->g, &from->m, &sizes, &nodes);
    SCP_TRY(scp_plan_create(c->g, nodes.loss, NULL, &c->plan));
    toy to = { .params = c->params };
    return toy_copy(&to, from);
}

static scp_status run_chain(scp_chain *c, double *z)
{
    float cond[BLOCK * PASSES * DZ];
    double weight[BLOCK * PASSES];
    for (size_t i = 0; i < BLOCK * PASSES * DZ; i++) cond[i] = (float)sin((double)i);
    for (size_t i = 0; i < BLOCK * PASSES; i++) weight[i] = i < BLOCK ? 3 : -1;
    scp_rng_fill_normal(3, 100, 0, 0, BLOCK * DZ, z);
    SCP_TRY(scp_chain_set(c, &(scp_chain_conditions){ cond, cond + 1, cond + 2, weight }));
    return scp_chain_run(c, z);
}

static void replayed(void)
{
    toy net = { 0 };
    copy later = { 0 };
    deferred *d = NULL;
    scp_device *dev = NULL;
    scp_schedule s = { 0 };
    scp_chain *direct = NULL, *recorded = NULL;
    double want[BLOCK * DZ], z[BLOCK * DZ], other[BLOCK * DZ];
    const scp_chain_sizes sizes = { BLOCK, PASSES, STEPS, SCP_REAL };
    const char *const v[] = { "diffusion.parameterization=v", NULL };
    scp_status st = toy_denoiser(&net, "cpu", &size, 4, toy_tiny, v);
    if (st == SCP_OK) st = toy_shake(&net, 0.1);
    if (st == SCP_OK) st = deferred_open(DEFERRED_MAIN_FIRST, &d, &dev);
    if (st == SCP_OK) st = copy_make(&later, dev, &net);
    if (st == SCP_OK) st = scp_schedule_init(&s, net.m.diffusion.T, 1e-4, 0.02);
    if (st == SCP_OK) st = scp_chain_create(&net.m, &s, net.params, &sizes, &direct);
    if (st == SCP_OK) st = scp_chain_create(&net.m, &s, later.params, &sizes, &recorded);
    if (tap_st(st, "a chain on cpu, and one that is recorded") &&
        tap_st(run_chain(direct, want), "the chain on cpu")) {
        for (int run = 0; run < 3; run++)
            tap_ok(run_chain(recorded, z) == SCP_OK && !memcmp(z, want, sizeof z),
                   "the same bits in run %d", run);
        tap_ok(deferred_replayed(d) > 0, "the later ones replayed");
        const double zero = 0;
        for (size_t i = 0; i < scp_params_total(later.params); i++)
            if (scp_params_write_f64(later.params, SCP_ARENA_EMA, i, 1, &zero) != SCP_OK) break;
        scp_params_swap_ema(later.params);
        tap_ok(run_chain(recorded, other) == SCP_OK && memcmp(other, want, sizeof other) != 0,
               "other weights in the arena give another sample");
        scp_params_swap_ema(later.params);
        tap_ok(run_chain(recorded, z) == SCP_OK && !memcmp(z, want, sizeof z),
               "and back, the first");
    }
    scp_chain_destroy(&direct);
    scp_chain_destroy(&recorded);
    scp_schedule_fini(&s);
    scp_plan_destroy(&later.plan);
    scp_graph_destroy(&later.g);
    scp_params_destroy(&later.params);
    deferred_close(&d);
    toy_stop(&net);
}

/* A chain on a device with the weights of `from`, its network stored as `store`. */
static scp_status sample_on(const char *device, const toy *from, scp_dtype store, double *z)
{
    const scp_chain_sizes sizes = { BLOCK, PASSES, STEPS, store };
    scp_device *dev = NULL;
    copy c = { 0 };
    scp_schedule s = { 0 };
    scp_chain *chain = NULL;
    scp_status st = scp_device_open(device, &dev);
    if (st == SCP_OK) st = copy_make(&c, dev, from);
    if (st == SCP_OK) st = scp_schedule_init(&s, from->m.diffusion.T, 1e-4, 0.02);
    if (st == SCP_OK) st = scp_chain_create(&from->m, &s, c.params, &sizes, &chain);
    for (int run = 0; run < 3 && st == SCP_OK; run++) st = run_chain(chain, z);
    scp_chain_destroy(&chain);
    scp_schedule_fini(&s);
    scp_plan_destroy(&c.plan);
    scp_graph_destroy(&c.g);
    scp_params_destroy(&c.params);
    scp_device_close(&dev);
    return st;
}

static double distance(const double *a, const double *b)
{
    double worst = 0, scale = 0;
    for (int i = 0; i < BLOCK * DZ; i++) {
        worst = fmax(worst, fabs(a[i] - b[i]));
        scale = fmax(scale, fabs(b[i]));
    }
    return worst / scale;
}

/* The network in half: near the chain in fp64, and where a device rounds what ref rounds, nearer
 * to that of ref. `tol`: some roundings of the network's values, times the weights of the guidance.
 */
static void halves(scp_dtype store, const char *name, double tol)
{
    toy net = { 0 };
    double real[BLOCK * DZ], half[BLOCK * DZ], z[BLOCK * DZ];
    const char *const v[] = { "diffusion.parameterization=v", NULL };
    scp_status st = toy_denoiser(&net, "ref", &size, 4, toy_tiny, v);
    if (st == SCP_OK) st = toy_shake(&net, 0.1);
    if (st == SCP_OK) st = sample_on("ref", &net, SCP_REAL, real);
    if (st == SCP_OK) st = sample_on("ref", &net, store, half);
    if (tap_st(st, "chains on ref, %s", name)) {
        const double apart = distance(half, real);
        tap_ok(apart > 0 && apart <= tol, "%s: near the chain in fp64 (%.2g)", name, apart);
        for (int i = 0; scp_backends[i]; i++) {
            const char *device = scp_backends[i]->name, *why = NULL;
            if (!strcmp(device, "ref") || !scp_backends[i]->available(&why) ||
                !tap_st(sample_on(device, &net, store, z), "%s, %s", device, name))
                continue;
            tap_ok(distance(z, half) <= tol / 4, "%s, %s: the chain of ref (%.2g, fp64 %.2g)",
                   device, name, distance(z, half), distance(z, real));
        }
    }
    toy_stop(&net);
}

int main(void)
{
    static const char *const v[] = { "diffusion.parameterization=v", "diffusion.target=shift",
                                     NULL };
    agree("ref", "eps", NULL, 1, 3, 1e-5);
    agree("ref", "v", v, 1, 3, 1e-5);
    agree("ref", "v, one pass", v, 0, 0, 1e-5);
    agree("cpu", "v", v, 1, 3, 1e-4);
    agree("cpu", "v, two passes", v, 0, 3, 1e-4);
    for (int i = 0; scp_backends[i]; i++) { /* a GPU, or its emulation in tests/emu */
        const char *why = NULL;
        if (!scp_backends[i]->host && scp_backends[i]->available(&why))
            agree(scp_backends[i]->name, "v", v, 1, 3, 1e-4);
    }
    replayed();
    halves(SCP_F16, "fp16", 0x1p-9);
    halves(SCP_BF16, "bf16", 0x1p-6);
    return tap_done();
}
