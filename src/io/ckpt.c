/* One checkpoint file, see ckpt.h. */
#include "io/ckpt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/h5.h"

enum { HEAD_BYTES = 512, FORMAT = 1, READ_BYTES = 1 << 20 };

static const char magic[] = "scppdm checkpoint";

/* What an array may hold. The name takes part in its hash. */
typedef struct value_type {
    const char *name;
    size_t size;
} value_type;

static const value_type f32 = { "f32", 4 }, f64 = { "f64", 8 }, i64 = { "i64", 8 },
                        u8 = { "u8", 1 };

static hid_t file_type(const value_type *t)
{
    return t == &f32   ? H5T_IEEE_F32LE
           : t == &f64 ? H5T_IEEE_F64LE
           : t == &i64 ? H5T_STD_I64LE
                       : H5T_STD_U8LE;
}

static uint64_t hash_of(const char *name, const value_type *t, const void *v, size_t n)
{
    return scp_hash_bytes(v, n * t->size, scp_hash_text(name, scp_hash_text(t->name, n)));
}

/* ---- the first 512 bytes ---- */

static void print_head(char head[HEAD_BYTES], int64_t length, uint64_t hash)
{
    memset(head, 0, HEAD_BYTES);
    snprintf(head, HEAD_BYTES, "%s\nformat %d\nlength %" PRId64 "\nxxh3 %016" PRIx64 "\n", magic,
             FORMAT, length, hash);
}

/* Hash of everything after the head. */
static scp_status hash_file(int fd, const char *path, uint64_t *hash)
{
    scp_status st = SCP_OK;
    char *buf = NULL;
    ssize_t got;
    off_t at = HEAD_BYTES;
    scp_hasher *h = scp_hasher_create();
    if (!h) SCP_FAIL_GOTO(done, SCP_ENOMEM, "%s: no memory for a checksum", path);
    SCP_GOTO(done, scp_alloc(READ_BYTES, 1, &buf));
    while ((got = pread(fd, buf, READ_BYTES, at)) > 0) {
        scp_hasher_add(h, buf, (size_t)got);
        at += got;
    }
    if (got < 0) SCP_FAIL_GOTO(done, SCP_EIO, "%s: cannot read: %s", path, strerror(errno));
    *hash = scp_hasher_value(h);
done:
    free(buf);
    scp_hasher_destroy(&h);
    return st;
}

static scp_status seal(const char *path)
{
    scp_status st = SCP_OK;
    char head[HEAD_BYTES];
    int64_t length = 0;
    uint64_t hash = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) SCP_FAIL(SCP_EIO, "%s: cannot open: %s", path, strerror(errno));
    SCP_GOTO(done, scp_fs_size(path, &length));
    SCP_GOTO(done, hash_file(fd, path, &hash));
    print_head(head, length, hash);
    if (pwrite(fd, head, HEAD_BYTES, 0) != HEAD_BYTES)
        SCP_FAIL_GOTO(done, SCP_EIO, "%s: cannot write: %s", path, strerror(errno));
done:
    if (close(fd) != 0 && st == SCP_OK)
        st = scp_err_raise(SCP_EIO, __FILE__, __LINE__, "close", "%s: %s", path, strerror(errno));
    return st;
}

static scp_status check_seal_of(int fd, const char *path)
{
    char head[HEAD_BYTES + 1] = { 0 }, want[HEAD_BYTES];
    int format = 0;
    int64_t length = 0;
    uint64_t hash = 0;
    if (pread(fd, head, HEAD_BYTES, 0) != HEAD_BYTES ||
        strncmp(head, magic, sizeof magic - 1) != 0 ||
        sscanf(head + sizeof magic - 1, "\nformat %d\n", &format) != 1)
        SCP_FAIL(SCP_EDATA, "%s: not a checkpoint of this program", path);
    if (format != FORMAT)
        SCP_FAIL(SCP_EDATA, "%s: checkpoint format %d, this program reads %d", path, format,
                 FORMAT);
    SCP_TRY(scp_fs_size(path, &length));
    SCP_TRY(hash_file(fd, path, &hash));
    print_head(want, length, hash);
    if (memcmp(head, want, HEAD_BYTES) != 0)
        SCP_FAIL(SCP_EDATA,
                 "%s: truncated or damaged: length or checksum differ from what was written", path);
    return SCP_OK;
}

