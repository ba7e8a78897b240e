/* Memory of a node: one copy for its ranks, seen by all, on their account once, read-only when
 * sealed; private where sharing fails; and the shard in it. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "comm/node.h"
#include "comm/world.h"
#include "tap_ranks.h"

#define BLOCK_BYTES ((size_t)32 << 20)

static scp_comm *world, *node;
static int rank, size;

/* A number of the mapping that holds `address`, in bytes: "Rss:" what is mapped here, "Pss:" this
 * process' proportional share. */
static double mapping(const void *address, const char *key)
{
    char line[512];
    bool here = false;
    double kib = -1;
    FILE *f = fopen("/proc/self/smaps", "r");
    while (f && fgets(line, sizeof line, f)) {
        unsigned long long begin, end;
        if (sscanf(line, "%llx-%llx ", &begin, &end) == 2)
            here = (uintptr_t)address >= begin && (uintptr_t)address < end;
        else if (here && strncmp(line, key, strlen(key)) == 0)
            kib = strtod(line + strlen(key), NULL);
    }
    if (f) fclose(f);
    return kib * 1024;
}

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 12));
}

/* Every rank fills its share of the block. */
static void fill(scp_node_block *b)
{
    size_t begin, end;
    unsigned char *x = b->base;
    scp_comm_share(node, b->bytes, &begin, &end);
    if (!b->shared) begin = 0, end = b->bytes;
    for (size_t i = begin; i < end; i++) x[i] = pattern(i);
}

static bool filled(const scp_node_block *b)
{
    const unsigned char *x = b->base;
    for (size_t i = 0; i < b->bytes; i++)
        if (x[i] != pattern(i)) return false;
    return true;
}

static sigjmp_buf after;

static void on_fault(int signal)
{
    siglongjmp(after, signal);
}

static bool write_faults(char *at)
{
    const struct sigaction catch = { .sa_handler = on_fault };
    struct sigaction old;
    bool faulted = true;
    sigaction(SIGSEGV, &catch, &old);
    if (sigsetjmp(after, 1) == 0) {
        *(volatile char *)at = 1;
        faulted = false;
    }
    sigaction(SIGSEGV, &old, NULL);
    return faulted;
}

static void test_shared(void)
{
    scp_node_block b = { 0 };
    tap_st(scp_node_alloc(node, BLOCK_BYTES, &b), "a block");
    tap_ok_ranks(world, b.base && b.bytes == BLOCK_BYTES && b.shared == (size > 1),
                 "shared by several ranks");
    fill(&b);
    tap_st(scp_comm_barrier(node), "filled together");
    tap_ok_ranks(world, filled(&b), "every rank sees what the others wrote");
    double pss = mapping(b.base, "Pss:"), rss = mapping(b.base, "Rss:"), sum = pss;
    if (scp_comm_barrier(world) != SCP_OK) abort();
    if (scp_comm_allreduce(world, &sum, 1, SCP_COMM_F64, SCP_COMM_SUM) != SCP_OK) abort();
    tap_ok_ranks(world, rss >= 0.99 * BLOCK_BYTES, "the whole of it is mapped here");
    tap_ok_ranks(world, sum > 0.98 * BLOCK_BYTES && sum < 1.05 * BLOCK_BYTES + 65536 * size,
                 "the ranks' proportional shares add up to one copy");
    tap_diag("rank 0 of %d: Rss %.1f MiB, Pss %.1f MiB; sum of Pss %.1f MiB for a block of %.1f",
             size, rss / 1048576, pss / 1048576, sum / 1048576, (double)BLOCK_BYTES / 1048576);
    tap_st(scp_node_block_seal(&b), "sealed");
    tap_ok_ranks(world, !b.shared || write_faults(b.base),
                 "then a write to shared bytes is a fault");
    tap_ok_ranks(world, filled(&b), "and changes nothing");
    if (rank == size - 1) scp_node_block_fini(&b); /* one rank alone may let go */
    tap_ok_ranks(world, rank == size - 1 || filled(&b), "the others keep it");
    scp_node_block_fini(&b);
    tap_ok_ranks(world, !b.base && b.bytes == 0, "freed");
}

/* Without descriptors left on the lowest rank there is nothing to share. */
static void test_private(void)
{
    scp_node_block b = { 0 };
    struct rlimit old, none;
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = 3;
    if (scp_comm_rank(node) == 0) setrlimit(RLIMIT_NOFILE, &none);
    scp_status st = scp_node_alloc(node, 100000, &b);
    setrlimit(RLIMIT_NOFILE, &old);
    tap_ok_ranks(world, st == SCP_OK && b.base && !b.shared,
                 "where sharing fails each rank has its own block");
    fill(&b);
    tap_ok_ranks(world, b.base && filled(&b), "filled by itself");
    scp_node_block_fini(&b);
    tap_st(scp_node_alloc(node, 0, &b), "a block of nothing");
    tap_ok_ranks(world, !b.shared && b.bytes == 0, "is not shared");
    scp_node_block_fini(&b);
}

/* Two nodes, as far as the blocks know. */
static void test_two_nodes(void)
{
    scp_comm *half = NULL, *all = node;
    scp_node_block b = { 0 };
    int32_t color = rank < size / 2;
    tap_st(scp_comm_split(world, color, &half), "two halves");
    node = half;
    tap_st(scp_node_alloc(node, 100000, &b), "a block each");
    if (scp_comm_rank(node) == 0) memset(b.base, color + 1, b.bytes);
    tap_st(scp_comm_barrier(world), "filled");
    bool own = b.shared || scp_comm_size(node) == 1;
    for (size_t i = 0; i < b.bytes; i++) own = own && ((char *)b.base)[i] == color + 1;
    tap_ok_ranks(world, own, "each half sees its own");
    scp_node_block_fini(&b);
    scp_comm_destroy(&half);
    node = all;
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    rank = scp_comm_rank(world);
    size = scp_comm_size(world);
    tap_set_silent(rank != 0);
    tap_st(scp_comm_split_node(world, &node), "the ranks of this node");
    tap_ok_ranks(world, scp_comm_size(node) == size && scp_comm_rank(node) == rank,
                 "are all, in their order");
    test_shared();
    test_private();
    test_two_nodes();
    scp_comm_destroy(&node);
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
