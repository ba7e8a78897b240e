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
#include "tap_ranks.h"

static scp_comm *world;
static screen scr;
static screen_files files;

static scp_status run(bool single)
{
    files.settings.memory = 1;
    files.settings.threads = 2;
    files.settings.single_writer = single;
    if (scp_comm_barrier(world) != SCP_OK) abort();
    return screen_prepare(world, &files, false);
}

/* All ranks failed, none has its own idea why, and nothing has the output's name. */
static void failed(scp_status st, const char *message, const char *what)
{
    bool told = tap_everywhere(world, strstr(scp_err_message(), message) != NULL);
    if (!told) tap_diag("message: %s", scp_err_message());
    tap_ok(tap_everywhere(world, st != SCP_OK), "%s: every rank ends", what);
    tap_ok(told, "%s: every rank has the message", what);
    tap_ok(tap_everywhere(world, !scp_fs_exists(files.out)), "%s: no output", what);
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
    char *path = files.plate[1], right[SCP_PATH_MAX];
    bool here = scp_comm_rank(world) == scp_comm_size(world) - 1;
    memcpy(right, path, sizeof right);
    if (here) snprintf(path, SCP_PATH_MAX, "/not-here/plate2.h5ad");
    failed(run(false), "not-here", "a plate that one rank cannot read");
    memcpy(path, right, sizeof right);
}

/* A part is larger than the limit. */
static void test_full_disk(bool single, const char *what)
{
    limit_file_size(100000);
    scp_status st = run(single);
    limit_file_size(RLIM_INFINITY);
    failed(st, "ulimit -f", what);
}

static void test_recovery(void)
{
    scp_dataset d = { 0 };
    tap_st(run(false), "the same run without a fault");
    tap_st(scp_shard_read(world, files.out, &d), "its shard holds");
    tap_ok(d.P == 80 && d.N == 71, "80 profiles, 71 pairs");
    scp_dataset_fini(&d);
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    bool root = scp_comm_rank(world) == 0;
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit is then an error */
    tap_set_silent(!root);
    scp_log_set_level(SCP_LOG_ERROR);
    screen_make(&scr);
    tap_st(screen_setup(world, &scr, root ? tap_tmpdir() : NULL, &files), "write a screen");
    test_unreadable();
    test_full_disk(false, "a full disk");
    test_full_disk(true, "a full disk, one writer");
    test_recovery();
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
