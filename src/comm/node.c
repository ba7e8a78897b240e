/* Memory shared by the ranks of a node, see node.h. Knows no MPI. */
#define _GNU_SOURCE 1 /* memfd_create */
#include "comm/node.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "comm/comm_impl.h"

/* Where the others find the memory: a descriptor of the lowest rank, and what it must be. */
enum { PID, FD, DEVICE, INODE, PLACE };

scp_status scp_comm_split_node(scp_comm *c, scp_comm **node)
{
    SCP_ARG(c && node, "communicator and result are required");
    *node = NULL;
    if (c->size == 1) return scp_comm_create_self(node);
    return c->ops->split_node(c, node);
}

/* The lowest rank's part. The descriptor, or -1. */
static int create(size_t bytes, int64_t place[PLACE])
{
    struct stat s;
    int fd = memfd_create("scppdm", MFD_CLOEXEC);
    if (fd >= 0 && (ftruncate(fd, (off_t)bytes) != 0 || fstat(fd, &s) != 0)) {
        close(fd);
        fd = -1;
    }
    if (fd < 0) return -1;
    place[PID] = getpid();
    place[FD] = fd;
    place[DEVICE] = (int64_t)s.st_dev;
    place[INODE] = (int64_t)s.st_ino;
    return fd;
}

/* The others' part. Another container may have another process of that number. */
static int join(const int64_t place[PLACE])
{
    char path[64];
    struct stat s;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/fd/%" PRId64, place[PID], place[FD]);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &s) != 0 || (int64_t)s.st_dev != place[DEVICE] ||
                    (int64_t)s.st_ino != place[INODE])) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Map the same pages on all ranks, or on none. */
static scp_status share(scp_comm *node, size_t bytes, scp_node_block *out)
{
    int64_t place[PLACE] = { 0, -1 };
    void *base = MAP_FAILED;
    int fd = node->rank == 0 ? create(bytes, place) : -1;
    scp_status st = scp_comm_bcast(node, place, PLACE, SCP_COMM_I64, 0);
    if (st == SCP_OK && node->rank > 0 && place[FD] >= 0) fd = join(place);
    if (st == SCP_OK && fd >= 0)
        base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int32_t mapped = base != MAP_FAILED;
    if (st == SCP_OK) st = scp_comm_allreduce(node, &mapped, 1, SCP_COMM_I32, SCP_COMM_MIN);
    if (fd >= 0) close(fd); /* after the reduction: the others have opened it */
    if (st == SCP_OK && mapped)
        *out = (scp_node_block){ .base = base, .bytes = bytes, .shared = true };
    else if (base != MAP_FAILED)
        munmap(base, bytes);
    return st;
}

scp_status scp_node_alloc(scp_comm *node, size_t bytes, scp_node_block *out)
{
    SCP_ARG(node && out, "communicator and result are required");
    *out = (scp_node_block){ 0 };
    if (node->size > 1 && bytes > 0) SCP_TRY(share(node, bytes, out));
    if (out->shared) return SCP_OK;
    scp_status st = scp_agree(node, scp_alloc(bytes, 1, &out->base));
    out->bytes = bytes;
    if (st != SCP_OK) scp_node_block_fini(out);
    return st;
}

scp_status scp_node_block_seal(scp_node_block *b)
{
    SCP_ARG(b, "a block is required");
    if (b->shared && mprotect(b->base, b->bytes, PROT_READ) != 0)
        SCP_FAIL(SCP_EIO, "cannot make shared memory read-only: %s", strerror(errno));
    return SCP_OK;
}

void scp_node_block_fini(scp_node_block *b)
{
    if (!b) return;
    if (b->shared)
        munmap(b->base, b->bytes);
    else
        free(b->base);
    *b = (scp_node_block){ 0 };
}
