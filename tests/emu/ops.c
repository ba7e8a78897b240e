/* Every op of every case of the registry, one call at a time, on the emulated device: forward and
 * backward against ref, which gets the same rounded inputs. argv[1] is the storage of the reals
 * that may be half: fp32, fp16 or bf16.
 *
 * Each tensor of a call has its own memory between guard pages, filled with NaN. Gradients are
 * written once over NaN and once added to what is there (variant 1, which also makes cuBLASLt
 * refuse its epilogues, and gives LINEAR and GATHER the fp32 gradients that parameters have). Every
 * call runs with three orders of threads and blocks, which must give the same bits.
 *
 * tests/backend/cuda_ops.t is this program on a real GPU. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/register.h"
#include "backend/ref/ref_ops.h"
#include "base/mem.h"
#include "base/rng.h"
#include "emu/emu.h"
#include "ops/cases.h"
#include "tap.h"
#include "tensor/graph_add.h"
#include "tensor/half.h"
#include "tensor/plan_impl.h"

/* One tensor of a call: the oracle's doubles (or integers), and its twin on the device. */
typedef struct side {
    void *ref;
    void *dev;
    scp_dtype type; /* on the device */
    size_t n;
} side;

typedef struct trial {
    const scp_node *node;
    scp_device *dev;
    scp_dtype store;
    int variant;
    side in[SCP_MAX_IN], din[SCP_MAX_IN], out, dout, aux, scratch, step;
    scp_call ref, cuda;
    double worst[2]; /* largest error forward, backward           */
    bool same;       /* the same bits in all orders               */
} trial;

enum { ORDERS = 3 };

static size_t bytes_of(const trial *t, const side *s)
{
    return scp_device_bytes(t->dev, s->type, s->n);
}

/* Values of the device's type, from doubles. Returns the bytes, or NULL. */
static void *encode(const trial *t, const side *s, const double *from)
{
    void *host = NULL;
    if (scp_alloc(bytes_of(t, s) + 1, 1, &host) != SCP_OK) return NULL;
    for (size_t i = 0; i < s->n; i++)
        if (s->type == SCP_REAL)
            ((float *)host)[i] = (float)from[i];
        else
            ((uint16_t *)host)[i] = scp_half_bits(s->type, (float)from[i]);
    return host;
}

static scp_status decode(const trial *t, const side *s, double *to)
{
    void *host = NULL;
    SCP_TRY(scp_alloc(bytes_of(t, s) + 1, 1, &host));
    scp_status st = t->dev->backend->read(t->dev, host, s->dev, bytes_of(t, s));
    for (size_t i = 0; i < s->n; i++)
        to[i] = s->type == SCP_REAL ? ((float *)host)[i]
                                    : scp_half_value(s->type, ((uint16_t *)host)[i]);
    free(host);
    return st;
}

/* Round the oracle's values to the device's type, and put them there. */
static scp_status upload(const trial *t, side *s)
{
    double *v = s->ref;
    if (s->type == SCP_I32 || s->type == SCP_U8)
        return t->dev->backend->write(t->dev, s->dev, s->ref, bytes_of(t, s));
    for (size_t i = 0; i < s->n; i++)
        v[i] = s->type == SCP_REAL ? (float)v[i]
                                   : scp_half_value(s->type, scp_half_bits(s->type, (float)v[i]));
    void *host = encode(t, s, v);
    if (!host) return SCP_ENOMEM;
    scp_status st = t->dev->backend->write(t->dev, s->dev, host, bytes_of(t, s));
    free(host);
    return st;
}

/* NaN everywhere: what is not written shows. */
static scp_status poison(const trial *t, const side *s)
{
    void *host = NULL;
    SCP_TRY(scp_alloc(bytes_of(t, s) + 1, 1, &host));
    memset(host, 0xff, bytes_of(t, s));
    scp_status st = t->dev->backend->write(t->dev, s->dev, host, bytes_of(t, s));
    free(host);
    return st;
}

static scp_status make(const trial *t, side *s, scp_dtype type, size_t n, const void *from)
{
    size_t size = type == SCP_I32 ? 4 : type == SCP_U8 ? 1 : 8;
    s->type = type;
    s->n = n;
    SCP_TRY(scp_alloc(n + 1, size, &s->ref));
    if (from) memcpy(s->ref, from, n * size);
    SCP_TRY(scp_device_alloc(t->dev, bytes_of(t, s), &s->dev));
    return from ? upload(t, s) : poison(t, s);
}

static void drop(const trial *t, side *s)
{
    free(s->ref);
    scp_device_release(t->dev, s->dev);
    *s = (side){ 0 };
}

