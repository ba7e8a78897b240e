/* Text arrays of any HDF5 text type, for attributes and datasets alike. Private to src/io. */
#ifndef SCP_IO_H5_TEXT_H
#define SCP_IO_H5_TEXT_H

#include "io/h5.h"

/* Reads all elements as `type` into buf. */
typedef scp_status scp_h5_transfer(void *ctx, hid_t type, void *buf);

/** Take n texts of file type `type` (fixed or variable length; at n = 0 any type) through
 * `transfer`. `where` names the object in messages. (*out)[i] and *out: scp_fs_list_free. */
scp_status scp_h5_take_texts(scp_h5_transfer *transfer, void *ctx, hid_t type, size_t n,
                             const char *where, char ***out) SCP_MUST_USE;

#endif
