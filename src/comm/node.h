/* One copy of large read-only data for all ranks of a node.
 *
 * The memory is an anonymous file (memfd) that the lowest rank creates and the others map, not an
 * MPI window: freeing a window is collective, and a rank that fails alone must be able to let go.
 * The system frees it when the last rank has, however that ends. */
#ifndef SCP_COMM_NODE_H
#define SCP_COMM_NODE_H

#include "comm/comm.h"

/* Zero-initialise, scp_node_block_fini. */
typedef struct scp_node_block {
    void *base;
    size_t bytes;
    bool shared; /* all ranks of `node` see the same bytes; else each has its own */
} scp_node_block;

/** The ranks of c that run on the node of this one, in their order. Collective. *node:
 *  scp_comm_destroy. */
scp_status scp_comm_split_node(scp_comm *c, scp_comm **node) SCP_MUST_USE;

/** Zeroed memory for the ranks of `node` (from scp_comm_split_node). Where they cannot share (one
 *  rank, no access to each other's /proc), every rank gets its own, on all of them alike. Bytes
 * that one rank wrote are seen by the others after a barrier. SCP_ENOMEM. Collective over `node`.
 */
scp_status scp_node_alloc(scp_comm *node, size_t bytes, scp_node_block *out) SCP_MUST_USE;

/** From now on a write by this rank to shared bytes is a crash, not a change of the others' data.
 *  Not collective. */
scp_status scp_node_block_seal(scp_node_block *b) SCP_MUST_USE;

/** Let go and zero the struct. NULL is fine. Not collective. */
void scp_node_block_fini(scp_node_block *b);

#endif
