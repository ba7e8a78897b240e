/* gzip by zlib: a whole file in memory, inflated member by member. */
#include "io/gz.h"

#include <limits.h>
#include <stdbool.h>
#include <zlib.h>

#include "base/fs.h"
#include "base/mem.h"

enum { GZIP_ONLY = 16 + MAX_WBITS, FIRST_GUESS = 4 };
#define MOST_BYTES ((size_t)4 << 30) /* of one text: beyond it, the file is a trap or a mistake */

static bool is_gzip(const unsigned char *bytes, size_t n)
{
    return n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static uInt at_most(size_t n)
{
    return n < UINT_MAX ? (uInt)n : UINT_MAX;
}

/* Inflate one member that begins at *in. The text grows; room stays for a NUL behind it. */
static scp_status inflate_member(z_stream *z, const char *name, char **text, size_t *cap,
                                 size_t *len)
{
    for (int code = Z_OK; code != Z_STREAM_END;) {
        if (*len + 1 >= *cap) SCP_TRY(scp_grow(text, cap, *len + 2, 1));
        if (*len >= MOST_BYTES)
            SCP_FAIL(SCP_EDATA, "%s inflates to more than %zu GiB: this is no table", name,
                     MOST_BYTES >> 30);
        z->next_out = (Bytef *)*text + *len;
        z->avail_out = at_most(*cap - *len - 1);
        uInt room = z->avail_out;
        code = inflate(z, Z_NO_FLUSH);
        *len += room - z->avail_out;
        if (code == Z_MEM_ERROR) SCP_FAIL(SCP_ENOMEM, "%s: no memory to inflate it", name);
        if (code == Z_BUF_ERROR && z->avail_in == 0)
            SCP_FAIL(SCP_EDATA, "%s: the gzip file ends in the middle; fetch it again", name);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            SCP_FAIL(SCP_EDATA, "%s: damaged gzip file (%s); fetch it again", name,
                     z->msg ? z->msg : "not gzip");
    }
    return SCP_OK;
}

scp_status scp_gz_inflate(const void *bytes, size_t n, const char *name, char **text, size_t *len)
{
    scp_status st = SCP_OK;
    SCP_ARG(bytes && name && text && len, "bytes, name and result are required");
    z_stream z = { .next_in = (z_const Bytef *)bytes, .avail_in = (uInt)n };
    size_t cap = n * FIRST_GUESS + 2;
    *text = NULL;
    *len = 0;
    if (n >= UINT_MAX) SCP_FAIL(SCP_EDATA, "%s: %zu bytes of gzip are no table", name, n);
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK) SCP_FAIL(SCP_ENOMEM, "%s: no memory to inflate", name);
    SCP_GOTO(done, scp_alloc(cap, 1, text));
    do {
        SCP_GOTO(done, inflate_member(&z, name, text, &cap, len));
        if (inflateReset(&z) != Z_OK)
            SCP_FAIL_GOTO(done, SCP_EINTERNAL, "%s: zlib does not reset", name);
    } while (z.avail_in > 0);
    (*text)[*len] = '\0';
done:
    (void)inflateEnd(&z);
    if (st != SCP_OK) {
        free(*text);
        *text = NULL;
        *len = 0;
    }
    return st;
}

scp_status scp_gz_read_text(const char *path, char **text, size_t *len)
{
    char *bytes = NULL;
    size_t n = 0;
    SCP_ARG(path && text && len, "path and result are required");
    *text = NULL;
    SCP_TRY(scp_fs_read_text(path, &bytes, &n));
    if (!is_gzip((const unsigned char *)bytes, n)) {
        *text = bytes;
        *len = n;
        return SCP_OK;
    }
    scp_status st = scp_gz_inflate(bytes, n, path, text, len);
    free(bytes);
    SCP_TRY(st);
    return SCP_OK;
}
