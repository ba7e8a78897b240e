/* Checkpoints on the bytes kept from the one before: whatever those were, the file is that of a
 * writer with memory of its own; and it is that file however the file system takes it, or nothing
 * is left. fcntl, write, fsync and rename are wrapped. */
#include "config.h" /* _GNU_SOURCE for O_DIRECT */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "io/ckpt_helper.h"
#include "tap.h"

/* ---- a file system ---- */

/* What it does with O_DIRECT: takes it, refuses the flag or the write, takes a part; or it is full
 * after `room` bytes of a file, or slow. */
static enum { TAKES, REFUSES_FLAG, REFUSES_WRITE, TAKES_PART, FULL, SLOW, WAYS } disk;
static const char *const way[WAYS] = { "takes all",    "refuses the flag", "refuses the write",
                                       "takes a part", "is full",          "is slow" };
static int met;    /* how often it did so */
static off_t room; /* of a file, when it is full */

enum { PIECE = 4 << 20, PART = PIECE - 4096 + 100 }; /* less than a piece, and not aligned */

int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, long flags);
ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);

int __wrap_fcntl(int fd, int what, long flags)
{
    if (disk == REFUSES_FLAG && what == F_SETFL && (flags & O_DIRECT)) {
        met++;
        errno = EINVAL;
        return -1;
    }
    return __real_fcntl(fd, what, flags);
}

static ssize_t refuse(int error)
{
    met++;
    errno = error;
    return -1;
}

/* An end that is not aligned comes from a file system that copies: it does so here. */
static ssize_t take_part(int fd, const void *data, size_t n)
{
    const int flags = __real_fcntl(fd, F_GETFL);
    met++;
    (void)__real_fcntl(fd, F_SETFL, flags & ~O_DIRECT);
    ssize_t done = __real_write(fd, data, n < PART ? n : PART);
    (void)__real_fcntl(fd, F_SETFL, flags);
    return done;
}

/* What a machine that goes down would lose: a file that gets its name before its bytes are on disk,
 * a name that the folder does not have there before the next. */
static ino_t synced;   /* the file that was last, and not written since */
static bool pending;   /* a name */
static int lost;       /* how often */
static char names[64]; /* that were given since it was cleared */

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

static void touched(int fd)
{
    struct stat is;
    if (fstat(fd, &is) == 0 && is.st_ino == synced) synced = 0;
}

int __wrap_fsync(int fd)
{
    struct stat is;
    if (fstat(fd, &is) != 0) return -1;
    if (S_ISDIR(is.st_mode))
        pending = false;
    else
        synced = is.st_ino;
    return __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
    struct stat is;
    const size_t len = strlen(names);
    if (stat(from, &is) != 0) return -1;
    lost += is.st_ino != synced || pending;
    pending = true;
    snprintf(names + len, sizeof names - len, "%s ", strrchr(to, '/') + 1);
    return __real_rename(from, to);
}

ssize_t __wrap_write(int fd, const void *data, size_t n)
{
    touched(fd);
    if (disk == SLOW) usleep(100000);
    if (disk == FULL && lseek(fd, 0, SEEK_CUR) >= room) return refuse(ENOSPC);
    if (!(__real_fcntl(fd, F_GETFL) & O_DIRECT)) return __real_write(fd, data, n);
    if (disk == REFUSES_WRITE) return refuse(EINVAL);
    return disk == TAKES_PART ? take_part(fd, data, n) : __real_write(fd, data, n);
}

/* ---- checkpoints ---- */

enum { LARGE = 2500000 }; /* several pieces, and not whole pages */

/* The state of a step, and how it is laid out: in all, with an array of another length, without the
 * last entry, with one more, with other names, with another type of the same size, with none. */
enum form { PLAIN, LONGER, FEWER, MORE, RENAMED, RETYPED, NOTHING, FORMS };

static scp_status fill(scp_ckpt_writer *w, enum form form, int64_t step)
{
    const size_t n = form == LONGER ? 1003 : 1001;
    float *v = NULL;
    if (form == NOTHING) return SCP_OK;
    SCP_TRY(scp_ckpt_add_int(w, "step", step));
    SCP_TRY(scp_ckpt_add_bytes(w, "odd", "1234567", 7)); /* what follows is aligned all the same */
    SCP_TRY(scp_ckpt_add_f32_room(w, form == RENAMED ? "v/W" : "w/W", n, &v));
    tap_ok((uintptr_t)v % sizeof *v == 0, "an array begins where a number may");
    for (size_t i = 0; i < n; i++) v[i] = (float)i + (float)step;
    SCP_TRY(scp_ckpt_add_bytes(w, "empty", NULL, 0));
    if (form == RETYPED)
        SCP_TRY(scp_ckpt_add_int(w, "score", step));
    else if (form != FEWER)
        SCP_TRY(scp_ckpt_add_real(w, "score", 0.5 * (double)step));
    return form == MORE ? scp_ckpt_add_text(w, "note", "one more") : SCP_OK;
}

