/* The communicator for the memory of a device, on 1, 2 and 4 ranks of a device that is not the
 * host's: what is chosen and refused, host memory through it, sums of device memory, and averages
 * whose buckets start in any order. */
#include <stdlib.h>
#include <string.h>

#include "comm/bucket.h"
#include "comm/mpi_handle.h"
#include "comm/world.h"
#include "dev/deferred.h"
#include "tap_ranks.h"

enum { N = 1000 };

static scp_comm *world;
static int rank, size;

static void choice(scp_device *dev)
{
    scp_comm *c = NULL;
    scp_device *cpu = NULL;
    setenv("SCPPDM_COMM", "pigeons", 1);
    scp_status st = scp_comm_create_for(world, dev, &c);
    tap_ok_ranks(world,
                 size == 1 ? st == SCP_OK && !c
                           : st == SCP_EUSAGE && strstr(scp_err_message(), "pigeons"),
                 "an unknown wish is refused");
    setenv("SCPPDM_COMM", "nccl", 1);
    st = scp_comm_create_for(world, dev, &c);
    tap_ok_ranks(world,
                 size == 1 ? st == SCP_OK
                           : st == SCP_EUSAGE && strstr(scp_err_message(), "cannot be"),
                 "NCCL for ranks that share a device is refused");
    unsetenv("SCPPDM_COMM");
    scp_err_clear();
    tap_ok_ranks(world,
                 scp_device_open("cpu", &cpu) == SCP_OK &&
                     scp_comm_create_for(world, cpu, &c) == SCP_OK && !c,
                 "the memory of the host needs no other communicator");
    st = size > 1 ? scp_comm_create_for(world, rank == 0 ? cpu : dev, &c) : SCP_EUSAGE;
    tap_ok_ranks(world,
                 st == SCP_EUSAGE && (size == 1 || strstr(scp_err_message(), "same --device")),
                 "ranks on different devices are refused");
    scp_err_clear();
    scp_device_close(&cpu);
}

/* Host memory: the same as through the world. */
static void host_memory(scp_comm *c)
{
    int64_t sum = rank + 1, told = rank == size - 1 ? 42 : 0;
    void *all = NULL;
    size_t total = 0;
    scp_comm *part = NULL;
    bool good = scp_comm_allreduce(c, &sum, 1, SCP_COMM_I64, SCP_COMM_SUM) == SCP_OK &&
                sum == size * (size + 1) / 2;
    good = good && scp_comm_bcast(c, &told, 1, SCP_COMM_I64, size - 1) == SCP_OK && told == 42;
    good = good && scp_comm_reduce(c, &told, 1, SCP_COMM_I64, SCP_COMM_MAX, 0) == SCP_OK;
    good = good && scp_comm_allgatherv(c, &rank, 1, SCP_COMM_I32, &all, &total, NULL) == SCP_OK &&
           total == (size_t)size && ((int32_t *)all)[size - 1] == size - 1;
    good = good && scp_comm_barrier(c) == SCP_OK;
    good = good && scp_comm_split(c, rank % 2, &part) == SCP_OK &&
           scp_comm_size(part) == (size + 1 - rank % 2) / 2;
    tap_ok_ranks(world, good, "host memory goes the world's way");
    tap_ok_ranks(world, scp_comm_mpi(c) == scp_comm_mpi(world),
                 "and files are opened with the world's handle");
    scp_comm_destroy(&part);
    free(all);
}

static void device_memory(scp_comm *c, scp_device *dev)
{
    float x[N], y[N];
    void *memory = NULL;
    for (int i = 0; i < N; i++) x[i] = (float)(i * (rank + 1));
    bool good = scp_device_alloc(dev, sizeof x, &memory) == SCP_OK &&
                scp_device_write_f32(dev, memory, x, N) == SCP_OK &&
                scp_comm_allreduce_on(c, dev, memory, N, SCP_COMM_F32, SCP_COMM_SUM) == SCP_OK &&
                scp_device_read_f32(dev, y, memory, N) == SCP_OK;
    for (int i = 0; i < N; i++) good = good && y[i] == (float)(i * size * (size + 1) / 2);
    tap_ok_ranks(world, good, "a sum of device memory");
    scp_device_release(dev, memory);
}

/* Three times over the same buckets, which start last to first. */
static void averages(scp_comm *c, scp_device *dev)
{
    static const size_t begin[] = { 0, 10, 10, 700, N };
    float x[N], y[N];
    void *memory = NULL;
    scp_average *a = NULL;
    bool good = scp_device_alloc(dev, sizeof x, &memory) == SCP_OK &&
                scp_average_create(c, dev, memory, SCP_COMM_F32, 4, begin, &a) == SCP_OK;
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < N; i++) x[i] = (float)(round * i * (rank + 1));
        good = good && scp_device_write_f32(dev, memory, x, N) == SCP_OK;
        for (size_t i = 4; i-- > 0;) good = good && scp_average_start(a, i) == SCP_OK;
        good = good && scp_average_join(a) == SCP_OK && scp_average_finish(a) == SCP_OK &&
               scp_device_read_f32(dev, y, memory, N) == SCP_OK;
        for (int i = 0; i < N; i++)
            good =
                good && y[i] == (float)(round * i * size * (size + 1) / 2) * (1.0f / (float)size);
    }
    tap_ok_ranks(world, good, "averages in buckets, one of them empty");
    tap_ok_ranks(world, scp_average_waits(a) == (size > 1),
                 "which wait on the host where there are other ranks");
    tap_ok_ranks(world, scp_average_start(a, 4) == SCP_EINTERNAL, "there is no fifth bucket");
    scp_err_clear();
    scp_average_destroy(&a);
    scp_device_release(dev, memory);
}

int main(int argc, char **argv)
{
    bool all_here = false;
    deferred *d = NULL;
    scp_device *dev = NULL;
    scp_comm *own = NULL;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    rank = scp_comm_rank(world);
    size = scp_comm_size(world);
    tap_set_silent(rank != 0);
    scp_status st = deferred_open(rank % 2 ? DEFERRED_MAIN_FIRST : DEFERRED_COMM_FIRST, &d, &dev);
    if (st == SCP_OK) choice(dev);
    if (st == SCP_OK) st = scp_comm_create_for(world, dev, &own);
    if (tap_st(scp_agree(world, st), "a communicator for the device")) {
        scp_comm *c = own ? own : world;
        tap_ok_ranks(world, !strcmp(scp_comm_name(c), size > 1 ? "staged" : "mpi"),
                     "staged, or none on one rank");
        host_memory(c);
        device_memory(c, dev);
        averages(c, dev);
    }
    scp_comm_destroy(&own);
    deferred_close(&d);
    int failed = tap_done();
    if (scp_world_meet(world, 60, &all_here) != SCP_OK || !all_here) scp_world_abort(1);
    if (scp_world_end(&world) != SCP_OK) return 1;
    return failed;
}
