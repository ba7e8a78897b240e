/* Where the threads of the cpu backend run: workers each on a CPU of their own, the first thread and
 * what it starts on all of them; and not where somebody has said how to bind, or several ranks have
 * the same CPUs. OMP_PLACES counts from the start of a process: the program calls itself. */
#include "config.h" /* _GNU_SOURCE for sched_getaffinity */

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "dev/device.h"
#include "tap.h"

enum { MOST = 256 };

#ifdef _OPENMP

/* CPUs that each thread may run on; all: every one of mine. Returns how many CPUs workers have. */
static int look(const cpu_set_t *mine, int *count, bool *first_is_free)
{
    cpu_set_t of_workers;
    CPU_ZERO(&of_workers);
#pragma omp parallel
    {
        cpu_set_t now;
        const int thread = omp_get_thread_num();
        sched_getaffinity(0, sizeof now, &now);
        count[thread] = CPU_COUNT(&now);
#pragma omp critical
        if (thread)
            CPU_OR(&of_workers, &of_workers, &now);
        else
            *first_is_free = CPU_EQUAL(&now, mine);
    }
    return CPU_COUNT(&of_workers);
}

static void open_and_close(void)
{
    scp_device *dev = NULL;
    tap_st(scp_device_open("cpu", &dev), "device");
    scp_device_close(&dev);
}

static void check(const cpu_set_t *mine)
{
    const int threads = CPU_COUNT(mine);
    int count[MOST] = { 0 }, apart;
    bool first_is_free = false, single = true;
    omp_set_num_threads(threads);
    setenv("OMP_PROC_BIND", "false", 1);
    open_and_close();
    apart = look(mine, count, &first_is_free);
    tap_ok(count[1] == threads && first_is_free, "OMP_PROC_BIND=false: threads stay free");
    unsetenv("OMP_PROC_BIND");
    setenv("OMP_NUM_THREADS", "1", 1); /* what is asked for below stays */
    setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "4000", 1);
    open_and_close();
    apart = look(mine, count, &first_is_free);
    tap_ok(count[1] == threads, "ranks with the same CPUs: threads stay free");
    unsetenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    open_and_close();
    apart = look(mine, count, &first_is_free);
    for (int i = 1; i < threads; i++) single = single && count[i] == 1;
    tap_ok(single && apart == threads - 1, "%d workers have a CPU each, no two the same",
           threads - 1);
    tap_ok(first_is_free, "the first thread may run on all %d", threads);
    omp_set_num_threads(1);
}

/* All CPUs as one place: OpenMP binds every thread to them, and so it stays. */
static bool stays_in_place(const cpu_set_t *mine)
{
    int count[MOST] = { 0 };
    bool first_is_free;
    omp_set_num_threads(CPU_COUNT(mine));
    open_and_close();
    (void)look(mine, count, &first_is_free);
    return count[1] == CPU_COUNT(mine);
}

static void check_places(const cpu_set_t *mine, const char *program)
{
    char command[8 * MOST + 512], *end = command;
    end += snprintf(command, 512, "OMP_PLACES='{");
    for (int cpu = 0, n = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, mine)) end += sprintf(end, n++ ? ",%d" : "%d", cpu);
    snprintf(end, 512, "}' '%.400s' places >/dev/null", program);
    tap_ok(system(command) == 0, "OMP_PLACES: threads stay where it puts them");
}

#endif

int main(int argc, char **argv)
{
    static const char *const ranks[] = { "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE",
                                         "PALS_LOCAL_SIZE", "MPI_LOCALNRANKS",
                                         "MV2_COMM_WORLD_LOCAL_SIZE" };
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) unsetenv(ranks[i]);
#ifdef _OPENMP
    cpu_set_t mine;
    if (argc > 1 && !strcmp(argv[1], "places"))
        return sched_getaffinity(0, sizeof mine, &mine) != 0 || !stays_in_place(&mine);
    if (sched_getaffinity(0, sizeof mine, &mine) == 0 && CPU_COUNT(&mine) > 1 &&
        CPU_COUNT(&mine) <= MOST)
        check(&mine), check_places(&mine, argv[0]);
    else
        tap_skip("this process has one CPU", "places of threads");
#else
    (void)argc, (void)argv;
    tap_skip("built without OpenMP", "places of threads");
#endif
    return tap_done();
}
