/* Text files that may be compressed with gzip. Not collective. */
#ifndef SCP_IO_GZ_H
#define SCP_IO_GZ_H

#include <stddef.h>

#include "base/status.h"

/** Whole text file, NUL-terminated, inflated when it begins as a gzip file does (RFC 1952; members
 *  one after the other are one text). *text owned by the caller. SCP_ENOINPUT missing; SCP_EDATA
 *  damaged or cut short, with the name of the file. */
scp_status scp_gz_read_text(const char *path, char **text, size_t *len) SCP_MUST_USE;

/** The same from bytes in memory; `name` stands for the file in messages. */
scp_status scp_gz_inflate(const void *bytes, size_t n, const char *name, char **text,
                          size_t *len) SCP_MUST_USE;

#endif
