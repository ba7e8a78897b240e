/* How much memory sums get, and what else a run takes. */
#include "data/prep_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/memlimit.h"
#include "data/bulk_sums.h"
#include "io/h5ad_stream.h"

/* Buffers of MPI-IO's aggregation (32 MiB a file by default in OMPIO) and of HDF5's metadata. */
#define SYSTEM_BYTES ((size_t)64 << 20)

/* Ranks on this node, by the name of the host. */
static scp_status ranks_here(scp_comm *comm, int64_t *n)
{
    char host[256] = "";
    void *all = NULL;
    size_t total = 0;
    (void)gethostname(host, sizeof host - 1);
    const int64_t mine = (int64_t)scp_hash_text(host, 0);
    SCP_TRY(scp_comm_allgatherv(comm, &mine, 1, SCP_COMM_I64, &all, &total, NULL));
    *n = 0;
    for (size_t i = 0; i < total; i++) *n += ((const int64_t *)all)[i] == mine;
    free(all);
    return SCP_OK;
}

scp_status scp_prep_memory_choose(scp_comm *comm, scp_prep_plan *plan)
{
    SCP_ARG(comm && plan, "communicator and plan are required");
    int64_t ranks = 1, least = 0;
    plan->bulk.memory = (size_t)plan->set->memory << 20;
    if (plan->set->memory > 0) return SCP_OK;
    SCP_TRY(ranks_here(comm, &ranks));
    const scp_memlimit limit = scp_memlimit_get();
    least = (int64_t)(limit.bytes / 100 * SCP_PREP_SHARE / (uint64_t)ranks);
    SCP_TRY(scp_comm_allreduce(comm, &least, 1, SCP_COMM_I64, SCP_COMM_MIN));
    plan->bulk.memory = (size_t)least;
    scp_log(SCP_LOG_INFO,
            "sums may take %zu MiB a rank: %d %% of %s (%llu MiB), %lld rank%s on the node",
            plan->bulk.memory >> 20, SCP_PREP_SHARE, limit.source,
            (unsigned long long)(limit.bytes >> 20), (long long)ranks, ranks == 1 ? "" : "s");
    return SCP_OK;
}

void scp_prep_memory_warn(const scp_prep_plan *plan)
{
    const scp_bulk_plan *b = &plan->bulk;
    size_t most = 1, passes = 1, worst = 0;
    for (scp_bulk_range r = { 0, 0 }; r.end < b->P;) {
        r = scp_bulk_batch(b, r.end, b->P);
        passes = r.end < b->P && b->plate[r.end] == b->plate[r.end - 1] ? passes + 1 : 1;
        if (passes <= most) continue;
        most = passes;
        worst = r.first;
    }
    if (most == 1) return;
    size_t first = worst, end = worst;
    while (first > 0 && b->plate[first - 1] == b->plate[worst]) first--;
    while (end < b->P && b->plate[end] == b->plate[worst]) end++;
    size_t need = scp_bulk_slots(b, (scp_bulk_range){ first, end }) * scp_sums_slot_bytes(b->G);
    scp_log(
        SCP_LOG_WARN,
        "sums of plate %s need %zu MiB a rank, %zu MiB are there: its files are read %zu times; "
        "--memory=MIB, or fewer ranks on a node, or a larger node",
        b->plate_name[b->plate[worst]], (need >> 20) + 1, b->memory >> 20, most);
}

static size_t resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) return 0;
    if (fscanf(f, "%lu %lu", &size, &resident) != 2) resident = 0;
    fclose(f);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* What the reader needs for the file that needs most. */
static scp_status reader_bytes(const scp_prep_plan *p, size_t *bytes)
{
    scp_status st = SCP_OK;
    scp_h5ad *f = NULL;
    *bytes = 0;
    for (size_t i = 0; i < p->n_files; i++) {
        SCP_GOTO(done, scp_h5ad_open(p->path[i], &f));
        SCP_GOTO(done, scp_h5ad_select_matrix(f, p->bulk.matrix));
        const scp_h5ad_stream_options o = { .n = scp_h5ad_n_obs(f), .threads = p->bulk.threads };
        size_t need = scp_h5ad_stream_memory(f, &o);
        if (need > *bytes) *bytes = need;
        scp_h5ad_close(&f);
    }
done:
    scp_h5ad_close(&f);
    return st;
}

scp_status scp_prep_memory_plan(const scp_comm *comm, const scp_prep_plan *p, scp_prep_memory *out)
{
    SCP_ARG(comm && p && out, "plan and result are required");
    const scp_bulk_plan *b = &p->bulk;
    *out = (scp_prep_memory){ .planning = (size_t)(scp_mem_peak_mib() * 1048576),
                              .now = resident_bytes(),
                              .buffers = scp_bulk_buffers(comm, b),
                              .system = SYSTEM_BYTES };
    SCP_TRY(reader_bytes(p, &out->reader));
    for (scp_bulk_range r = { 0, 0 }; r.end < b->P;) {
        r = scp_bulk_batch(b, r.end, b->P);
        size_t bytes = scp_bulk_slots(b, r) * scp_sums_slot_bytes(b->G);
        if (bytes > out->sums) out->sums = bytes;
    }
    for (size_t f = 0; f < b->n_files; f++)
        if (b->file_cells[f] * sizeof(int32_t) > out->slots)
            out->slots = b->file_cells[f] * sizeof(int32_t);
    out->peak = out->now + out->sums + out->reader + out->buffers + out->system;
    if (out->planning > out->peak) out->peak = out->planning;
    return SCP_OK;
}
