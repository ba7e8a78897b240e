/* A dataset that is written once, front to back, with its chunks packed outside HDF5: by several
 * threads at once, and by a faster compressor. Read back it is as if HDF5's filters had written it.
 * Its bytes do not depend on the number of threads or on the pieces that it came in. */
#ifndef SCP_IO_H5_OUT_H
#define SCP_IO_H5_OUT_H

#include "io/h5.h"
#include "io/pack.h"

typedef struct scp_h5_out scp_h5_out;

/** Create a dataset of 1 or 2 dimensions; `type` is a number type of this machine, in file and
 *  memory. A chunk spans all of dimension 1. With layout->grows dims[0] is 0 and it ends where
 *  writing ends. threads >= 1. *out: scp_h5_out_close or scp_h5_out_drop. Not collective. */
scp_status scp_h5_out_create(hid_t loc, const char *name, hid_t type, int rank, const size_t *dims,
                             const scp_h5_layout *layout, int threads,
                             scp_h5_out **out) SCP_MUST_USE;
/** The dataset, borrowed: for its attributes. */
hid_t scp_h5_out_dataset(const scp_h5_out *o);

/** Write the next n entries of dimension 0. */
scp_status scp_h5_out_append(scp_h5_out *o, size_t n, const void *data) SCP_MUST_USE;
/** Write the next whole chunk, packed already (io/pack.h, with the layout's deflate, shuffle and
 *  sparse). SCP_EINTERNAL in the middle of a chunk. */
scp_status scp_h5_out_packed(scp_h5_out *o, const void *bytes, size_t n) SCP_MUST_USE;

/** Write what is pending and close. SCP_EINTERNAL when entries are missing. Destroys *o in any
 *  case. */
scp_status scp_h5_out_close(scp_h5_out **o) SCP_MUST_USE;
/** Close without writing. NULL is fine. */
void scp_h5_out_drop(scp_h5_out **o);

#endif