static bool may_be_half(const trial *t, int i)
{
    return t->store != SCP_REAL && (scp_op_table[t->node->op].stored >> i & 1) &&
           t->node->in[i]->dtype == SCP_REAL;
}

/* Storage of input i, and of its gradient. */
static scp_dtype input_type(const trial *t, int i)
{
    if (t->node->in[i]->dtype != SCP_REAL) return t->node->in[i]->dtype;
    if (t->node->op == SCP_OP_GATHER && t->variant) return SCP_REAL;
    return may_be_half(t, i) ? t->store : SCP_REAL;
}
static scp_dtype grad_type(const trial *t, int i)
{
    if (t->node->op == SCP_OP_LINEAR && i == 2) return SCP_REAL; /* a bias is a parameter */
    if (t->variant && (t->node->op == SCP_OP_LINEAR || t->node->op == SCP_OP_GATHER))
        return SCP_REAL;
    return may_be_half(t, i) ? t->store : SCP_REAL;
}

static scp_status fill_random(const trial *t, side *s, uint32_t stream, double scale)
{
    double *v = s->ref;
    scp_rng_fill_normal(7, 100, 0, stream, s->n, v);
    for (size_t i = 0; i < s->n; i++) v[i] *= scale;
    return upload(t, s);
}

static scp_status prepare(trial *t, const scp_plan *plan)
{
    const scp_node *n = t->node;
    const scp_step step = { .seed = 11, .step = 3, .row0 = 5, .train = true };
    scp_dtype out = n->dtype;
    if (out == SCP_REAL && t->store != SCP_REAL && (scp_op_table[n->op].stored & SCP_STORED_OUT))
        out = t->store;
    for (int i = 0; i < n->n_in; i++)
        SCP_TRY(make(t, &t->in[i], input_type(t, i), (size_t)scp_shape_count(&n->in[i]->shape),
                     scp_plan_value(plan, n->in[i])));
    SCP_TRY(make(t, &t->out, out, (size_t)scp_shape_count(&n->shape), NULL));
    if (n->n_aux) SCP_TRY(make(t, &t->aux, SCP_REAL, n->n_aux, NULL));
    if (n->n_scratch) SCP_TRY(make(t, &t->scratch, SCP_REAL, n->n_scratch, NULL));
    SCP_TRY(make(t, &t->step, SCP_U8, sizeof step, &step));
    t->ref = (scp_call){ .node = n,
                         .out = t->out.ref,
                         .aux = t->aux.ref,
                         .scratch = t->scratch.ref,
                         .step = t->step.ref,
                         .train = true };
    t->cuda = (scp_call){ .node = n,
                          .out = t->out.dev,
                          .aux = t->aux.dev,
                          .scratch = t->scratch.dev,
                          .step = t->step.dev,
                          .train = true,
                          .out_type = out,
                          .dev = t->dev };
    for (int i = 0; i < n->n_in; i++) {
        t->ref.in[i] = t->in[i].ref;
        t->cuda.in[i] = t->in[i].dev;
        t->cuda.in_type[i] = t->in[i].type;
        t->cuda.din_type[i] = grad_type(t, i);
    }
    return SCP_OK;
}

/* Too large for a half, on both sides? */
static bool both_overflow(const side *s, double got, double want)
{
    return s->type != SCP_REAL && isinf(got) &&
           scp_half_value(s->type, scp_half_bits(s->type, (float)want)) == (float)got;
}

static double largest(const double *x, size_t n)
{
    double top = 1e-30;
    for (size_t i = 0; i < n; i++) top = fmax(top, fabs(x[i]));
    return top;
}

/* Largest difference over `scale`, but no less than the smallest normal number of fp16; integers
 * must agree. */
static scp_status error_of(const trial *t, const side *s, double scale, double *err)
{
    double *got = NULL, diff = 0;
    if (s->type == SCP_F16) scale = fmax(scale, 0x1p-14);
    const double *want = s->ref;
    SCP_TRY(scp_alloc(s->n + 1, sizeof *got, &got));
    if (s->type == SCP_I32) {
        scp_status st = t->dev->backend->read(t->dev, got, s->dev, bytes_of(t, s));
        *err = memcmp(got, s->ref, s->n * sizeof(int32_t)) ? INFINITY : 0;
        free(got);
        return st;
    }
    scp_status st = decode(t, s, got);
    for (size_t i = 0; i < s->n; i++) {
        if (both_overflow(s, got[i], want[i])) continue;
        diff = isfinite(got[i]) ? fmax(diff, fabs(got[i] - want[i])) : INFINITY;
    }
    *err = diff / scale;
    free(got);
    return st;
}

