/* Is a checkpoint file what was written? See ckpt_impl.h. Without HDF5, which may crash on what is
 * not. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "io/ckpt_impl.h"

enum { READ_BYTES = 1 << 20 };

const char scp_ckpt_magic[] = "scppdm checkpoint";
const char scp_ckpt_checksums[] = "checksums";

/* ---- the first 512 bytes ---- */

size_t scp_ckpt_print_head(char head[SCP_CKPT_HEAD], const scp_ckpt_seal *s)
{
    int n = snprintf(head, SCP_CKPT_HEAD, "%s\nformat %d\nlength %" PRId64 "\n", scp_ckpt_magic,
                     s->format, s->length);
    if (s->format != SCP_CKPT_WHOLE)
        n += snprintf(head + n, SCP_CKPT_HEAD - (size_t)n, "checksums %" PRId64 " %" PRId64 "\n",
                      s->table, s->parts);
    int end = n + snprintf(head + n, SCP_CKPT_HEAD - (size_t)n, "xxh3 %016" PRIx64 "\n", s->hash);
    memset(head + end, 0, SCP_CKPT_HEAD - (size_t)end);
    return (size_t)n;
}

/* What the text says; whether it is a head to the last byte shows when it is printed again. */
static scp_status parse_head(const char *head, const char *path, scp_ckpt_seal *s)
{
    *s = (scp_ckpt_seal){ 0 };
    if (strncmp(head, scp_ckpt_magic, strlen(scp_ckpt_magic)) != 0 ||
        sscanf(head + strlen(scp_ckpt_magic),
               "\nformat %d\nlength %" SCNd64 "\nchecksums %" SCNd64 " %" SCNd64, &s->format,
               &s->length, &s->table, &s->parts) < 1)
        SCP_FAIL(SCP_EDATA, "%s: not a checkpoint of this program", path);
    if (s->format != SCP_CKPT_FORMAT && s->format != SCP_CKPT_WHOLE)
        SCP_FAIL(SCP_EDATA, "%s: checkpoint format %d, this program reads %d and %d", path,
                 s->format, SCP_CKPT_WHOLE, SCP_CKPT_FORMAT);
    if (s->format == SCP_CKPT_WHOLE) s->table = s->parts = 0; /* whatever the text says */
    return SCP_OK;
}

/* ---- all bytes ---- */

/* A file that is being checked. */
typedef struct whole {
    const char *path;
    int fd;
    char *buf; /* [READ_BYTES] */
    scp_ckpt_seal seal;
    int64_t (*row)[SCP_CKPT_ROW]; /* [seal.parts] */
} whole;

static scp_status torn(const char *path)
{
    SCP_FAIL(SCP_EDATA, "%s: truncated or damaged: length or checksum differ from what was written",
             path);
}

/* Read bytes [at, at + n) of the file. */
static scp_status read_at(const whole *f, void *v, int64_t at, int64_t n)
{
    for (char *to = v; n > 0;) {
        ssize_t got = pread(f->fd, to, (size_t)n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) SCP_FAIL(SCP_EIO, "%s: cannot read: %s", f->path, strerror(errno));
        if (got == 0) return torn(f->path);
        to += got;
        at += got;
        n -= got;
    }
    return SCP_OK;
}

/* Hash bytes [at, end) of the file. */
static scp_status feed(const whole *f, scp_hasher *h, int64_t at, int64_t end)
{
    for (int64_t n; at < end; at += n) {
        n = end - at < READ_BYTES ? end - at : READ_BYTES;
        SCP_TRY(read_at(f, f->buf, at, n));
        scp_hasher_add(h, f->buf, (size_t)n);
    }
    return SCP_OK;
}

/* The rows, unchecked but for what they point to: parts that follow each other within the file. */
static scp_status read_rows(whole *f)
{
    const scp_ckpt_seal *s = &f->seal;
    const int64_t row_bytes = sizeof *f->row;
    int64_t end = SCP_CKPT_HEAD;
    if (s->parts < 0 || s->parts > s->length / row_bytes || s->table < SCP_CKPT_HEAD ||
        s->table > s->length - s->parts * row_bytes)
        return torn(f->path);
    SCP_TRY(scp_alloc((size_t)s->parts, sizeof *f->row, &f->row));
    SCP_TRY(read_at(f, f->row, s->table, s->parts * row_bytes));
    for (int64_t i = 0; i < s->parts; i++) {
        const int64_t at = f->row[i][0], n = f->row[i][1];
        if (at < end || at > s->length || n < 0 || n > s->length - at) return torn(f->path);
        end = at + n;
    }
    return SCP_OK;
}

