/* TensorBoard event files, see tb_events.h.
 *
 * A record is its length (8 bytes, little-endian), the masked CRC-32C of those, the data, and the
 * masked CRC-32C of the data. The data is one protobuf message Event:
 *   1 wall_time double, 2 step varint, 3 file_version text, 5 summary, 7 session_log {1 status}.
 * A summary is a list of values {1 tag text, 2 simple_value float}. */
#include "train/tb_events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 }; /* protobuf wire types */
enum { SESSION_START = 1 };

struct scp_tb_events {
    int fd;
    char path[SCP_PATH_MAX];
};

static scp_status put_fixed(scp_strbuf *b, uint64_t v, int bytes)
{
    char raw[8];
    for (int i = 0; i < bytes; i++) raw[i] = (char)(v >> 8 * i);
    return scp_strbuf_addn(b, raw, (size_t)bytes);
}

static scp_status put_varint(scp_strbuf *b, uint64_t v)
{
    char raw[10];
    size_t n = 0;
    do raw[n++] = (char)((v & 127) | (v > 127 ? 128 : 0));
    while ((v >>= 7));
    return scp_strbuf_addn(b, raw, n);
}

static scp_status put_key(scp_strbuf *b, int field, int wire)
{
    return put_varint(b, (uint64_t)(field << 3 | wire));
}

static scp_status put_bytes(scp_strbuf *b, int field, const char *v, size_t n)
{
    SCP_TRY(put_key(b, field, BYTES));
    SCP_TRY(put_varint(b, n));
    return scp_strbuf_addn(b, v, n);
}

static scp_status put_head(scp_strbuf *b, double time, int64_t step)
{
    uint64_t bits;
    memcpy(&bits, &time, sizeof bits);
    SCP_TRY(put_key(b, 1, FIXED64));
    SCP_TRY(put_fixed(b, bits, 8));
    if (step == 0) return SCP_OK; /* the default of the format is not written */
    SCP_TRY(put_key(b, 2, VARINT));
    return put_varint(b, (uint64_t)step);
}

static scp_status put_value(scp_strbuf *summary, const char *tag, double value)
{
    scp_strbuf one = { 0 };
    uint32_t bits;
    float f = (float)value;
    memcpy(&bits, &f, sizeof bits);
    scp_status st = put_bytes(&one, 1, tag, strlen(tag));
    if (st == SCP_OK) st = put_key(&one, 2, FIXED32);
    if (st == SCP_OK) st = put_fixed(&one, bits, 4);
    if (st == SCP_OK) st = put_bytes(summary, 1, one.text, one.len);
    scp_strbuf_fini(&one);
    return st;
}

static uint32_t masked(const void *data, size_t n)
{
    uint32_t crc = scp_crc32c(data, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

/* One record, in one write. */
static scp_status write_record(const scp_tb_events *e, const scp_strbuf *data)
{
    scp_strbuf r = { 0 };
    scp_status st = put_fixed(&r, data->len, 8);
    if (st == SCP_OK) st = put_fixed(&r, masked(r.text, 8), 4);
    if (st == SCP_OK) st = scp_strbuf_addn(&r, data->text, data->len);
    if (st == SCP_OK) st = put_fixed(&r, masked(data->text, data->len), 4);
    if (st == SCP_OK) st = scp_fs_write_fd(e->fd, r.text, r.len, e->path);
    scp_strbuf_fini(&r);
    return st;
}

static scp_status begin_file(const scp_tb_events *e, double time, int64_t from_step)
{
    static const char version[] = "brain.Event:2", started[] = { 1 << 3 | VARINT, SESSION_START };
    scp_strbuf b = { 0 };
    scp_status st = put_head(&b, time, 0);
    if (st == SCP_OK) st = put_bytes(&b, 3, version, sizeof version - 1);
    if (st == SCP_OK) st = write_record(e, &b);
    if (st == SCP_OK && from_step > 0) {
        b.len = 0;
        st = put_head(&b, time, from_step);
        if (st == SCP_OK) st = put_bytes(&b, 7, started, sizeof started);
        if (st == SCP_OK) st = write_record(e, &b);
    }
    scp_strbuf_fini(&b);
    return st;
}

scp_status scp_tb_events_create(const char *path, double time, int64_t from_step,
                                scp_tb_events **out)
{
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    SCP_GOTO(failed, scp_str_format((*out)->path, sizeof(*out)->path, "%s", path));
    (*out)->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if ((*out)->fd < 0)
        SCP_FAIL_GOTO(failed, SCP_EIO, "cannot create %s: %s", path, strerror(errno));
    st = begin_file(*out, time, from_step);
    if (st != SCP_OK) scp_tb_events_close(out);
    return st;
failed:
    free(*out);
    *out = NULL;
    return st;
}

scp_status scp_tb_events_add(scp_tb_events *e, double time, int64_t step, const char *const *tag,
                             const double *value, size_t n)
{
    scp_strbuf b = { 0 }, summary = { 0 };
    scp_status st = put_head(&b, time, step);
    for (size_t i = 0; i < n && st == SCP_OK; i++) st = put_value(&summary, tag[i], value[i]);
    if (st == SCP_OK && n > 0) st = put_bytes(&b, 5, summary.text, summary.len);
    if (st == SCP_OK) st = write_record(e, &b);
    scp_strbuf_fini(&b);
    scp_strbuf_fini(&summary);
    return st;
}

void scp_tb_events_close(scp_tb_events **e)
{
    if (!e || !*e) return;
    close((*e)->fd);
    free(*e);
    *e = NULL;
}
