/* Checksums that lie beside files: FILE.sha256, or SHA256SUMS in the same folder or the one above,
 * as sha256sum and data-prep/fetch-tahoe write them. */
#ifndef SCP_BASE_SUMS_H
#define SCP_BASE_SUMS_H

#include "base/sha256.h"

/** The published checksum of a file, lower-case, and the file that says so. SCP_ENOINPUT when none
 *  does; the message names where it was looked for. Not collective. */
scp_status scp_sums_find(const char *path, char hex[SCP_SHA256_HEX], char source[SCP_PATH_MAX])
    SCP_MUST_USE;

/** Read the file and compare. SCP_EDATA names the file, both checksums and the source; SCP_ENOINPUT
 *  without a published one; SCP_EIO. Not collective. */
scp_status scp_sums_check(const char *path) SCP_MUST_USE;

#endif
