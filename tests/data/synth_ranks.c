/* The files of a synthetic screen do not depend on the number of ranks and threads, byte for byte.
 */
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

static void compare(const char *alone, const char *together, const char *const *names, size_t n)
{
    char a[SCP_PATH_MAX], b[SCP_PATH_MAX];
    for (size_t i = 0; i < n; i++) {
        snprintf(a, sizeof a, "%s/%s", alone, names[i]);
        snprintf(b, sizeof b, "%s/%s", together, names[i]);
        tap_ok(same_bytes(a, b), "%s is that of one rank and one thread", names[i]);
    }
}

/* All ranks with two threads against one rank with one. */
static void run_both(scp_comm *world, scp_synth_config *c, char both[2][SCP_PATH_MAX / 2],
                     const char *const *names, size_t n)
{
    scp_comm *self = NULL;
    scp_synth_report alone, together;
    c->out = both[1];
    c->threads = 2;
    tap_st(scp_synth_run(world, c, &together), "all ranks together");
    if (scp_comm_rank(world) > 0) return;
    c->out = both[0];
    c->threads = 1;
    tap_st(scp_comm_create_self(&self), "a communicator of one");
    tap_st(scp_synth_run(self, c, &alone), "one rank alone");
    scp_comm_destroy(&self);
    compare(both[0], both[1], names, n);
    tap_ok(alone.cells == together.cells && alone.nonzeros == together.nonzeros &&
               alone.n == together.n && together.cores == 2 * scp_comm_size(world),
           "every rank's cells are counted once");
}

/* Several plates, few cells: groups of ranks share them out. */
static void test_plates(scp_comm *world, char both[2][SCP_PATH_MAX / 2], char *table)
{
    static const char *const names[] = { "plate1.h5ad", "plate2.h5ad",  "plate3.h5ad",
                                         "plate4.h5ad", "plate14.h5ad", "drugs.tsv",
                                         "truth.h5" };
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    c.plates = 4;
    c.repeat = 1;
    c.drugs = 9;
    c.lines = 3;
    run_both(world, &c, both, names, sizeof names / sizeof *names);
    c.out = both[1];
    c.plates = 0;
    tap_fails(scp_synth_run(world, &c, &(scp_synth_report){ 0 }), SCP_EUSAGE,
              scp_comm_rank(world) == 0 ? "plates" : NULL, "bad settings");
}

/* One plate, wells of several spans, many chunks: all ranks draw it, the carry goes round. */
static void test_one_plate(scp_comm *world, char both[2][SCP_PATH_MAX / 2], char *table)
{
    static const char *const names[] = { "plate1.h5ad" };
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    c.plates = 1;
    c.drugs = 5;
    c.lines = 2;
    c.genes = 1000;
    c.cells_total = 40000;
    c.deflate = 1;
    run_both(world, &c, both, names, 1);
}

int main(int argc, char **argv)
{
    scp_comm *world = NULL;
    char table[SCP_PATH_MAX], folder[SCP_PATH_MAX / 4] = "", both[2][SCP_PATH_MAX / 2];
    const char *top = getenv("top_srcdir");
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    tap_set_silent(scp_comm_rank(world) != 0);
    snprintf(table, sizeof table, "%s/data-prep/drugs/drugs.tsv", top ? top : ".");
    if (scp_comm_rank(world) == 0) snprintf(folder, sizeof folder, "%s", tap_tmpdir());
    tap_st(scp_comm_bcast(world, folder, sizeof folder, SCP_COMM_U8, 0), "one folder");
    snprintf(both[0], sizeof both[0], "%s/alone", folder);
    snprintf(both[1], sizeof both[1], "%s/together", folder);
    test_plates(world, both, table);
    test_one_plate(world, both, table);
    int code = tap_done();
    if (scp_world_end(&world) != SCP_OK) return 1;
    return code;
}
