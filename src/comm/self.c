/* The communicator of one process: comm.c never calls an operation of it but destroy. */
#include <stdlib.h>

#include "base/mem.h"
#include "comm/comm_impl.h"

static void destroy(scp_comm *c)
{
    free(c);
}

static const scp_comm_ops self_ops = { .name = "self", .destroy = destroy };

scp_status scp_comm_create_self(scp_comm **out)
{
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    **out = (scp_comm){ .ops = &self_ops, .rank = 0, .size = 1, .timeout = SCP_COMM_TIMEOUT };
    return SCP_OK;
}
