/* Inflating zlib streams whose length is known, by the faster of two libraries: ISA-L (where it is
 * there) for integers, 613 us a chunk of 96,077 columns of 8 bytes packed by zlib where libdeflate
 * takes 830; libdeflate for reals, 148 us a chunk of as many counts where ISA-L takes 185.
 * Checksums are libdeflate's. Private to src/io, and to bench/, whose floor must use the same. */
#ifndef SCP_IO_INFLATE_H
#define SCP_IO_INFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Belongs to one thread. */
typedef struct scp_inflater scp_inflater;

/** *out: scp_inflater_destroy. SCP_ENOMEM. */
scp_status scp_inflater_create(scp_inflater **out) SCP_MUST_USE;
void scp_inflater_destroy(scp_inflater **f);
/** Bytes that an inflater allocates at most. */
size_t scp_inflater_bytes(void);

/** Inflate the stream in [n], of integers or not, to out [size]; true when it is whole, has exactly
 *  that length and the checksum that it names. */
bool scp_inflate(scp_inflater *f, bool integers, const void *in, size_t n, void *out, size_t size);

#endif
