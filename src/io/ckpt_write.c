/* Writing of checkpoint files, see ckpt.h.
 *
 * Entries are gathered in memory; commit turns them into the image of an HDF5 file, in memory too,
 * and writes that with checked calls of our own. So HDF5 never meets a full disk, on which it
 * crashes, and gathering, which is all that a training step waits for, is one copy.
 *
 * Commit takes a processor from the steps that go on meanwhile, where all are busy. So the image
 * stays in one place from file to file, and is written around the page cache. */
#include "config.h" /* _GNU_SOURCE for O_DIRECT */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/ckpt_impl.h"
#include "io/h5.h"

typedef struct entry {
    scp_ckpt_type type;
    size_t n;
    void *v;
} entry;

struct scp_ckpt_writer {
    char *path, *tmp; /* tmp is open from the beginning: a folder that refuses it is known early */
    char *also;       /* a second file with the same bytes, or NULL */
    int fd;
    scp_names *names;
    entry *entry; /* [scp_names_count] */
    size_t room;
    scp_h5_memory own, *memory; /* of the image: its own, or lent */
};

scp_status scp_ckpt_writer_create(const char *path, scp_ckpt_writer **out)
{
    scp_status st = SCP_OK;
    scp_ckpt_writer *w = NULL;
    char tmp[SCP_PATH_MAX];
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *w, &w));
    w->fd = -1;
    w->memory = &w->own;
    SCP_GOTO(done, scp_strdup(path, &w->path));
    SCP_GOTO(done, scp_names_create(&w->names));
    SCP_GOTO(done, scp_fs_tmp_name(tmp, sizeof tmp, path));
    w->fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (w->fd < 0)
        SCP_FAIL_GOTO(done, SCP_EIO, "cannot write %s: %s", path, strerror(errno));
    SCP_GOTO(done, scp_strdup(tmp, &w->tmp));
done:
    if (st != SCP_OK) scp_ckpt_writer_abort(&w);
    *out = w;
    return st;
}

void scp_ckpt_writer_abort(scp_ckpt_writer **wp)
{
    scp_ckpt_writer *w = wp ? *wp : NULL;
    if (!w) return;
    if (w->fd >= 0) close(w->fd);
    if (w->tmp) scp_fs_remove(w->tmp);
    for (size_t i = 0; w->names && i < scp_names_count(w->names); i++) free(w->entry[i].v);
    free(w->entry);
    scp_h5_memory_fini(&w->own);
    scp_names_destroy(&w->names);
    free(w->tmp);
    free(w->also);
    free(w->path);
    free(w);
    *wp = NULL;
}

void scp_ckpt_writer_lend(scp_ckpt_writer *w, scp_h5_memory *memory)
{
    w->memory = memory;
}

scp_status scp_ckpt_writer_also(scp_ckpt_writer *w, const char *path)
{
    SCP_ARG(w && path && !w->also, "a writer without a second name is required");
    return scp_strdup(path, &w->also);
}

/* ---- entries ---- */

/* A new entry with room for n elements, which is not zeroed. */
static scp_status add_room(scp_ckpt_writer *w, const char *name, scp_ckpt_type t, size_t n,
                           void **room)
{
    size_t known = scp_names_count(w->names), index, bytes = n * scp_ckpt_type_size(t);
    SCP_ARG(name[0] && name[0] != '/', "\"%s\" cannot name an entry of a checkpoint", name);
    SCP_TRY(scp_grow(&w->entry, &w->room, known + 1, sizeof *w->entry));
    void *v = malloc(bytes ? bytes : 1);
    if (!v) SCP_FAIL(SCP_ENOMEM, "no memory for %zu bytes of \"%s\" in a checkpoint", bytes, name);
    scp_status st = scp_names_add(w->names, name, &index);
    if (st == SCP_OK && index < known)
        st = scp_err_raise(SCP_EINTERNAL, __FILE__, __LINE__, NULL,
                           "%s: \"%s\" is in the checkpoint already", w->path, name);
    if (st != SCP_OK) {
        free(v);
        return st;
    }
    w->entry[index] = (entry){ .type = t, .n = n, .v = v };
    *room = v;
    return SCP_OK;
}

static scp_status add(scp_ckpt_writer *w, const char *name, scp_ckpt_type t, const void *v,
                      size_t n)
{
    void *room = NULL;
    SCP_TRY(add_room(w, name, t, n, &room));
    if (n > 0) memcpy(room, v, n * scp_ckpt_type_size(t));
    return SCP_OK;
}

scp_status scp_ckpt_add_f32(scp_ckpt_writer *w, const char *name, const float *v, size_t n)
{
    return add(w, name, SCP_CKPT_F32, v, n);
}

scp_status scp_ckpt_add_f32_room(scp_ckpt_writer *w, const char *name, size_t n, float **room)
{
    return add_room(w, name, SCP_CKPT_F32, n, (void **)room);
}

scp_status scp_ckpt_add_f64(scp_ckpt_writer *w, const char *name, const double *v, size_t n)
{
    return add(w, name, SCP_CKPT_F64, v, n);
}

scp_status scp_ckpt_add_i64(scp_ckpt_writer *w, const char *name, const int64_t *v, size_t n)
{
    return add(w, name, SCP_CKPT_I64, v, n);
}

