/* Reuse of memory in a plan: losses and gradients of whole models have the same bits with and
 * without it, on every backend of this build, in fp32 and in mixed precision. The bytes stay near a
 * bound that is found in another way, by counting the uses of what lies in memory through a step.
 * And what the reuse forbids is refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/toy.h"
#include "ops/small_run.h"
#include "tap.h"
#include "tensor/graph_add.h"
#include "tensor/plan_impl.h"

typedef struct result {
    double loss[2], *g;
    size_t n;
} result;

typedef scp_status (*start_fn)(toy *t, const char *device, const screen_size *size, int64_t B,
                               const char *const *base, const char *const *extra, scp_dtype store);

static scp_status vae_as(toy *t, const char *device, const screen_size *size, int64_t B,
                         const char *const *base, const char *const *extra, scp_dtype store)
{
    (void)store;
    return toy_vae(t, device, size, B, base, extra);
}

/* Two steps, the second over what the first left in memory. */
static scp_status two_steps(start_fn start, const char *device, scp_dtype store, bool keep,
                            result *r)
{
    static const screen_size size = { .lines = 3, .drugs = 5, .genes = 40, .seed = 2 };
    toy t = { 0 };
    scp_status st = SCP_OK;
    if (keep) setenv("SCPPDM_REUSE", "no", 1);
    st = start(&t, device, &size, 6, toy_tiny, NULL, store);
    unsetenv("SCPPDM_REUSE");
    SCP_GOTO(done, st);
    SCP_GOTO(done, toy_shake(&t, 0.1));
    if (store != SCP_REAL) SCP_GOTO(done, scp_params_half_refresh(t.params));
    r->n = scp_params_trainable(t.params);
    SCP_GOTO(done, scp_alloc(r->n, sizeof *r->g, &r->g));
    for (int i = 0; i < 2; i++) {
        SCP_GOTO(done, toy_gradient(&t, &r->loss[i], r->g));
        SCP_GOTO(done, scp_plan_fetch_f64(t.plan, t.loss, &r->loss[i])); /* still there */
        t.step.step++;
    }
done:
    toy_stop(&t);
    return st;
}

static void equal(const char *what, start_fn start, const char *device, scp_dtype store)
{
    result apart = { 0 }, reused = { 0 };
    if (tap_st(two_steps(start, device, store, true, &apart), "%s on %s", what, device) &&
        tap_st(two_steps(start, device, store, false, &reused), "%s on %s, memory reused", what,
               device))
        tap_ok(!memcmp(apart.loss, reused.loss, sizeof apart.loss) && apart.loss[0] > 0 &&
                   apart.loss[0] != apart.loss[1] &&
                   !memcmp(apart.g, reused.g, apart.n * sizeof *apart.g),
               "%s on %s: the same bits", what, device);
    free(apart.g);
    free(reused.g);
}

/* What is in memory while the calls of a step go by. */
typedef struct census {
    const scp_plan *p;
    int *uses; /* reads of a value that are to come, by root */
    double now, most;
} census;

static double value_bytes(const census *c, int root)
{
    const scp_node *n = scp_graph_node(c->p->g, (size_t)root);
    double bytes =
        (double)scp_device_bytes(c->p->dev, n->dtype, (size_t)scp_shape_count(&n->shape));
    return scp_plan_is_leaf(n) ? 0 : ceil(bytes / 64) * 64;
}

static double real_bytes(const census *c, size_t n)
{
    return ceil((double)scp_device_bytes(c->p->dev, SCP_REAL, n) / 64) * 64;
}

static void hold(census *c, double bytes)
{
    c->now += bytes;
    c->most = fmax(c->most, c->now);
}

static void used(census *c, int root)
{
    if (--c->uses[root] == 0) c->now -= value_bytes(c, root);
}

/* The reads of one call: forward all inputs, backward what the op's row says. `count` them, or live
 * through them. */
static void reads(census *c, const scp_node *n, bool backward, bool count)
{
    for (int k = 0; k <= SCP_MAX_IN; k++) {
        if (k >= n->n_in && k < SCP_MAX_IN) continue;
        if (backward ? !scp_plan_reads(n, k) : k == SCP_MAX_IN) continue;
        const int root = k == SCP_MAX_IN ? n->id : c->p->slot[n->in[k]->id].root;
        if (count)
            c->uses[root]++;
        else
            used(c, root);
    }
}

static void count_uses(census *c)
{
    for (size_t i = 0; i < c->p->n; i++) {
        const scp_node *n = scp_graph_node(c->p->g, i);
        if (!c->p->slot[i].live) continue;
        reads(c, n, false, true);
        if (scp_plan_runs_backward(c->p, n)) reads(c, n, true, true);
        if (n->output || n == c->p->loss) c->uses[c->p->slot[i].root]++; /* never used up */
    }
}

