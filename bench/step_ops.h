/* Where the time of a training step goes. */
#ifndef SCP_BENCH_STEP_OPS_H
#define SCP_BENCH_STEP_OPS_H

#include "step_run.h"

/** Take `steps` steps with a clock around every call of the backend and print, a row for each op
 *  (products by their shape) and direction: calls and milliseconds of a step, share, GFLOP/s of its
 *  products and GB/s of what it must read and write, each also in per cent of what the same process
 *  measured for one large product and for a copy of memory. Table on stdout. The clocks cost about
 *  50 ns a call, 0.02 ms of a step. */
scp_status step_ops(step_run *b, int64_t steps, int64_t genes) SCP_MUST_USE;

#endif
