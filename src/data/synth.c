/* The run of the generator: plates dealt to ranks, side files by rank 0, statistics by all. */
#include "data/synth.h"

#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "data/synth_write.h"

static scp_status plate_path(const scp_synth_design *d, size_t plate, char *path, size_t size)
{
    char name[32];
    SCP_TRY(scp_str_format(name, sizeof name, "plate%d.h5ad", d->plate[plate].number));
    return scp_fs_join(path, size, d->cfg.out, name);
}

/* The plates of this rank: every size-th. */
static scp_status write_plates(const scp_comm *comm, const scp_synth_design *d,
                               scp_synth_tally *tally)
{
    scp_status st = SCP_OK;
    scp_synth_sampler *sampler = NULL;
    char path[SCP_PATH_MAX];
    size_t rank = (size_t)scp_comm_rank(comm), size = (size_t)scp_comm_size(comm);
    SCP_GOTO(done, scp_synth_sampler_create(d, &sampler));
    for (size_t p = rank; p < d->n_plates; p += size) {
        SCP_GOTO(done, plate_path(d, p, path, sizeof path));
        SCP_GOTO(done, scp_synth_write_plate(d, sampler, p, path, tally));
    }
done:
    scp_synth_sampler_destroy(&sampler);
    return st;
}

static scp_status write_side_files(const scp_synth_design *d)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_fs_join(path, sizeof path, d->cfg.out, "drugs.tsv"));
    SCP_TRY(scp_synth_write_drugs(d, path));
    SCP_TRY(scp_fs_join(path, sizeof path, d->cfg.out, "truth.h5"));
    return scp_synth_write_truth(d, path);
}

scp_status scp_synth_run(scp_comm *comm, const scp_synth_config *c, scp_synth_report *report)
{
    scp_status st = SCP_OK;
    scp_synth_design *d = NULL;
    scp_synth_tally *tally = NULL;
    SCP_ARG(comm && c && report, "communicator, settings and report are required");
    if (!c->out || !*c->out) SCP_FAIL(SCP_EUSAGE, "a folder to write to is required");
    st = scp_synth_design_create(c, &d);
    if (st == SCP_OK && scp_comm_rank(comm) == 0) st = scp_fs_mkdirs(c->out);
    if (st == SCP_OK) st = scp_alloc(1, sizeof *tally, &tally);
    SCP_GOTO(done, scp_agree(comm, st));
    st = write_plates(comm, d, tally);
    if (st == SCP_OK && scp_comm_rank(comm) == scp_comm_size(comm) - 1) st = write_side_files(d);
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, scp_comm_allreduce(comm, tally, sizeof *tally / sizeof(int64_t), SCP_COMM_I64,
                                      SCP_COMM_SUM));
    scp_synth_compare(d, tally, report);
done:
    free(tally);
    scp_synth_design_destroy(&d);
    return st;
}
