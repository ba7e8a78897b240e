/* Checkpoints: content comes back, a flipped bit anywhere and any cut is refused, LATEST falls back
 * to what opens, old ones go. scp_h5_open is wrapped, for what happens just before it. */
#include "config.h" /* _GNU_SOURCE for memmem */

#include "io/ckpt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "io/h5.h"
#include "tap.h"

enum { N = 1000 };

static scp_status save(const char *path, int64_t step)
{
    scp_status st = SCP_OK;
    scp_ckpt_writer *w = NULL;
    float weight[N];
    const double loss[2] = { 0.1, -1e300 };
    const int64_t order[3] = { -1, INT64_MIN, INT64_MAX };
    for (int i = 0; i < N; i++) weight[i] = (float)i * 0.5f + (float)step;
    SCP_TRY(scp_ckpt_writer_create(path, &w));
    SCP_GOTO(done, scp_ckpt_add_f32(w, "param/decoder.W", weight, N));
    SCP_GOTO(done, scp_ckpt_add_f32(w, "ema/decoder.W", weight, N));
    SCP_GOTO(done, scp_ckpt_add_f64(w, "loss", loss, 2));
    SCP_GOTO(done, scp_ckpt_add_i64(w, "order", order, 3));
    SCP_GOTO(done, scp_ckpt_add_bytes(w, "empty", NULL, 0));
    SCP_GOTO(done, scp_ckpt_add_bytes(w, "mask", "\0\1\2", 3));
    SCP_GOTO(done, scp_ckpt_add_int(w, "step", step));
    SCP_GOTO(done, scp_ckpt_add_real(w, "scale", 1024.5));
    SCP_GOTO(done, scp_ckpt_add_text(w, "config", "seed: 1\nname: γ\n"));
    SCP_GOTO(done, scp_ckpt_writer_commit(&w));
done:
    scp_ckpt_writer_abort(&w);
    return st;
}

static void content(const char *path)
{
    scp_ckpt *c = NULL;
    float weight[N];
    double loss[2], scale = 0;
    int64_t order[3], step = 0;
    char mask[3], *config = NULL;
    size_t n = 9;
    if (!tap_st(scp_ckpt_open(path, &c), "opens")) return;
    tap_st(scp_ckpt_get_f32(c, "ema/decoder.W", weight, N), "f32");
    tap_ok(weight[0] == 7 && weight[999] == 506.5f, "f32 values");
    tap_st(scp_ckpt_get_f64(c, "loss", loss, 2), "f64");
    tap_ok(loss[0] == 0.1 && loss[1] == -1e300, "f64 values");
    tap_st(scp_ckpt_get_i64(c, "order", order, 3), "i64");
    tap_ok(order[1] == INT64_MIN && order[2] == INT64_MAX, "i64 values");
    tap_st(scp_ckpt_get_bytes(c, "mask", mask, 3), "bytes");
    tap_ok(memcmp(mask, "\0\1\2", 3) == 0, "byte values");
    tap_st(scp_ckpt_get_int(c, "step", &step), "integer");
    tap_st(scp_ckpt_get_real(c, "scale", &scale), "real");
    tap_ok(step == 7 && scale == 1024.5, "numbers");
    tap_st(scp_ckpt_get_text(c, "config", &config), "text");
    tap_text(config, "seed: 1\nname: γ\n", "text value");
    free(config);
    tap_st(scp_ckpt_length(c, "empty", &n), "length of an empty array");
    tap_ok(n == 0 && scp_ckpt_has(c, "empty") && !scp_ckpt_has(c, "param/none"), "names");
    tap_fails(scp_ckpt_get_f32(c, "param/none", weight, 1), SCP_EDATA, "\"param/none\"",
              "missing name");
    tap_fails(scp_ckpt_get_f32(c, "loss", weight, 2), SCP_EDATA, "does not hold f32",
              "another type");
    tap_fails(scp_ckpt_get_f64(c, "loss", loss, 1), SCP_EDATA, "2 elements, 1", "another length");
    scp_ckpt_close(&c);
}

static void overwrite(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) tap_ok(false, "cannot write %s", path);
}

