/* Check of the references behind variable-length texts, before HDF5 follows them. Private to
 * src/io. */
#ifndef SCP_IO_H5_HEAP_H
#define SCP_IO_H5_HEAP_H

#include "io/h5.h"

/** Check elements [first, first + n) of a 1-D dataset of variable-length texts: each reference
 * leads to an object of its length inside a global heap collection of the file. SCP_EDATA names the
 * element. Does nothing where the references cannot be seen: another type, a compressed or chunked
 * dataset, a file that is being written or is not a plain local one. */
scp_status scp_h5_check_texts(hid_t dset, size_t first, size_t n) SCP_MUST_USE;

#endif
