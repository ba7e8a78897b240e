/* The manifest of a shard against its tables and its inputs. Only src/data. */
#ifndef SCP_DATA_VERIFY_MANIFEST_H
#define SCP_DATA_VERIFY_MANIFEST_H

#include "io/dataset.h"

/** Sizes, pairs of every split, cells read and left out, and the proof, as the manifest of `d` has
 *  them. SCP_EDATA names the member. Not collective. */
scp_status scp_verify_manifest(const char *path, const scp_dataset *d) SCP_MUST_USE;

/** Every input of the manifest is in `folder` (by the last part of its name), with its size and,
 *  where they are noted, its checksums. SCP_ENOINPUT, SCP_EDATA. *n inputs. Not collective. */
scp_status scp_verify_inputs(const char *path, const char *manifest, const char *folder,
                             size_t *n) SCP_MUST_USE;

#endif
