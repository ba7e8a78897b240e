/* Deflate for arrays of 4-byte values of which few occur, such as the counts of a sparse matrix: a
 * valid zlib stream, made faster than by a general compressor and about as small as by its fast
 * levels. Private to src/io. */
#ifndef SCP_IO_DEFLATE_VALUES_H
#define SCP_IO_DEFLATE_VALUES_H

#include <stddef.h>
#include <stdint.h>

enum { SCP_VALUE = 4 };

typedef struct scp_token {
    uint16_t length;   /* bytes of a match; 0: the value as four literals */
    uint16_t distance; /* of the match, less one */
    uint32_t value;
} scp_token;

/** Bytes that n values may become at most. */
size_t scp_deflate_values_bound(size_t n);

/** Deflate n values at `in` into out [bound]; token [n] is scratch. Returns the bytes made. Pure;
 * any input is fine, but only what is described above becomes small. */
size_t scp_deflate_values(const void *in, size_t n, scp_token *token, void *out);

#endif