/* Every bit that is flipped and every cut must be found, whatever it hits. */
static void damage(const char *path)
{
    char copy[SCP_PATH_MAX], *bytes = NULL;
    size_t n = 0, missed = 0, wrong = 0;
    int flips = tap_long() ? 20000 : 200, cuts = tap_long() ? 2000 : 40;
    scp_ckpt *c = NULL;
    tap_st(scp_fs_join(copy, sizeof copy, tap_tmpdir(), "damaged.h5"), "name");
    tap_st(scp_fs_read_text(path, &bytes, &n), "bytes of a checkpoint");
    for (int k = 0; k < flips; k++) {
        size_t at = (size_t)scp_rng_below(1, SCP_RNG_SYNTH, 0, 0, (uint32_t)k, n);
        char was = bytes[at];
        bytes[at] ^= (char)(1 << k % 8);
        overwrite(copy, bytes, n);
        bytes[at] = was;
        scp_status st = scp_ckpt_open(copy, &c);
        missed += st == SCP_OK;
        wrong += st != SCP_OK && st != SCP_EDATA;
        scp_ckpt_close(&c);
    }
    tap_ok(missed == 0 && wrong == 0, "%d flipped bits are all bad data", flips);
    missed = 0;
    for (int k = 0; k < cuts; k++) {
        overwrite(copy, bytes, (size_t)scp_rng_below(1, SCP_RNG_SYNTH, 1, 0, (uint32_t)k, n));
        missed += scp_ckpt_open(copy, &c) != SCP_EDATA;
        scp_ckpt_close(&c);
    }
    tap_ok(missed == 0, "%d cuts are all bad data", cuts);
    overwrite(copy, bytes, n);
    tap_st(scp_ckpt_open(copy, &c), "the whole file opens");
    scp_ckpt_close(&c);
    memcpy(strstr(bytes, "format 2"), "format 3", 8);
    overwrite(copy, bytes, n);
    tap_fails(scp_ckpt_open(copy, &c), SCP_EDATA, "format 3", "a newer format says so");
    overwrite(copy, "", 0);
    tap_fails(scp_ckpt_open(copy, &c), SCP_EDATA, "not a checkpoint", "an empty file");
    tap_fails(scp_ckpt_open("/nonexistent.h5", &c), SCP_ENOINPUT, "/nonexistent.h5",
              "a missing file");
    free(bytes);
}

/* No byte is left out: of the head, of each array however short, of what is between them. */
static void every_byte(const char *path)
{
    char copy[SCP_PATH_MAX], *bytes = NULL;
    size_t n = 0, missed = 0;
    tap_st(scp_fs_join(copy, sizeof copy, tap_tmpdir(), "bytes.h5"), "name");
    if (!tap_st(scp_fs_read_text(path, &bytes, &n), "bytes of a checkpoint")) return;
    overwrite(copy, bytes, n);
    int fd = open(copy, O_WRONLY);
    for (size_t at = 0; at < n; at++) {
        const char flipped = (char)(bytes[at] ^ (1 << at % 8));
        if (pwrite(fd, &flipped, 1, (off_t)at) != 1) missed++;
        missed += scp_ckpt_check(copy) != SCP_EDATA;
        if (pwrite(fd, bytes + at, 1, (off_t)at) != 1) missed++;
    }
    close(fd);
    tap_ok(missed == 0, "a flipped bit of each of %zu bytes is found (%zu are not)", n, missed);
    tap_st(scp_ckpt_check(copy), "as it was, it is good");
    free(bytes);
}

/* A byte of an array changes on the disk after the file was opened. */
static void changes_later(const char *path)
{
    char copy[SCP_PATH_MAX], *bytes = NULL, *text = NULL;
    size_t n = 0;
    scp_ckpt *c = NULL;
    tap_st(scp_fs_join(copy, sizeof copy, tap_tmpdir(), "later.h5"), "name");
    if (!tap_st(scp_fs_read_text(path, &bytes, &n), "bytes of a checkpoint")) return;
    overwrite(copy, bytes, n);
    const char *at = memmem(bytes, n, "seed: 1", 7);
    int fd = open(copy, O_WRONLY);
    tap_st(scp_ckpt_open(copy, &c), "opened");
    tap_ok(at && pwrite(fd, "S", 1, at - bytes) == 1, "then changed");
    tap_fails(scp_ckpt_get_text(c, "config", &text), SCP_EDATA, "\"config\" is damaged",
              "an array that is not what was checked");
    close(fd);
    scp_ckpt_close(&c);
    free(bytes);
}

/* ---- a file that is replaced between its check and HDF5, as best.h5 of a run may be ---- */

static const char *others[2]; /* take the name of what is opened, in turn */
static int n_others;          /* how many times */

scp_status __real_scp_h5_open(const char *path, hid_t *file);
scp_status __wrap_scp_h5_open(const char *path, hid_t *file);

