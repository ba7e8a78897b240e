/* A clock around every op of a device: where the time of a step, or of a sampler, goes. */
#ifndef SCP_BENCH_OP_CLOCK_H
#define SCP_BENCH_OP_CLOCK_H

#include "dev/device.h"

/** From now on plans that are made on the device have a clock around every call, about 50 ns each.
 *  One device at a time; what was planned so is gone before op_clock_end. */
void op_clock_begin(scp_device *dev);
void op_clock_end(scp_device *dev);

/** Forget what was measured. */
void op_clock_reset(void);

/** A row for what is no op: `calls` in all, seconds in all, products and bytes of a call. */
void op_clock_add(const char *name, int64_t calls, double seconds, double flops, double bytes);

/** Seconds of all rows, of all runs. */
double op_clock_known(void);

/** Print on stdout, a row for each op (products by their shape) and direction: calls and
 *  milliseconds of one of `runs` runs, share of its `seconds`, GFLOP/s of its products and GB/s of
 *  what it must read and write, each also in per cent of rate (FLOP/s) and copy (bytes/s); then all
 *  products together. */
void op_clock_print(int64_t runs, double seconds, double rate, double copy);

#endif
