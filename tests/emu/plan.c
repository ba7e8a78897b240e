/* Every case of the registry through a plan on the emulated device, against ref: gradients that add
 * up over several uses, views, and one node as two inputs of an op, in fp32. What a case draws at
 * random it draws with the same bits as cpu. No backward call reads what scp_plan_reads does not
 * name. The calls of a case, recorded and replayed, give the bits of the calls made one by one, in
 * all schedules of the streams: branches of a graph are overtaken both ways. And calls that run as
 * one: which do, and in fp16 and bf16. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dev/stream.h"
#include "emu/emu.h"
#include "ops/cases.h"
#include "tap.h"
#include "tensor/plan_impl.h"

typedef struct result {
    size_t n_y, n_g;
    double *y, *g;
} result;

static scp_status fetch(scp_case_run *run, result *r)
{
    r->n_y = (size_t)scp_shape_count(&scp_case_result(run)->shape);
    r->n_g = scp_params_trainable(scp_case_params(run));
    free(r->y), free(r->g);
    r->y = r->g = NULL;
    SCP_TRY(scp_alloc(r->n_y, sizeof *r->y, &r->y));
    SCP_TRY(scp_alloc(r->n_g + 1, sizeof *r->g, &r->g));
    SCP_TRY(scp_case_fetch(run, r->y));
    if (!scp_case_has_grad(run)) return SCP_OK;
    return scp_params_read_f64(scp_case_params(run), SCP_ARENA_G, 0, r->n_g, r->g);
}

static scp_status run_once(scp_case_run *run, result *r)
{
    SCP_TRY(scp_case_forward(run));
    if (scp_case_has_grad(run)) SCP_TRY(scp_case_backward(run));
    return fetch(run, r);
}

static scp_status run_poisoned(scp_case_run *run, result *r)
{
    SCP_TRY(scp_case_forward(run));
    SCP_TRY(scp_case_poison(run));
    SCP_TRY(scp_case_backward(run));
    return fetch(run, r);
}

static double error_of(const double *a, const double *b, size_t n)
{
    double diff = 0, scale = 1e-30;
    for (size_t i = 0; i < n; i++) {
        diff = isfinite(a[i]) ? fmax(diff, fabs(a[i] - b[i])) : INFINITY;
        scale = fmax(scale, fabs(b[i]));
    }
    return diff / scale;
}

/* Do the first elements of every case's states change with a second run? Only then is replay
 * another computation. */
static bool has_states(const scp_case_run *run)
{
    for (size_t k = 0; k < scp_params_count(scp_case_params(run)); k++)
        if (scp_params_info(scp_case_params(run), k)->state) return true;
    return false;
}

static scp_status enqueue(scp_case_run *run, const scp_step *step)
{
    SCP_TRY(scp_plan_enqueue(scp_case_plan(run), step, true));
    return scp_case_has_grad(run) ? scp_case_backward(run) : SCP_OK;
}

static scp_status replay(scp_case_run *run, result *r)
{
    const scp_step host = { .seed = 11, .step = 3, .row0 = 5, .train = true };
    scp_device *dev = scp_params_device(scp_case_params(run));
    scp_program *program = NULL;
    void *step = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_device_alloc(dev, sizeof host, &step));
    SCP_GOTO(done, dev->backend->write(dev, step, &host, sizeof host));
    SCP_GOTO(done, scp_capture_begin(dev));
    st = enqueue(run, step);
    SCP_KEEP(st, scp_capture_end(dev, &program));
    if (st != SCP_OK) goto done;
    for (int i = 0; i < 2; i++) SCP_GOTO(done, scp_program_launch(dev, program));
    SCP_GOTO(done, scp_device_sync(dev));
    SCP_GOTO(done, fetch(run, r));
done:
    scp_program_destroy(dev, &program);
    scp_device_release(dev, step);
    return st;
}

static void check_reads(const scp_op_case *oc)
{
    scp_case_run *run = NULL;
    result want = { 0 }, got = { 0 };
    if (tap_st(scp_case_start_copied(oc, "cuda", &run), "%s with copied leaves", oc->name) &&
        tap_st(run_once(run, &want), "%s in its own memory", oc->name) &&
        tap_st(run_poisoned(run, &got), "%s without what backward does not read", oc->name))
        tap_ok(memcmp(want.g, got.g, want.n_g * sizeof(double)) == 0, "%s: the same gradients",
               oc->name);
    free(want.y), free(want.g), free(got.y), free(got.g);
    scp_case_stop(&run);
}