/* Keep the bits of the first order in *first; compare those of the others with them. */
static scp_status compare_orders(trial *t, const side *s, int order, void **first)
{
    void *host = NULL;
    SCP_TRY(scp_alloc(bytes_of(t, s) + 1, 1, &host));
    scp_status st = t->dev->backend->read(t->dev, host, s->dev, bytes_of(t, s));
    if (order == 0) {
        *first = host;
        return st;
    }
    t->same = t->same && memcmp(*first, host, bytes_of(t, s)) == 0;
    free(host);
    return st;
}

/* The states that BATCHNORM writes: inputs 3 and 4, at most; their values before the call. */
static int states_of(const trial *t)
{
    return t->node->op == SCP_OP_BATCHNORM ? 5 : 3;
}

static scp_status forward(trial *t, const scp_op_impl *ref, const scp_op_impl *cuda)
{
    void *first = NULL;
    scp_status st = SCP_OK;
    for (int order = 0; order < ORDERS; order++) {
        scp_emu_set_order((scp_emu_order)order);
        for (int i = 3; i < states_of(t); i++) SCP_GOTO(done, upload(t, &t->in[i]));
        SCP_GOTO(done, poison(t, &t->out));
        SCP_GOTO(done, cuda->fwd(&t->cuda));
        SCP_GOTO(done, compare_orders(t, &t->out, order, &first));
    }
    SCP_GOTO(done, ref->fwd(&t->ref));
    double err, scale = t->out.type == SCP_I32 ? 1 : largest(t->out.ref, t->out.n);
    SCP_GOTO(done, error_of(t, &t->out, scale, &t->worst[0]));
    for (int i = 3; i < states_of(t); i++) {
        SCP_GOTO(done, error_of(t, &t->in[i], largest(t->in[i].ref, t->in[i].n), &err));
        t->worst[0] = fmax(t->worst[0], err);
    }
done:
    free(first);
    return st;
}

static scp_status refresh_grads(trial *t)
{
    for (int i = 0; i < t->node->n_in; i++) {
        if (!t->ref.din[i]) continue;
        if (t->variant)
            SCP_TRY(fill_random(t, &t->din[i], 300 + (uint32_t)i, 0.1));
        else
            SCP_TRY(poison(t, &t->din[i]));
    }
    return SCP_OK;
}

static scp_status prepare_grads(trial *t)
{
    /* what a loss scale does: gradients of means stay above fp16's subnormals */
    double scale = t->node->shape.n || t->store == SCP_REAL ? 1 : 256;
    SCP_TRY(make(t, &t->dout, t->out.type, t->out.n, NULL));
    SCP_TRY(fill_random(t, &t->dout, 200, scale));
    t->ref.dout = t->dout.ref;
    t->cuda.dout = t->dout.dev;
    for (int i = 0; i < t->node->n_in; i++) {
        if (!scp_node_wants_grad(t->node, i)) continue;
        SCP_TRY(make(t, &t->din[i], grad_type(t, i), t->in[i].n, NULL));
        t->ref.din[i] = t->din[i].ref;
        t->cuda.din[i] = t->din[i].dev;
        t->ref.add[i] = t->cuda.add[i] = t->variant;
    }
    return SCP_OK;
}

/* Largest error of all gradients over the largest value of all: one may be a difference of equals.
 */
static scp_status grad_errors(trial *t)
{
    double scale = 0, err = 0;
    for (int i = 0; i < t->node->n_in; i++)
        if (t->din[i].dev) scale = fmax(scale, largest(t->din[i].ref, t->din[i].n));
    for (int i = 0; i < t->node->n_in; i++) {
        if (!t->din[i].dev) continue;
        SCP_TRY(error_of(t, &t->din[i], scale, &err));
        t->worst[1] = fmax(t->worst[1], err);
    }
    return SCP_OK;
}

static scp_status backward(trial *t, const scp_op_impl *ref, const scp_op_impl *cuda)
{
    void *first[SCP_MAX_IN] = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(prepare_grads(t));
    for (int order = 0; order < ORDERS; order++) {
        scp_emu_set_order((scp_emu_order)order);
        SCP_GOTO(done, refresh_grads(t));
        SCP_GOTO(done, cuda->bwd(&t->cuda));
        for (int i = 0; i < t->node->n_in; i++)
            if (t->din[i].dev) SCP_GOTO(done, compare_orders(t, &t->din[i], order, &first[i]));
    }
    SCP_GOTO(done, ref->bwd(&t->ref));
    SCP_GOTO(done, grad_errors(t));
done:
    for (int i = 0; i < SCP_MAX_IN; i++) free(first[i]);
    return st;
}

