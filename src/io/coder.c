/* Coders of chunks, see coder.h. */
#include "io/coder.h"

#include <zlib.h>

#include "base/mem.h"

struct scp_coder {
    int level;          /* of zlib; 0: the packer's turn */
    scp_packer *packer; /* NULL with zlib */
};

scp_status scp_coder_create(const scp_pack_format *format, scp_coder **out)
{
    SCP_ARG(format && out, "a format and a place for the coder are required");
    scp_status st = SCP_OK;
    scp_coder *c = NULL;
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *c, &c));
    bool own = format->deflate < 2 || format->shuffle || !format->sparse;
    if (own)
        SCP_GOTO(done, scp_packer_create(format, &c->packer));
    else
        c->level = format->deflate;
    *out = c;
done:
    if (st != SCP_OK) free(c);
    return st;
}

void scp_coder_destroy(scp_coder **cp)
{
    scp_coder *c = cp ? *cp : NULL;
    if (!c) return;
    scp_packer_destroy(&c->packer);
    free(c);
    *cp = NULL;
}

size_t scp_coder_bound(const scp_coder *c, size_t n)
{
    return c->level ? compressBound(n) : scp_packer_bound(c->packer, n);
}

scp_status scp_coder_run(scp_coder *c, const void *in, size_t n, void *out, size_t *size)
{
    if (!c->level) return scp_packer_run(c->packer, in, n, out, size);
    uLongf made = compressBound(n);
    int code = compress2(out, &made, in, n, c->level);
    if (code == Z_MEM_ERROR)
        SCP_FAIL(SCP_ENOMEM, "no memory for a compressor of level %d", c->level);
    SCP_ARG(code == Z_OK, "zlib's level %d: %s", c->level, zError(code));
    *size = made;
    return SCP_OK;
}