static scp_status check_parts(const whole *f)
{
    scp_status st = SCP_OK;
    scp_hasher *h = NULL;
    for (int64_t i = 0; i < f->seal.parts; i++) {
        if (!(h = scp_hasher_create())) SCP_FAIL(SCP_ENOMEM, "no memory for a checksum");
        st = feed(f, h, f->row[i][0], f->row[i][0] + f->row[i][1]);
        if (st == SCP_OK && scp_hasher_value(h) != (uint64_t)f->row[i][2]) st = torn(f->path);
        scp_hasher_destroy(&h);
        SCP_TRY(st);
    }
    return SCP_OK;
}

/* Hash of what is in no part, the lines of the head among it where there are parts. */
static scp_status hash_rest(const whole *f, uint64_t *hash)
{
    scp_status st = SCP_OK;
    char head[SCP_CKPT_HEAD];
    int64_t at = SCP_CKPT_HEAD;
    scp_hasher *h = scp_hasher_create();
    if (!h) SCP_FAIL(SCP_ENOMEM, "no memory for a checksum");
    const size_t lines = scp_ckpt_print_head(head, &f->seal);
    if (f->seal.format != SCP_CKPT_WHOLE) scp_hasher_add(h, head, lines);
    for (int64_t i = 0; i < f->seal.parts; i++) {
        SCP_GOTO(done, feed(f, h, at, f->row[i][0]));
        at = f->row[i][0] + f->row[i][1];
    }
    SCP_GOTO(done, feed(f, h, at, f->seal.length));
    *hash = scp_hasher_value(h);
done:
    scp_hasher_destroy(&h);
    return st;
}

static scp_status check_bytes(whole *f, int64_t length)
{
    char head[SCP_CKPT_HEAD + 1] = { 0 }, want[SCP_CKPT_HEAD];
    if (length < SCP_CKPT_HEAD)
        SCP_FAIL(SCP_EDATA, "%s: not a checkpoint of this program", f->path);
    SCP_TRY(read_at(f, head, 0, SCP_CKPT_HEAD));
    SCP_TRY(parse_head(head, f->path, &f->seal));
    if (length != f->seal.length) return torn(f->path);
    if (f->seal.format != SCP_CKPT_WHOLE) SCP_TRY(read_rows(f));
    SCP_TRY(scp_alloc(READ_BYTES, 1, &f->buf));
    SCP_TRY(hash_rest(f, &f->seal.hash));
    scp_ckpt_print_head(want, &f->seal);
    if (memcmp(head, want, SCP_CKPT_HEAD) != 0) return torn(f->path);
    return check_parts(f);
}

scp_status scp_ckpt_check_parts(const char *path, scp_ckpt_parts *parts)
{
    struct stat is;
    whole f = { .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC) };
    *parts = (scp_ckpt_parts){ 0 };
    if (f.fd < 0)
        SCP_FAIL(errno == ENOENT ? SCP_ENOINPUT : SCP_EIO, "%s: cannot open: %s", path,
                 strerror(errno));
    scp_status st = fstat(f.fd, &is) == 0
                        ? check_bytes(&f, is.st_size)
                        : scp_err_raise(SCP_EIO, __FILE__, __LINE__, "fstat", "%s: cannot read: %s",
                                        path, strerror(errno));
    close(f.fd);
    free(f.buf);
    if (st != SCP_OK) {
        free(f.row);
        return st;
    }
    *parts = (scp_ckpt_parts){
        .row = f.row, .rows = (size_t)f.seal.parts, .device = is.st_dev, .inode = is.st_ino
    };
    return SCP_OK;
}

scp_status scp_ckpt_check(const char *path)
{
    scp_ckpt_parts parts;
    SCP_TRY(scp_ckpt_check_parts(path, &parts));
    free(parts.row);
    return SCP_OK;
}
