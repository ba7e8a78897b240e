/* What a kind of communicator provides. Private to src/comm. */
#ifndef SCP_COMM_COMM_IMPL_H
#define SCP_COMM_COMM_IMPL_H

#include "comm/bucket.h"
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
    const struct scp_average_ops *average;
    bool average_alone; /* also on one rank */
    /* optional: sums of host memory that go on while the caller does. *flight is NULL at first. */
    scp_status (*sum_start)(scp_comm *c, void **flight, void *buf, size_t n, scp_comm_type t);
    scp_status (*sum_land)(scp_comm *c, void *flight);
    void (*sum_end)(scp_comm *c, void *flight);
    scp_status (*poll)(scp_comm *c); /* optional: has a rank failed?     */
    void (*abort)(scp_comm *c);      /* optional: give up device work    */
    void (*destroy)(scp_comm *c); /* frees c */
} scp_comm_ops;

struct scp_comm { /* first member of every kind's own struct */
    const scp_comm_ops *ops;
    int rank, size;
    scp_comm *host;  /* what moves host memory, where that is another communicator; borrowed */
    double timeout;  /* seconds that one exchange between ranks may take                      */
    bool lost;       /* work of it on a device may never end                                  */
};

enum { SCP_COMM_TIMEOUT = 600 };

/* A gradient and its buckets, see bucket.h. */
struct scp_average {
    scp_comm *comm;
    scp_device *dev;
    char *g;
    scp_comm_type type;
    size_t n, *begin;
    void *state; /* of the kind */
};

/* What a kind provides for bucket.h; never called with one rank. */
typedef struct scp_average_ops {
    scp_status (*open)(struct scp_average *a); /* optional: sets a->state */
    void (*close)(struct scp_average *a);      /* optional                */
    scp_status (*start)(struct scp_average *a, size_t i);
    scp_status (*join)(struct scp_average *a);   /* optional */
    scp_status (*finish)(struct scp_average *a); /* optional */
    bool waits;                                  /* finish waits on the host */
} scp_average_ops;

/** Bytes and address of a bucket. */
static inline size_t scp_average_count(const struct scp_average *a, size_t i)
{
    return a->begin[i + 1] - a->begin[i];
}

/** Bytes of one element. */
size_t scp_comm_type_size(scp_comm_type t);

/** Multiply g [n] of type F32 or F64 by 1/size: the second half of an average. Not collective. */
void scp_comm_scale(const scp_comm *c, void *g, size_t n, scp_comm_type t);

#endif
