/* JSON writer, see jsonl.h. */
#include "base/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

/* Append unless something failed before. */
#define ADD(j, call)                                                                               \
    do {                                                                                           \
        if ((j)->st == SCP_OK) (j)->st = (call);                                                   \
    } while (0)

/* Bytes of the UTF-8 character at s (RFC 3629), 0 when it is none. */
static size_t utf8_len(const unsigned char *s)
{
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (n == 4 && (s[0] < 0xf0 || s[0] > 0xf4)) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || beyond ? 0 : n;
}

/* Bytes that are no UTF-8, as in a broken gene name, become the replacement character. */
static void add_string(scp_jsonl *j, const char *s)
{
    ADD(j, scp_strbuf_addn(&j->buf, "\"", 1));
    while (*s) {
        unsigned char c = (unsigned char)*s;
        size_t n = utf8_len((const unsigned char *)s);
        if (n == 0)
            ADD(j, scp_strbuf_addf(&j->buf, "\\ufffd"));
        else if (c == '"' || c == '\\')
            ADD(j, scp_strbuf_addf(&j->buf, "\\%c", c));
        else if (c < 0x20)
            ADD(j, scp_strbuf_addf(&j->buf, "\\u%04x", c));
        else
            ADD(j, scp_strbuf_addn(&j->buf, s, n));
        s += n > 0 ? n : 1;
    }
    ADD(j, scp_strbuf_addn(&j->buf, "\"", 1));
}

static void add_key(scp_jsonl *j, const char *key)
{
    if (j->comma) ADD(j, scp_strbuf_addn(&j->buf, ", ", 2));
    add_string(j, key);
    ADD(j, scp_strbuf_addn(&j->buf, ": ", 2));
    j->comma = true;
}

void scp_jsonl_begin(scp_jsonl *j)
{
    j->buf.len = 0;
    j->depth = 1;
    j->comma = false;
    j->st = SCP_OK;
    ADD(j, scp_strbuf_addn(&j->buf, "{", 1));
}

void scp_jsonl_text(scp_jsonl *j, const char *key, const char *value)
{
    if (!value) {
        scp_jsonl_raw(j, key, "null");
        return;
    }
    add_key(j, key);
    add_string(j, value);
}

void scp_jsonl_int(scp_jsonl *j, const char *key, int64_t value)
{
    add_key(j, key);
    ADD(j, scp_strbuf_addf(&j->buf, "%" PRId64, value));
}

void scp_jsonl_real(scp_jsonl *j, const char *key, double value)
{
    char text[SCP_REAL_TEXT];
    scp_jsonl_raw(j, key, isfinite(value) ? scp_print_real(value, text) : "null");
}

void scp_jsonl_bool(scp_jsonl *j, const char *key, bool value)
{
    scp_jsonl_raw(j, key, value ? "true" : "false");
}

void scp_jsonl_raw(scp_jsonl *j, const char *key, const char *json)
{
    add_key(j, key);
    ADD(j, scp_strbuf_addn(&j->buf, json, strlen(json)));
}

void scp_jsonl_open(scp_jsonl *j, const char *key)
{
    add_key(j, key);
    ADD(j, scp_strbuf_addn(&j->buf, "{", 1));
    j->depth++;
    j->comma = false;
}

void scp_jsonl_close(scp_jsonl *j)
{
    if (j->depth < 1) {
        ADD(j, scp_err_raise(SCP_EINTERNAL, __FILE__, __LINE__, NULL,
                             "a JSON object is closed that was not opened"));
        return;
    }
    ADD(j, scp_strbuf_addn(&j->buf, "}", 1));
    j->depth--;
    j->comma = true;
}

scp_status scp_jsonl_end(scp_jsonl *j, const char **text)
{
    while (j->depth > 0) scp_jsonl_close(j);
    *text = j->st == SCP_OK ? j->buf.text : NULL;
    return j->st;
}

void scp_jsonl_fini(scp_jsonl *j)
{
    scp_strbuf_fini(&j->buf);
    *j = (scp_jsonl){ 0 };
}

/* Open a file that others may replace, and hold it alone: the file that then has the name. The lock
 * goes with the descriptor, which reads and writes, as NFS wants it; a file system without locks
 * gives none. */
static scp_status open_held(const char *path, int flags, int *fd)
{
    struct stat mine, named;
    for (;;) {
        *fd = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
        if (*fd < 0)
            SCP_FAIL(errno == ENOENT ? SCP_ENOINPUT : SCP_EIO, "cannot open %s: %s", path,
                     strerror(errno));
        while (flock(*fd, LOCK_EX) != 0 && errno == EINTR) {
        }
        if (fstat(*fd, &mine) != 0 || stat(path, &named) != 0 ||
            (mine.st_dev == named.st_dev && mine.st_ino == named.st_ino))
            return SCP_OK;
        close(*fd);
    }
}

scp_status scp_jsonl_append(const char *path, const char *line)
{
    scp_status st = SCP_OK;
    scp_strbuf b = { 0 };
    int fd = -1;
    SCP_GOTO(done, scp_strbuf_addf(&b, "%s\n", line));
    SCP_GOTO(done, open_held(path, O_CREAT | O_APPEND, &fd));
    ssize_t n = write(fd, b.text, b.len);
    if (n != (ssize_t)b.len)
        st = scp_err_raise(SCP_EIO, __FILE__, __LINE__, "write", "cannot append to %s: %s", path,
                           n < 0 ? strerror(errno) : "only a part was written");
    if (close(fd) != 0 && st == SCP_OK)
        st = scp_err_raise(SCP_EIO, __FILE__, __LINE__, "close", "cannot append to %s: %s", path,
                           strerror(errno));
done:
    scp_strbuf_fini(&b);
    return st;
}

/* The lines of text [len] that stay. */
static scp_status filter_text(const char *text, size_t len, scp_jsonl_keep *keep, void *ctx,
                              scp_strbuf *out)
{
    SCP_TRY(scp_strbuf_addn(out, "", 0));
    for (const char *line = text, *end; (end = memchr(line, '\n', (size_t)(text + len - line)));
         line = end + 1)
        if (keep(ctx, line, (size_t)(end - line)))
            SCP_TRY(scp_strbuf_addn(out, line, (size_t)(end + 1 - line)));
    return SCP_OK;
}

/* What an earlier filter that was killed left. */
static void sweep(const char *path)
{
    char dir[SCP_PATH_MAX];
    const char *slash = strrchr(path, '/');
    int n = slash ? (int)(slash - path) : 1;
    snprintf(dir, sizeof dir, "%.*s", n > 0 ? n : 1, slash ? path : ".");
    scp_fs_sweep(dir, slash ? slash + 1 : path);
}

scp_status scp_jsonl_filter(const char *path, scp_jsonl_keep *keep, void *ctx)
{
    scp_status st = SCP_OK;
    scp_strbuf kept = { 0 };
    char *text = NULL;
    size_t len = 0;
    int fd = -1;
    st = open_held(path, 0, &fd);
    if (st == SCP_ENOINPUT) {
        scp_err_clear();
        return SCP_OK;
    }
    SCP_TRY(st);
    sweep(path);
    SCP_GOTO(done, scp_fs_read_text(path, &text, &len));
    SCP_GOTO(done, filter_text(text, len, keep, ctx, &kept));
    if (kept.len != len) SCP_GOTO(done, scp_fs_write_text(path, kept.text, kept.len));
done:
    close(fd);
    free(text);
    scp_strbuf_fini(&kept);
    return st;
}