static scp_status alone(const char *path, enum form form, int64_t step)
{
    scp_ckpt_writer *w = NULL;
    SCP_TRY(scp_ckpt_writer_create(path, &w));
    scp_status st = fill(w, form, step);
    if (st == SCP_OK) return scp_ckpt_writer_commit(&w);
    scp_ckpt_writer_abort(&w);
    return st;
}

static bool same_file(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 1;
    bool read =
        tap_st(scp_fs_read_text(a, &x, &n), "read") && tap_st(scp_fs_read_text(b, &y, &m), "read");
    bool same = read && n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

static void no_temporaries(const char *dir)
{
    char **list = NULL;
    size_t n = 0, left = 0;
    tap_st(scp_fs_list(dir, "", &list, &n), "folder listed");
    for (size_t i = 0; i < n; i++) left += strstr(list[i], ".tmp") != NULL;
    tap_ok(left == 0, "%zu temporaries are left behind", left);
    scp_fs_list_free(list, n);
}

/* A disk that is full in the middle of a file, and what comes after it on the same bytes. best.h5
 * goes first, and LATEST last. */
static void full_between(void)
{
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX], best[SCP_PATH_MAX], own[SCP_PATH_MAX];
    scp_ckpt_helper *h = NULL;
    scp_ckpt_writer *w = NULL;
    snprintf(dir, sizeof dir, "%s/full", tap_tmpdir());
    tap_st(scp_fs_join(best, sizeof best, dir, "best.h5"), "name");
    snprintf(own, sizeof own, "%s/own.h5", tap_tmpdir());
    tap_st(scp_fs_mkdirs(dir), "folder");
    if (!tap_st(scp_ckpt_helper_create(dir, 0, NULL, &h), "helper")) return;
    room = 4096;
    for (int64_t step = 1; step <= 3; step++) {
        disk = step == 2 ? FULL : TAKES;
        names[0] = '\0';
        met = 0;
        if (!tap_st(scp_ckpt_helper_begin(h, step, &w), "step %lld", (long long)step)) break;
        tap_st(fill(w, PLAIN, step), "filled");
        tap_st(scp_ckpt_writer_also(w, best), "best.h5 too");
        scp_ckpt_helper_put(h, &w);
        scp_status st = scp_ckpt_helper_wait(h);
        disk = TAKES;
        tap_st(scp_ckpt_name(path, sizeof path, dir, step), "name");
        if (step == 2) {
            tap_fails(st, SCP_EIO, "No space left on device", "a full disk");
            tap_ok(met > 0 && !scp_fs_exists(path), "no checkpoint of it");
        } else {
            tap_st(st, "written");
            tap_st(alone(own, PLAIN, step), "and alone");
            tap_ok(same_file(path, own), "the same bytes");
        }
        tap_ok(same_file(best, own), "best.h5 is that of step %d", step == 3 ? 3 : 1);
        no_temporaries(dir);
        if (step == 3) tap_text(names, "best.h5 ckpt-3.h5 LATEST own.h5 ", "their order");
    }
    scp_ckpt_helper_destroy(&h);
}

