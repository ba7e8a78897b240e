/* The run of the generator: plates dealt to groups of ranks, side files by the last rank,
 * statistics by all. */
#include "data/synth.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/team.h"
#include "data/synth_keys.h"
#include "data/synth_plate.h"

static scp_status plate_path(const scp_synth_design *d, size_t plate, char *path, size_t size)
{
    char name[32];
    const char *what = d->cfg.preset == SCP_SYNTH_KEYS ? "keys" : "plate";
    SCP_TRY(scp_str_format(name, sizeof name, "%s%d.h5ad", what, d->plate[plate].number));
    return scp_fs_join(path, size, d->cfg.out, name);
}

/* Rounds that a screen takes when `groups` groups of ranks share its plates: a plate of the slowest
 * group costs 1 / ranks, and what its rank 0 does alone. */
static double group_cost(size_t plates, size_t ranks, size_t groups)
{
    static const double alone = 0.04;
    return (double)((plates + groups - 1) / groups) * (1.0 / (double)(ranks / groups) + alone);
}

static size_t choose_groups(size_t plates, size_t ranks)
{
    size_t best = 1;
    for (size_t g = 2; g <= plates && g <= ranks; g++)
        if (group_cost(plates, ranks, g) < group_cost(plates, ranks, best)) best = g;
    return best;
}

/* The plates of this rank's group: every groups-th. The status is agreed in the group. */
static scp_status write_plates(scp_comm *group, size_t first, size_t groups,
                               const scp_synth_design *d, scp_synth_tally *tally)
{
    scp_synth_segment *segment = NULL;
    scp_h5ad_write_options storage = scp_synth_storage(d);
    char path[SCP_PATH_MAX];
    scp_status st = scp_synth_segment_create(d, &storage, &segment);
    SCP_GOTO(done, scp_agree(group, st));
    for (size_t p = first; p < d->n_plates; p += groups) {
        int64_t full, write_us;
        SCP_GOTO(done, plate_path(d, p, path, sizeof path));
        SCP_GOTO(done, scp_synth_write_plate(group, d, segment, p, path, &full, &write_us));
        tally->full += full;
        tally->write_us += write_us;
    }
    scp_synth_segment_tally(segment, tally);
done:
    scp_synth_segment_destroy(&segment);
    return st;
}

/* Means of keys: the plates of this rank, every size-th. */
static scp_status write_keys(const scp_comm *comm, const scp_synth_design *d,
                             scp_synth_tally *tally)
{
    char path[SCP_PATH_MAX];
    size_t rank = (size_t)scp_comm_rank(comm), size = (size_t)scp_comm_size(comm);
    for (size_t p = rank; p < d->n_plates; p += size) {
        SCP_TRY(plate_path(d, p, path, sizeof path));
        SCP_TRY(scp_synth_write_keys(d, p, path, &tally->cells, &tally->nonzeros));
    }
    return SCP_OK;
}

static scp_status write_side_files(const scp_synth_design *d)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_synth_write_tables(d, d->cfg.out));
    SCP_TRY(scp_fs_join(path, sizeof path, d->cfg.out, "truth.h5"));
    return scp_synth_write_truth(d, path);
}

scp_status scp_synth_run(scp_comm *comm, const scp_synth_config *c, scp_synth_report *report)
{
    scp_status st = SCP_OK;
    scp_synth_design *d = NULL;
    scp_synth_tally *tally = NULL;
    scp_comm *group = NULL;
    double start = scp_clock_seconds();
    SCP_ARG(comm && c && report, "communicator, settings and report are required");
    if (!c->out || !*c->out) SCP_FAIL(SCP_EUSAGE, "a folder to write to is required");
    st = scp_synth_design_create(c, &d);
    if (st == SCP_OK && scp_comm_rank(comm) == 0) st = scp_fs_mkdirs(c->out);
    if (st == SCP_OK) st = scp_alloc(1, sizeof *tally, &tally);
    SCP_GOTO(done, scp_agree(comm, st));
    if (d->cfg.threads <= 0) d->cfg.threads = scp_team_default();
    size_t groups = choose_groups(d->n_plates, (size_t)scp_comm_size(comm));
    size_t first = (size_t)scp_comm_rank(comm) % groups;
    SCP_GOTO(done, scp_comm_split(comm, (int)first, &group));
    if (d->cfg.preset == SCP_SYNTH_KEYS)
        st = write_keys(comm, d, tally);
    else
        st = write_plates(group, first, groups, d, tally);
    SCP_GOTO(done, scp_agree(comm, st)); /* the tables are there when all plates are */
    if (scp_comm_rank(comm) == scp_comm_size(comm) - 1) st = write_side_files(d);
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, scp_comm_allreduce(comm, tally, sizeof *tally / sizeof(int64_t), SCP_COMM_I64,
                                      SCP_COMM_SUM));
    scp_synth_compare(d, tally, report);
    report->seconds_wall = scp_clock_seconds() - start;
    report->cores = scp_comm_size(comm) * (int)d->cfg.threads;
done:
    scp_comm_destroy(&group);
    free(tally);
    scp_synth_design_destroy(&d);
    return st;
}
