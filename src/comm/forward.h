/* Communicators for the memory of GPUs leave host memory to another one: the members of their table
 * that pass a call on to scp_comm.host. Private to src/comm. */
#ifndef SCP_COMM_FORWARD_H
#define SCP_COMM_FORWARD_H

#include "comm/comm_impl.h"

scp_status scp_forward_allreduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op);
scp_status scp_forward_reduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op,
                              int root);
scp_status scp_forward_bcast(scp_comm *c, void *buf, size_t n, scp_comm_type t, int root);
scp_status scp_forward_allgatherv(scp_comm *c, const void *mine, scp_comm_type t, void *out,
                                  size_t total, const size_t *counts);
scp_status scp_forward_barrier(scp_comm *c);
scp_status scp_forward_send(scp_comm *c, const void *buf, size_t n, int to);
scp_status scp_forward_recv(scp_comm *c, void *buf, size_t n, int from);
scp_status scp_forward_split(scp_comm *c, int color, scp_comm **out);
scp_status scp_forward_split_node(scp_comm *c, scp_comm **out);

#define SCP_COMM_FORWARD                                                                           \
    .allreduce = scp_forward_allreduce, .reduce = scp_forward_reduce, .bcast = scp_forward_bcast,  \
    .allgatherv = scp_forward_allgatherv, .barrier = scp_forward_barrier,                          \
    .send = scp_forward_send, .recv = scp_forward_recv, .split = scp_forward_split,                \
    .split_node = scp_forward_split_node

/** Over the ranks of `world`, moving the memory of `dev`; both borrowed. *out: scp_comm_destroy. */
scp_status scp_comm_create_staged(scp_comm *world, scp_device *dev, scp_comm **out) SCP_MUST_USE;
scp_status scp_comm_create_nccl(scp_comm *world, scp_device *dev, scp_comm **out) SCP_MUST_USE;

#endif
