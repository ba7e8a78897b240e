/* On both host backends: values of activations and normalisations against closed forms, what the
 * running states become, evaluation, and the errors of bad indices and single rows. */
#include <math.h>
#include <string.h>

#include "ops/small_run.h"
#include "tap.h"

static scp_init constant(double a)
{
    return (scp_init){ SCP_INIT_CONST, a };
}

static void activations(const char *device, double tol)
{
    /* Phi(1) = 0.841344746068543 */
    static const double x[] = { 1, -1, 0, 3 };
    static const double want[][4] = {
        { 0.7310585786300049, -0.2689414213699951, 0, 2.8577223804673 },
        { 1, 0, 0, 3 },
        { 0.8413447460685429, -0.15865525393145707, 0, 2.99595030590511 },
        { 0.7615941559557649, -0.7615941559557649, 0, 0.9950547536867305 },
    };
    for (int kind = SCP_ACT_SILU; kind <= SCP_ACT_TANH; kind++) {
        small_run r;
        double y[4] = { 0 };
        small_begin(&r, device);
        scp_node *in = scp_input(r.g, "x", SCP_REAL, SCP_SHAPE(4));
        scp_node *out = scp_output(r.g, scp_act_fn(r.g, in, (scp_act)kind));
        tap_st(small_plan(&r, NULL, NULL), "%s: activation %d plans", device, kind);
        tap_st(scp_plan_feed_f64(r.plan, in, x), "feed");
        tap_st(small_forward(&r, true), "runs");
        tap_st(scp_plan_fetch_f64(r.plan, out, y), "fetch");
        for (int i = 0; i < 4; i++)
            tap_rel(y[i], want[kind][i], tol, "%s: activation %d of %g", device, kind, x[i]);
        small_end(&r);
    }
}

/* A row 1, 2, 3, 4 has mean 2.5 and biased variance 1.25; a row of equal values gives the bias. */
static void layernorm(const char *device, double tol)
{
    static const double x[] = { 1, 2, 3, 4, 7, 7, 7, 7 };
    double y[8] = { 0 }, eps = 0.25, s = 1 / sqrt(1.25 + eps);
    small_run r;
    small_begin(&r, device);
    scp_node *in = scp_input(r.g, "x", SCP_REAL, SCP_SHAPE(2, 4));
    scp_node *gain = scp_param(r.g, "gain", SCP_SHAPE(4), constant(2));
    scp_node *bias = scp_param(r.g, "bias", SCP_SHAPE(4), constant(-1));
    scp_node *out = scp_output(r.g, scp_layernorm(r.g, in, gain, bias, eps));
    tap_st(small_plan(&r, NULL, NULL), "%s: layer norm plans", device);
    tap_st(scp_plan_feed_f64(r.plan, in, x), "feed");
    tap_st(small_forward(&r, true), "runs");
    tap_st(scp_plan_fetch_f64(r.plan, out, y), "fetch");
    for (int i = 0; i < 4; i++)
        tap_near(y[i], 2 * (x[i] - 2.5) * s - 1, tol, "%s: layer norm, element %d", device, i);
    for (int i = 4; i < 8; i++)
        tap_near(y[i], -1, tol, "%s: layer norm of equal values, element %d", device, i);
    small_end(&r);
}

/* A row 3, 4 has norm 5; a row of zeros stays zeros. */
static void unit(const char *device, double tol)
{
    static const double x[] = { 3, -4, 0, 0 };
    double y[4] = { 1, 1, 1, 1 };
    small_run r;
    small_begin(&r, device);
    scp_node *in = scp_input(r.g, "x", SCP_REAL, SCP_SHAPE(2, 2));
    scp_node *out = scp_output(r.g, scp_unit(r.g, in));
    tap_st(small_plan(&r, NULL, NULL), "%s: unit rows plan", device);
    tap_st(scp_plan_feed_f64(r.plan, in, x), "feed");
    tap_st(small_forward(&r, true), "runs");
    tap_st(scp_plan_fetch_f64(r.plan, out, y), "fetch");
    tap_ok(fabs(y[0] - 0.6) <= tol && fabs(y[1] + 0.8) <= tol, "%s: a row over its norm", device);
    tap_ok(y[2] == 0 && y[3] == 0, "%s: a row of zeros stays", device);
    small_end(&r);
}

typedef struct batchnorm_nodes {
    scp_node *x, *y, *mean, *var, *loss;
} batchnorm_nodes;

/* x [4, 2] as a parameter so that its gradient can be read; loss = sum of w y. */
static batchnorm_nodes build_batchnorm(small_run *r, int64_t rows)
{
    batchnorm_nodes n = { .x = scp_param(r->g, "x", SCP_SHAPE(rows, 2), constant(0)) };
    scp_node *gain = scp_param(r->g, "gain", SCP_SHAPE(2), constant(2));
    scp_node *bias = scp_param(r->g, "bias", SCP_SHAPE(2), constant(-1));
    n.mean = scp_output(r->g, scp_state(r->g, "mean", SCP_SHAPE(2), constant(0.5)));
    n.var = scp_output(r->g, scp_state(r->g, "var", SCP_SHAPE(2), constant(3)));
    n.y = scp_output(r->g, scp_batchnorm(r->g, n.x, gain, bias, n.mean, n.var, 0.25, 0.1));
    n.loss = small_dot(r, n.y, "w");
    return n;
}