static scp_status check_seal(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        SCP_FAIL(errno == ENOENT ? SCP_ENOINPUT : SCP_EIO, "%s: cannot open: %s", path,
                 strerror(errno));
    scp_status st = check_seal_of(fd, path);
    close(fd);
    return st;
}

/* ---- writing ---- */

struct scp_ckpt_writer {
    char *path, *tmp;
    hid_t file;
};

scp_status scp_ckpt_writer_create(const char *path, scp_ckpt_writer **out)
{
    scp_status st = SCP_OK;
    scp_ckpt_writer *w = NULL;
    char tmp[SCP_PATH_MAX];
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *w, &w));
    w->file = H5I_INVALID_HID;
    SCP_GOTO(done, scp_strdup(path, &w->path));
    SCP_GOTO(done, scp_fs_tmp_name(tmp, sizeof tmp, path));
    SCP_GOTO(done, scp_strdup(tmp, &w->tmp));
    SCP_GOTO(done, scp_h5_create_after(tmp, HEAD_BYTES, &w->file));
done:
    if (st != SCP_OK) scp_ckpt_writer_abort(&w);
    *out = w;
    return st;
}

void scp_ckpt_writer_abort(scp_ckpt_writer **w)
{
    if (!w || !*w) return;
    if ((*w)->file >= 0) H5Fclose((*w)->file);
    if ((*w)->tmp) scp_fs_remove((*w)->tmp);
    free((*w)->tmp);
    free((*w)->path);
    free(*w);
    *w = NULL;
}

static scp_status add(scp_ckpt_writer *w, const char *name, const value_type *t, const void *v,
                      size_t n)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    const int64_t hash = (int64_t)hash_of(name, t, v, n);
    SCP_ARG(name[0] && name[0] != '/', "\"%s\" cannot name an entry of a checkpoint", name);
    SCP_GOTO(done, scp_h5_dataset_create(w->file, name, file_type(t), 1, &n, NULL, &dset));
    SCP_GOTO(done, scp_h5_write_slab(dset, file_type(t), 0, n, v));
    SCP_GOTO(done, scp_h5_set_i64(dset, "xxh3", 0, &hash));
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    return st;
}

