/* Shuffle and deflate of whole chunks, see pack.h. */
#include "io/pack.h"

#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <zlib.h>

#include "base/mem.h"
#include "io/deflate_values.h"
#include "io/deflate_words.h"

struct scp_packer {
    scp_pack_format format;
    struct libdeflate_compressor *library; /* NULL where another compresses, or none */
    uint8_t *mixed;   /* shuffled bytes */
    scp_token *token; /* scratch of scp_deflate_values */
    size_t cap, cap_tokens;
};

/* X of a plate from level 2 on: its streams are those of h5py and anndata. */
static bool by_zlib(const scp_pack_format *f)
{
    return f->sparse && f->deflate >= 2 && !f->shuffle;
}

scp_status scp_packer_create(const scp_pack_format *format, scp_packer **out)
{
    scp_packer *p = NULL;
    SCP_ARG(format && out && format->width > 0, "a format and a place for the packer are required");
    SCP_ARG(format->deflate >= 0 && format->deflate <= 9, "deflate is 0 to 9, not %d",
            format->deflate);
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    p->format = *format;
    if (format->deflate > 0 && !by_zlib(format)) {
        p->library = libdeflate_alloc_compressor(format->deflate);
        if (!p->library) {
            free(p);
            SCP_FAIL(SCP_ENOMEM, "no memory for a compressor of level %d", format->deflate);
        }
    }
    *out = p;
    return SCP_OK;
}

void scp_packer_destroy(scp_packer **pp)
{
    scp_packer *p = pp ? *pp : NULL;
    if (!p) return;
    libdeflate_free_compressor(p->library);
    free(p->mixed);
    free(p->token);
    free(p);
    *pp = NULL;
}

/* X of a plate of level 1, by a coder for what it is. */
static bool by_own(const scp_packer *p, size_t width)
{
    const scp_pack_format *f = &p->format;
    return f->sparse && f->width == width && f->deflate == 1 && !f->shuffle;
}

size_t scp_packer_bound(const scp_packer *p, size_t n)
{
    if (by_own(p, SCP_WORD)) return scp_deflate_words_bound(n / SCP_WORD);
    if (by_own(p, SCP_VALUE)) return scp_deflate_values_bound(n / SCP_VALUE);
    if (by_zlib(&p->format)) return compressBound(n);
    return p->library ? libdeflate_zlib_compress_bound(p->library, n) : n;
}

static scp_status run_zlib(int level, const void *in, size_t n, void *out, size_t *size)
{
    uLongf made = compressBound(n);
    int code = compress2(out, &made, in, n, level);
    if (code == Z_MEM_ERROR) SCP_FAIL(SCP_ENOMEM, "no memory for a compressor of level %d", level);
    SCP_ARG(code == Z_OK, "zlib's level %d: %s", level, zError(code));
    *size = made;
    return SCP_OK;
}

/* HDF5's shuffle: all first bytes of the elements, then all second ones, and so on. */
static void shuffle(const uint8_t *in, size_t n, size_t width, uint8_t *out)
{
    for (size_t b = 0; b < width; b++)
        for (size_t i = 0; i < n; i++) out[b * n + i] = in[i * width + b];
}

scp_status scp_packer_run(scp_packer *p, const void *in, size_t n, void *out, size_t *size)
{
    SCP_ARG(n % p->format.width == 0, "%zu bytes are no whole number of elements of %zu", n,
            p->format.width);
    if (p->format.shuffle && p->format.width > 1) {
        SCP_TRY(scp_grow(&p->mixed, &p->cap, n, 1));
        shuffle(in, n / p->format.width, p->format.width, p->mixed);
        in = p->mixed;
    }
    if (p->format.deflate == 0) {
        memcpy(out, in, n);
        *size = n;
        return SCP_OK;
    }
    if (by_own(p, SCP_WORD)) {
        *size = scp_deflate_words(in, n / SCP_WORD, out);
        return SCP_OK;
    }
    if (by_own(p, SCP_VALUE)) {
        SCP_TRY(scp_grow(&p->token, &p->cap_tokens, n / SCP_VALUE, sizeof *p->token));
        *size = scp_deflate_values(in, n / SCP_VALUE, p->token, out);
        return SCP_OK;
    }
    if (by_zlib(&p->format)) {
        SCP_TRY(run_zlib(p->format.deflate, in, n, out, size));
        return SCP_OK;
    }
    *size = libdeflate_zlib_compress(p->library, in, n, out, scp_packer_bound(p, n));
    SCP_ARG(*size > 0, "%zu bytes did not fit their bound", n);
    return SCP_OK;
}
