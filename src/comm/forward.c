/* Host memory of a GPU communicator, see forward.h. */
#include "comm/forward.h"

scp_status scp_forward_allreduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op)
{
    return c->host->ops->allreduce(c->host, buf, n, t, op);
}

scp_status scp_forward_reduce(scp_comm *c, void *buf, size_t n, scp_comm_type t, scp_comm_op op,
                              int root)
{
    return c->host->ops->reduce(c->host, buf, n, t, op, root);
}

scp_status scp_forward_bcast(scp_comm *c, void *buf, size_t n, scp_comm_type t, int root)
{
    return c->host->ops->bcast(c->host, buf, n, t, root);
}

scp_status scp_forward_allgatherv(scp_comm *c, const void *mine, scp_comm_type t, void *out,
                                  size_t total, const size_t *counts)
{
    return c->host->ops->allgatherv(c->host, mine, t, out, total, counts);
}

scp_status scp_forward_barrier(scp_comm *c)
{
    return c->host->ops->barrier(c->host);
}

scp_status scp_forward_send(scp_comm *c, const void *buf, size_t n, int to)
{
    return c->host->ops->send(c->host, buf, n, to);
}

scp_status scp_forward_recv(scp_comm *c, void *buf, size_t n, int from)
{
    return c->host->ops->recv(c->host, buf, n, from);
}

/* A part of the ranks is for host memory: nothing else asks for one. */
scp_status scp_forward_split(scp_comm *c, int color, scp_comm **out)
{
    return c->host->ops->split(c->host, color, out);
}

scp_status scp_forward_split_node(scp_comm *c, scp_comm **out)
{
    return c->host->ops->split_node(c->host, out);
}