/* Column 0 is 1, 2, 3, 4 (mean 2.5, variance 1.25 biased, 5/3 unbiased), column 1 is constant. */
static void batchnorm(const char *device, double tol)
{
    static const double x[] = { 1, 7, 2, 7, 3, 7, 4, 7 }, w[] = { 1, 1, 0, 2, 0, 0, 0, 0 };
    double y[8] = { 0 }, dx[8] = { 0 }, mean[2] = { 0 }, var[2] = { 0 }, s = 1 / sqrt(1.5);
    small_run r;
    small_begin(&r, device);
    batchnorm_nodes n = build_batchnorm(&r, 4);
    tap_st(small_plan(&r, n.loss, NULL), "%s: batch norm plans", device);
    tap_st(small_set_param(&r, "x", x, 8), "values");
    tap_st(small_feed(&r, "w", w), "weights");
    tap_st(small_forward(&r, true), "runs");
    tap_st(scp_plan_fetch_f64(r.plan, n.y, y), "fetch");
    for (int i = 0; i < 4; i++) {
        tap_near(y[2 * i], 2 * (x[2 * i] - 2.5) * s - 1, tol, "%s: batch norm, row %d", device, i);
        tap_near(y[2 * i + 1], -1, tol, "%s: batch norm of equal values, row %d", device, i);
    }
    tap_st(scp_plan_fetch_f64(r.plan, n.mean, mean), "running mean");
    tap_st(scp_plan_fetch_f64(r.plan, n.var, var), "running variance");
    tap_near(mean[0], 0.9 * 0.5 + 0.1 * 2.5, tol, "%s: running mean", device);
    tap_near(mean[1], 0.9 * 0.5 + 0.1 * 7, tol, "%s: running mean of equal values", device);
    tap_near(var[0], 0.9 * 3 + 0.1 * 5 / 3, tol, "%s: running variance is unbiased", device);
    tap_near(var[1], 0.9 * 3, tol, "%s: running variance of equal values", device);
    tap_st(small_forward(&r, false), "evaluates");
    tap_st(scp_plan_fetch_f64(r.plan, n.y, y), "fetch");
    tap_st(scp_plan_backward(r.plan), "backward of evaluation");
    tap_st(scp_plan_fetch_grad_f64(r.plan, n.x, dx), "gradient of evaluation");
    for (int i = 0; i < 8; i++) {
        double rstd = 1 / sqrt(var[i % 2] + 0.25);
        tap_near(y[i], 2 * (x[i] - mean[i % 2]) * rstd - 1, 4 * tol,
                 "%s: evaluation uses the states, element %d", device, i);
        tap_near(dx[i], 2 * w[i] * rstd, tol,
                 "%s: its gradient treats them as constants, element %d", device, i);
    }
    double again[2] = { 0 };
    tap_st(scp_plan_fetch_f64(r.plan, n.mean, again), "running mean");
    tap_ok(again[0] == mean[0] && again[1] == mean[1], "%s: evaluation leaves the states alone",
           device);
    small_end(&r);
}

/* One batch that is not finite is skipped by the optimiser; the states must survive it as well. */
static void batchnorm_not_finite(const char *device)
{
    static const double x[] = { 1, 7, INFINITY, 7, 3, 7, NAN, 8 }, w[8] = { 0 };
    double mean[2] = { 0 }, var[2] = { 0 };
    small_run r;
    small_begin(&r, device);
    batchnorm_nodes n = build_batchnorm(&r, 4);
    tap_st(small_plan(&r, n.loss, NULL), "%s: batch norm plans", device);
    tap_st(small_set_param(&r, "x", x, 8), "values that are not finite");
    tap_st(small_feed(&r, "w", w), "weights");
    tap_st(small_forward(&r, true), "runs");
    tap_st(scp_plan_fetch_f64(r.plan, n.mean, mean), "running mean");
    tap_st(scp_plan_fetch_f64(r.plan, n.var, var), "running variance");
    tap_ok(mean[0] == 0.5 && var[0] == 3, "%s: a column that is not finite leaves its states",
           device);
    tap_ok(isfinite(mean[1]) && mean[1] != 0.5, "%s: the other column moves them", device);
    small_end(&r);
}

static void errors(const char *device)
{
    static const int32_t high[] = { 0, 3 }, negative[] = { -1, 0 };
    small_run r;
    small_begin(&r, device);
    batchnorm_nodes n = build_batchnorm(&r, 1);
    scp_scope_push(r.g, "emb");
    scp_node *idx = scp_input(r.g, "idx", SCP_I32, SCP_SHAPE(2));
    scp_node *table = scp_param(r.g, "table", SCP_SHAPE(3, 2), constant(1));
    scp_output(r.g, scp_gather(r.g, table, idx));
    scp_scope_pop(r.g);
    tap_st(small_plan(&r, n.loss, NULL), "%s: plans", device);
    tap_fails(small_forward(&r, true), SCP_EUSAGE, "2 rows or more",
              "%s: batch norm of one row in training", device);
    tap_st(small_forward(&r, false), "%s: batch norm of one row in evaluation", device);
    tap_st(scp_plan_feed_i32(r.plan, idx, high), "feed");
    tap_fails(small_forward(&r, false), SCP_EINTERNAL, "table index 3 of row 1 is not in [0, 3)",
              "%s: index too high", device);
    tap_st(scp_plan_feed_i32(r.plan, idx, negative), "feed");
    tap_fails(small_forward(&r, false), SCP_EINTERNAL, "emb/gather",
              "%s: negative index; the node is named", device);
    small_end(&r);
}

int main(void)
{
    static const char *const device[] = { "ref", "cpu" };
    static const double tol[] = { 1e-13, 1e-6 };
    for (int i = 0; i < 2; i++) {
        activations(device[i], tol[i]);
        layernorm(device[i], tol[i]);
        unit(device[i], tol[i]);
        batchnorm(device[i], tol[i]);
        batchnorm_not_finite(device[i]);
        errors(device[i]);
    }
    return tap_done();
}
