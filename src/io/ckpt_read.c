/* Reading of checkpoint files, see ckpt.h. */
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
#include "io/ckpt_impl.h"
#include "io/h5.h"

enum { READ_BYTES = 1 << 20 };

const char scp_ckpt_magic[] = "scppdm checkpoint";

static const struct {
    const char *name;
    size_t size;
} types[SCP_CKPT_TYPES] = { [SCP_CKPT_F32] = { "f32", 4 },
                            [SCP_CKPT_F64] = { "f64", 8 },
                            [SCP_CKPT_I64] = { "i64", 8 },
                            [SCP_CKPT_U8] = { "u8", 1 } };

const char *scp_ckpt_type_name(scp_ckpt_type t)
{
    return types[t].name;
}

size_t scp_ckpt_type_size(scp_ckpt_type t)
{
    return types[t].size;
}

hid_t scp_ckpt_file_type(scp_ckpt_type t)
{
    return t == SCP_CKPT_F32   ? H5T_IEEE_F32LE
           : t == SCP_CKPT_F64 ? H5T_IEEE_F64LE
           : t == SCP_CKPT_I64 ? H5T_STD_I64LE
                               : H5T_STD_U8LE;
}

uint64_t scp_ckpt_hash(const char *name, scp_ckpt_type t, const void *v, size_t n)
{
    return scp_hash_bytes(v, n * types[t].size,
                          scp_hash_text(name, scp_hash_text(types[t].name, n)));
}

/* ---- the first 512 bytes ---- */

void scp_ckpt_print_head(char head[SCP_CKPT_HEAD], int64_t length, uint64_t hash)
{
    memset(head, 0, SCP_CKPT_HEAD);
    snprintf(head, SCP_CKPT_HEAD, "%s\nformat %d\nlength %" PRId64 "\nxxh3 %016" PRIx64 "\n",
             scp_ckpt_magic, SCP_CKPT_FORMAT, length, hash);
}

/* Hash of everything after the head. */
static scp_status hash_file(int fd, const char *path, uint64_t *hash)
{
    scp_status st = SCP_OK;
    char *buf = NULL;
    ssize_t got;
    off_t at = SCP_CKPT_HEAD;
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

static scp_status check_seal_of(int fd, const char *path)
{
    char head[SCP_CKPT_HEAD + 1] = { 0 }, want[SCP_CKPT_HEAD];
    int format = 0;
    int64_t length = 0;
    uint64_t hash = 0;
    if (pread(fd, head, SCP_CKPT_HEAD, 0) != SCP_CKPT_HEAD ||
        strncmp(head, scp_ckpt_magic, strlen(scp_ckpt_magic)) != 0 ||
        sscanf(head + strlen(scp_ckpt_magic), "\nformat %d\n", &format) != 1)
        SCP_FAIL(SCP_EDATA, "%s: not a checkpoint of this program", path);
    if (format != SCP_CKPT_FORMAT)
        SCP_FAIL(SCP_EDATA, "%s: checkpoint format %d, this program reads %d", path, format,
                 SCP_CKPT_FORMAT);
    SCP_TRY(scp_fs_size(path, &length));
    SCP_TRY(hash_file(fd, path, &hash));
    scp_ckpt_print_head(want, length, hash);
    if (memcmp(head, want, SCP_CKPT_HEAD) != 0)
        SCP_FAIL(SCP_EDATA,
                 "%s: truncated or damaged: length or checksum differ from what was written", path);
    return SCP_OK;
}

scp_status scp_ckpt_check(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        SCP_FAIL(errno == ENOENT ? SCP_ENOINPUT : SCP_EIO, "%s: cannot open: %s", path,
                 strerror(errno));
    scp_status st = check_seal_of(fd, path);
    close(fd);
    return st;
}

/* ---- entries ---- */

struct scp_ckpt {
    char *path;
    hid_t file;
};

scp_status scp_ckpt_open(const char *path, scp_ckpt **out)
{
    scp_status st = SCP_OK;
    scp_ckpt *c = NULL;
    *out = NULL;
    SCP_TRY(scp_ckpt_check(path));
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

static scp_status get(const scp_ckpt *c, const char *name, scp_ckpt_type t, void *v, size_t n)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID, have = H5I_INVALID_HID;
    size_t length = 0;
    int64_t hash = 0;
    SCP_GOTO(done, entry_open(c, name, &dset, &length));
    SCP_H5IDAT_GOTO(done, c->file, name, have, H5Dget_type(dset));
    if (H5Tequal(have, scp_ckpt_file_type(t)) <= 0)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: \"%s\" does not hold %s", c->path, name, types[t].name);
    if (length != n)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s: \"%s\" has %zu elements, %zu are needed; it comes from another model",
                      c->path, name, length, n);
    SCP_GOTO(done, scp_h5_read_slab(dset, scp_ckpt_file_type(t), 0, n, v));
    SCP_GOTO(done, scp_h5_attr_i64(dset, "xxh3", 1, &hash));
    if ((uint64_t)hash != scp_ckpt_hash(name, t, v, n))
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: \"%s\" is damaged (checksum)", c->path, name);
done:
    if (have >= 0) H5Tclose(have);
    if (dset >= 0) H5Dclose(dset);
    return st;
}

scp_status scp_ckpt_get_f32(const scp_ckpt *c, const char *name, float *v, size_t n)
{
    SCP_TRY(get(c, name, SCP_CKPT_F32, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_get_f64(const scp_ckpt *c, const char *name, double *v, size_t n)
{
    SCP_TRY(get(c, name, SCP_CKPT_F64, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_get_i64(const scp_ckpt *c, const char *name, int64_t *v, size_t n)
{
    SCP_TRY(get(c, name, SCP_CKPT_I64, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_get_bytes(const scp_ckpt *c, const char *name, void *v, size_t n)
{
    SCP_TRY(get(c, name, SCP_CKPT_U8, v, n));
    return SCP_OK;
}

scp_status scp_ckpt_get_int(const scp_ckpt *c, const char *name, int64_t *v)
{
    SCP_TRY(get(c, name, SCP_CKPT_I64, v, 1));
    return SCP_OK;
}

scp_status scp_ckpt_get_real(const scp_ckpt *c, const char *name, double *v)
{
    SCP_TRY(get(c, name, SCP_CKPT_F64, v, 1));
    return SCP_OK;
}

scp_status scp_ckpt_get_text(const scp_ckpt *c, const char *name, char **text)
{
    scp_status st = SCP_OK;
    size_t n = 0;
    *text = NULL;
    SCP_TRY(scp_ckpt_length(c, name, &n));
    SCP_TRY(scp_alloc(n + 1, 1, text));
    SCP_GOTO(done, get(c, name, SCP_CKPT_U8, *text, n));
done:
    if (st != SCP_OK) {
        free(*text);
        *text = NULL;
    }
    return st;
}
