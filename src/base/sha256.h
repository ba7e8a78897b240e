/* SHA-256 of files, to compare with what sha256sum and data hubs publish. */
#ifndef SCP_BASE_SHA256_H
#define SCP_BASE_SHA256_H

#include "base/status.h"

enum { SCP_SHA256_HEX = 65 };

/** SHA-256 of a whole file as lower-case hex. SCP_ENOINPUT missing, SCP_EIO. Several threads may
 *  call it at once. Not collective. */
scp_status scp_sha256_file(const char *path, char hex[SCP_SHA256_HEX]) SCP_MUST_USE;

#endif
