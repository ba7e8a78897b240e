/* Promises of the denoiser's design: the literal block ignores its own attention, one key makes
 * attention a projection of its value, the dose modulation starts as the identity, masks replace
 * what they name. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/toy.h"
#include "tap.h"

static const screen_size size = { .lines = 3, .drugs = 5, .genes = 40, .seed = 2 };

enum { B = 6 };

/* doc/decisions.md, scPPDM eq. 30-32: a softmax over one key is 1, so the queries have no effect.
 */
static void test_literal(const char *device)
{
    static const char *const literal[] = { "model.block_mode=literal", NULL };
    static const char *const dead[] = { "/self/q", "/self/k",  "/self/v",
                                        "/self/o", "/cross/q", "/cross/k" };
    static const char *const live[] = { "/cross/v", "/cross/o", "/gamma", "/beta", "/u_fused" };
    toy t;
    double *g = NULL, loss;
    size_t n;
    if (tap_st(toy_denoiser(&t, device, &size, B, toy_tiny, literal), "%s: literal block",
               device) &&
        tap_st(toy_shake(&t, 0.1), "%s: weights", device) &&
        tap_st(scp_alloc(scp_params_trainable(t.params), sizeof *g, &g), "room") &&
        tap_st(toy_gradient(&t, &loss, g), "%s: a step", device)) {
        for (size_t i = 0; i < sizeof dead / sizeof dead[0]; i++) {
            double most = toy_largest(&t, g, dead[i], &n);
            tap_ok(n > 0 && most == 0, "%s: literal, gradient of %s is exactly 0 (%zu tensors)",
                   device, dead[i], n);
        }
        for (size_t i = 0; i < sizeof live / sizeof live[0]; i++) {
            double most = toy_largest(&t, g, live[i], &n);
            tap_ok(n > 0 && most > 0, "%s: literal, gradient of %s is not", device, live[i]);
        }
    }
    free(g);
    toy_stop(&t);
}

/* In the residual block every projection learns. */
static void test_residual(void)
{
    static const char *const live[] = { "/self/q",  "/self/k",  "/self/v",  "/self/o",
                                        "/cross/q", "/cross/k", "/cross/v", "/cross/o",
                                        "/u_pre",   "/u_drug",  "/u_fused", "/u_time" };
    toy t;
    double *g = NULL, loss;
    size_t n;
    if (tap_st(toy_denoiser(&t, "ref", &size, B, toy_tiny, NULL), "residual block") &&
        tap_st(toy_shake(&t, 0.1), "weights") &&
        tap_st(scp_alloc(scp_params_trainable(t.params), sizeof *g, &g), "room") &&
        tap_st(toy_gradient(&t, &loss, g), "a step"))
        for (size_t i = 0; i < sizeof live / sizeof live[0]; i++)
            tap_ok(toy_largest(&t, g, live[i], &n) > 0 && n > 0, "residual: %s learns", live[i]);
    free(g);
    toy_stop(&t);
}

/* A graph of its own: device, store, graph, plan. */
typedef struct net {
    scp_device *dev;
    scp_params *params;
    scp_graph *g;
    scp_plan *plan;
} net;

static scp_status net_begin(net *n)
{
    *n = (net){ 0 };
    SCP_TRY(scp_device_open("ref", &n->dev));
    SCP_TRY(scp_params_create(n->dev, 3, &n->params));
    return scp_graph_create(n->params, &n->g);
}

static void net_end(net *n)
{
    scp_plan_destroy(&n->plan);
    scp_graph_destroy(&n->g);
    scp_params_destroy(&n->params);
    scp_device_close(&n->dev);
}

/* Attention over a single key returns its value for every query, so with one condition token the
 * residual and the literal block have the same cross-attention, whatever enters as query. */
static void test_one_key(void)
{
    enum { M = 4, D = 6 };
    net n;
    double q[B * M * D], k[B * D], v[B * D], out[B * M * D], worst = 0;
    scp_rng_fill_normal(1, 100, 0, 0, B * M * D, q);
    scp_rng_fill_normal(1, 101, 0, 0, B * D, k);
    scp_rng_fill_normal(1, 102, 0, 0, B * D, v);
    if (!tap_st(net_begin(&n), "a graph")) return;
    scp_node *nq = scp_input(n.g, "q", SCP_REAL, SCP_SHAPE(B, M, D));
    scp_node *nk = scp_input(n.g, "k", SCP_REAL, SCP_SHAPE(B, 1, D));
    scp_node *nv = scp_input(n.g, "v", SCP_REAL, SCP_SHAPE(B, 1, D));
    scp_node *y = scp_output(n.g, scp_attn(n.g, nq, nk, nv, 2));
    if (tap_st(scp_plan_create(n.g, NULL, NULL, &n.plan), "attention over one key") &&
        tap_st(scp_plan_feed_f64(n.plan, nq, q), "queries") &&
        tap_st(scp_plan_feed_f64(n.plan, nk, k), "key") &&
        tap_st(scp_plan_feed_f64(n.plan, nv, v), "value") &&
        tap_st(scp_plan_forward(n.plan, &(scp_step){ .train = true }), "forward") &&
        tap_st(scp_plan_fetch_f64(n.plan, y, out), "result")) {
        for (int b = 0; b < B; b++)
            for (int i = 0; i < M * D; i++)
                worst = fmax(worst, fabs(out[b * M * D + i] - v[b * D + i % D]));
        tap_ok(worst == 0, "attention over one key is its value for every query, exactly");
    }
    net_end(&n);
}

