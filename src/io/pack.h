/* Chunks of a dataset as HDF5 stores them, made outside HDF5: shuffle and deflate (zlib's format).
 * X of a plate is packed by coders of its own at level 1 (io/deflate_words.h, io/deflate_values.h),
 * by zlib itself from level 2 on, so that its streams are those of h5py and anndata; everything
 * else by libdeflate. What a packer makes is what HDF5's own filters read back; its bytes depend on
 * the input alone. A packer belongs to one thread. */
#ifndef SCP_IO_PACK_H
#define SCP_IO_PACK_H

#include <stddef.h>

#include "base/status.h"

typedef struct scp_pack_format {
    int deflate; /* 0..9; 0 stores the bytes as they are */
    bool shuffle;
    size_t width; /* bytes of an element */
    bool sparse;  /* X of a plate, or a part of it */
} scp_pack_format;

typedef struct scp_packer scp_packer;

/** *out: scp_packer_destroy. Not collective. */
scp_status scp_packer_create(const scp_pack_format *format, scp_packer **out) SCP_MUST_USE;
void scp_packer_destroy(scp_packer **p);

/** Bytes that n may become at most. */
size_t scp_packer_bound(const scp_packer *p, size_t n);

/** Pack n bytes, a whole number of elements, into out [scp_packer_bound]; *size bytes were made. */
scp_status scp_packer_run(scp_packer *p, const void *in, size_t n, void *out,
                          size_t *size) SCP_MUST_USE;

#endif
