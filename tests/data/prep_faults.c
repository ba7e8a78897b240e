/* What fails on one rank, or while writing, ends all ranks with an error and leaves no output; the
 * same run then succeeds when the fault is gone. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/fs.h"
#include "base/log.h"
#include "comm/world.h"
#include "data/prep.h"
#include "data/screen.h"
#include "io/shard.h"
#include "tap.h"

static scp_comm *world;
static screen scr;
static char folder[SCP_PATH_MAX];
static char plate[2][SCP_PATH_MAX + 32], drugs[SCP_PATH_MAX + 32], out[SCP_PATH_MAX + 32];

static scp_status run(char *first, char *second, bool single)
{
    const scp_prep_settings s = { .output = out,
                                  .drugs = drugs,
                                  .min_cells = SCREEN_MIN_CELLS,
                                  .genes = "all",
                                  .ud = 0.15,
                                  .uc = 0.1,
                                  .val = 0.05,
                                  .seed = 3,
                                  .replicates = 3,
                                  .memory = 1,
                                  .threads = 2,
                                  .single_writer = single };
    char *in[2] = { first, second };
    const scp_text_list inputs = { .v = in, .n = 2 };
    if (scp_comm_barrier(world) != SCP_OK) abort();
    return scp_prep_run(world, &s, &inputs);
}

static bool everywhere(bool here)
{
    int32_t yes = here;
    return scp_comm_allreduce(world, &yes, 1, SCP_COMM_I32, SCP_COMM_MIN) == SCP_OK && yes;
}

/* All ranks failed, none has its own idea why, and nothing has the output's name. */
static void failed(scp_status st, const char *message, const char *what)
{
    bool told = everywhere(strstr(scp_err_message(), message) != NULL);
    if (!told) tap_diag("message: %s", scp_err_message());
    tap_ok(everywhere(st != SCP_OK), "%s: every rank ends", what);
    tap_ok(told, "%s: every rank has the message", what);
    tap_ok(everywhere(!scp_fs_exists(out)), "%s: no output", what);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) abort();
    limit.rlim_cur = bytes;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) abort();
}

static void test_unreadable(void)
{
    char missing[SCP_PATH_MAX + 64];
    int last = scp_comm_size(world) - 1;
    snprintf(missing, sizeof missing, "%s/not-here/plate2.h5ad", folder);
    failed(run(plate[0], scp_comm_rank(world) == last ? missing : plate[1], false), "not-here",
           "a plate that one rank cannot read");
}

/* A part is larger than the limit. */
static void test_full_disk(bool single, const char *what)
{
    limit_file_size(100000);
    scp_status st = run(plate[0], plate[1], single);
    limit_file_size(RLIM_INFINITY);
    failed(st, "ulimit -f", what);
}

static void test_recovery(void)
{
    scp_dataset d = { 0 };
    tap_st(run(plate[0], plate[1], false), "the same run without a fault");
    tap_st(scp_shard_read(world, out, &d), "its shard holds");
    tap_ok(d.P == 80 && d.N == 71, "80 profiles, 71 pairs");
    scp_dataset_fini(&d);
}

int main(int argc, char **argv)
{
    scp_status st = SCP_OK;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    bool root = scp_comm_rank(world) == 0;
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit is then an error */
    tap_set_silent(!root);
    scp_log_set_level(SCP_LOG_ERROR);
    if (root) snprintf(folder, sizeof folder, "%s", tap_tmpdir());
    if (scp_comm_bcast(world, folder, sizeof folder, SCP_COMM_U8, 0) != SCP_OK) return 1;
    screen_make(&scr);
    snprintf(out, sizeof out, "%s/out.h5", folder);
    snprintf(drugs, sizeof drugs, "%s/drugs.tsv", folder);
    for (int i = 0; i < 2; i++) {
        snprintf(plate[i], sizeof plate[i], "%s/%s", folder, scr.file[i].name);
        if (root && st == SCP_OK) st = screen_write(&scr.file[i], plate[i], NULL);
    }
    if (root && st == SCP_OK) st = screen_write_drugs(drugs);
    tap_st(scp_agree(world, st), "write a screen");
    test_unreadable();
    test_full_disk(false, "a full disk");
    test_full_disk(true, "a full disk, one writer");
    test_recovery();
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
