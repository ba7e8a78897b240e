/* What the two coders of this room share: Huffman codes of deflate, bits, head and tail of a zlib
 * stream of one block (RFC 1950, 1951). Private to src/io. */
#ifndef SCP_IO_DEFLATE_CODE_H
#define SCP_IO_DEFLATE_CODE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    SCP_DEFLATE_END = 256,     /* symbol of the end of the block */
    SCP_DEFLATE_SYMBOLS = 286, /* literals, end, lengths */
    SCP_DEFLATE_DISTANCES = 30,
    SCP_DEFLATE_FRAME = 1024 /* more bytes than head and tail take */
};

typedef struct scp_code { /* of a symbol, to be written lowest bit first */
    uint32_t bits, n;
} scp_code;

/** Canonical Huffman code of n symbols, 2 .. SCP_DEFLATE_SYMBOLS of them, by their weights, all at
 *  least 1; no code is longer than deflate allows. */
void scp_code_make(const uint32_t *weight, size_t n, scp_code *out);

typedef struct scp_bits { /* where bits go to */
    uint8_t *to;
    uint64_t bits;
    uint32_t n; /* bits held: below 8 after a flush, 64 at most */
} scp_bits;

static inline void scp_bits_put(scp_bits *s, uint64_t bits, uint32_t n)
{
    s->bits |= bits << s->n;
    s->n += n;
}

/** Write the whole bytes; 8 bytes of room are needed. */
static inline void scp_bits_flush(scp_bits *s)
{
    uint64_t bits = s->bits;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bits = __builtin_bswap64(bits);
#endif
    memcpy(s->to, &bits, sizeof bits);
    s->to += s->n / 8;
    s->bits >>= s->n & ~7u;
    s->n &= 7;
}

/** Head of zlib and of the only block; symbols without a code have n = 0. */
void scp_deflate_head(scp_bits *s, const scp_code *symbol, size_t symbols, const scp_code *distance,
                      size_t distances);
/** End of the block, and the checksum of the `size` bytes that went in. */
void scp_deflate_tail(scp_bits *s, const scp_code *symbol, const void *in, size_t size);

#endif
