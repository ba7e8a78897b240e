/* The cpu backend gives the same bits on any number of threads: every op case at test size (small
 * loops, odd shapes) and at bench size (where the loops and the matrix library do share the work). */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ops/cases.h"
#include "tap.h"

/* Value and gradients of a case as one array of n floats, owned by the caller. */
static scp_status run_with(const scp_op_case *oc, bool bench, int threads, float **out, size_t *n)
{
    scp_case_run *run = NULL;
    scp_status st = SCP_OK;
    omp_set_num_threads(threads);
    SCP_TRY(scp_case_start(oc, "cpu", bench, &run));
    scp_params *p = scp_case_params(run);
    size_t count = (size_t)scp_shape_count(&scp_case_result(run)->shape), trainable = scp_params_trainable(p);
    double *y = NULL;
    *n = count + trainable;
    SCP_GOTO(done, scp_alloc(*n, sizeof **out, out));
    SCP_GOTO(done, scp_alloc(count, sizeof *y, &y));
    SCP_GOTO(done, scp_case_forward(run));
    SCP_GOTO(done, scp_case_fetch(run, y));
    for (size_t i = 0; i < count; i++) (*out)[i] = (float)y[i];
    if (!scp_case_has_grad(run)) goto done;
    SCP_GOTO(done, scp_case_backward(run));
    SCP_GOTO(done, scp_params_read_f32(p, SCP_ARENA_G, 0, trainable, *out + count));
done:
    free(y);
    scp_case_stop(&run);
    return st;
}

static void check(const scp_op_case *oc, bool bench)
{
    static const int threads[] = { 2, 3 };
    const char *size = bench ? "bench" : "test";
    float *one = NULL;
    size_t n = 0, m = 0;
    if (!tap_st(run_with(oc, bench, 1, &one, &n), "%s at %s size on 1 thread", oc->name, size)) return;
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        float *many = NULL;
        if (tap_st(run_with(oc, bench, threads[i], &many, &m), "%s runs on %d threads", oc->name, threads[i]))
            tap_ok(n == m && memcmp(one, many, n * sizeof *one) == 0,
                   "%s at %s size: %d threads give the bits of 1", oc->name, size, threads[i]);
        free(many);
    }
    free(one);
}

int main(int argc, char **argv)
{
    for (int i = 0; scp_case_lists[i]; i++)
        for (const scp_op_case *oc = scp_case_lists[i]; oc->name; oc++)
            for (int bench = 0; bench < 2; bench++)
                if (argc < 2 || strncmp(oc->name, argv[1], strlen(argv[1])) == 0) check(oc, bench);
    return tap_done();
}
