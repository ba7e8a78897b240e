/* How chunks of a dataset are compressed: X of a plate by zlib itself from level 2 on, so that its
 * streams are those of h5py and anndata, which take a reader longer than what packs well;
 * everything else as io/pack.h does. A coder belongs to one thread; its bytes depend on the input
 * alone. Private to src/io and to those who pack for it. */
#ifndef SCP_IO_CODER_H
#define SCP_IO_CODER_H

#include "io/pack.h"

typedef struct scp_coder scp_coder;

/** *out: scp_coder_destroy. Not collective. */
scp_status scp_coder_create(const scp_pack_format *format, scp_coder **out) SCP_MUST_USE;
void scp_coder_destroy(scp_coder **c);

/** Bytes that n may become at most. */
size_t scp_coder_bound(const scp_coder *c, size_t n);

/** Pack n bytes, a whole number of elements, into out [scp_coder_bound]; *size bytes were made. */
scp_status scp_coder_run(scp_coder *c, const void *in, size_t n, void *out,
                         size_t *size) SCP_MUST_USE;

#endif
