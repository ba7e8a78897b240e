/* Communicators: one interface over a single process, MPI, and for the memory of GPUs NCCL and
 * host-staged MPI. Every call is collective unless it says otherwise. Counts are elements. */
#ifndef SCP_COMM_COMM_H
#define SCP_COMM_COMM_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct scp_comm scp_comm;
struct scp_device; /* dev/device.h */

typedef enum scp_comm_type {
    SCP_COMM_F32, SCP_COMM_F64, SCP_COMM_I32, SCP_COMM_I64, SCP_COMM_U8
} scp_comm_type;
typedef enum scp_comm_op { SCP_COMM_SUM, SCP_COMM_MIN, SCP_COMM_MAX } scp_comm_op;

/** The communicator of one process. Every operation is a copy or nothing. Not collective. */
scp_status scp_comm_create_self(scp_comm **out) SCP_MUST_USE;
void scp_comm_destroy(scp_comm **c);

int scp_comm_rank(const scp_comm *c);         /* not collective */
int scp_comm_size(const scp_comm *c);         /* not collective */
const char *scp_comm_name(const scp_comm *c); /* "self", "mpi"; not collective */

/** In-place reduction to all ranks; host memory [n]. Any n (split inside where MPI counts are
 *  int). */
scp_status scp_comm_allreduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op)
    SCP_MUST_USE;
/** In-place reduction of device memory, in the order of the device's main stream: what is enqueued
 *  before and after need not know of it. Nothing happens on one rank. */
scp_status scp_comm_allreduce_on(scp_comm *c, struct scp_device *dev, void *buf, size_t n,
                                 scp_comm_type t, scp_comm_op op) SCP_MUST_USE;
/** In-place reduction to `root` (the other ranks' buffers are undefined afterwards). */
scp_status scp_comm_reduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op,
                           int root) SCP_MUST_USE;
scp_status scp_comm_bcast(scp_comm *c, void *buf, size_t n, scp_comm_type t, int root) SCP_MUST_USE;
/** Concatenation by rank. counts [size] is filled when not NULL. *out owned by the caller. */
scp_status scp_comm_allgatherv(scp_comm *c, const void *mine, size_t n, scp_comm_type t, void **out,
                               size_t *total, size_t *counts) SCP_MUST_USE;
scp_status scp_comm_barrier(scp_comm *c) SCP_MUST_USE;

/** Agree on a status: if any rank failed, every rank returns an error: its own, or SCP_EPEER with
 *  the message of the lowest failing rank. Call it after every step that can fail on one rank only,
 *  before the next collective. */
scp_status scp_agree(scp_comm *c, scp_status st) SCP_MUST_USE;

/** Broadcast a byte string from root: *buf is allocated on the other ranks (free), *n set. */
scp_status scp_comm_bcast_bytes(scp_comm *c, void **buf, size_t *n, int root) SCP_MUST_USE;

/** Average a gradient arena over all ranks, in buckets that overlap. g [n] host memory of type t
 *  (SCP_COMM_F32 or SCP_COMM_F64). On a device, and while it computes: comm/bucket.h. */
scp_status scp_comm_average(scp_comm *c, void *g, size_t n, scp_comm_type t, size_t bucket)
    SCP_MUST_USE;

/** The best communicator for the memory of `dev` over the ranks of `world`: what moves host memory
 *  stays with `world`, which is borrowed. Logs the choice and why, on rank 0.
 *    host memory, or one rank      `world`'s own way
 *    a GPU for every rank, NCCL    "nccl"
 *    else                          "staged": device, pinned memory, MPI, device
 *  SCPPDM_COMM=staged or nccl in the environment overrides; nccl that cannot be is SCP_EUSAGE.
 *  Ranks whose processors allow different levels of kernels all take the lowest (scp_device_limit):
 *  call it before anything is planned. *out: scp_comm_destroy. */
scp_status scp_comm_create_for(scp_comm *world, struct scp_device *dev,
                               scp_comm **out) SCP_MUST_USE;

/** Seconds that one exchange may take before it fails with SCP_ECOMM, where the kind can tell
 *  (nccl, staged, buckets of mpi): 600 at first. Not collective. */
void scp_comm_set_timeout(scp_comm *c, double seconds);

/** n bytes to one other rank, which receives as many; messages between two ranks keep their order.
 *  Not collective: agree first that both sides will get there. */
scp_status scp_comm_send(scp_comm *c, const void *buf, size_t n, int to) SCP_MUST_USE;
scp_status scp_comm_recv(scp_comm *c, void *buf, size_t n, int from) SCP_MUST_USE;

/** The ranks of one `color` (>= 0) as a communicator of their own, in their order. *out:
 *  scp_comm_destroy. */
scp_status scp_comm_split(scp_comm *c, int color, scp_comm **out) SCP_MUST_USE;

/** Rows of a range dealt to a rank: [*begin, *end) of n, sizes differ by at most one. Not
 *  collective. */
void scp_comm_share(const scp_comm *c, size_t n, size_t *begin, size_t *end);

#endif
