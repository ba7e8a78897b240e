/* The manifest of a shard against its tables, and the inputs against it. Only src/data. */
#ifndef SCP_DATA_VERIFY_MANIFEST_H
#define SCP_DATA_VERIFY_MANIFEST_H

#include "comm/comm.h"
#include "io/dataset.h"

/** Sizes, pairs of every split, cells read and left out, and the proof, as the manifest of `d` has
 *  them. SCP_EDATA names the member. Not collective. */
scp_status scp_verify_manifest(const char *path, const scp_dataset *d) SCP_MUST_USE;

/** Every input of the manifest is in `folder` (by the last part of its name), with its size and,
 *  where it was noted, the checksum of its stored matrix; the ranks share the reading. Used on rank
 *  0: path and manifest. `probe`: see io/h5_probe.h. SCP_ENOINPUT, SCP_EDATA name the file. *n
 *  inputs. Collective. */
scp_status scp_verify_inputs(scp_comm *comm, const char *path, const char *manifest,
                             const char *folder, bool probe, size_t *n) SCP_MUST_USE;

#endif
