/* A small emulation of the CUDA execution model on the host: what runs the kernels of
 * src/backend/cuda where there is no GPU.
 *
 * A kernel's threads are coroutines, one at a time. They stop at __syncthreads and at warp
 * shuffles, until all threads of the block or all lanes of the mask are there. Blocks run one after
 * the other. The order of threads and blocks is chosen: a kernel that gives other results in
 * another order lacks a barrier, or depends on the order of blocks. Blocks never run at the same
 * time: what only two of them can do to each other is not found.
 *
 * Work on a stream runs when the schedule says, not when it is enqueued, and its errors come when
 * the host waits. While a stream is captured, the calls that CUDA forbids then spoil the capture:
 * taking and freeing memory, waiting, asking for an event, copies of host memory that is not
 * pinned, the legacy stream, waiting for what is outside of the capture, streams that are not
 * joined at its end.
 *
 * What the device refuses, with a message on stderr and cudaErrorLaunchFailure: threads that leave
 * while others wait at a barrier; a shuffle whose mask names a lane that does not come; a write
 * behind the shared memory asked for. Loads and stores of several values (kernel.cuh) at an address
 * that is not aligned to them are complained of. Also refused: more than 1,024 threads, or 48 KiB
 * of shared memory; a grid of no blocks. Shared memory is all ones (NaN) when a block starts.
 *
 * cudaMalloc puts every block of memory between two pages that nobody may touch, its end at the
 * second page up to an alignment of 16, and fills it (its first 4 MiB) with ones (NaN): an access
 * outside stops the program. cudaFree checks the bytes between. */
#ifndef SCP_TESTS_EMU_EMU_H
#define SCP_TESTS_EMU_EMU_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum scp_emu_order {
    SCP_EMU_FORWARD, /* by number; a warp runs as far as it comes before the next begins */
    SCP_EMU_REVERSE, /* the last first, likewise                                 */
    SCP_EMU_SHUFFLED /* another order at every barrier and for every block       */
} scp_emu_order;

/* When the work of streams runs: what is not ordered by a stream, an event or a wait of the host
 * differs between them. */
typedef enum scp_emu_schedule {
    SCP_EMU_LATE,  /* when the host waits, the stream that it waits for first, and others where that
                    * is stuck; of a graph the last call that may run (the default)              */
    SCP_EMU_EAGER, /* at once, the newest stream first; of a graph the first call that may run    */
    SCP_EMU_RANDOM /* some of it now and then; of a graph any call that may run                  */
} scp_emu_schedule;

/** Schedule of all streams from now on; what there is runs first. At the start it is that of
 *  $SCP_EMU_SCHEDULE (late, eager or random). */
void scp_emu_set_schedule(scp_emu_schedule schedule);
/** Order of the kernels from now on. */
void scp_emu_set_order(scp_emu_order order);
/** Of the newest graph: the largest number of calls that wait for each other. */
size_t scp_emu_longest_chain(void);
/** Kernels launched so far. */
long scp_emu_launches(void);
/** Refused launches, and writes beside memory that was freed, so far: for a test to be none. */
long scp_emu_complaints(void);
/** Messages about refused launches go to stderr (true, the default) or nowhere. */
void scp_emu_loud(bool loud);
/** Devices there are: 1 unless set. */
void scp_emu_set_devices(int n);
/** cuBLASLt finds no algorithm for matrix products with an epilogue (bits of cublasLtEpilogue_t).
 */
void scp_emu_refuse_epilogues(unsigned mask);

#ifdef __cplusplus
}
#endif
#endif
