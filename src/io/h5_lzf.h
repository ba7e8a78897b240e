/* LZF chunks, which h5py can write and libhdf5 cannot read: a decoder as an HDF5 filter. */
#ifndef SCP_IO_H5_LZF_H
#define SCP_IO_H5_LZF_H

#include <stdint.h>

#include <hdf5.h>

#define SCP_H5_LZF ((H5Z_filter_t)32000) /* registered with the HDF Group for h5py */

/** For H5Zregister. Reading only. */
extern const H5Z_class2_t scp_h5_lzf;

/** Decode one stream: the bytes written to out, or 0 when it is damaged or needs more than room. */
size_t scp_h5_lzf_decode(const uint8_t *in, size_t n, uint8_t *out, size_t room);

#endif
