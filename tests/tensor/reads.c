/* scp_plan_reads names every value that a backward call reads: with all others made NaN after the
 * forward pass, every op case has the same gradients, bit by bit, on ref and cpu. (On cuda:
 * tests/emu/plan.c.) */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ops/cases.h"
#include "tap.h"

static scp_status gradients(const scp_op_case *oc, const char *device, bool poison, double **g,
                            size_t *n)
{
    scp_case_run *run = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_case_start_copied(oc, device, &run));
    *n = scp_case_has_grad(run) ? scp_params_trainable(scp_case_params(run)) : 0;
    SCP_GOTO(done, scp_alloc(*n + 1, sizeof **g, g));
    if (!*n) goto done;
    SCP_GOTO(done, scp_case_forward(run));
    if (poison) SCP_GOTO(done, scp_case_poison(run));
    SCP_GOTO(done, scp_case_backward(run));
    SCP_GOTO(done, scp_params_read_f64(scp_case_params(run), SCP_ARENA_G, 0, *n, *g));
done:
    scp_case_stop(&run);
    return st;
}

static void check(const scp_op_case *oc, const char *device)
{
    double *want = NULL, *got = NULL;
    size_t n = 0;
    if (tap_st(gradients(oc, device, false, &want, &n), "%s on %s", oc->name, device) &&
        tap_st(gradients(oc, device, true, &got, &n), "%s on %s, the rest NaN", oc->name, device))
        tap_ok(memcmp(want, got, n * sizeof *want) == 0, "%s on %s: the same gradients", oc->name,
               device);
    free(want);
    free(got);
}

int main(void)
{
    for (int i = 0; scp_case_lists[i]; i++)
        for (const scp_op_case *oc = scp_case_lists[i]; oc->name; oc++) {
            check(oc, "ref");
            check(oc, "cpu");
        }
    return tap_done();
}
