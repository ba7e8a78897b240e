/* Deflate for arrays of 8-byte integers whose upper bytes hardly change, such as the column numbers
 * of a sparse matrix: a valid zlib stream that any inflater reads, made several times faster than
 * by a general compressor, and smaller. Private to src/io. */
#ifndef SCP_IO_DEFLATE_WORDS_H
#define SCP_IO_DEFLATE_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum { SCP_WORD = 8 };

/** Bytes that n words may become at most. */
size_t scp_deflate_words_bound(size_t n);

/** Deflate n words at `in` into out [bound]; returns the bytes made. Pure; any input is fine, but
 *  only what is described above becomes small. */
size_t scp_deflate_words(const void *in, size_t n, void *out);

#endif
