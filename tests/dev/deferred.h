/* A device like a GPU in host memory: the cpu's operations, but a call only goes into the queue of
 * a stream and runs when the host waits for it. Programs are captured and replayed. Reading,
 * writing, waiting and allocating during a capture are errors, as on CUDA.
 *
 * So a step that needs the host in its middle, holds a number of the step by value, or misses an
 * event between two streams, fails or gives other results here. */
#ifndef SCP_TESTS_DEV_DEFERRED_H
#define SCP_TESTS_DEV_DEFERRED_H

#include "dev/stream.h"

typedef enum deferred_order {
    DEFERRED_MAIN_FIRST, /* the second stream runs only when the main one waits for it */
    DEFERRED_COMM_FIRST  /* the other way round                                        */
} deferred_order;

typedef struct deferred deferred;

/** *out: deferred_close. *dev is the device, borrowed from it. */
scp_status deferred_open(deferred_order order, deferred **out, scp_device **dev) SCP_MUST_USE;
void deferred_close(deferred **d);

/** Calls that were put into a queue, and those of them that came from programs. */
long deferred_calls(const deferred *d);
long deferred_replayed(const deferred *d);

#endif
