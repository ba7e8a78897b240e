/* scppdm_prep --verify against a damaged shard: whatever byte is flipped, it is found, also in
 * bytes of the HDF5 file that hold nothing, before HDF5, which does not survive some flips of its
 * metadata, looks at the file. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/rng.h"
#include "comm/world.h"
#include "data/prep.h"
#include "data/screen.h"
#include "data/verify.h"
#include "io/h5_probe.h"
#include "io/shard.h"
#include "tap.h"

enum { FLIPS = 200, LONG_FLIPS = 5000, SECONDS = 20 };
enum outcome { SAME, REFUSED, CHANGED, INTERNAL, CRASHED, OUTCOMES };

static scp_comm *self;
static char good[SCP_PATH_MAX], copy[SCP_PATH_MAX], *bytes;
static size_t n_bytes;
static scp_dataset want;
static int refused_by_probe;

static scp_status prepare(scp_comm *world)
{
    static screen scr;
    static screen_files files;
    screen_make(&scr);
    SCP_TRY(screen_setup(world, &scr, tap_tmpdir(), &files));
    files.settings.genes = "hvg:40";
    files.settings.output = good;
    return screen_prepare(world, &files, false);
}

/* In a process of its own: parallel HDF5 writes with MPI, and this process forks later. */
static bool make_shard(int *argc, char ***argv)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        scp_comm *world = NULL;
        scp_status st = scp_world_begin(argc, argv, &world);
        if (st == SCP_OK) st = prepare(world);
        if (st != SCP_OK) tap_diag("%s", scp_err_chain());
        fflush(stdout);
        SCP_KEEP(st, scp_world_end(&world));
        _exit(st != SCP_OK);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static scp_status verify(const char *path)
{
    const scp_verify_request r = { .shard = path };
    return scp_verify_run(self, &r);
}

static bool texts_same(char *const *a, char *const *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i], b[i]) != 0) return false;
    return true;
}

/* Compared with the good shard itself, not by checksum. */
static bool content_same(const scp_dataset *d)
{
    const scp_dataset *w = &want;
    if (d->G != w->G || d->P != w->P || d->R != w->R || d->N != w->N || d->n_drugs != w->n_drugs ||
        d->n_lines != w->n_lines || d->n_parents != w->n_parents || d->n_plates != w->n_plates)
        return false;
    return memcmp(d->x, w->x, w->P * w->G * sizeof *w->x) == 0 &&
           memcmp(d->r_x, w->r_x, w->R * w->G * sizeof *w->r_x) == 0 &&
           memcmp(d->fp, w->fp, w->n_drugs * SCP_FP_BITS) == 0 &&
           memcmp(d->parent, w->parent, w->n_drugs * sizeof *w->parent) == 0 &&
           memcmp(d->p_line, w->p_line, w->P * sizeof *w->p_line) == 0 &&
           memcmp(d->p_drug, w->p_drug, w->P * sizeof *w->p_drug) == 0 &&
           memcmp(d->p_dose, w->p_dose, w->P * sizeof *w->p_dose) == 0 &&
           memcmp(d->p_plate, w->p_plate, w->P * sizeof *w->p_plate) == 0 &&
           memcmp(d->p_cells, w->p_cells, w->P * sizeof *w->p_cells) == 0 &&
           memcmp(d->r_profile, w->r_profile, w->R * sizeof *w->r_profile) == 0 &&
           memcmp(d->r_cells, w->r_cells, w->R * sizeof *w->r_cells) == 0 &&
           memcmp(d->post, w->post, w->N * sizeof *w->post) == 0 &&
           memcmp(d->pre, w->pre, w->N * sizeof *w->pre) == 0 &&
           memcmp(d->split, w->split, w->N) == 0 && d->hash == w->hash &&
           strcmp(d->manifest, w->manifest) == 0 && texts_same(d->gene, w->gene, w->G) &&
           texts_same(d->line, w->line, w->n_lines) && texts_same(d->drug, w->drug, w->n_drugs) &&
           texts_same(d->smiles, w->smiles, w->n_drugs) && texts_same(d->moa, w->moa, w->n_drugs) &&
           texts_same(d->parent_name, w->parent_name, w->n_parents) &&
           texts_same(d->plate, w->plate, w->n_plates);
}