scp_status scp_ckpt_add_bytes(scp_ckpt_writer *w, const char *name, const void *v, size_t n)
{
    return add(w, name, SCP_CKPT_U8, v, n);
}

scp_status scp_ckpt_add_int(scp_ckpt_writer *w, const char *name, int64_t v)
{
    return add(w, name, SCP_CKPT_I64, &v, 1);
}

scp_status scp_ckpt_add_real(scp_ckpt_writer *w, const char *name, double v)
{
    return add(w, name, SCP_CKPT_F64, &v, 1);
}

scp_status scp_ckpt_add_text(scp_ckpt_writer *w, const char *name, const char *text)
{
    return add(w, name, SCP_CKPT_U8, text, strlen(text));
}

/* ---- the file ---- */

static scp_status image_entry(hid_t file, const char *name, const entry *e)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID, type = scp_ckpt_file_type(e->type);
    const int64_t hash = (int64_t)scp_ckpt_hash(name, e->type, e->v, e->n);
    SCP_GOTO(done, scp_h5_dataset_create(file, name, type, 1, &e->n, NULL, &dset));
    if (e->n > 0) SCP_GOTO(done, scp_h5_write_slab(dset, type, 0, e->n, e->v));
    SCP_GOTO(done, scp_h5_set_i64(dset, "xxh3", 0, &hash));
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    return st;
}

/* About what the image will have, so that its memory grows once. */
static size_t image_bytes(const scp_ckpt_writer *w)
{
    enum { HEAD_BYTES = 1 << 20, ENTRY_BYTES = 1024 }; /* HDF5's own, of the file and of an entry */
    size_t bytes = HEAD_BYTES;
    for (size_t i = 0; i < scp_names_count(w->names); i++)
        bytes += w->entry[i].n * scp_ckpt_type_size(w->entry[i].type) + ENTRY_BYTES;
    return bytes;
}

/* Put every entry into the image and let go of it, so that both are never there whole. */
static scp_status image_entries(scp_ckpt_writer *w, hid_t file)
{
    for (size_t i = 0; i < scp_names_count(w->names); i++) {
        entry *e = &w->entry[i];
        SCP_TRY(image_entry(file, scp_names_get(w->names, i), e));
        free(e->v);
        e->v = NULL;
    }
    return SCP_OK;
}

/* Write around the page cache, whose fresh pages cost more than all the rest and which nobody
 * reads; what the file system does not take in this way goes the usual one. bytes is aligned. */
static scp_status write_around(int fd, const char *bytes, size_t n, const char *path)
{
    const size_t piece = (size_t)4 << 20, whole = n - n % SCP_H5_PAGE;
    const int flags = fcntl(fd, F_GETFL);
    size_t at = 0;
    if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0) {
        while (at < whole && at % SCP_H5_PAGE == 0) {
            ssize_t done = write(fd, bytes + at, whole - at < piece ? whole - at : piece);
            if (done < 0 && errno == EINTR) continue;
            if (done <= 0) break;
            at += (size_t)done;
        }
        if (fcntl(fd, F_SETFL, flags) != 0)
            SCP_FAIL(SCP_EIO, "cannot write %s: %s", path, strerror(errno));
    }
    return scp_fs_write_fd(fd, bytes + at, n - at, path);
}

/* The bytes of a whole file under a temporary name, then its own. */
static scp_status write_file(int fd, const char *tmp, const char *path, const void *bytes, size_t n)
{
    scp_status st = write_around(fd, bytes, n, path);
    if (close(fd) != 0 && st == SCP_OK)
        st = scp_err_raise(SCP_EIO, __FILE__, __LINE__, "close", "cannot write %s: %s", path,
                           strerror(errno));
    if (st == SCP_OK) return scp_fs_commit(tmp, path);
    scp_fs_remove(tmp);
    return st;
}

static scp_status write_also(const scp_ckpt_writer *w, const void *bytes, size_t n)
{
    char tmp[SCP_PATH_MAX];
    if (!w->also) return SCP_OK;
    SCP_TRY(scp_fs_tmp_name(tmp, sizeof tmp, w->also));
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) SCP_FAIL(SCP_EIO, "cannot write %s: %s", w->also, strerror(errno));
    return write_file(fd, tmp, w->also, bytes, n);
}

scp_status scp_ckpt_writer_commit(scp_ckpt_writer **wp)
{
    scp_ckpt_writer *w = *wp;
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    char *bytes = NULL;
    size_t n = 0;
    SCP_GOTO(done, scp_h5_memory_reserve(w->memory, image_bytes(w)));
    SCP_GOTO(done, scp_h5_image_create(w->path, SCP_CKPT_HEAD, w->memory, &file));
    SCP_GOTO(done, image_entries(w, file));
    SCP_GOTO(done, scp_h5_image(file, &bytes, &n));
    scp_ckpt_print_head(bytes, (int64_t)n, scp_hash_bytes(bytes + SCP_CKPT_HEAD,
                                                          n - SCP_CKPT_HEAD, 0));
    SCP_GOTO(done, write_also(w, bytes, n));
    int fd = w->fd;
    w->fd = -1;
    SCP_GOTO(done, write_file(fd, w->tmp, w->path, bytes, n));
    free(w->tmp);
    w->tmp = NULL;
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    scp_ckpt_writer_abort(wp);
    return st;
}