/* Conditions of six rows with doses 0, 0.05, 5 and masks of the four states. */
typedef struct cond_net {
    net n;
    scp_method m;
    scp_cond_in in;
    scp_cond out;
    void *bits;
} cond_net;

static scp_status cond_build(cond_net *c, const char *null)
{
    const int64_t Dz = 16, drugs = 3;
    SCP_TRY(net_begin(&c->n));
    SCP_TRY(scp_conf_defaults(scp_method_groups, &c->m));
    for (const char *const *s = toy_tiny; *s; s++) {
        char key[64];
        SCP_TRY(scp_str_format(key, sizeof key, "%.*s", (int)strcspn(*s, "="), *s));
        SCP_TRY(scp_conf_set(scp_method_groups, &c->m, key, strchr(*s, '=') + 1, "test"));
    }
    SCP_TRY(scp_conf_set(scp_method_groups, &c->m, "model.null", null, "test"));
    scp_graph *g = c->n.g;
    c->in = (scp_cond_in){ .z_pre = scp_input(g, "z_pre", SCP_REAL, SCP_SHAPE(B, Dz)),
                           .drugs = scp_resident(g, "drugs", SCP_U8, SCP_SHAPE(drugs, SCP_FP_BITS)),
                           .drug = scp_input(g, "drug", SCP_I32, SCP_SHAPE(B)),
                           .dose_code = scp_input(g, "dose", SCP_REAL, SCP_SHAPE(B, SCP_DOSE_CODE)),
                           .mask = scp_input(g, "mask", SCP_I32, SCP_SHAPE(B)) };
    scp_cond_build(g, &c->m.model, drugs, &c->in, &c->out);
    scp_output(g, c->out.z_drug);
    scp_output(g, c->out.pre);
    scp_output(g, c->out.drug);
    return scp_plan_create(g, NULL, NULL, &c->n.plan);
}

static scp_status cond_feed(cond_net *c)
{
    static const double dose[B] = { 0, 0.05, 5, 5, 5, 5 };
    static const int32_t drug[B] = { 1, 1, 1, 2, 1, 2 }, mask[B] = { 0, 1, 2, 3, 0, 0 };
    double code[B * SCP_DOSE_CODE], z[B * 16];
    uint8_t bits[3 * SCP_FP_BITS];
    for (int i = 0; i < B; i++) scp_dose_code(dose[i], code + i * SCP_DOSE_CODE);
    for (uint32_t i = 0; i < sizeof bits; i++) bits[i] = scp_rng_u01(1, 100, 0, 0, i) < 0.1;
    scp_rng_fill_normal(1, 101, 0, 0, B * 16, z);
    SCP_TRY(scp_device_alloc(c->n.dev, sizeof bits, &c->bits));
    SCP_TRY(c->n.dev->backend->write(c->n.dev, c->bits, bits, sizeof bits));
    SCP_TRY(scp_plan_bind(c->n.plan, c->in.drugs, c->bits));
    SCP_TRY(scp_plan_feed_f64(c->n.plan, c->in.z_pre, z));
    SCP_TRY(scp_plan_feed_f64(c->n.plan, c->in.dose_code, code));
    SCP_TRY(scp_plan_feed_i32(c->n.plan, c->in.drug, drug));
    return scp_plan_feed_i32(c->n.plan, c->in.mask, mask);
}

static scp_status cond_run(cond_net *c, double *z_drug, double *pre, double *drug)
{
    SCP_TRY(scp_plan_forward(c->n.plan, &(scp_step){ .train = false }));
    SCP_TRY(scp_plan_fetch_f64(c->n.plan, c->out.z_drug, z_drug));
    SCP_TRY(scp_plan_fetch_f64(c->n.plan, c->out.pre, pre));
    return scp_plan_fetch_f64(c->n.plan, c->out.drug, drug);
}

