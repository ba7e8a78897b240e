/* Where the time of a training step goes. */
#ifndef SCP_BENCH_STEP_OPS_H
#define SCP_BENCH_STEP_OPS_H

#include "step_run.h"

/** Take `steps` steps with a clock around every op and print its table (op_clock.h) on stdout,
 *  beside what the same process measured for one large product and for a copy of memory. The clocks
 *  cost about 0.02 ms of a step. */
scp_status step_ops(step_run *b, int64_t steps, int64_t genes) SCP_MUST_USE;

#endif