static void forward(census *c)
{
    for (size_t i = 0; i < c->p->n; i++) {
        const scp_node *n = scp_graph_node(c->p->g, i);
        if (!c->p->slot[i].live) continue;
        if (c->p->slot[i].root == n->id) hold(c, value_bytes(c, n->id));
        hold(c, real_bytes(c, n->n_aux) + real_bytes(c, n->n_scratch));
        c->now -= real_bytes(c, n->n_scratch);
        if (!scp_plan_runs_backward(c->p, n)) c->now -= real_bytes(c, n->n_aux);
        reads(c, n, false, false);
    }
}

/* Gradients are there from the first call that writes them to the call that takes them. */
static void backward(census *c, bool *written)
{
    for (size_t i = c->p->n; i-- > 0;) {
        const scp_node *n = scp_graph_node(c->p->g, i);
        if (!scp_plan_runs_backward(c->p, n)) continue;
        for (int k = 0; k < n->n_in; k++) {
            const int root = c->p->slot[n->in[k]->id].root;
            if (!scp_node_wants_grad(n, k) || written[root]) continue;
            written[root] = true;
            hold(c, value_bytes(c, root));
        }
        hold(c, real_bytes(c, n->n_scratch));
        c->now -= real_bytes(c, n->n_scratch) + real_bytes(c, n->n_aux);
        reads(c, n, true, false);
        if (!n->output && n != c->p->loss) c->now -= value_bytes(c, n->id);
    }
}

/* The most that is in memory at once, beside inputs: no placement can do with less. */
static double bound(const scp_plan *p)
{
    census c = { .p = p };
    bool *written = NULL;
    if (scp_alloc(p->n, sizeof *c.uses, &c.uses) == SCP_OK &&
        scp_alloc(p->n, sizeof *written, &written) == SCP_OK) {
        count_uses(&c);
        forward(&c);
        if (p->loss) {
            written[p->slot[p->loss->id].root] = true;
            hold(&c, 64);
            backward(&c, written);
        }
    }
    free(c.uses);
    free(written);
    return c.most + (double)p->feed_bytes;
}

static bool aligned(const scp_plan *p)
{
    bool all = true;
    for (size_t i = 0; i < p->n; i++) {
        const scp_slot *s = &p->slot[i];
        const int64_t at[] = { s->value, s->grad, s->aux, s->scratch[0], s->scratch[1] };
        for (size_t k = 0; k < sizeof at / sizeof at[0]; k++)
            all = all && (at[k] == SCP_PLAN_NONE || at[k] % 64 == 0);
    }
    return all;
}

static void near_the_bound(const char *what, scp_graph *g, scp_node *loss, double share)
{
    scp_plan *p = NULL;
    if (tap_st(scp_plan_create(g, loss, NULL, &p), "a plan of the %s", what)) {
        const double bytes = (double)scp_plan_bytes(p), least = bound(p),
                     apart = (double)scp_plan_bytes_apart(p);
        tap_ok(bytes >= least && bytes <= 1.05 * least, "%s: %.1f MB, at most 5 %% above %.1f",
               what, bytes / 1e6, least / 1e6);
        tap_ok(bytes < share * apart, "%s: below %g of the %.1f MB without reuse", what, share,
               apart / 1e6);
        tap_ok(aligned(p), "%s: everything begins at 64 bytes", what);
    }
    scp_plan_destroy(&p);
}

static void sizes(void)
{
    enum { B = 256, P = 2000, N = 2000, G = 2000 };
    scp_method m = { 0 };
    small_run r = { 0 };
    scp_train_nodes o;
    scp_vae_nodes v;
    scp_status st = scp_conf_defaults(scp_method_groups, &m);
    const scp_train_sizes s = {
        .B = B, .K = m.diffusion.negatives, .P = P, .N = N, .G = G, .n_drugs = 50
    };
    if (!tap_st(st, "the method's defaults")) return;
    small_begin(&r, "cpu");
    if (tap_st(r.st, "a graph")) {
        scp_method_build_train(r.g, &m, &s, &o);
        near_the_bound("denoiser", r.g, o.loss, 0.7);
        scp_graph_destroy(&r.g);
    }
    small_end(&r);
    small_begin(&r, "cpu");
    if (tap_st(r.st, "a graph")) {
        scp_vae_build_train(r.g, &m.vae, P, G, B, &v);
        near_the_bound("autoencoder", r.g, v.loss, 0.7);
    }
    small_end(&r);
    scp_conf_fini(scp_method_groups, &m);
}

enum { ROWS = 64, WIDTH = 48 };

/* Without a backward pass: with late = W x, other = V x and sum = silu(late) + other, the result is
 * sum * (W sum) - late + other. Four places are enough. W sum is written while all others are read
 * later, sum, which took the place of silu(late), too. */