static const scp_op_impl *impl_of(const scp_backend *b, scp_op op)
{
    for (size_t k = 0; k < b->n_ops; k++)
        if (b->ops[k]->op == op) return b->ops[k];
    return NULL;
}

/* fp32: 1e-5, or what the case allows cpu where that is more (logits of a hundred). */
static double bound(scp_dtype store, double tol)
{
    tol = fmax(tol, 1e-5);
    return store == SCP_REAL ? tol : scp_case_tol_half(store, tol);
}

static scp_status run_trial(trial *t, const scp_plan *plan)
{
    const scp_op_impl *ref = impl_of(&scp_ref_backend, t->node->op);
    const scp_op_impl *cuda = impl_of(t->dev->backend, t->node->op);
    SCP_ARG(ref && cuda, "op %s is missing", scp_op_table[t->node->op].name);
    scp_emu_refuse_epilogues(t->variant ? ~1u : 0u); /* bit 0 is no epilogue */
    SCP_TRY(prepare(t, plan));
    SCP_TRY(forward(t, ref, cuda));
    return t->node->needs_grad && cuda->bwd ? backward(t, ref, cuda) : SCP_OK;
}

/* One op both ways; worst and same are those of the case so far. */
static void try_node(const scp_plan *plan, const scp_node *node, scp_device *dev, scp_dtype store,
                     int variant, double worst[2], bool *same)
{
    trial t = { .node = node, .dev = dev, .store = store, .variant = variant, .same = true };
    scp_status st = run_trial(&t, plan);
    if (st != SCP_OK) tap_st(st, "%s runs", node->name);
    worst[0] = fmax(worst[0], t.worst[0]);
    worst[1] = fmax(worst[1], t.worst[1]);
    *same = *same && t.same && st == SCP_OK;
    for (int i = 0; i < SCP_MAX_IN; i++) drop(&t, &t.in[i]), drop(&t, &t.din[i]);
    drop(&t, &t.out), drop(&t, &t.dout), drop(&t, &t.aux), drop(&t, &t.scratch), drop(&t, &t.step);
}

static void check(const scp_op_case *oc, scp_device *const dev[2], scp_dtype store)
{
    const char *type = scp_half_name(store);
    scp_case_run *run = NULL;
    double worst[2] = { 0 };
    bool same = true;
    if (tap_st(scp_case_start(oc, "ref", false, &run), "%s builds on ref", oc->name) &&
        tap_st(scp_case_forward(run), "%s runs on ref", oc->name)) {
        const scp_plan *plan = scp_case_plan(run);
        for (size_t i = 0; i <= (size_t)scp_case_result(run)->id; i++) {
            const scp_node *n = scp_graph_node(scp_case_graph(run), i);
            if (scp_plan_is_leaf(n) || n->op == SCP_OP_RESHAPE) continue;
            for (int v = 0; v < 2; v++) try_node(plan, n, dev[v], store, v, worst, &same);
        }
        if (!tap_ok(worst[0] <= bound(store, oc->tol_f32), "%s, %s: forward, cuda equals ref",
                    oc->name, type))
            tap_diag("error %g", worst[0]);
        if (!tap_ok(worst[1] <= bound(store, oc->tol_grad32), "%s, %s: backward, cuda equals ref",
                    oc->name, type))
            tap_diag("error %g", worst[1]);
        tap_ok(same, "%s, %s: the same bits in any order of threads and blocks", oc->name, type);
    }
    scp_case_stop(&run);
}

static void check_all(scp_dtype store, const char *only)
{
    scp_device *dev[2] = { NULL, NULL };
    for (int i = 0; i < 2; i++)
        if (!tap_st(scp_device_open("cuda", &dev[i]), "the emulated device opens")) return;
    for (int i = 0; scp_case_lists[i]; i++)
        for (const scp_op_case *oc = scp_case_lists[i]; oc->name; oc++)
            if (strncmp(oc->name, only, strlen(only)) == 0) check(oc, dev, store);
    for (int i = 0; i < 2; i++) {
        tap_st(scp_device_sync(dev[i]), "no kernel met an index outside its table");
        scp_device_close(&dev[i]);
    }
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "", *why = "";
    if (!scp_cuda_backend.available(&why)) return tap_skip_all(why);
    check_all(SCP_REAL, only);
    check_all(SCP_F16, only);
    check_all(SCP_BF16, only);
    tap_ok(scp_emu_complaints() == 0, "no launch was refused, nothing was written beside a tensor");
    return tap_done();
}
