/* The list of a step's calls that bench/gpu/run writes (bench/gpu/gpu_list.h), of the emulated
 * device: its schema; that it has every launch of the step, and the bytes and operations of a
 * product, of a table's rows and of the update in closed form; times of a device, none without. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "emu/emu.h"
#include "gpu/gpu_list.h"
#include "tap.h"

enum { GENES = 40 };

/* Written and read again. */
static scp_status parse(const gpu_list *l, scp_json **out)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    if (!f) SCP_FAIL(SCP_ENOMEM, "no memory");
    gpu_list_json(l, f);
    fclose(f);
    scp_status st = scp_json_parse(text, len, "list", out);
    free(text);
    return st;
}

static double real(const scp_json *o, const char *key)
{
    double x = NAN;
    if (scp_json_as_real(scp_json_get(o, key), key, &x) != SCP_OK) scp_err_clear();
    return x;
}

static const char *text(const scp_json *o, const char *key)
{
    const char *s = "";
    if (scp_json_as_text(scp_json_get(o, key), key, &s) != SCP_OK) scp_err_clear();
    return s;
}

static bool is_kernel(const scp_json *k)
{
    const scp_json *grid = scp_json_get(k, "grid");
    const bool own = scp_json_kind_of(scp_json_get(k, "block")) == SCP_JSON_INT;
    if (!*text(k, "name") || scp_json_count(k) != 3) return false;
    return own ? scp_json_count(grid) == 2 && real(k, "block") >= 1
               : scp_json_kind_of(grid) == SCP_JSON_NULL;
}

static bool is_row(const scp_json *r, bool timed)
{
    const scp_json *kernels = scp_json_get(r, "kernels"), *us = scp_json_get(r, "us");
    const bool time = scp_json_kind_of(us) == SCP_JSON_NULL
                          ? !timed || !strcmp(text(r, "op"), "step")
                          : timed && real(r, "us") > 0;
    bool good = time && scp_json_count(r) == 9 && *text(r, "op") && *text(r, "pass") &&
                scp_json_kind_of(scp_json_get(r, "shape")) == SCP_JSON_TEXT &&
                real(r, "calls") >= 1 && real(r, "bytes") >= 0 && real(r, "flops") >= 0 &&
                scp_json_count(kernels) >= 1 &&
                real(r, "launches") >= (double)scp_json_count(kernels);
    for (size_t i = 0; i < scp_json_count(kernels); i++)
        good = good && is_kernel(scp_json_at(kernels, i));
    return good;
}

static void check_schema(const gpu_list *l, bool timed, const char *what)
{
    scp_json *root = NULL;
    double launches = 0, bytes = 0, flops = 0;
    bool good = true;
    if (!tap_st(parse(l, &root), "%s: JSON", what)) return;
    const scp_json *calls = scp_json_get(root, "calls");
    for (size_t i = 0; i < scp_json_count(calls); i++) {
        const scp_json *r = scp_json_at(calls, i);
        if (!is_row(r, timed)) tap_diag("row %zu, %s %s", i, text(r, "op"), text(r, "pass"));
        good = good && is_row(r, timed);
        launches += real(r, "launches");
        bytes += real(r, "calls") * real(r, "bytes");
        flops += real(r, "calls") * real(r, "flops");
    }
    tap_ok(good && scp_json_count(calls) > 20 && scp_json_count(root) == 4,
           "%s: every row has what the contract names", what);
    tap_ok(launches == real(root, "launches") &&
               fabs(bytes - real(root, "bytes")) <= 1e-9 * bytes && flops == real(root, "flops"),
           "%s: rows add up to the step", what);
    scp_json_destroy(&root);
}

static const gpu_row *find(const gpu_list *l, const char *op, const char *pass)
{
    for (size_t i = 0; i < l->rows; i++)
        if (!strcmp(l->row[i].op, op) && !strcmp(l->row[i].pass, pass) && !l->row[i].group)
            return &l->row[i];
    return NULL;
}