scp_status scp_ckpt_add_f32(scp_ckpt_writer *w, const char *name, const float *v, size_t n)
{
    SCP_TRY(add(w, name, &f32, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_add_f64(scp_ckpt_writer *w, const char *name, const double *v, size_t n)
{
    SCP_TRY(add(w, name, &f64, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_add_i64(scp_ckpt_writer *w, const char *name, const int64_t *v, size_t n)
{
    SCP_TRY(add(w, name, &i64, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_add_bytes(scp_ckpt_writer *w, const char *name, const void *v, size_t n)
{
    SCP_TRY(add(w, name, &u8, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_add_int(scp_ckpt_writer *w, const char *name, int64_t v)
{
    SCP_TRY(add(w, name, &i64, &v, 1));
    return SCP_OK;
}

scp_status scp_ckpt_add_real(scp_ckpt_writer *w, const char *name, double v)
{
    SCP_TRY(add(w, name, &f64, &v, 1));
    return SCP_OK;
}

scp_status scp_ckpt_add_text(scp_ckpt_writer *w, const char *name, const char *text)
{
    SCP_TRY(add(w, name, &u8, text, strlen(text)));
    return SCP_OK;
}

scp_status scp_ckpt_writer_commit(scp_ckpt_writer **w)
{
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_h5_close(&(*w)->file));
    SCP_GOTO(done, seal((*w)->tmp));
    SCP_GOTO(done, scp_fs_commit((*w)->tmp, (*w)->path));
done:
    scp_ckpt_writer_abort(w);
    return st;
}

/* ---- reading ---- */

struct scp_ckpt {
    char *path;
    hid_t file;
};

scp_status scp_ckpt_open(const char *path, scp_ckpt **out)
{
    scp_status st = SCP_OK;
    scp_ckpt *c = NULL;
    *out = NULL;
    SCP_TRY(check_seal(path));
    SCP_TRY(scp_alloc(1, sizeof *c, &c));
    c->file = H5I_INVALID_HID;
    SCP_GOTO(done, scp_strdup(path, &c->path));
    SCP_GOTO(done, scp_h5_open(path, &c->file));
done:
    if (st != SCP_OK) scp_ckpt_close(&c);
    *out = c;
    return st;
}

void scp_ckpt_close(scp_ckpt **c)
{
    if (!c || !*c) return;
    if ((*c)->file >= 0) H5Fclose((*c)->file);
    free((*c)->path);
    free(*c);
    *c = NULL;
}

const char *scp_ckpt_path(const scp_ckpt *c)
{
    return c->path;
}

bool scp_ckpt_has(const scp_ckpt *c, const char *name)
{
    return scp_h5_is_dataset(c->file, name);
}

static scp_status entry_open(const scp_ckpt *c, const char *name, hid_t *dset, size_t *n)
{
    int rank = 0;
    size_t dims[SCP_H5_MAX_RANK];
    if (!scp_ckpt_has(c, name))
        SCP_FAIL(SCP_EDATA,
                 "%s: the checkpoint has no \"%s\"; it comes from another model or version",
                 c->path, name);
    SCP_TRY(scp_h5_dataset_open(c->file, name, dset));
    SCP_TRY(scp_h5_extent(*dset, &rank, dims));
    *n = dims[0];
    return SCP_OK;
}

scp_status scp_ckpt_length(const scp_ckpt *c, const char *name, size_t *n)
{
    hid_t dset = H5I_INVALID_HID;
    scp_status st = entry_open(c, name, &dset, n);
    if (dset >= 0) H5Dclose(dset);
    return st;
}

static scp_status get(const scp_ckpt *c, const char *name, const value_type *t, void *v, size_t n)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID, have = H5I_INVALID_HID;
    size_t length = 0;
    int64_t hash = 0;
    SCP_GOTO(done, entry_open(c, name, &dset, &length));
    SCP_H5IDAT_GOTO(done, c->file, name, have, H5Dget_type(dset));
    if (H5Tequal(have, file_type(t)) <= 0)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: \"%s\" does not hold %s", c->path, name, t->name);
    if (length != n)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s: \"%s\" has %zu elements, %zu are needed; it comes from another model",
                      c->path, name, length, n);
    SCP_GOTO(done, scp_h5_read_slab(dset, file_type(t), 0, n, v));
    SCP_GOTO(done, scp_h5_attr_i64(dset, "xxh3", 1, &hash));
    if ((uint64_t)hash != hash_of(name, t, v, n))
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: \"%s\" is damaged (checksum)", c->path, name);
done:
    if (have >= 0) H5Tclose(have);
    if (dset >= 0) H5Dclose(dset);
    return st;
}

scp_status scp_ckpt_get_f32(const scp_ckpt *c, const char *name, float *v, size_t n)
{
    SCP_TRY(get(c, name, &f32, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_get_f64(const scp_ckpt *c, const char *name, double *v, size_t n)
{
    SCP_TRY(get(c, name, &f64, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_get_i64(const scp_ckpt *c, const char *name, int64_t *v, size_t n)
{
    SCP_TRY(get(c, name, &i64, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_get_bytes(const scp_ckpt *c, const char *name, void *v, size_t n)
{
    SCP_TRY(get(c, name, &u8, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_get_int(const scp_ckpt *c, const char *name, int64_t *v)
{
    SCP_TRY(get(c, name, &i64, v, 1));
    return SCP_OK;
}

scp_status scp_ckpt_get_real(const scp_ckpt *c, const char *name, double *v)
{
    SCP_TRY(get(c, name, &f64, v, 1));
    return SCP_OK;
}

scp_status scp_ckpt_get_text(const scp_ckpt *c, const char *name, char **text)
{
    scp_status st = SCP_OK;
    size_t n = 0;
    *text = NULL;
    SCP_TRY(scp_ckpt_length(c, name, &n));
    SCP_TRY(scp_alloc(n + 1, 1, text));
    SCP_GOTO(done, get(c, name, &u8, *text, n));
done:
    if (st != SCP_OK) {
        free(*text);
        *text = NULL;
    }
    return st;
}