static enum outcome verify_copy(void)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        scp_dataset d;
        const struct rlimit no_core = { 0, 0 };
        setrlimit(RLIMIT_CORE, &no_core);
        alarm(SECONDS);
        scp_status st = verify(copy);
        if (st != SCP_OK) _exit(st == SCP_EINTERNAL ? INTERNAL : REFUSED);
        _exit(scp_shard_read(self, copy, &d) == SCP_OK && content_same(&d) ? SAME : CHANGED);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return CRASHED;
    return WEXITSTATUS(status) < OUTCOMES ? (enum outcome)WEXITSTATUS(status) : CRASHED;
}

static void write_copy(void)
{
    FILE *f = fopen(copy, "wb");
    if (!f || fwrite(bytes, 1, n_bytes, f) != n_bytes || fclose(f) != 0)
        tap_ok(false, "cannot write %s", copy);
}

static void flip(size_t at, unsigned bit, int count[OUTCOMES])
{
    bytes[at] ^= (char)(1u << bit);
    write_copy();
    bytes[at] ^= (char)(1u << bit);
    enum outcome got = verify_copy();
    if (got == CRASHED && scp_probe_shard(copy) == SCP_EDATA) {
        refused_by_probe++;
        got = REFUSED;
    }
    count[got]++;
    if (got >= CHANGED) tap_diag("byte %zu, bit %u: outcome %d", at, bit, (int)got);
}

static void flips(void)
{
    int count[OUTCOMES] = { 0 };
    uint32_t n = getenv("SCP_TEST_LONG") ? LONG_FLIPS : FLIPS;
    for (uint32_t k = 0; k < n; k++)
        flip((size_t)scp_rng_below(7, SCP_RNG_SYNTH, 1, 0, k, n_bytes), k % 8, count);
    tap_diag("%zu bytes, %u flips: %d refused (%d of them by the probe alone), %d in unused bytes, "
             "%d changed, "
             "%d internal errors, %d crashes",
             n_bytes, n, count[REFUSED], refused_by_probe, count[SAME], count[CHANGED],
             count[INTERNAL], count[CRASHED]);
    tap_ok(count[CHANGED] == 0, "no flipped byte passes with another content");
    tap_ok(count[INTERNAL] == 0 && count[CRASHED] == 0,
           "none ends in an internal error, or in a crash that the probe does not foresee");
    tap_ok((uint32_t)count[REFUSED] == n, "all are found, also in bytes that hold nothing");
}

int main(int argc, char **argv)
{
    char probe[SCP_PATH_MAX];
    const char *built = getenv("top_builddir");
    scp_log_set_level(SCP_LOG_ERROR);
    if (scp_fs_join(probe, sizeof probe, built ? built : ".", "scppdm_probe") == SCP_OK)
        setenv("SCPPDM_PROBE", probe, 1);
    tap_st(scp_comm_create_self(&self), "a communicator");
    tap_st(scp_fs_join(good, sizeof good, tap_tmpdir(), "good.h5"), "name");
    tap_st(scp_fs_join(copy, sizeof copy, tap_tmpdir(), "copy.h5"), "name");
    tap_ok(make_shard(&argc, &argv), "a shard");
    if (!tap_st(verify(good), "it is whole")) return tap_done();
    tap_st(scp_shard_read(self, good, &want), "its content");
    tap_st(scp_fs_read_text(good, &bytes, &n_bytes), "its bytes");
    flips();
    free(bytes);
    scp_dataset_fini(&want);
    scp_comm_destroy(&self);
    return tap_done();
}
