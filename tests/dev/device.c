/* Opening devices by name, the rank on the node, and the contract of streams on the device whose
 * calls run later. */
#include <stdlib.h>
#include <string.h>

#include "dev/deferred.h"
#include "dev/local_rank.h"
#include "tap.h"

static void names(void)
{
    scp_device *dev = NULL;
    char name[64];
    size_t left = 1, total = 1;
    if (tap_st(scp_device_open("cpu", &dev), "cpu opens")) {
        scp_device_name(dev, name, sizeof name);
        tap_ok(!strcmp(name, "cpu, level 1") || !strcmp(name, "cpu, level 3") ||
                   !strcmp(name, "cpu, level 4") || !strcmp(name, "cpu, level 5"),
               "its name says the level of its kernels: '%s'", name);
        scp_device_limit(dev, 3);
        tap_ok(dev->backend->level <= 3, "its kernels can be limited to level 3");
        scp_device_limit(dev, 1);
        scp_device_limit(dev, 4);
        scp_device_name(dev, name, sizeof name);
        tap_text(name, "cpu, level 1", "and to level 1, from where nothing raises them");
        tap_st(scp_device_memory(dev, &left, &total), "its memory is the host's");
        tap_ok(left == 0 && total == 0, "of which the device says nothing");
        tap_ok(!scp_capture_possible(dev), "it captures no programs");
        tap_fails(scp_capture_begin(dev), SCP_EINTERNAL, "captures nothing", "and says so");
    }
    scp_device_close(&dev);
    tap_fails(scp_device_open("tpu", &dev), SCP_EUSAGE, "this build knows", "an unknown device");
    tap_fails(scp_device_open("cpu:x", &dev), SCP_EUSAGE, "0 to 1023",
              "an index that is no number");
    tap_fails(scp_device_open("cuda:-1", &dev), SCP_EUSAGE, "0 to 1023", "an index below 0");
}

static void ranks(void)
{
    unsetenv("OMPI_COMM_WORLD_LOCAL_RANK");
    setenv("SLURM_LOCALID", "3", 1);
    tap_ok(scp_local_rank() == 3, "the rank on the node as Slurm says it");
    setenv("OMPI_COMM_WORLD_LOCAL_RANK", "1", 1);
    tap_ok(scp_local_rank() == 1, "Open MPI's word comes first");
    setenv("OMPI_COMM_WORLD_LOCAL_RANK", "one", 1);
    tap_ok(scp_local_rank() == 3, "what is no number is not believed");
    unsetenv("OMPI_COMM_WORLD_LOCAL_RANK");
    unsetenv("SLURM_LOCALID");
    tap_ok(scp_local_rank() == 0, "without a launcher it is 0");
    unsetenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    setenv("SLURM_STEP_TASKS_PER_NODE", "4(x2),3", 1);
    tap_ok(scp_local_ranks() == 4, "ranks of a node as Slurm says them");
    setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "0", 1);
    tap_ok(scp_local_ranks() == 4, "none is no number of ranks");
    unsetenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    unsetenv("SLURM_STEP_TASKS_PER_NODE");
    tap_ok(scp_local_ranks() == 1, "without a launcher there is one");
    tap_ok(scp_local_share(16, 16, 4) == 4 && scp_local_share(8, 16, 4) == 4 &&
               scp_local_share(4, 16, 4) == 4 && scp_local_share(16, 16, 1) == 16 &&
               scp_local_share(2, 2, 5) == 1 && scp_local_share(1, 64, 8) == 1,
           "ranks that are not bound to CPUs of their own share the node's");
}

/* A copy on the second stream that an event ties to the main one, at once and in a program. */
static scp_status copies(scp_device *dev, int *host, int *memory, scp_event *const *e,
                         scp_program **program, int got[2])
{
    host[0] = 5;
    SCP_TRY(scp_capture_begin(dev));
    SCP_TRY(scp_stream_copy(dev, SCP_STREAM_MAIN, SCP_COPY_TO_DEVICE, memory, host, sizeof *host));
    SCP_TRY(scp_event_record(dev, e[0], SCP_STREAM_MAIN));
    SCP_TRY(scp_event_follow(dev, SCP_STREAM_COMM, e[0]));
    SCP_TRY(
        scp_stream_copy(dev, SCP_STREAM_COMM, SCP_COPY_TO_HOST, host + 1, memory, sizeof *host));
    SCP_TRY(scp_event_record(dev, e[1], SCP_STREAM_COMM));
    SCP_TRY(scp_event_follow(dev, SCP_STREAM_MAIN, e[1]));
    SCP_TRY(scp_capture_end(dev, program));
    got[0] = host[1];
    SCP_TRY(scp_program_launch(dev, *program));
    SCP_TRY(scp_device_sync(dev));
    host[0] = 6;
    SCP_TRY(scp_program_launch(dev, *program));
    SCP_TRY(scp_device_sync(dev));
    got[1] = host[1];
    return SCP_OK;
}

static void streams(deferred_order order, const char *name)
{
    deferred *d = NULL;
    scp_device *dev = NULL;
    scp_event *e[2] = { NULL, NULL };
    scp_program *program = NULL;
    int *host = NULL, *memory = NULL, got[2] = { -1, -1 };
    scp_status st = deferred_open(order, &d, &dev);
    if (st == SCP_OK) st = scp_pin(dev, 2 * sizeof *host, (void **)&host);
    if (st == SCP_OK) st = scp_device_alloc(dev, sizeof *memory, (void **)&memory);
    for (int i = 0; st == SCP_OK && i < 2; i++) st = scp_event_create(dev, &e[i]);
    if (st == SCP_OK) st = copies(dev, host, memory, e, &program, got);
    tap_st(st, "%s: a program of two streams", name);
    tap_ok(got[0] == 0, "%s: a capture runs nothing", name);
    tap_ok(got[1] == 6, "%s: a replay reads what is in memory then", name);
    if (st == SCP_OK) st = scp_capture_begin(dev);
    void *p = NULL;
    tap_fails(scp_device_alloc(dev, 8, &p), SCP_EINTERNAL, "during a capture",
              "%s: no memory is taken in a capture", name);
    tap_fails(scp_device_sync(dev), SCP_EINTERNAL, "during a capture",
              "%s: nothing is waited for in a capture", name);
    scp_program_destroy(dev, &program);
    tap_st(scp_capture_end(dev, &program), "%s: an empty program", name);
    scp_program_destroy(dev, &program);
    for (int i = 0; i < 2; i++) scp_event_destroy(dev, &e[i]);
    scp_device_release(dev, memory);
    scp_unpin(dev, host);
    deferred_close(&d);
}

int main(void)
{
    names();
    ranks();
    streams(DEFERRED_MAIN_FIRST, "main first");
    streams(DEFERRED_COMM_FIRST, "second first");
    return tap_done();
}
