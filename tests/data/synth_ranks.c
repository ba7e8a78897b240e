/* The files of a synthetic screen do not depend on the number of ranks, byte for byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "comm/world.h"
#include "data/synth.h"
#include "tap.h"

static bool same_bytes(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 1;
    bool same = scp_fs_read_text(a, &x, &n) == SCP_OK && scp_fs_read_text(b, &y, &m) == SCP_OK &&
                n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

static void compare(const char *alone, const char *together)
{
    static const char *const names[] = { "plate1.h5ad", "plate2.h5ad",  "plate3.h5ad",
                                         "plate4.h5ad", "plate14.h5ad", "drugs.tsv",
                                         "truth.h5" };
    char a[SCP_PATH_MAX], b[SCP_PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(a, sizeof a, "%s/%s", alone, names[i]);
        snprintf(b, sizeof b, "%s/%s", together, names[i]);
        tap_ok(same_bytes(a, b), "%s is that of one rank", names[i]);
    }
}

int main(int argc, char **argv)
{
    scp_comm *world = NULL, *self = NULL;
    scp_synth_report alone, together;
    char table[SCP_PATH_MAX], folder[SCP_PATH_MAX / 4] = "", both[2][SCP_PATH_MAX / 2];
    const char *top = getenv("top_srcdir");
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    int rank = scp_comm_rank(world);
    tap_set_silent(rank != 0);
    snprintf(table, sizeof table, "%s/data-prep/drugs/drugs.tsv", top ? top : ".");
    if (rank == 0) snprintf(folder, sizeof folder, "%s", tap_tmpdir());
    tap_st(scp_comm_bcast(world, folder, sizeof folder, SCP_COMM_U8, 0), "one folder");
    snprintf(both[0], sizeof both[0], "%s/alone", folder);
    snprintf(both[1], sizeof both[1], "%s/together", folder);

    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    c.plates = 4;
    c.repeat = 1;
    c.drugs = 9;
    c.lines = 3;
    c.out = both[1];
    tap_st(scp_synth_run(world, &c, &together), "all ranks together");
    if (rank == 0) {
        c.out = both[0];
        tap_st(scp_comm_create_self(&self), "a communicator of one");
        tap_st(scp_synth_run(self, &c, &alone), "one rank alone");
        scp_comm_destroy(&self);
        compare(both[0], both[1]);
        tap_ok(alone.cells == together.cells && alone.nonzeros == together.nonzeros &&
                   alone.n == together.n,
               "every rank's cells are counted once");
        c.out = both[1];
        c.plates = 0;
        tap_fails(scp_synth_run(world, &c, &together), SCP_EUSAGE, "plates", "bad settings");
    } else {
        c.plates = 0;
        tap_fails(scp_synth_run(world, &c, &together), SCP_EUSAGE, NULL, "bad settings");
    }
    int code = tap_done();
    if (scp_world_end(&world) != SCP_OK) return 1;
    return code;
}
