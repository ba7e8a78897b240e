/* Seal of shard files, see shard_seal.h. */
#include "io/shard_seal.h"

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
#include "io/h5.h"
#include "io/shard_format.h"

enum { SEAL_BYTES = 256, READ_BYTES = 1 << 20, MATRICES = 2 };

static const char magic[] = "scppdm-shard seal";

/* The values of the matrices: bytes [from, from + size) of the file, in the order of the file. */
typedef struct extent {
    int64_t from, size;
} extent;

static void print_seal(char text[SEAL_BYTES], int64_t length, const extent e[MATRICES],
                       uint64_t hash)
{
    memset(text, 0, SEAL_BYTES);
    snprintf(text, SEAL_BYTES,
             "%s\nlength %" PRId64 "\nrows %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
             "\nxxh3 %016" PRIx64 "\n",
             magic, length, e[0].from, e[0].size, e[1].from, e[1].size, hash);
}

static scp_status hash_range(int fd, const char *path, int64_t from, int64_t to, char *buf,
                             scp_hasher *h)
{
    while (from < to) {
        size_t want = to - from < READ_BYTES ? (size_t)(to - from) : READ_BYTES;
        ssize_t got = pread(fd, buf, want, from);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) SCP_FAIL(SCP_EIO, "%s: cannot read: %s", path, strerror(errno));
        if (got == 0) SCP_FAIL(SCP_EDATA, "%s: truncated", path);
        scp_hasher_add(h, buf, (size_t)got);
        from += got;
    }
    return SCP_OK;
}

/* Hash of the bytes [0, length) outside the extents. */
static scp_status hash_rest(int fd, const char *path, int64_t length, const extent e[MATRICES],
                            uint64_t *hash)
{
    scp_status st = SCP_OK;
    char *buf = NULL;
    int64_t from = 0;
    scp_hasher *h = scp_hasher_create();
    if (!h) SCP_FAIL(SCP_ENOMEM, "%s: no memory for a checksum", path);
    SCP_GOTO(done, scp_alloc(READ_BYTES, 1, &buf));
    for (int m = 0; m < MATRICES; m++) {
        SCP_GOTO(done, hash_range(fd, path, from, e[m].from, buf, h));
        from = e[m].from + e[m].size;
    }
    SCP_GOTO(done, hash_range(fd, path, from, length, buf, h));
    *hash = scp_hasher_value(h);
done:
    free(buf);
    scp_hasher_destroy(&h);
    return st;
}

static scp_status find_matrix(hid_t file, const char *name, int64_t end, extent *e)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    *e = (extent){ .from = end };
    SCP_GOTO(done, scp_h5_dataset_open(file, name, &dset));
    haddr_t at = H5Dget_offset(dset);
    e->size = (int64_t)H5Dget_storage_size(dset);
    if (at != HADDR_UNDEF) e->from = (int64_t)at;
    if (at == HADDR_UNDEF || e->size == 0) *e = (extent){ .from = end }; /* it has no rows */
done:
    if (dset >= 0) H5Dclose(dset);
    return st;
}

static scp_status find_matrices(const char *path, int64_t end, extent e[MATRICES])
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_open(path, &file));
    SCP_GOTO(done, find_matrix(file, SCP_SHARD_X, end, &e[0]));
    SCP_GOTO(done, find_matrix(file, SCP_SHARD_R_X, end, &e[1]));
    if (e[1].from < e[0].from) {
        extent first = e[1];
        e[1] = e[0];
        e[0] = first;
    }
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

scp_status scp_shard_seal_add(const char *path)
{
    scp_status st = SCP_OK;
    char text[SEAL_BYTES];
    extent e[MATRICES];
    int64_t length;
    uint64_t hash;
    SCP_TRY(scp_fs_size(path, &length));
    SCP_TRY(find_matrices(path, length, e));
    int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (fd < 0) SCP_FAIL(SCP_EIO, "cannot open %s: %s", path, strerror(errno));
    SCP_GOTO(done, hash_rest(fd, path, length, e, &hash));
    print_seal(text, length, e, hash);
    SCP_GOTO(done, scp_fs_write_fd(fd, text, SEAL_BYTES, path));
done:
    if (close(fd) != 0 && st == SCP_OK)
        st = scp_err_raise(SCP_EIO, __FILE__, __LINE__, "close", "%s: %s", path, strerror(errno));
    return st;
}

/* The extents that a seal names lie in the file, one after the other. */
static bool are_sound(const extent e[MATRICES], int64_t length)
{
    return e[0].from >= 0 && e[0].size >= 0 && e[0].from <= length &&
           e[0].size <= length - e[0].from && e[1].from >= e[0].from + e[0].size &&
           e[1].size >= 0 && e[1].from <= length && e[1].size <= length - e[1].from;
}

static scp_status check_open(int fd, const char *path)
{
    char text[SEAL_BYTES + 1] = "", want[SEAL_BYTES];
    extent e[MATRICES];
    int64_t size, length;
    uint64_t hash = 0;
    SCP_TRY(scp_fs_size(path, &size));
    ssize_t got = size < SEAL_BYTES ? 0 : pread(fd, text, SEAL_BYTES, size - SEAL_BYTES);
    if (got < 0) SCP_FAIL(SCP_EIO, "%s: cannot be read at its end: %s", path, strerror(errno));
    if (got != SEAL_BYTES ||
        strncmp(text, magic, sizeof magic - 1) != 0)
        SCP_FAIL(SCP_EDATA,
                 "%s: not a shard, truncated or damaged at its end, or written by an earlier "
                 "version: run scppdm_prep again",
                 path);
    if (sscanf(text + sizeof magic - 1,
               "\nlength %" SCNd64 "\nrows %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &length,
               &e[0].from, &e[0].size, &e[1].from, &e[1].size) == 5 &&
        length == size - SEAL_BYTES && are_sound(e, length)) {
        SCP_TRY(hash_rest(fd, path, length, e, &hash));
        print_seal(want, length, e, hash);
        if (memcmp(text, want, SEAL_BYTES) == 0) return SCP_OK;
    }
    SCP_FAIL(SCP_EDATA,
             "%s: truncated or damaged: length or checksum differ from what was written; run "
             "scppdm_prep again",
             path);
}

scp_status scp_shard_seal_check(const char *path)
{
    if (scp_fs_is_dir(path)) SCP_FAIL(SCP_ENOINPUT, "%s: a folder, not a file", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        SCP_FAIL(errno == ENOENT ? SCP_ENOINPUT : SCP_EIO, "%s: cannot open: %s", path,
                 strerror(errno));
    scp_status st = check_open(fd, path);
    close(fd);
    return st;
}
