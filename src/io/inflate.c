/* Two inflating libraries behind one call. */
#include "config.h"

#include "io/inflate.h"

#include <stdint.h>

#include <libdeflate.h>

#include "base/mem.h"

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

enum { LIBDEFLATE_BYTES = 65536 }; /* of a decompressor, rounded up */

struct scp_inflater {
    struct libdeflate_decompressor *library;
#ifdef HAVE_ISAL
    struct inflate_state isal;
#endif
};

scp_status scp_inflater_create(scp_inflater **out)
{
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    (*out)->library = libdeflate_alloc_decompressor();
    if ((*out)->library) return SCP_OK;
    scp_inflater_destroy(out);
    SCP_FAIL(SCP_ENOMEM, "no memory for a decompressor");
}

void scp_inflater_destroy(scp_inflater **f)
{
    if (!f || !*f) return;
    if ((*f)->library) libdeflate_free_decompressor((*f)->library);
    free(*f);
    *f = NULL;
}

size_t scp_inflater_bytes(void)
{
    return sizeof(scp_inflater) + LIBDEFLATE_BYTES;
}

#ifdef HAVE_ISAL
static bool by_isal(struct inflate_state *s, const void *in, size_t n, void *out, size_t size)
{
    if (n > UINT32_MAX || size > UINT32_MAX) return false;
    isal_inflate_init(s);
    s->crc_flag = ISAL_ZLIB;
    s->next_in = (uint8_t *)(uintptr_t)in; /* it is only read */
    s->avail_in = (uint32_t)n;
    s->next_out = out;
    s->avail_out = (uint32_t)size;
    return isal_inflate_stateless(s) == ISAL_DECOMP_OK && s->total_out == size;
}
#endif

bool scp_inflate(scp_inflater *f, bool integers, const void *in, size_t n, void *out, size_t size)
{
#ifdef HAVE_ISAL
    if (integers && by_isal(&f->isal, in, n, out, size)) return true;
#else
    (void)integers;
#endif
    return libdeflate_zlib_decompress(f->library, in, n, out, size, NULL) == LIBDEFLATE_SUCCESS;
}