/* From the plain layout to each other, which is then used again, and back. */
static void kept(void)
{
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX], own[SCP_PATH_MAX];
    scp_ckpt_helper *h = NULL;
    scp_ckpt_writer *w = NULL;
    int64_t step = 0;
    snprintf(dir, sizeof dir, "%s/kept", tap_tmpdir());
    snprintf(own, sizeof own, "%s/own.h5", tap_tmpdir());
    tap_st(scp_fs_mkdirs(dir), "folder");
    if (!tap_st(scp_ckpt_helper_create(dir, 2, NULL, &h), "helper")) return;
    for (int k = 0; k < 3 * FORMS; k++) {
        const enum form form = k % 3 == 0 ? PLAIN : (enum form)(k / 3);
        step++;
        if (!tap_st(scp_ckpt_helper_begin(h, step, &w), "step %lld", (long long)step)) break;
        tap_st(fill(w, form, step), "filled");
        scp_ckpt_helper_put(h, &w);
        tap_st(scp_ckpt_helper_wait(h), "written");
        tap_st(alone(own, form, step), "and alone");
        tap_st(scp_ckpt_name(path, sizeof path, dir, step), "name");
        tap_ok(same_file(path, own), "the same bytes");
    }
    step++;
    tap_st(scp_ckpt_helper_begin(h, step, &w), "another");
    tap_st(scp_ckpt_add_int(w, "step", step), "one entry");
    tap_fails(scp_ckpt_add_int(w, "step", step), SCP_EINTERNAL, "\"step\"", "a name twice");
    tap_fails(scp_ckpt_add_int(w, "checksums", step), SCP_EINTERNAL, "checksums", "a taken name");
    scp_ckpt_writer_abort(&w);
    tap_st(scp_ckpt_helper_begin(h, step, &w), "one after an abort");
    tap_st(fill(w, PLAIN, step), "filled");
    scp_ckpt_helper_put(h, &w);
    scp_ckpt_helper_destroy(&h);
    tap_st(scp_ckpt_name(path, sizeof path, dir, step), "name");
    tap_st(alone(own, PLAIN, step), "and alone");
    tap_ok(same_file(path, own), "is written before the helper ends, the same bytes");
}

/* The next is begun while the one before is on its way to a slow disk: each has its own content. */
static void close_together(void)
{
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX], own[SCP_PATH_MAX];
    scp_ckpt_helper *h = NULL;
    scp_ckpt_writer *w = NULL;
    snprintf(dir, sizeof dir, "%s/close", tap_tmpdir());
    snprintf(own, sizeof own, "%s/own.h5", tap_tmpdir());
    tap_st(scp_fs_mkdirs(dir), "folder");
    if (!tap_st(scp_ckpt_helper_create(dir, 0, NULL, &h), "helper")) return;
    disk = SLOW;
    for (int64_t step = 1; step <= 3; step++) {
        tap_st(scp_ckpt_helper_begin(h, step, &w), "step %lld", (long long)step);
        tap_st(fill(w, PLAIN, step), "filled");
        scp_ckpt_helper_put(h, &w);
    }
    tap_st(scp_ckpt_helper_wait(h), "written");
    disk = TAKES;
    tap_ok(scp_ckpt_helper_done(h).waited > 0.1, "steps waited %.3f s for a file system that %s",
           scp_ckpt_helper_done(h).waited, way[SLOW]);
    scp_ckpt_helper_destroy(&h);
    for (int64_t step = 1; step <= 3; step++) {
        tap_st(scp_ckpt_name(path, sizeof path, dir, step), "name");
        tap_st(alone(own, PLAIN, step), "alone");
        tap_ok(same_file(path, own), "the same bytes");
    }
}

static scp_status save_large(const char *path)
{
    scp_ckpt_writer *w = NULL;
    float *v = NULL;
    SCP_TRY(scp_ckpt_writer_create(path, &w));
    scp_status st = scp_ckpt_add_f32_room(w, "w/W", LARGE, &v);
    for (int i = 0; st == SCP_OK && i < LARGE; i++) v[i] = (float)(i % 65521);
    if (st == SCP_OK) return scp_ckpt_writer_commit(&w);
    scp_ckpt_writer_abort(&w);
    return st;
}

static void disks(void)
{
    char first[SCP_PATH_MAX], path[SCP_PATH_MAX];
    int64_t bytes = 0;
    snprintf(first, sizeof first, "%s/disk.h5", tap_tmpdir());
    tap_st(save_large(first), "a file system that %s", way[TAKES]);
    tap_st(scp_fs_size(first, &bytes), "size");
    tap_ok(bytes > 2 * PIECE && bytes % 4096 != 0, "of several pieces, and not whole pages");
    for (int k = TAKES + 1; k < FULL; k++) {
        snprintf(path, sizeof path, "%s/disk%d.h5", tap_tmpdir(), k);
        met = 0;
        disk = k;
        scp_status st = save_large(path);
        disk = TAKES;
        tap_st(st, "one that %s", way[k]);
        tap_ok(met > 0 && same_file(first, path), "the same bytes (met %d times)", met);
    }
    disk = FULL;
    room = PIECE;
    met = 0;
    tap_fails(save_large(path), SCP_EIO, "No space left on device", "one that is full");
    disk = TAKES;
    tap_ok(met > 0 && same_file(first, path), "what was there stays");
    no_temporaries(tap_tmpdir());
}

int main(void)
{
    kept();
    full_between();
    close_together();
    disks();
    tap_ok(lost == 0 && !pending, "what has a name is on disk, and so is the name");
    return tap_done();
}
