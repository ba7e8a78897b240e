/* The network baselines: sizes of the specification, how the dose enters, what the drug cannot do
 * at dose 0, and that both backends agree. */
#include <math.h>
#include <string.h>

#include "model/baseline_run.h"
#include "model/toy.h"
#include "tap.h"
#include "tensor/plan.h"

enum { B = 6, G = 40 };

static const screen_size size = { .lines = 3, .drugs = 5, .genes = G, .seed = 2 };

/* Parameters of the published widths on 2,000 genes; and of the linear map from 128 latents at the
 * 62,710 genes of the atlas: adapter 139,328, map (128 + 64 + 1) x 62,710. */
static void test_sizes(void)
{
    static const struct {
        scp_baseline_kind kind;
        int64_t genes, latent;
        size_t want;
    } row[] = { { SCP_BASELINE_LINEAR, 2000, 0, 4269328 },
                { SCP_BASELINE_MLP, 2000, 0, 2487312 },
                { SCP_BASELINE_LINEAR, 62710, 128, 12242358 } };
    for (size_t i = 0; i < 3; i++) {
        scp_device *dev = NULL;
        scp_params *p = NULL;
        scp_graph *g = NULL;
        scp_baseline_config cfg = { 0 };
        scp_baseline_nodes n;
        if (tap_st(scp_conf_defaults(scp_baseline_groups, &cfg), "defaults") &&
            tap_st(scp_device_open("cpu", &dev), "device") &&
            tap_st(scp_params_create(dev, 1, &p), "store") &&
            tap_st(scp_graph_create(p, &g), "graph")) {
            scp_baseline_build_train(g, row[i].kind, &cfg, 4, row[i].genes, row[i].latent, 3, 2,
                                     &n);
            tap_st(scp_graph_status(g), "%s builds", scp_baseline_name(row[i].kind));
            tap_st(scp_params_finalize(p), "its parameters");
            tap_ok(scp_params_weights(p) == row[i].want, "%s: %zu parameters at %d genes",
                   scp_baseline_name(row[i].kind), row[i].want, (int)row[i].genes);
        }
        scp_graph_destroy(&g);
        scp_params_destroy(&p);
        scp_device_close(&dev);
        scp_conf_fini(scp_baseline_groups, &cfg);
    }
}

static scp_status predict(toy *t, scp_baseline_kind kind, int32_t pair, float *x)
{
    scp_baseline_run *r = NULL;
    scp_drug_labels labels = { 0 };
    SCP_TRY(scp_drug_labels_init(&t->data, &labels));
    const scp_baseline_states states = { t->data.x, G };
    scp_status st = scp_baseline_run_create(t->params, kind, &t->baseline_cfg, &t->data, &labels,
                                            &states, 2, &r);
    if (st == SCP_OK) st = scp_baseline_run_fill(r, &pair, 1, x);
    scp_baseline_run_destroy(&r);
    scp_drug_labels_fini(&labels);
    return st;
}

/* Pairs 0 and 2 are two drugs in one line: set their doses and predict. */
static void test_dose(scp_baseline_kind kind)
{
    toy t;
    float x[4][G];
    double bend = 0, spread = 0, other = 0;
    const char *name = scp_baseline_name(kind);
    bool linear = kind == SCP_BASELINE_LINEAR || kind == SCP_BASELINE_LINEAR_SHIFT;
    if (!tap_st(toy_baseline(&t, "ref", &size, B, kind), "%s: builds", name)) return toy_stop(&t);
    double *dose = t.data.p_dose;
    const double s = log10(1 + 0.7);
    bool done = true;
    for (int k = 0; k < 3; k++) {
        dose[t.data.post[0]] = pow(10, k * s) - 1;
        done = predict(&t, kind, 0, x[k]) == SCP_OK && done;
    }
    dose[t.data.post[2]] = 0;
    done = predict(&t, kind, 2, x[3]) == SCP_OK && done;
    for (int g = 0; g < G; g++) {
        bend = fmax(bend, fabs((double)x[2][g] - x[0][g] - 2 * ((double)x[1][g] - x[0][g])));
        spread = fmax(spread, fabs((double)x[3][g] - x[0][g]));
        other = fmax(other, fabs((double)x[1][g] - x[0][g]));
    }
    tap_ok(done && t.data.p_drug[t.data.post[0]] != t.data.p_drug[t.data.post[2]] && spread == 0,
           "%s: dose 0, the drug does not matter", name);
    tap_ok(other > 1e-4, "%s: a dose does", name);
    if (linear) tap_ok(bend < 1e-6, "%s: twice log10(1 + dose) is twice the effect", name);
    toy_stop(&t);
}

/* The kind that predicts a change adds x_pre to the output of the same network. */
static void test_shift(void)
{
    toy t;
    float x[G], y[G];
    double worst = 0;
    if (tap_st(toy_baseline(&t, "ref", &size, B, SCP_BASELINE_LINEAR), "linear") &&
        tap_st(predict(&t, SCP_BASELINE_LINEAR, 3, x), "as the profile") &&
        tap_st(predict(&t, SCP_BASELINE_LINEAR_SHIFT, 3, y), "as the change")) {
        for (int g = 0; g < G; g++)
            worst = fmax(
                worst, fabs((double)y[g] - x[g] - t.data.x[(size_t)t.data.pre[3] * G + (size_t)g]));
        tap_ok(worst < 1e-6, "linear_shift is linear on top of x_pre");
    }
    toy_stop(&t);
}

static void test_backends(scp_baseline_kind kind)
{
    toy ref, cpu;
    double a, b;
    const char *name = scp_baseline_name(kind);
    bool both = tap_st(toy_baseline(&ref, "ref", &size, B, kind), "%s on ref", name);
    both = tap_st(toy_baseline(&cpu, "cpu", &size, B, kind), "%s on cpu", name) && both;
    if (both && tap_st(toy_copy(&cpu, &ref), "weights") &&
        tap_st(toy_copy(&ref, &ref), "rounded") && tap_st(toy_forward(&ref, &a), "loss") &&
        tap_st(toy_forward(&cpu, &b), "loss"))
        tap_rel(b, a, 1e-5, "%s: the loss of the oracle", name);
    toy_stop(&ref);
    toy_stop(&cpu);
}

static void test_names(void)
{
    scp_baseline_kind kind;
    bool good = true;
    for (int k = 0; k < SCP_BASELINE_KINDS; k++)
        good = good && scp_baseline_find(scp_baseline_name((scp_baseline_kind)k), &kind) &&
               (int)kind == k;
    tap_ok(good && !scp_baseline_find("scppdm", &kind), "names find their kinds, others none");
}

int main(void)
{
    test_names();
    test_sizes();
    test_shift();
    for (int kind = SCP_BASELINE_LINEAR; kind < SCP_BASELINE_KINDS; kind++) {
        test_dose((scp_baseline_kind)kind);
        test_backends((scp_baseline_kind)kind);
    }
    return tap_done();
}
