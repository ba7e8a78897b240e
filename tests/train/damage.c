/* Damaged checkpoints and shards: whatever bit is flipped and wherever the file is cut, reading it
 * as the training programs do says so, by an error of bad data that names the file, and nothing
 * crashes. Each read is a process of its own, so that a crash would be seen. */
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
#include "diffusion/weights.h"
#include "io/shard.h"
#include "model/toy.h"
#include "tap.h"
#include "train/runs.h"

enum { SHORT = 60, LONG = 1000, SECONDS = 20 };
enum outcome { PASSED, REFUSED, OTHER, CRASHED, OUTCOMES };

typedef struct target {
    const char *what;
    char path[SCP_PATH_MAX], copy[SCP_PATH_MAX];
    char *bytes;
    size_t n;
    scp_status (*read)(const char *path);
} target;

static scp_comm *self;

static scp_status read_shard(const char *path)
{
    scp_dataset d;
    SCP_TRY(scp_shard_read(self, path, &d));
    scp_dataset_fini(&d);
    return SCP_OK;
}

static scp_status read_checkpoint(const char *path)
{
    scp_weights_head head;
    scp_ckpt *c = NULL;
    char *method = NULL;
    SCP_TRY(scp_ckpt_open(path, &c));
    scp_status st = scp_weights_get_head(c, &head);
    if (st == SCP_OK) st = scp_ckpt_get_text(c, "method", &method);
    free(method);
    scp_ckpt_close(&c);
    return st;
}

/* A shard, and the checkpoint of a run on its data: in a process of its own, since MPI must not be
 * up where this test forks. */
static scp_status prepare(scp_comm *world, const char *shard, const char *dir)
{
    static const screen_size size = { .lines = 5, .drugs = 9, .genes = 60, .seed = 3 };
    static const char *const few[] = { "vae_train.steps=4", NULL };
    runs r;
    scp_job_result out;
    SCP_TRY(runs_start(&r, &size, toy_tiny, few));
    scp_status st = scp_shard_write(world, shard, &r.data);
    if (st == SCP_OK) st = runs_vae(&r, world, "cpu", dir, false, &out);
    runs_stop(&r);
    return st;
}

static bool make(int *argc, char ***argv, const char *shard, const char *dir)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        scp_comm *world = NULL;
        scp_status st = scp_world_begin(argc, argv, &world);
        if (st == SCP_OK) st = prepare(world, shard, dir);
        if (st != SCP_OK) tap_diag("%s", scp_err_chain());
        SCP_KEEP(st, scp_world_end(&world));
        fflush(stdout);
        _exit(st != SCP_OK);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static enum outcome read_copy(const target *t)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = { 0, 0 };
        setrlimit(RLIMIT_CORE, &no_core);
        alarm(SECONDS);
        scp_status st = t->read(t->copy);
        bool named = strstr(scp_err_message(), t->copy) != NULL;
        _exit(st == SCP_OK ? PASSED : st == SCP_EDATA && named ? REFUSED : OTHER);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return CRASHED;
    return WEXITSTATUS(status) < OUTCOMES ? (enum outcome)WEXITSTATUS(status) : CRASHED;
}

static enum outcome try_bytes(const target *t, size_t n)
{
    FILE *f = fopen(t->copy, "wb");
    if (!f || fwrite(t->bytes, 1, n, f) != n || fclose(f) != 0)
        tap_ok(false, "cannot write %s", t->copy);
    return read_copy(t);
}

static void damage(target *t, uint32_t n, uint32_t seed)
{
    int count[OUTCOMES] = { 0 };
    tap_ok(try_bytes(t, t->n) == PASSED, "%s: the whole file is read", t->what);
    for (uint32_t k = 0; k < n; k++) {
        size_t at = (size_t)scp_rng_below(seed, SCP_RNG_SYNTH, 2, 0, k, t->n);
        enum outcome got;
        if (k % 4 == 3) { /* cut, everywhere and often near the end */
            got = try_bytes(t, k % 8 == 7 && at > t->n / 2 ? t->n - 1 - at % 512 : at);
        } else {
            t->bytes[at] ^= (char)(1 << k % 8);
            got = try_bytes(t, t->n);
            t->bytes[at] ^= (char)(1 << k % 8);
        }
        count[got]++;
        if (got != REFUSED) tap_diag("%s: byte %zu, case %u: outcome %d", t->what, at, k, (int)got);
    }
    tap_ok(
        count[REFUSED] == (int)n,
        "%s of %zu bytes: of %u flips and cuts %d are refused by name, %d pass, %d end otherwise, "
        "%d crash",
        t->what, t->n, n, count[REFUSED], count[PASSED], count[OTHER], count[CRASHED]);
}

int main(int argc, char **argv)
{
    static target shard = { .what = "shard", .read = read_shard },
                  checkpoint = { .what = "checkpoint", .read = read_checkpoint };
    target *const targets[] = { &shard, &checkpoint };
    const char *dir = tap_tmpdir();
    scp_log_set_level(SCP_LOG_ERROR);
    snprintf(shard.path, sizeof shard.path, "%s/shard.h5", dir);
    snprintf(checkpoint.path, sizeof checkpoint.path, "%s/vae/ckpt-4.h5", dir);
    tap_st(scp_comm_create_self(&self), "a communicator");
    tap_ok(make(&argc, &argv, shard.path, dir), "a shard and a checkpoint");
    for (int i = 0; i < 2; i++) {
        target *t = targets[i];
        snprintf(t->copy, sizeof t->copy, "%s/copy-%s.h5", dir, t->what);
        if (tap_st(scp_fs_read_text(t->path, &t->bytes, &t->n), "%s: its bytes", t->what))
            damage(t, (tap_long() ? LONG : SHORT) / 2, 11 + (uint32_t)i);
        free(t->bytes);
    }
    scp_comm_destroy(&self);
    return tap_done();
}
