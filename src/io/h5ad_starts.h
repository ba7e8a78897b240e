/* Row (or column) starts of a sparse matrix as 64-bit numbers. They are read several times in a
 * run, by one thread: where they are stored in chunks these are inflated here, faster than by
 * HDF5's filter. Private to src/io. */
#ifndef SCP_IO_H5AD_STARTS_H
#define SCP_IO_H5AD_STARTS_H

#include "io/h5.h"

typedef struct scp_starts scp_starts;

/** A reader of an open dataset of one dimension that holds whole numbers; the dataset is borrowed.
 *  *out: scp_starts_close. */
scp_status scp_starts_open(hid_t indptr, scp_starts **out) SCP_MUST_USE;
void scp_starts_close(scp_starts **s);

/** Elements [first, first + n), which exist. SCP_EDATA for a damaged chunk. By one thread at a
 *  time, and while no other is in HDF5. */
scp_status scp_starts_read(scp_starts *s, size_t first, size_t n, int64_t *to) SCP_MUST_USE;

/** Bytes that a reader allocates at most. */
size_t scp_starts_bytes(const scp_starts *s);

#endif