static void check_work(const gpu_step *b, const gpu_list *l)
{
    const gpu_row *product = find(l, "linear", "forward"), *update = find(l, "step", "update");
    if (tap_ok(product && update, "products and the update are listed")) {
        const scp_node *n = product->call[0].node;
        const double R = (double)scp_shape_rows(&n->shape), O = (double)scp_shape_last(&n->shape),
                     I = (double)scp_shape_last(&n->in[0]->shape);
        const double biased = n->n_in > 2 ? O : 0;
        tap_ok(product->flops == 2 * R * I * O &&
                   product->bytes == 4 * (R * I + I * O + R * O + biased),
               "a product of [%g, %g] and [%g, %g]", R, I, I, O);
        tap_ok(update->kernels >= 2 && update->kernels <= 3 &&
                   update->bytes == 41.0 * (double)scp_params_trainable(b->t.params),
               "the update is %d kernels over all weights", update->kernels);
    }
}

/* Kernels that the emulator ran in the step are those of the list. */
static void check_all_seen(gpu_step *b, const gpu_list *l)
{
    scp_stepper *s = NULL;
    scp_step_state state;
    int others = 0; /* products and memsets are no kernels of the emulator */
    for (size_t i = 0; i < l->rows; i++)
        for (int k = 0; k < l->row[i].kernels; k++)
            if (!l->row[i].kernel[k].block) others += l->row[i].calls;
    const scp_job job = gpu_step_job(b, true);
    scp_status st = scp_stepper_create(&job, &s);
    if (st == SCP_OK) st = scp_stepper_run(s, 0, 1);
    if (st == SCP_OK) st = scp_stepper_look(s, &state);
    const long before = scp_emu_launches();
    if (st == SCP_OK) st = scp_stepper_run(s, 1, 1);
    if (st == SCP_OK) st = scp_stepper_look(s, &state);
    if (tap_st(st, "another step"))
        tap_ok(scp_emu_launches() - before == l->launches - others,
               "has the kernels of the list: %ld", scp_emu_launches() - before);
    scp_stepper_destroy(&s);
}

/* Recorded, the parameters' gradients are branches beside the chain of the others. */
static void check_branches(gpu_step *b, const gpu_list *l)
{
    scp_stepper *s = NULL;
    scp_step_state state;
    const scp_job job = gpu_step_job(b, false);
    scp_status st = scp_stepper_create(&job, &s);
    for (int i = 0; i < 2 && st == SCP_OK; i++) st = scp_stepper_run(s, i, 1);
    if (st == SCP_OK) st = scp_stepper_look(s, &state);
    if (tap_st(st, "a recorded step")) {
        tap_ok(scp_stepper_calls(s) == (size_t)l->launches, "holds the launches of the list: %zu",
               scp_stepper_calls(s));
        tap_ok(scp_emu_longest_chain() < 4 * (size_t)l->launches / 5,
               "of which no more than %zu wait for each other", scp_emu_longest_chain());
    }
    scp_stepper_destroy(&s);
}

int main(void)
{
    static gpu_step b;
    static gpu_list l;
    setenv("SCP_EMU_DRY", "1", 1);
    if (tap_st(gpu_step_begin(&b, GENES, SCP_REAL, NULL), "a model on the emulated device") &&
        tap_st(gpu_list_begin(&b, &l), "the calls of its step")) {
        check_schema(&l, false, "not timed");
        check_work(&b, &l);
        if (tap_st(gpu_list_time(&b, &l), "and their times")) check_schema(&l, true, "timed");
        gpu_list_end(&b);
        if (tap_st(gpu_step_replan(&b), "the backend's own table again")) {
            check_all_seen(&b, &l);
            check_branches(&b, &l);
        }
    }
    gpu_list_end(&b);
    gpu_step_end(&b);
    return tap_done();
}
