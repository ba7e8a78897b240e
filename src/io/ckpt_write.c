/* Writing of checkpoint files, see ckpt.h.
 *
 * Entries are gathered in memory, in their places in the file where an image of it was kept; commit
 * completes the image and writes it with checked calls of our own. So HDF5 never meets a full disk,
 * on which it crashes, and gathering, which is all that a training step waits for, is one copy.
 *
 * Commit takes a processor from the steps that go on meanwhile, where all are busy: one pass over
 * the image for its checksums, and a write around the page cache. */
#include "config.h" /* _GNU_SOURCE for O_DIRECT */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/ckpt_image.h"

struct scp_ckpt_writer {
    char *path, *tmp; /* tmp is open from the beginning: a folder that refuses it is known early */
    char *also;       /* a second file with the same bytes, or NULL */
    int fd;
    scp_names *names;
    scp_ckpt_entry *entry; /* [scp_names_count] */
    size_t room;
    scp_ckpt_image own, *image; /* its own, or a kept one */
    bool placed;                /* entries lie in the image, none has memory of its own */
};

scp_status scp_ckpt_writer_create(const char *path, scp_ckpt_writer **out)
{
    return scp_ckpt_writer_create_on(NULL, path, out);
}

scp_status scp_ckpt_writer_create_on(scp_ckpt_image *image, const char *path, scp_ckpt_writer **out)
{
    scp_status st = SCP_OK;
    scp_ckpt_writer *w = NULL;
    char tmp[SCP_PATH_MAX];
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *w, &w));
    w->fd = -1;
    w->image = image ? image : &w->own;
    w->placed = w->image->length > 0;
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
    if (w->names && !w->placed)
        for (size_t i = 0; i < scp_names_count(w->names); i++) free(w->entry[i].v);
    free(w->entry);
    scp_ckpt_image_fini(&w->own);
    scp_names_destroy(&w->names);
    free(w->tmp);
    free(w->also);
    free(w->path);
    free(w);
    *wp = NULL;
}

scp_status scp_ckpt_writer_also(scp_ckpt_writer *w, const char *path)
{
    SCP_ARG(w && path && !w->also, "a writer without a second name is required");
    return scp_strdup(path, &w->also);
}

/* ---- entries ---- */

static scp_status own_memory(const char *name, size_t bytes, void **v)
{
    *v = malloc(bytes ? bytes : 1);
    if (!*v) SCP_FAIL(SCP_ENOMEM, "no memory for %zu bytes of \"%s\" in a checkpoint", bytes, name);
    return SCP_OK;
}

/* The image kept has places for other entries than these: give each memory of its own. */
static scp_status leave_places(scp_ckpt_writer *w)
{
    const size_t n = scp_names_count(w->names);
    void *v = NULL;
    for (size_t i = 0; i < n; i++) {
        const scp_ckpt_entry *e = &w->entry[i];
        const size_t bytes = e->n * scp_ckpt_type_size(e->type);
        scp_status st = own_memory(scp_names_get(w->names, i), bytes, &v);
        if (st != SCP_OK) {
            while (i-- > 0) free(w->entry[i].v);
            return st;
        }
        memcpy(v, e->v, bytes);
        w->entry[i].v = v;
    }
    w->placed = false;
    return SCP_OK;
}

/* A new entry with room for n elements, which is not zeroed. */
static scp_status add_room(scp_ckpt_writer *w, const char *name, scp_ckpt_type t, size_t n,
                           void **room)
{
    size_t known = scp_names_count(w->names), index;
    void *v = NULL;
    SCP_ARG(name[0] && name[0] != '/' && strcmp(name, scp_ckpt_checksums) != 0,
            "\"%s\" cannot name an entry of a checkpoint", name);
    if (scp_names_find(w->names, name) >= 0)
        SCP_FAIL(SCP_EINTERNAL, "%s: \"%s\" is in the checkpoint already", w->path, name);
    SCP_TRY(scp_grow(&w->entry, &w->room, known + 1, sizeof *w->entry));
    if (w->placed) {
        v = scp_ckpt_image_place(w->image, known, name, t, n);
        if (!v) SCP_TRY(leave_places(w));
    }
    if (!w->placed) SCP_TRY(own_memory(name, n * scp_ckpt_type_size(t), &v));
    scp_status st = scp_names_add(w->names, name, &index);
    if (st != SCP_OK && !w->placed) free(v);
    SCP_TRY(st);
    w->entry[index] = (scp_ckpt_entry){ .type = t, .n = n, .v = v };
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

/* The bytes of the file, whole. */
static scp_status complete(scp_ckpt_writer *w)
{
    scp_ckpt_image *m = w->image;
    if (w->placed && scp_names_count(w->names) < scp_names_count(m->names))
        SCP_TRY(leave_places(w));
    if (!w->placed) SCP_TRY(scp_ckpt_image_make(m, w->path, &w->names, &w->entry));
    return scp_ckpt_image_seal(m);
}

scp_status scp_ckpt_writer_commit(scp_ckpt_writer **wp)
{
    scp_ckpt_writer *w = *wp;
    scp_status st = SCP_OK;
    SCP_GOTO(done, complete(w));
    SCP_GOTO(done, write_also(w, w->image->memory.bytes, w->image->length));
    int fd = w->fd;
    w->fd = -1;
    SCP_GOTO(done, write_file(fd, w->tmp, w->path, w->image->memory.bytes, w->image->length));
    free(w->tmp);
    w->tmp = NULL;
done:
    scp_ckpt_writer_abort(wp);
    return st;
}
