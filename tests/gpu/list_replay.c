/* The calls that bench/gpu/gpu_list.h notes can be made again while the list is open: what they
 * read, the step in device memory among it, is there. The kernels run, of a small model. */
#include "emu/emu.h"
#include "gpu/gpu_list.h"
#include "tap.h"

enum { GENES = 4 };

static scp_status call_again(gpu_step *b, const gpu_row *r)
{
    SCP_TRY(gpu_list_again(r));
    return scp_device_sync(b->t.dev);
}

int main(void)
{
    static gpu_step b;
    static gpu_list l;
    size_t called = 0;
    if (tap_st(gpu_step_begin(&b, GENES, SCP_REAL, toy_tiny), "a small model") &&
        tap_st(gpu_list_begin(&b, &l), "the calls of its step")) {
        scp_status st = SCP_OK;
        for (size_t i = 0; i < l.rows && st == SCP_OK; i++)
            if (l.row[i].impl || l.row[i].group) {
                st = call_again(&b, &l.row[i]);
                called++;
            }
        tap_st(st, "are made again, each by itself");
        tap_ok(called > 20 && scp_emu_complaints() == 0, "%zu of them, none was refused", called);
    }
    gpu_list_end(&b);
    gpu_step_end(&b);
    return tap_done();
}
