/* The cpu backend: fp32, OpenMP and BLAS, host memory; and which level of its kernels runs. */
#include "config.h" /* _GNU_SOURCE for sched_getaffinity */

#include <cblas.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/cpu/choose.h"
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/gemm.h"
#include "backend/host.h"
#include "base/machine.h"
#include "base/str.h"
#include "dev/local_rank.h"

#ifdef _OPENMP
/* What of these CPUs is this rank's: all, where the launcher gave every rank its own. */
static int share_of(const cpu_set_t *mine)
{
    return scp_local_share(CPU_COUNT(mine), (int)sysconf(_SC_NPROCESSORS_ONLN), scp_local_ranks());
}
#endif

/* Threads where nobody says how many: OpenMP takes all CPUs of the process, which ranks that were
 * not bound to CPUs of their own would all take at once, waiting for each other. */
static void share_cpus(void)
{
#ifdef _OPENMP
    cpu_set_t mine;
    if (getenv("OMP_NUM_THREADS") || scp_local_ranks() == 1 ||
        sched_getaffinity(0, sizeof mine, &mine) != 0)
        return;
    omp_set_num_threads(share_of(&mine));
#endif
}

#ifdef _OPENMP
/* The CPU of a thread: the one of that number among those of the process. */
static void pin(const cpu_set_t *mine, int thread)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, mine) && seen++ == thread) CPU_SET(cpu, &one);
    (void)sched_setaffinity(0, sizeof one, &one); /* as well as it goes */
}
#endif

/* Every worker gets a CPU of its own where the process has as many as threads, so that none is
 * moved beside another, which would keep all waiting. The first thread stays free: what it starts
 * (writers, watchers) would inherit its one CPU. Not where somebody has said how to bind, be it by
 * OMP_PLACES or as GNU's OpenMP has it, nor where ranks were given the same CPUs. */
static void pin_workers(void)
{
#ifdef _OPENMP
    cpu_set_t mine;
    if (getenv("OMP_PROC_BIND") || omp_get_proc_bind() != omp_proc_bind_false ||
        sched_getaffinity(0, sizeof mine, &mine) != 0 || CPU_COUNT(&mine) < 2 ||
        CPU_COUNT(&mine) != omp_get_max_threads() || share_of(&mine) < CPU_COUNT(&mine))
        return;
#pragma omp parallel
    if (omp_get_thread_num()) pin(&mine, omp_get_thread_num());
#endif
}

void scp_gemm_open(void)
{
    if (openblas_get_parallel() == OPENBLAS_THREAD) openblas_set_num_threads(1);
}

static scp_status open_cpu(scp_device *dev, int index)
{
    (void)index;
    share_cpus();
    pin_workers();
    scp_gemm_open();
    SCP_TRY(scp_cpu_best(&dev->backend));
    scp_choice *choice;
    SCP_TRY(scp_choice_open(&choice));
    dev->impl = choice;
    return SCP_OK;
}

static void close_cpu(scp_device *dev)
{
    scp_choice *choice = dev->impl;
    scp_choice_close(&choice);
}

static void describe(const scp_device *dev, char *buf, size_t size)
{
    snprintf(buf, size, "cpu, level %d", dev->backend->level);
}

static const scp_backend *best(int most);

#define BACKEND(of, table, optimiser)                                                              \
    {                                                                                              \
        .name = "cpu", .real_size = sizeof(float), .host = true, .available = scp_host_available,  \
        .open = open_cpu, .close = close_cpu, .alloc = scp_host_alloc, .release = scp_host_release,                    \
        .write = scp_host_write, .read = scp_host_read, .zero = scp_host_zero, .ops = (table),     \
        .n_ops = SCP_CPU_OPS, .optim = (optimiser), .step = &scp_host_step, .describe = describe,  \
        .level = (of), .at_level = best,                                                           \
    }

const scp_backend scp_cpu_backend = BACKEND(1, scp_cpu_ops, &scp_cpu_optim);

#ifdef SCP_CPU_LEVELS
extern const scp_op_impl *const scp_cpu_ops_v3[SCP_CPU_OPS], *const scp_cpu_ops_v4[SCP_CPU_OPS];
extern const scp_optim_impl scp_cpu_optim_v3, scp_cpu_optim_v4;
static const scp_backend backend_v3 = BACKEND(3, scp_cpu_ops_v3, &scp_cpu_optim_v3);
static const scp_backend backend_v4 = BACKEND(4, scp_cpu_ops_v4, &scp_cpu_optim_v4);
static const scp_backend backend_v5 = BACKEND(5, scp_cpu_ops_v4, &scp_cpu_optim_v4);

static const scp_backend *best(int most)
{
    __builtin_cpu_init();
    if (most >= 5 && __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16"))
        return &backend_v5;
    if (most >= 4 && __builtin_cpu_supports("x86-64-v4")) return &backend_v4;
    if (most >= 3 && __builtin_cpu_supports("x86-64-v3")) return &backend_v3;
    return &scp_cpu_backend;
}
#else
static const scp_backend *best(int most)
{
    (void)most;
    return &scp_cpu_backend;
}
#endif

scp_status scp_cpu_best(const scp_backend **out)
{
    const char *text = getenv("SCPPDM_CPU_LEVEL");
    int64_t most = 5;
    if (text && *text &&
        (scp_parse_int(text, &most) != SCP_OK || most < 1 || most == 2 || most > 5))
        SCP_FAIL(SCP_EUSAGE, "SCPPDM_CPU_LEVEL is '%s'; it must be 1, 3, 4 or 5", text);
    *out = best((int)most);
    return SCP_OK;
}
