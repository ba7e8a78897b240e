/* Every op case gives the same bits again: a second backward pass overwrites what the first one
 * left, and on cpu the number of threads does not matter, at test size (odd shapes, small loops)
 * and at bench size (where the loops and the matrix products do share the work). */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ops/cases.h"
#include "tap.h"

typedef struct result {
    size_t n_y, n_g;
    double *y, *g;
} result;

static scp_status run_case(const scp_op_case *oc, const char *device, bool bench, int threads,
                           int backward_passes, result *r)
{
    scp_case_run *run = NULL;
    scp_status st = SCP_OK;
    omp_set_num_threads(threads);
    SCP_GOTO(done, scp_case_start_keeping(oc, device, bench, &run));
    r->n_y = (size_t)scp_shape_count(&scp_case_result(run)->shape);
    r->n_g = scp_params_trainable(scp_case_params(run));
    SCP_GOTO(done, scp_alloc(r->n_y, sizeof *r->y, &r->y));
    SCP_GOTO(done, scp_alloc(r->n_g, sizeof *r->g, &r->g));
    SCP_GOTO(done, scp_case_forward(run));
    SCP_GOTO(done, scp_case_fetch(run, r->y));
    if (!scp_case_has_grad(run)) goto done;
    for (int i = 0; i < backward_passes; i++) SCP_GOTO(done, scp_case_backward(run));
    SCP_GOTO(done, scp_params_read_f64(scp_case_params(run), SCP_ARENA_G, 0, r->n_g, r->g));
done:
    scp_case_stop(&run);
    return st;
}

static void check(const scp_op_case *oc, const char *device, bool bench, int threads)
{
    result once = { 0 }, again = { 0 };
    const char *size = bench ? "bench" : "test";
    if (tap_st(run_case(oc, device, bench, 1, 1, &once), "%s on %s, %s size", oc->name, device,
               size) &&
        tap_st(run_case(oc, device, bench, threads, 2, &again),
               "%s on %s, %s size, again with %d threads", oc->name, device, size, threads)) {
        tap_ok(memcmp(once.y, again.y, once.n_y * sizeof *once.y) == 0, "%s on %s: the same values",
               oc->name, device);
        tap_ok(memcmp(once.g, again.g, once.n_g * sizeof *once.g) == 0,
               "%s on %s: the same gradients", oc->name, device);
    }
    free(once.y), free(once.g), free(again.y), free(again.g);
}

int main(void)
{
    omp_set_dynamic(0);
    for (int i = 0; scp_case_lists[i]; i++)
        for (const scp_op_case *oc = scp_case_lists[i]; oc->name; oc++) {
            check(oc, "ref", false, 1);
            check(oc, "cpu", false, 3);
            check(oc, "cpu", true, 2);
        }
    return tap_done();
}
