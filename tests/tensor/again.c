/* What depends on steady leaves alone runs once: the rest, run again, gives the bits of a plan that
 * runs as a whole, on every backend of this build; what has run does not run again; and misuse is
 * refused. */
#include <string.h>

#include "ops/small_run.h"
#include "tap.h"

enum { B = 5, D = 6, H = 7 };

typedef struct net {
    small_run r;
    scp_node *own, *step, *mixed, *out;
} net;

/* out = act(W own) (a product of the head) * V step, and another use of the head. */
static scp_status begin(net *n, const char *device, bool steady)
{
    const scp_init init = { SCP_INIT_UNIFORM, 0.7 };
    small_begin(&n->r, device);
    scp_graph *g = n->r.g;
    if (!g) return n->r.st;
    n->own = scp_input(g, "own", SCP_REAL, SCP_SHAPE(B, D));
    n->step = scp_input(g, "step", SCP_REAL, SCP_SHAPE(B, D));
    if (steady) scp_steady(g, n->own);
    scp_node *y = scp_matmul_t(g, n->step, scp_param(g, "V", SCP_SHAPE(H, D), init));
    scp_node *h = scp_act_fn(g,
                             scp_linear(g, n->own, scp_param(g, "W", SCP_SHAPE(H, D), init),
                                        scp_param(g, "b", SCP_SHAPE(H), init)),
                             SCP_ACT_SILU);
    n->mixed = scp_output(g, scp_add(g, scp_mul(g, y, h), h));
    n->out = scp_output(g, scp_act_fn(g, scp_mul(g, n->mixed, h), SCP_ACT_TANH));
    return small_plan(&n->r, NULL, NULL);
}

static scp_status feed(net *n, const char *name, double of)
{
    double x[B * D];
    for (int i = 0; i < B * D; i++) x[i] = of * (i % 7 - 2.5) / 3;
    return small_feed(&n->r, name, x);
}

static scp_status results(net *n, double y[2 * B * H])
{
    SCP_TRY(scp_plan_fetch_f64(n->r.plan, n->mixed, y));
    return scp_plan_fetch_f64(n->r.plan, n->out, y + B * H);
}

static scp_status whole(net *n, double own, double step, double *y)
{
    SCP_TRY(feed(n, "own", own));
    SCP_TRY(feed(n, "step", step));
    SCP_TRY(small_forward(&n->r, false));
    return results(n, y);
}

static scp_status again(net *n, double step, double *y)
{
    SCP_TRY(feed(n, "step", step));
    SCP_TRY(scp_plan_again(n->r.plan, &n->r.step));
    return results(n, y);
}

static void equal(const char *device)
{
    net plain = { 0 }, part = { 0 };
    double want[2 * B * H], got[2 * B * H];
    if (tap_st(begin(&plain, device, false), "a plan on %s", device) &&
        tap_st(begin(&part, device, true), "and one with a head") &&
        tap_st(whole(&part, 1, 1, got), "which runs as a whole")) {
        for (int i = 2; i < 5; i++)
            tap_ok(whole(&plain, 1, i, want) == SCP_OK && again(&part, i, got) == SCP_OK &&
                       !memcmp(want, got, sizeof want),
                   "%s: the same bits, time %d", device, i);
        tap_ok(feed(&part, "own", 2) == SCP_OK && again(&part, 4, got) == SCP_OK &&
                   !memcmp(want, got, sizeof want),
               "%s: the head has not run again", device);
        tap_ok(whole(&plain, 2, 4, want) == SCP_OK && whole(&part, 2, 4, got) == SCP_OK &&
                   !memcmp(want, got, sizeof want),
               "%s: until the whole runs", device);
    }
    small_end(&plain.r);
    small_end(&part.r);
}

static void counts(void)
{
    net plain = { 0 }, part = { 0 };
    if (tap_st(begin(&plain, "cpu", false), "no head") &&
        tap_st(begin(&part, "cpu", true), "a head")) {
        const double one = 2.0 * B * D * H;
        tap_ok(scp_plan_flops(plain.r.plan, false) == 2 * one &&
                   scp_plan_flops(plain.r.plan, true) == 2 * one,
               "both products depend on inputs that change");
        tap_ok(scp_plan_flops(part.r.plan, false) == 2 * one &&
                   scp_plan_flops(part.r.plan, true) == one,
               "one of them with a head");
        tap_ok(scp_plan_again(part.r.plan, &part.r.step) != SCP_OK, "not before the whole ran");
        scp_err_clear();
        const scp_step train = { .train = true };
        tap_ok(feed(&part, "own", 1) == SCP_OK && small_forward(&part.r, false) == SCP_OK &&
                   scp_plan_again(part.r.plan, &train) != SCP_OK,
               "and not in training");
        scp_err_clear();
    }
    small_end(&plain.r);
    small_end(&part.r);
    small_begin(&plain.r, "cpu");
    scp_node *x = scp_input(plain.r.g, "x", SCP_REAL, SCP_SHAPE(B, D));
    scp_steady(plain.r.g, scp_scale(plain.r.g, x, 2));
    tap_ok(scp_graph_status(plain.r.g) != SCP_OK, "an op cannot be said to be steady");
    scp_err_clear();
    small_end(&plain.r);
}

int main(void)
{
    for (int i = 0; scp_backends[i]; i++) {
        const char *why = NULL;
        if (!scp_backends[i]->available || scp_backends[i]->available(&why))
            equal(scp_backends[i]->name);
    }
    counts();
    return tap_done();
}