scp_status __wrap_scp_h5_open(const char *path, hid_t *file)
{
    if (n_others > 0) {
        char *bytes = NULL;
        size_t n = 0;
        SCP_TRY(scp_fs_read_text(others[--n_others % 2], &bytes, &n));
        scp_status st = scp_fs_write_text(path, bytes, n);
        free(bytes);
        SCP_TRY(st);
    }
    return __real_scp_h5_open(path, file);
}

static void replaced(void)
{
    char path[SCP_PATH_MAX], a[SCP_PATH_MAX], b[SCP_PATH_MAX];
    scp_ckpt *c = NULL;
    int64_t step = 0;
    float weight[N];
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "best.h5"), "name");
    tap_st(scp_fs_join(a, sizeof a, tap_tmpdir(), "a.h5"), "name");
    tap_st(scp_fs_join(b, sizeof b, tap_tmpdir(), "b.h5"), "name");
    tap_st(save(path, 5), "best.h5");
    tap_st(save(b, 8), "a later one");
    others[0] = b;
    others[1] = a;
    n_others = 1;
    if (tap_st(scp_ckpt_open(path, &c), "replaced once while it is opened")) {
        tap_st(scp_ckpt_get_int(c, "step", &step), "its step");
        tap_st(scp_ckpt_get_f32(c, "ema/decoder.W", weight, N), "its weights");
        tap_ok(step == 8 && weight[0] == 8, "are those of the later one");
    }
    scp_ckpt_close(&c);
    n_others = 1000;
    tap_fails(scp_ckpt_open(path, &c), SCP_ERETRY, "was replaced", "replaced again and again");
    n_others = 0;
}

/* Files of format 1 have one hash of all bytes after the head. */
static void old_format(const char *path)
{
    char old[SCP_PATH_MAX], *bytes = NULL;
    size_t n = 0;
    scp_ckpt *c = NULL;
    tap_st(scp_fs_join(old, sizeof old, tap_tmpdir(), "old.h5"), "name");
    if (!tap_st(scp_fs_read_text(path, &bytes, &n), "bytes of a checkpoint")) return;
    memset(bytes, 0, 512);
    snprintf(bytes, 512, "scppdm checkpoint\nformat 1\nlength %zu\nxxh3 %016llx\n", n,
             (unsigned long long)scp_hash_bytes(bytes + 512, n - 512, 0));
    overwrite(old, bytes, n);
    content(old);
    bytes[n / 2] ^= 4;
    overwrite(old, bytes, n);
    tap_fails(scp_ckpt_open(old, &c), SCP_EDATA, "damaged", "a flipped bit of format 1");
    snprintf(bytes, 512, "scppdm checkpoint\nformat 1\nlength %zu\nchecksums 512 3\n", n);
    overwrite(old, bytes, n);
    tap_fails(scp_ckpt_open(old, &c), SCP_EDATA, "damaged", "format 1 with the lines of format 2");
    free(bytes);
}

static void latest_is(const char *dir, int64_t want, const char *what)
{
    scp_ckpt *c = NULL;
    int64_t step = -1, stored = -1;
    if (!tap_st(scp_ckpt_latest(dir, &c, &step), "%s: opens", what)) return;
    tap_st(scp_ckpt_get_int(c, "step", &stored), "%s: step", what);
    tap_ok(step == want && stored == want, "%s: step %lld", what, (long long)want);
    scp_ckpt_close(&c);
}

/* Of 10, 20 and 30, two kept, 30 is damaged; the run goes on from 20 and stops at 25: 30 would be
 * one of the two. */
static void damaged_goes(void)
{
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX], **names = NULL;
    size_t n = 0;
    tap_st(scp_fs_join(dir, sizeof dir, tap_tmpdir(), "damaged-run"), "name");
    tap_st(scp_fs_mkdirs(dir), "folder");
    for (int64_t s = 10; s <= 30; s += 10) {
        tap_st(scp_ckpt_name(path, sizeof path, dir, s), "name");
        tap_st(save(path, s), "step %lld saved", (long long)s);
        tap_st(scp_ckpt_publish(dir, s, 2), "and published");
    }
    overwrite(path, "torn", 4);
    latest_is(dir, 20, "the newest is damaged");
    tap_st(scp_ckpt_name(path, sizeof path, dir, 25), "name");
    tap_st(save(path, 25), "step 25 saved");
    tap_st(scp_ckpt_publish(dir, 25, 2), "and published");
    latest_is(dir, 25, "then");
    tap_st(scp_fs_list(dir, ".h5", &names, &n), "folder listed");
    tap_ok(n == 2 && !strcmp(names[0], "ckpt-20.h5") && !strcmp(names[1], "ckpt-25.h5"),
           "two good ones are kept, the damaged one is gone");
    scp_fs_list_free(names, n);
}

