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
enum { HEAD = 2, TRAILER = 4 }; /* bytes of a zlib stream around its deflate stream */

/* A plain head of zlib: deflate, no dictionary, its own check. */
static bool is_head(const uint8_t *in)
{
    return (in[0] & 15) == 8 && (in[1] & 32) == 0 && (in[0] * 256 + in[1]) % 31 == 0;
}

/* The checksum is libdeflate's: 10 us for 750 KiB where ISA-L's own takes 54. */
static bool by_isal(struct inflate_state *s, const uint8_t *in, size_t n, void *out, size_t size)
{
    if (n > UINT32_MAX || size > UINT32_MAX || n < HEAD + TRAILER || !is_head(in)) return false;
    isal_inflate_init(s);
    s->crc_flag = ISAL_DEFLATE;
    s->next_in = (uint8_t *)(uintptr_t)in + HEAD; /* it is only read */
    s->avail_in = (uint32_t)(n - HEAD);
    s->next_out = out;
    s->avail_out = (uint32_t)size;
    if (isal_inflate_stateless(s) != ISAL_DECOMP_OK || s->total_out != size ||
        s->avail_in < TRAILER)
        return false;
    const uint8_t *sum = s->next_in;
    uint32_t want =
        (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3];
    return libdeflate_adler32(1, out, size) == want;
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