static bool same(const double *a, const double *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

/* Set the last layer of the dose modulation to constants: z~ = z + 0.5 z + 0.25. */
static scp_status set_film(cond_net *c)
{
    double gb[16];
    int64_t index = scp_params_find(c->n.params, "cond/dose_film/out/b");
    SCP_ARG(index >= 0, "there is no cond/dose_film/out/b");
    for (int i = 0; i < 16; i++) gb[i] = i < 8 ? 0.5 : 0.25;
    return scp_params_write_f64(c->n.params, SCP_ARENA_W,
                                scp_params_info(c->n.params, (size_t)index)->offset, 16, gb);
}

static void test_condition(void)
{
    enum { D = 8, DZ = 16 };
    cond_net c = { 0 };
    double first[B * D], z[B * D], pre[B * DZ], drug[B * D], worst = 0;
    if (tap_st(cond_build(&c, "learned"), "a condition") && tap_st(cond_feed(&c), "its inputs") &&
        tap_st(cond_run(&c, first, pre, drug), "its values")) {
        tap_ok(same(first, first + D, D) && same(first, first + 2 * D, D),
               "dose modulation starts as the identity: the drug vector is the same at every dose");
        tap_ok(!same(first, first + 3 * D, D), "and differs between drugs");
        tap_ok(same(drug, first, D) && same(drug + D, first + D, D), "masks 0 and 1 keep the drug");
        tap_ok(same(drug + 2 * D, drug + 3 * D, D) && !same(drug + 2 * D, first + 2 * D, D),
               "masks 2 and 3 put the same null vector in its place");
        tap_ok(same(pre + DZ, pre + 3 * DZ, DZ) && !same(pre, pre + DZ, DZ),
               "masks 1 and 3 replace the state");
        tap_ok(!same(pre, pre + 2 * DZ, DZ) && !same(pre + 2 * DZ, pre + DZ, DZ),
               "masks 0 and 2 keep it");
        tap_st(set_film(&c), "modulation set to constants");
        tap_st(cond_run(&c, z, pre, drug), "values again");
        for (int i = 0; i < B * D; i++) worst = fmax(worst, fabs(z[i] - (1.5 * first[i] + 0.25)));
        tap_ok(worst < 1e-14, "z~ = z + (gamma z + beta) [eq. 6]");
    }
    if (c.n.dev) scp_device_release(c.n.dev, c.bits);
    scp_conf_fini(scp_method_groups, &c.m);
    net_end(&c.n);
}

static void test_zero_null(void)
{
    enum { D = 8, DZ = 16 };
    cond_net c = { 0 };
    double z[B * D], pre[B * DZ], drug[B * D], most = 0;
    if (tap_st(cond_build(&c, "zero"), "a condition with zeros for what is dropped") &&
        tap_st(cond_feed(&c), "its inputs") && tap_st(cond_run(&c, z, pre, drug), "its values")) {
        for (int i = 0; i < D; i++)
            most = fmax(most, fabs(drug[2 * D + i]) + fabs(drug[3 * D + i]));
        for (int i = 0; i < DZ; i++) most = fmax(most, fabs(pre[DZ + i]) + fabs(pre[3 * DZ + i]));
        tap_ok(most == 0, "a dropped channel is zero");
        tap_ok(same(drug, z, D) && same(drug + D, z + D, D), "one that is kept is what it was");
        int64_t index = scp_params_find(c.n.params, "cond/null_pre");
        tap_ok(index >= 0 && scp_params_info(c.n.params, (size_t)index)->state,
               "and the zeros are not trained");
    }
    if (c.n.dev) scp_device_release(c.n.dev, c.bits);
    scp_conf_fini(scp_method_groups, &c.m);
    net_end(&c.n);
}

static void test_refused(void)
{
    static const struct {
        const char *set, *message;
    } row[] = { { "model.tokens=3", "model.tokens (3) must divide vae.latent (16)" },
                { "model.heads=3", "model.heads (3) must divide the token width 4" },
                { "model.widths=20,18", "must end with vae.latent (16)" },
                { "diffusion.T=20", "diffusion.T is too small" },
                { "diffusion.beta_last=1e-5", "beta_last must not be smaller" },
                { "diffusion.bank=4", "diffusion.bank must be at least diffusion.negatives" } };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        toy t;
        tap_fails(
            toy_denoiser(&t, "ref", &size, B, toy_tiny, (const char *const[]){ row[i].set, NULL }),
            SCP_EUSAGE, row[i].message, "%s is refused", row[i].set);
        toy_stop(&t);
    }
}

int main(void)
{
    test_literal("ref");
    test_literal("cpu");
    test_residual();
    test_one_key();
    test_condition();
    test_zero_null();
    test_refused();
    return tap_done();
}
