/* Reading of checkpoint files, see ckpt.h. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "io/ckpt_impl.h"
#include "io/h5.h"

static const struct {
    const char *name;
    size_t size;
} types[SCP_CKPT_TYPES] = { [SCP_CKPT_F32] = { "f32", 4 },
                            [SCP_CKPT_F64] = { "f64", 8 },
                            [SCP_CKPT_I64] = { "i64", 8 },
                            [SCP_CKPT_U8] = { "u8", 1 } };

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

enum { TRIES = 5 }; /* to open a file that is being replaced */

struct scp_ckpt {
    char *path;
    hid_t file;
    scp_ckpt_parts parts;
};

/* Check, then open. *same: both were of one file. */
static scp_status open_checked(scp_ckpt *c, bool *same)
{
    struct stat is;
    SCP_TRY(scp_ckpt_check_parts(c->path, &c->parts));
    SCP_TRY(scp_h5_open(c->path, &c->file));
    *same = stat(c->path, &is) == 0 && is.st_dev == c->parts.device && is.st_ino == c->parts.inode;
    return SCP_OK;
}

static void let_go(scp_ckpt *c)
{
    if (c->file >= 0) H5Fclose(c->file);
    free(c->parts.row);
    c->file = H5I_INVALID_HID;
    c->parts = (scp_ckpt_parts){ 0 };
}

scp_status scp_ckpt_open(const char *path, scp_ckpt **out)
{
    scp_status st = SCP_OK;
    scp_ckpt *c = NULL;
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *c, &c));
    c->file = H5I_INVALID_HID;
    SCP_GOTO(done, scp_strdup(path, &c->path));
    bool same = false;
    for (int tries = 0; tries < TRIES && !same; tries++) {
        let_go(c);
        SCP_GOTO(done, open_checked(c, &same));
    }
    if (!same)
        SCP_FAIL_GOTO(done, SCP_ERETRY,
                      "%s: was replaced %d times while it was read; try again when the run that "
                      "writes it has ended",
                      path, TRIES);
done:
    if (st != SCP_OK) scp_ckpt_close(&c);
    *out = c;
    return st;
}

void scp_ckpt_close(scp_ckpt **c)
{
    if (!c || !*c) return;
    let_go(*c);
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

static int by_place(const void *place, const void *row)
{
    const int64_t x = *(const int64_t *)place, y = *(const int64_t *)row;
    return x < y ? -1 : x > y;
}

/* Is this what the file had when it was opened? It may have changed since, or HDF5 have read
 * something else. Files without parts do not tell. */
static bool still_good(const scp_ckpt *c, hid_t dset, const void *v, size_t bytes)
{
    if (!c->parts.row || bytes == 0) return true;
    const int64_t at = (int64_t)H5Dget_offset(dset);
    const int64_t *row = bsearch(&at, c->parts.row, c->parts.rows, sizeof *c->parts.row, by_place);
    return row && row[1] == (int64_t)bytes && (uint64_t)row[2] == scp_hash_bytes(v, bytes, 0);
}

static scp_status get(const scp_ckpt *c, const char *name, scp_ckpt_type t, void *v, size_t n)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID, have = H5I_INVALID_HID;
    size_t length = 0;
    SCP_GOTO(done, entry_open(c, name, &dset, &length));
    SCP_H5IDAT_GOTO(done, c->file, name, have, H5Dget_type(dset));
    if (H5Tequal(have, scp_ckpt_file_type(t)) <= 0)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: \"%s\" does not hold %s", c->path, name, types[t].name);
    if (length != n)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s: \"%s\" has %zu elements, %zu are needed; it comes from another model",
                      c->path, name, length, n);
    SCP_GOTO(done, scp_h5_read_slab(dset, scp_ckpt_file_type(t), 0, n, v));
    if (!still_good(c, dset, v, n * types[t].size))
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
