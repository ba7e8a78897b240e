/* The seal of a shard file: 256 bytes of text behind the HDF5 file, which HDF5 does not look at. It
 * holds the length of the file and the XXH3 hash of every byte but the values of the two matrices,
 * whose rows have checksums of their own among those bytes. So a reader that checks the seal first
 * and the rows later finds any flipped bit and any cut, and HDF5 sees no damaged structure, on
 * which it may crash. Private to src/io. Not collective. */
#ifndef SCP_IO_SHARD_SEAL_H
#define SCP_IO_SHARD_SEAL_H

#include "base/status.h"

/** Append the seal to a closed shard file. SCP_EIO. */
scp_status scp_shard_seal_add(const char *path) SCP_MUST_USE;

/** Check it, without HDF5. SCP_ENOINPUT missing; SCP_EDATA not a shard, truncated or damaged. */
scp_status scp_shard_seal_check(const char *path) SCP_MUST_USE;

#endif
