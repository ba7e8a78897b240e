/* What a kind of communicator provides. Private to src/comm. */
#ifndef SCP_COMM_COMM_IMPL_H
#define SCP_COMM_COMM_IMPL_H

#include "comm/comm.h"

/* Semantics as in comm.h. Arguments are checked by comm.c; with one rank no operation is called. */
typedef struct scp_comm_ops {
    const char *name;
    scp_status (*allreduce)(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op);
    /* memory of a device that is not the host; NULL: cannot */
    scp_status (*allreduce_on)(scp_comm *c, struct scp_device *dev, void *buf, size_t n,
                               scp_comm_type t, scp_comm_op op);
    scp_status (*reduce)(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op,
                         int root);
    scp_status (*bcast)(scp_comm *c, void *buf, size_t n, scp_comm_type t, int root);
    /* out [sum of counts], allocated; counts [size] known on every rank; total is their sum */
    scp_status (*allgatherv)(scp_comm *c, const void *mine, scp_comm_type t, void *out,
                             size_t total, const size_t *counts);
    scp_status (*barrier)(scp_comm *c);
    scp_status (*send)(scp_comm *c, const void *buf, size_t n, int to);
    scp_status (*recv)(scp_comm *c, void *buf, size_t n, int from);
    scp_status (*split)(scp_comm *c, int color, scp_comm **out);
    scp_status (*split_node)(scp_comm *c, scp_comm **out);
    scp_status (*average)(scp_comm *c, void *g, size_t n, scp_comm_type t, size_t bucket);
    void (*destroy)(scp_comm *c); /* frees c */
} scp_comm_ops;

struct scp_comm { /* first member of every kind's own struct */
    const scp_comm_ops *ops;
    int rank, size;
};

/** Bytes of one element. */
size_t scp_comm_type_size(scp_comm_type t);

/** Multiply g [n] of type F32 or F64 by 1/size: the second half of an average. Not collective. */
void scp_comm_scale(const scp_comm *c, void *g, size_t n, scp_comm_type t);

#endif
