/* Inputs are looked at before they are read, see prep_inputs.h. */
#include "data/prep_inputs.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sums.h"
#include "base/team.h"
#include "io/h5_probe.h"

enum { JOBS = 4, COLUMNS = 8 }; /* files looked at at a time; columns of a map */

static void columns_of(const scp_obs_map *m, const char *column[COLUMNS])
{
    const char *const all[COLUMNS] = { m->line,  m->drug,   m->dose, m->unit,
                                       m->plate, m->smiles, m->moa,  m->qc };
    for (int i = 0; i < COLUMNS; i++) column[i] = all[i];
}

/* The same request for every file. */
static scp_status probe(const scp_probe_request *like, char *const *path, size_t n)
{
    scp_probe_request *r = NULL;
    SCP_TRY(scp_alloc(n, sizeof *r, &r));
    for (size_t i = 0; i < n; i++) {
        r[i] = *like;
        r[i].path = path[i];
    }
    scp_status st = scp_probe_files(r, n, JOBS);
    free(r);
    return st;
}

scp_status scp_prep_inputs_probe(const scp_prep_settings *s, char *const *path, size_t n)
{
    SCP_ARG(s && path, "settings and files are required");
    enum { LAYOUTS = SCP_LAYOUT_BULK + 1 };
    const char *column[(LAYOUTS + 1) * COLUMNS];
    for (int i = 0; i < LAYOUTS; i++) {
        const scp_obs_map m = scp_obs_map_preset((scp_layout)i);
        columns_of(&m, column + i * COLUMNS);
    }
    const scp_obs_map own = scp_prep_map(s);
    columns_of(&own, column + LAYOUTS * COLUMNS);
    const scp_probe_request r = { .gene = NULL,
                                  .obs = column,
                                  .n_obs = sizeof column / sizeof column[0],
                                  .mode = SCP_PROBE_DESCRIBE };
    return s->probe ? probe(&r, path, n) : SCP_OK;
}

/* Checksums of this rank's files, one file a thread at a time. */
typedef struct sums_work {
    const scp_prep_plan *plan;
    size_t rank, size;
    atomic_size_t next; /* counts the files of this rank */
    atomic_bool failed;
} sums_work;

static scp_status check_sums(void *ctx, int thread)
{
    sums_work *w = ctx;
    (void)thread;
    while (!atomic_load(&w->failed)) {
        size_t i = w->rank + w->size * atomic_fetch_add(&w->next, 1);
        if (i >= w->plan->n_files) break;
        scp_status st = scp_sums_check(w->plan->path[i]);
        if (st != SCP_OK) atomic_store(&w->failed, true);
        SCP_TRY(st);
    }
    return SCP_OK;
}

static scp_status check_all_sums(scp_comm *comm, const scp_prep_plan *p)
{
    double start = scp_clock_seconds(), bytes = 0;
    sums_work w = { .plan = p,
                    .rank = (size_t)scp_comm_rank(comm),
                    .size = (size_t)scp_comm_size(comm) };
    int threads = p->set->threads > 0 ? (int)p->set->threads : scp_team_default();
    SCP_TRY(scp_agree(comm, scp_team_run(threads, check_sums, &w)));
    for (size_t i = 0; i < p->n_files; i++) {
        int64_t n = 0;
        if (scp_fs_size(p->path[i], &n) == SCP_OK) bytes += (double)n;
    }
    scp_log(SCP_LOG_INFO, "%zu inputs agree with their checksums (%.1f GiB in %.0f s)", p->n_files,
            bytes / (1 << 30), scp_clock_seconds() - start);
    return SCP_OK;
}

scp_status scp_prep_inputs_look(scp_comm *comm, const scp_prep_plan *p)
{
    SCP_ARG(comm && p && p->set, "communicator and plan are required");
    scp_status st = SCP_OK;
    if (p->set->check_inputs) SCP_TRY(check_all_sums(comm, p));
    if (p->set->probe && scp_comm_rank(comm) == 0) {
        const char *column[COLUMNS];
        columns_of(&p->map, column);
        const scp_probe_request r = { .matrix = p->bulk.matrix,
                                      .gene = p->set->var_gene,
                                      .obs = column,
                                      .n_obs = COLUMNS };
        st = probe(&r, p->path, p->n_files);
    }
    return scp_agree(comm, st);
}
