/* Compressed text: plain, one member, several members, damage at every byte, a trap of zeros. */
#include "io/gz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/tsv.h"
#include "tap.h"

/* One gzip member of text [n]; out [cap], returns its length. */
static size_t deflate_text(const char *text, size_t n, unsigned char *out, size_t cap)
{
    z_stream z = { .next_in = (z_const Bytef *)text,
                   .avail_in = (uInt)n,
                   .next_out = out,
                   .avail_out = (uInt)cap };
    if (deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        exit(1);
    size_t used = cap - z.avail_out;
    deflateEnd(&z);
    return used;
}

static void same(const unsigned char *bytes, size_t n, const char *want, const char *what)
{
    char *text = NULL;
    size_t len = 0;
    if (tap_st(scp_gz_inflate(bytes, n, "t.gz", &text, &len), "%s", what))
        tap_ok(len == strlen(want) && strcmp(text, want) == 0, "gives the text");
    free(text);
}

static void reading(void)
{
    unsigned char bytes[1024];
    char long_text[20001];
    for (size_t i = 0; i < 20000; i++) long_text[i] = (char)('a' + i * i % 7);
    long_text[20000] = '\0';
    size_t n = deflate_text("drug\tdose\n", 10, bytes, sizeof bytes);
    same(bytes, n, "drug\tdose\n", "one member");
    n += deflate_text("A\t1\n", 4, bytes + n, sizeof bytes - n);
    same(bytes, n, "drug\tdose\nA\t1\n", "two members");
    size_t m = deflate_text(long_text, 20000, bytes, sizeof bytes);
    same(bytes, m, long_text, "a text many times its compressed size");
    m = deflate_text("", 0, bytes, sizeof bytes);
    same(bytes, m, "", "an empty text");
}

static void damage(void)
{
    unsigned char bytes[256], copy[256];
    static const char table[] = "drug\tdose\nAspirin\t0.05\nIbuprofen\t0.5\n";
    size_t n = deflate_text(table, sizeof table - 1, bytes, sizeof bytes), quiet = 0, cut = 0;
    char *text;
    size_t len;
    for (size_t i = 0; i < n * 8; i++) {
        memcpy(copy, bytes, n);
        copy[i / 8] ^= (unsigned char)(1 << i % 8);
        if (scp_gz_inflate(copy, n, "t.gz", &text, &len) == SCP_OK)
            quiet += len != sizeof table - 1 || memcmp(text, table, len) != 0;
        free(text);
    }
    tap_ok(quiet == 0, "no flipped bit gives another text (%zu bits)", n * 8);
    for (size_t i = 2; i < n; i++)
        cut += scp_gz_inflate(bytes, i, "t.gz", &text, &len) == SCP_EDATA && !text;
    tap_ok(cut == n - 2, "every cut is refused");
    tap_fails(scp_gz_inflate(bytes, n - 4, "t.gz", &text, &len), SCP_EDATA, "ends in the middle",
              "a cut file");
    memcpy(copy, bytes, n);
    copy[n] = 'x';
    tap_fails(scp_gz_inflate(copy, n + 1, "t.gz", &text, &len), SCP_EDATA, "t.gz",
              "something behind it");
    scp_err_clear();
}

static void files(void)
{
    unsigned char bytes[256];
    char path[SCP_PATH_MAX];
    char *text = NULL;
    size_t len;
    scp_tsv *t = NULL;
    size_t n = deflate_text("drug\tdose\nA\t1\n", 14, bytes, sizeof bytes);
    snprintf(path, sizeof path, "%s/t.tsv.gz", tap_tmpdir());
    if (!tap_st(scp_fs_write_text(path, (const char *)bytes, n), "a compressed table")) return;
    if (tap_st(scp_tsv_read(path, &t), "reads as a table"))
        tap_text(scp_tsv_text(t, 0, 0), "A", "with its fields");
    scp_tsv_destroy(&t);
    if (!tap_st(scp_fs_write_text(path, "x", 1), "a plain file of that name")) return;
    if (tap_st(scp_gz_read_text(path, &text, &len), "is what it holds"))
        tap_ok(len == 1 && strcmp(text, "x") == 0, "whatever its name");
    free(text);
    tap_fails(scp_gz_read_text("/nonexistent.gz", &text, &len), SCP_ENOINPUT, "/nonexistent.gz",
              "a missing file");
}

int main(void)
{
    reading();
    damage();
    files();
    return tap_done();
}