static void check(const scp_op_case *oc)
{
    scp_case_run *ref = NULL, *cuda = NULL;
    result want = { 0 }, got = { 0 }, again = { 0 };
    if (tap_st(scp_case_start(oc, "ref", false, &ref), "%s builds on ref", oc->name) &&
        tap_st(run_once(ref, &want), "%s runs on ref", oc->name) &&
        tap_st(scp_case_start(oc, "cuda", false, &cuda), "%s builds on cuda", oc->name) &&
        tap_st(run_once(cuda, &got), "%s runs on cuda", oc->name)) {
        double y = error_of(got.y, want.y, want.n_y), g = error_of(got.g, want.g, want.n_g);
        if (!tap_ok(y <= fmax(oc->tol_f32, 1e-5), "%s: forward, cuda equals ref", oc->name))
            tap_diag("error %g", y);
        if (!tap_ok(g <= fmax(oc->tol_grad32, 1e-5), "%s: backward, cuda equals ref", oc->name))
            tap_diag("error %g", g);
        for (int s = SCP_EMU_LATE; s <= SCP_EMU_RANDOM && !has_states(cuda); s++) {
            scp_emu_set_schedule((scp_emu_schedule)s);
            if (tap_st(replay(cuda, &again), "%s is recorded and replayed", oc->name))
                tap_ok(memcmp(got.y, again.y, got.n_y * sizeof(double)) == 0 &&
                           memcmp(got.g, again.g, got.n_g * sizeof(double)) == 0,
                       "%s: replayed, the same bits, schedule %d", oc->name, s);
        }
        scp_emu_set_schedule(SCP_EMU_LATE);
    }
    if (ref && scp_case_has_grad(ref) && !has_states(ref)) check_reads(oc);
    free(want.y), free(want.g), free(got.y), free(got.g), free(again.y), free(again.g);
    scp_case_stop(&ref);
    scp_case_stop(&cuda);
}

/* Calls of the largest group of a plan. */
static int largest_group(const scp_plan *p)
{
    int most = 0;
    for (size_t i = 0; i < p->n; i++) {
        const scp_slot *s = &p->slot[i];
        int n = 0;
        for (int64_t t = s->first; s->impl && t <= s->last; t++)
            n += p->slot[p->order[t]].impl != NULL;
        most = n > most ? n : most;
    }
    return most;
}

static void check_group(const scp_op_case *oc, int members, scp_dtype store)
{
    const char *name = store == SCP_REAL ? "fp32" : store == SCP_F16 ? "fp16" : "bf16";
    scp_case_run *ref = NULL, *cuda = NULL;
    result want = { 0 }, got = { 0 };
    if (tap_st(scp_case_start_as(oc, "ref", store, &ref), "%s, %s, on ref", oc->name, name) &&
        tap_st(run_once(ref, &want), "runs") &&
        tap_st(scp_case_start_as(oc, "cuda", store, &cuda), "%s, %s, on cuda", oc->name, name) &&
        tap_st(run_once(cuda, &got), "runs")) {
        tap_ok(largest_group(scp_case_plan(ref)) == 1 &&
                   largest_group(scp_case_plan(cuda)) == members,
               "%s, %s: %d calls are one, and none on ref", oc->name, name, members);
        const double bound = store == SCP_REAL ? 1e-5 : scp_case_tol_half(store, 1e-5);
        const double y = error_of(got.y, want.y, want.n_y), g = error_of(got.g, want.g, want.n_g);
        if (!tap_ok(y <= bound && g <= bound, "%s, %s: cuda equals ref", oc->name, name))
            tap_diag("errors %g and %g", y, g);
    }
    free(want.y), free(want.g), free(got.y), free(got.g);
    scp_case_stop(&ref);
    scp_case_stop(&cuda);
}

static void check_groups(void)
{
    static const int members[] = { 4, 4, 1, 3, 3, 2, 2, 1 };
    static const scp_dtype store[] = { SCP_REAL, SCP_F16, SCP_BF16 };
    for (int i = 0; scp_cases_group[i].name; i++)
        for (int s = 0; s < 3; s++) check_group(&scp_cases_group[i], members[i], store[s]);
}

/* A table between products that are one call, and that nobody bound, is found before it is read. */
static void check_unbound(void)
{
    const scp_step step = { .seed = 1 };
    const scp_init init = { SCP_INIT_CONST, 1 };
    scp_device *dev = NULL;
    scp_params *params = NULL;
    scp_graph *g = NULL;
    scp_plan *plan = NULL;
    scp_status st = scp_device_open("cuda", &dev);
    if (st == SCP_OK) st = scp_params_create(dev, 1, &params);
    if (st == SCP_OK) st = scp_graph_create(params, &g);
    if (tap_st(st, "a graph")) {
        scp_node *x = scp_input(g, "x", SCP_REAL, SCP_SHAPE(4, 8)),
                 *q = scp_matmul_t(g, x, scp_param(g, "Q", SCP_SHAPE(8, 8), init)),
                 *e = scp_resident(g, "e", SCP_REAL, SCP_SHAPE(4, 8)),
                 *k = scp_matmul_t(g, e, scp_param(g, "K", SCP_SHAPE(8, 8), init));
        (void)scp_output(g, scp_add(g, q, k));
        if (tap_st(scp_plan_create(g, NULL, NULL, &plan), "its plan")) {
            tap_ok(largest_group(plan) == 2, "two products are one call");
            tap_fails(scp_plan_forward(plan, &step), SCP_EINTERNAL, "table 'e' is not bound",
                      "one of which reads a table that nobody bound");
        }
    }
    scp_plan_destroy(&plan);
    scp_graph_destroy(&g);
    scp_params_destroy(&params);
    scp_device_close(&dev);
}

int main(void)
{
    scp_emu_set_order(SCP_EMU_REVERSE);
    for (int i = 0; scp_case_lists[i]; i++)
        for (const scp_op_case *oc = scp_case_lists[i]; oc->name; oc++) check(oc);
    check_groups();
    check_unbound();
    tap_ok(scp_emu_complaints() == 0, "no launch was refused, nothing was written beside memory");
    return tap_done();
}
