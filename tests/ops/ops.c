/* Every op case: a device against ref, forward and backward; ref's gradient against central
 * differences; products also in fp16 and bf16. The device is cpu, or $SCP_TEST_DEVICE (cuda), which
 * leaves the differences out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ops/cases.h"
#include "tap.h"
#include "tensor/half.h"

enum { MAX_PROBES = 24 }; /* elements of a parameter that are perturbed */

static const char *device = "cpu";

/* Largest difference over the largest value. */
static double error_of(const double *a, const double *b, size_t n)
{
    double diff = 0, scale = 1e-30;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i])) return INFINITY;
        diff = fmax(diff, fabs(a[i] - b[i]));
        scale = fmax(scale, fabs(b[i]));
    }
    return diff / scale;
}

/* Forward, backward; value and gradients as doubles, owned by the caller. */
static scp_status evaluate(scp_case_run *run, double **y, double **g)
{
    scp_node *n = scp_case_result(run);
    size_t trainable = scp_params_trainable(scp_case_params(run));
    SCP_TRY(scp_alloc((size_t)scp_shape_count(&n->shape), sizeof **y, y));
    SCP_TRY(scp_alloc(trainable, sizeof **g, g));
    SCP_TRY(scp_case_forward(run));
    SCP_TRY(scp_case_fetch(run, *y));
    if (!scp_case_has_grad(run)) return SCP_OK;
    SCP_TRY(scp_case_backward(run));
    return scp_params_read_f64(scp_case_params(run), SCP_ARENA_G, 0, trainable, *g);
}

/* A GPU sums in another order, over the lanes of a warp: 1e-5 where the cpu has less. */
static double bound(double tol)
{
    return strncmp(device, "cuda", 4) == 0 ? fmax(tol, 1e-5) : tol;
}

static void parity(const scp_op_case *oc, const double *y_ref, const double *g_ref)
{
    scp_case_run *run = NULL;
    double *y = NULL, *g = NULL;
    if (tap_st(scp_case_start(oc, device, false, &run), "%s builds on %s", oc->name, device) &&
        tap_st(evaluate(run, &y, &g), "%s runs on %s", oc->name, device)) {
        size_t n = (size_t)scp_shape_count(&scp_case_result(run)->shape);
        double err = error_of(y, y_ref, n);
        if (!tap_ok(err <= bound(oc->tol_f32), "%s: forward, %s equals ref", oc->name, device))
            tap_diag("error %g", err);
        err = error_of(g, g_ref, scp_params_trainable(scp_case_params(run)));
        if (!tap_ok(err <= bound(oc->tol_grad32), "%s: backward, %s equals ref", oc->name, device))
            tap_diag("error %g", err);
    }
    free(y);
    free(g);
    scp_case_stop(&run);
}

/* Mixed precision on both sides: what is in half is rounded alike, sums are fp32 on the device. */
static void parity_half(const scp_op_case *oc, scp_dtype store)
{
    const char *const where[] = { "ref", device }, *type = scp_half_name(store);
    scp_case_run *run[2] = { NULL, NULL };
    double *y[2] = { NULL, NULL }, *g[2] = { NULL, NULL };
    scp_status st = SCP_OK;
    for (int i = 0; i < 2 && st == SCP_OK; i++) {
        st = scp_case_start_as(oc, where[i], store, &run[i]);
        if (st == SCP_OK) st = evaluate(run[i], &y[i], &g[i]);
    }
    if (tap_st(st, "%s, %s: runs on ref and %s", oc->name, type, device)) {
        const size_t n = (size_t)scp_shape_count(&scp_case_result(run[1])->shape);
        const double err = error_of(y[1], y[0], n);
        if (!tap_ok(err <= scp_case_tol_half(store, oc->tol_f32), "%s, %s: forward, %s equals ref",
                    oc->name, type, device))
            tap_diag("error %g", err);
        const double grad = error_of(g[1], g[0], scp_params_trainable(scp_case_params(run[1])));
        if (!tap_ok(grad <= scp_case_tol_half(store, oc->tol_grad32),
                    "%s, %s: backward, %s equals ref", oc->name, type, device))
            tap_diag("error %g", grad);
    }
    for (int i = 0; i < 2; i++) {
        free(y[i]);
        free(g[i]);
        scp_case_stop(&run[i]);
    }
}

static scp_status probe(scp_case_run *run, size_t at, double h, double *slope)
{
    scp_params *p = scp_case_params(run);
    double w, loss[2], moved;
    SCP_TRY(scp_params_read_f64(p, SCP_ARENA_W, at, 1, &w));
    for (int side = 0; side < 2; side++) {
        moved = w + (side ? h : -h);
        SCP_TRY(scp_params_write_f64(p, SCP_ARENA_W, at, 1, &moved));
        SCP_TRY(scp_case_forward(run));
        SCP_TRY(scp_case_loss(run, &loss[side]));
    }
    *slope = (loss[1] - loss[0]) / (2 * h);
    return scp_params_write_f64(p, SCP_ARENA_W, at, 1, &w);
}

/* Error of the gradient of one parameter tensor, relative to its largest element. */
static double fd_error(scp_case_run *run, const scp_param_info *info, const double *g)
{
    double diff = 0, scale = 1e-6, slope = 0;
    size_t step = info->count > MAX_PROBES ? info->count / MAX_PROBES : 1;
    for (size_t i = 0; i < info->count; i++) scale = fmax(scale, fabs(g[info->offset + i]));
    for (size_t i = 0; i < info->count; i += step) {
        if (probe(run, info->offset + i, 1e-5, &slope) != SCP_OK) return INFINITY;
        diff = fmax(diff, fabs(slope - g[info->offset + i]));
    }
    return diff / scale;
}

static void check(const scp_op_case *oc)
{
    scp_case_run *run = NULL;
    double *y = NULL, *g = NULL;
    const bool differences = strcmp(device, "cpu") == 0;
    if (tap_st(scp_case_start(oc, "ref", false, &run), "%s builds on ref", oc->name) &&
        tap_st(evaluate(run, &y, &g), "%s runs on ref", oc->name)) {
        scp_params *p = scp_case_params(run);
        for (size_t k = 0; differences && oc->tol_fd > 0 && k < scp_params_count(p); k++) {
            const scp_param_info *info = scp_params_info(p, k);
            if (info->state) continue;
            double err = fd_error(run, info, g);
            if (!tap_ok(err <= oc->tol_fd, "%s: gradient of %s against finite differences",
                        oc->name, info->name))
                tap_diag("error %g", err);
        }
        parity(oc, y, g);
    }
    free(y);
    free(g);
    scp_case_stop(&run);
}

int main(int argc, char **argv)
{
    scp_device *dev = NULL;
    if (getenv("SCP_TEST_DEVICE")) device = getenv("SCP_TEST_DEVICE");
    if (scp_device_open(device, &dev) != SCP_OK) return tap_skip_all(scp_err_message());
    scp_device_close(&dev);
    for (int i = 0; scp_case_lists[i]; i++)
        for (const scp_op_case *oc = scp_case_lists[i]; oc->name; oc++)
            if (argc < 2 || !__builtin_strncmp(oc->name, argv[1], __builtin_strlen(argv[1])))
                check(oc);
    for (const scp_op_case *oc = scp_cases_linear; oc->name; oc++) {
        parity_half(oc, SCP_F16);
        parity_half(oc, SCP_BF16);
    }
    return tap_done();
}
