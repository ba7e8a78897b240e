/* Shuffle and deflate of whole chunks, see pack.h. */
#include "io/pack.h"

#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "base/mem.h"
#include "io/deflate_values.h"
#include "io/deflate_words.h"

struct scp_packer {
    scp_pack_format format;
    struct libdeflate_compressor *zlib;
    uint8_t *mixed;   /* shuffled bytes */
    scp_token *token; /* scratch of scp_deflate_values */
    size_t cap, cap_tokens;
};

scp_status scp_packer_create(const scp_pack_format *format, scp_packer **out)
{
    scp_packer *p = NULL;
    SCP_ARG(format && out && format->width > 0, "a format and a place for the packer are required");
    SCP_ARG(format->deflate >= 0 && format->deflate <= 9, "deflate is 0 to 9, not %d",
            format->deflate);
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *p, &p));
    p->format = *format;
    if (format->deflate > 0) {
        p->zlib = libdeflate_alloc_compressor(format->deflate);
        if (!p->zlib) {
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
    libdeflate_free_compressor(p->zlib);
    free(p->mixed);
    free(p->token);
    free(p);
    *pp = NULL;
}

static bool use_words(const scp_packer *p)
{
    return p->format.sparse && p->format.width == SCP_WORD && p->zlib && !p->format.shuffle;
}

static bool use_values(const scp_packer *p)
{
    return p->format.sparse && p->format.width == SCP_VALUE && p->format.deflate == 1 &&
           !p->format.shuffle;
}

size_t scp_packer_bound(const scp_packer *p, size_t n)
{
    if (use_words(p)) return scp_deflate_words_bound(n / SCP_WORD);
    if (use_values(p)) return scp_deflate_values_bound(n / SCP_VALUE);
    return p->zlib ? libdeflate_zlib_compress_bound(p->zlib, n) : n;
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
    if (!p->zlib) {
        memcpy(out, in, n);
        *size = n;
        return SCP_OK;
    }
    if (use_words(p)) {
        *size = scp_deflate_words(in, n / SCP_WORD, out);
        return SCP_OK;
    }
    if (use_values(p)) {
        SCP_TRY(scp_grow(&p->token, &p->cap_tokens, n / SCP_VALUE, sizeof *p->token));
        *size = scp_deflate_values(in, n / SCP_VALUE, p->token, out);
        return SCP_OK;
    }
    *size = libdeflate_zlib_compress(p->zlib, in, n, out, scp_packer_bound(p, n));
    SCP_ARG(*size > 0, "%zu bytes did not fit their bound", n);
    return SCP_OK;
}
