/* Time of every op case at its bench size on one device, forward and backward.
 *
 * usage: bench_ops [PREFIX]        cases whose names start with PREFIX; all by default
 *
 * stderr gets the table; stdout one line: cases, milliseconds of all forward passes, of all
 * backward passes, peak MiB. A pass is the plan of the case: its ops and the scalar <c, y> that
 * closes it, so small ops pay for that product too. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "ops/cases.h"
#include "timing.h"

enum { MIN_RUNS = 9 };

static const double budget = 0.03; /* seconds per pass, beyond MIN_RUNS */

/* Median seconds of a pass. */
static scp_status time_pass(scp_case_run *run, scp_status (*pass)(scp_case_run *), double *seconds)
{
    double t[TIMING_MAX], begin = scp_clock_seconds();
    size_t n = 0;
    SCP_TRY(pass(run)); /* warm-up */
    while (n < TIMING_MAX && (n < MIN_RUNS || scp_clock_seconds() - begin < budget)) {
        double start = scp_clock_seconds();
        SCP_TRY(pass(run));
        t[n++] = scp_clock_seconds() - start;
    }
    *seconds = timing_median(t, n);
    return SCP_OK;
}

/* Elements of the largest tensor of the case. */
static double elements_of(const scp_case_run *run)
{
    int64_t most = 0;
    for (size_t i = 0; i < scp_graph_size(scp_case_graph(run)); i++) {
        int64_t n = scp_shape_count(&scp_graph_node(scp_case_graph(run), i)->shape);
        if (n > most) most = n;
    }
    return (double)most;
}

static scp_status time_case(const scp_op_case *oc, double *forward, double *backward)
{
    scp_case_run *run = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_case_start_keeping(oc, "cpu", true, &run));
    double back = 0, ahead;
    SCP_GOTO(done, time_pass(run, scp_case_forward, &ahead));
    if (scp_case_has_grad(run)) SCP_GOTO(done, time_pass(run, scp_case_backward, &back));
    fprintf(stderr, "%-26s %11.4f %11.4f %13.3g\n", oc->name, 1e3 * ahead, 1e3 * back,
            elements_of(run) / ahead);
    *forward += ahead;
    *backward += back;
done:
    scp_case_stop(&run);
    return st;
}

int main(int argc, char **argv)
{
    const char *prefix = argc > 1 ? argv[1] : "";
    double forward = 0, backward = 0;
    int n = 0;
    fprintf(stderr, "%-26s %11s %11s %13s\n", "case", "forward ms", "backward ms", "elements/s");
    for (int i = 0; scp_case_lists[i]; i++)
        for (const scp_op_case *oc = scp_case_lists[i]; oc->name; oc++) {
            if (strncmp(oc->name, prefix, strlen(prefix))) continue;
            if (time_case(oc, &forward, &backward) != SCP_OK) {
                fprintf(stderr, "bench_ops: %s\n%s", oc->name, scp_err_chain());
                return 70;
            }
            n++;
        }
    printf("%d %.4f %.4f %.1f\n", n, 1e3 * forward, 1e3 * backward, scp_mem_peak_mib());
    return n ? 0 : 64;
}
