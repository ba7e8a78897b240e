/* Averaging a gradient over ranks in buckets, while the backward pass still computes others.
 *
 *   start(i)   bucket i is complete once what is on the device's main stream has run
 *   join       after the last start: ties what start enqueued to the main stream
 *   finish     what is enqueued on the main stream from now on sees the averages
 *
 * start and join only enqueue, so they may be part of a recorded program, and are then not called
 * again when it is replayed. finish may wait on the host: where it does (scp_average_waits) a
 * program must end before it. Every rank does the same in the same order: collective. */
#ifndef SCP_COMM_BUCKET_H
#define SCP_COMM_BUCKET_H

#include "comm/comm.h"
#include "dev/device.h"

typedef struct scp_average scp_average;

/** @param g      device memory of reals of type t (F32 or F64), borrowed
 *  @param begin  [n + 1] bucket i is reals [begin[i], begin[i + 1]); copied
 *  @param comm, dev  borrowed. *out: scp_average_destroy. */
scp_status scp_average_create(scp_comm *comm, scp_device *dev, void *g, scp_comm_type t, size_t n,
                              const size_t *begin, scp_average **out) SCP_MUST_USE;
void scp_average_destroy(scp_average **a);

scp_status scp_average_start(scp_average *a, size_t i) SCP_MUST_USE;
scp_status scp_average_join(scp_average *a) SCP_MUST_USE;
scp_status scp_average_finish(scp_average *a) SCP_MUST_USE;

/** Does finish wait on the host? The same for the life of the average. */
bool scp_average_waits(const scp_average *a);

#endif