static void run_folder(void)
{
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX], latest[SCP_PATH_MAX], **names = NULL;
    scp_ckpt *c = NULL;
    int64_t step;
    size_t n = 0;
    tap_st(scp_fs_join(dir, sizeof dir, tap_tmpdir(), "run"), "name");
    tap_st(scp_fs_mkdirs(dir), "folder");
    tap_st(scp_fs_join(latest, sizeof latest, dir, "LATEST"), "name");
    tap_fails(scp_ckpt_latest(dir, &c, &step), SCP_ENOINPUT, dir, "no checkpoint yet");
    for (int64_t s = 8; s <= 11; s++) {
        tap_st(scp_ckpt_name(path, sizeof path, dir, s), "name");
        tap_st(save(path, s), "step %lld saved", (long long)s);
        tap_st(scp_ckpt_publish(dir, s, 3), "step %lld published", (long long)s);
    }
    tap_st(scp_fs_list(dir, "", &names, &n), "folder listed");
    tap_ok(n == 4 && !strcmp(names[0], "LATEST") && !strcmp(names[1], "ckpt-10.h5") &&
               !strcmp(names[3], "ckpt-9.h5"),
           "the three newest and LATEST are left");
    scp_fs_list_free(names, n);
    latest_is(dir, 11, "LATEST");

    scp_log_set_level(SCP_LOG_ERROR);
    overwrite(path, "torn", 4); /* ckpt-11 */
    latest_is(dir, 10, "damaged target");
    tap_st(scp_fs_write_text(latest, "ckpt-9.h5\n", 10), "LATEST points to 9");
    latest_is(dir, 9, "LATEST wins over newer ones");
    tap_st(scp_fs_write_text(latest, "\x01\x02", 2), "LATEST damaged");
    latest_is(dir, 10, "damaged LATEST");
    scp_fs_remove(latest);
    latest_is(dir, 10, "no LATEST");
    scp_log_set_level(SCP_LOG_INFO);
    damaged_goes();
    scp_log_set_level(SCP_LOG_ERROR);
    for (int64_t s = 9; s <= 10; s++) {
        tap_st(scp_ckpt_name(path, sizeof path, dir, s), "name");
        overwrite(path, "torn", 4);
    }
    tap_fails(scp_ckpt_latest(dir, &c, &step), SCP_EDATA, "none of 3", "nothing opens");
    tap_fails(scp_ckpt_publish(dir, 99, 3), SCP_EINTERNAL, "ckpt-99.h5", "publish without a file");
    scp_log_set_level(SCP_LOG_INFO);
}

static void atomic(void)
{
    char path[SCP_PATH_MAX], again[SCP_PATH_MAX], *text[2];
    size_t n[2];
    scp_ckpt_writer *w = NULL;
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "never.h5"), "name");
    tap_st(scp_ckpt_writer_create(path, &w), "begun");
    tap_st(scp_ckpt_add_int(w, "step", 1), "one entry");
    tap_fails(scp_ckpt_add_int(w, "step", 1), SCP_EINTERNAL, "\"step\"", "a name twice");
    tap_ok(!scp_fs_exists(path), "nothing is there before commit");
    scp_ckpt_writer_abort(&w);
    tap_ok(!scp_fs_exists(path) && !w, "nor after abort");
    tap_fails(scp_ckpt_writer_create("/nonexistent/c.h5", &w), SCP_EIO, "/nonexistent",
              "no folder");
    tap_st(scp_fs_join(again, sizeof again, tap_tmpdir(), "again.h5"), "name");
    tap_st(save(path, 3), "saved");
    tap_st(save(again, 3), "saved again");
    tap_st(scp_fs_read_text(path, &text[0], &n[0]), "bytes");
    tap_st(scp_fs_read_text(again, &text[1], &n[1]), "bytes");
    tap_ok(n[0] == n[1] && memcmp(text[0], text[1], n[0]) == 0, "equal content, equal bytes");
    free(text[0]);
    free(text[1]);
}

int main(void)
{
    char path[SCP_PATH_MAX];
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "a.h5"), "name");
    tap_st(save(path, 7), "saved");
    content(path);
    damage(path);
    every_byte(path);
    changes_later(path);
    replaced();
    old_format(path);
    run_folder();
    atomic();
    return tap_done();
}
