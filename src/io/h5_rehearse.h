/* The reading of a file's metadata as the programs do it, for the probe and its tests. */
#ifndef SCP_IO_H5_REHEARSE_H
#define SCP_IO_H5_REHEARSE_H

#include "io/h5_probe.h"

/* Told of every object before it is read. */
typedef void scp_probe_say(void *ctx, const char *object);

/** Read what the request names and throw it away. Errors are those of the reading itself. Not
 *  collective. */
scp_status scp_probe_rehearse(const scp_probe_request *r, scp_probe_say *say,
                              void *ctx) SCP_MUST_USE;

#endif
