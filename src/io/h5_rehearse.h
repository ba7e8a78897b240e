/* The reading of an .h5ad's metadata as scppdm_prep does it, for the probe and its tests. */
#ifndef SCP_IO_H5_REHEARSE_H
#define SCP_IO_H5_REHEARSE_H

#include "io/h5_probe.h"

/* In the place of the matrix: the file is a shard. */
#define SCP_PROBE_SHARD "--shard"

/** Read what the request names and throw it away. `say` (may be NULL) is told of every object
 *  before it is read. Errors are those of the reading itself. Not collective. */
scp_status scp_h5ad_rehearse(const scp_probe_request *r, void (*say)(const char *object))
    SCP_MUST_USE;

#endif