static scp_status predicted(const char *device, bool keep, double *y, double *bytes)
{
    small_run r = { 0 };
    double x[ROWS * WIDTH];
    const scp_init init = { SCP_INIT_UNIFORM, 0.5 };
    for (int i = 0; i < ROWS * WIDTH; i++) x[i] = (i % 11 - 5) / 3.0;
    if (keep) setenv("SCPPDM_REUSE", "no", 1);
    small_begin(&r, device);
    scp_node *in = scp_input(r.g, "x", SCP_REAL, SCP_SHAPE(ROWS, WIDTH));
    scp_node *W = scp_param(r.g, "W", SCP_SHAPE(WIDTH, WIDTH), init);
    scp_node *late = scp_matmul_t(r.g, in, W);
    scp_node *other = scp_matmul_t(r.g, in, scp_param(r.g, "V", SCP_SHAPE(WIDTH, WIDTH), init));
    scp_node *sum = scp_add(r.g, scp_act_fn(r.g, late, SCP_ACT_SILU), other);
    scp_node *product = scp_mul(r.g, sum, scp_matmul_t(r.g, sum, W));
    scp_node *out = scp_output(r.g, scp_add(r.g, scp_sub(r.g, product, late), other));
    scp_status st = small_plan(&r, NULL, NULL);
    unsetenv("SCPPDM_REUSE");
    SCP_GOTO(done, st);
    SCP_GOTO(done, small_feed(&r, "x", x));
    SCP_GOTO(done, small_forward(&r, false));
    SCP_GOTO(done, scp_plan_fetch_f64(r.plan, out, y));
    *bytes = (double)scp_plan_bytes(r.plan) - (double)r.plan->feed_bytes;
done:
    small_end(&r);
    return st;
}

static void in_place(const char *device, bool host)
{
    double apart[ROWS * WIDTH], placed[ROWS * WIDTH], bytes[2];
    const double one = ROWS * WIDTH * (strcmp(device, "ref") == 0 ? 8 : 4);
    if (!tap_st(predicted(device, true, apart, &bytes[0]), "a prediction on %s", device) ||
        !tap_st(predicted(device, false, placed, &bytes[1]), "again, memory reused"))
        return;
    tap_ok(!memcmp(apart, placed, sizeof apart) && fabs(apart[5]) > 1e-6, "%s: the same bits",
           device);
    if (host)
        tap_ok(bytes[0] >= 8 * one && bytes[1] >= 4 * one && bytes[1] < 4.2 * one,
               "%s: results take the place of what is read no more: %.1f values, %.1f without",
               device, bytes[1] / one, bytes[0] / one);
}

static void refusals(void)
{
    static const screen_size size = { .lines = 3, .drugs = 5, .genes = 40, .seed = 2 };
    toy t = { 0 };
    double loss, mu[16 * 6];
    setenv("SCPPDM_REUSE", "off", 1);
    tap_fails(toy_vae(&t, "cpu", &size, 6, toy_tiny, NULL), SCP_EUSAGE, "yes or no",
              "SCPPDM_REUSE=off");
    unsetenv("SCPPDM_REUSE");
    toy_stop(&t);
    t = (toy){ 0 };
    if (tap_st(toy_vae(&t, "cpu", &size, 6, toy_tiny, NULL), "an autoencoder") &&
        tap_st(toy_forward(&t, &loss), "forward") &&
        tap_st(scp_plan_backward(t.plan), "backward")) {
        tap_ok(scp_plan_backward(t.plan) != SCP_OK &&
                   strstr(scp_err_chain(), "before every backward"),
               "a second backward pass without a forward pass is refused");
        scp_err_clear();
        tap_ok(scp_plan_fetch_f64(t.plan, t.vae.kl->in[0], mu) == SCP_EINTERNAL &&
                   strstr(scp_err_chain(), "scp_output"),
               "and so is reading what is no output");
        scp_err_clear();
        tap_ok(scp_plan_memory(t.plan, t.vae.kl->in[0]) == NULL, "which has no address either");
    }
    toy_stop(&t);
}

int main(void)
{
    const scp_dtype store[] = { SCP_REAL, SCP_F16, SCP_BF16 };
    for (int i = 0; scp_backends[i]; i++) {
        const char *name = scp_backends[i]->name, *why = NULL;
        if (scp_backends[i]->available && !scp_backends[i]->available(&why)) continue;
        for (int k = 0; k < 3; k++) equal("denoiser", toy_denoiser_as, name, store[k]);
        equal("autoencoder", vae_as, name, SCP_REAL);
        in_place(name, scp_backends[i]->host);
    }
    sizes();
    refusals();
    return tap_done();
}
