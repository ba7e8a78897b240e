/* The shard file: everything that training and scoring need of a screen, in one HDF5 file.
 * Format, version and checksums: doc/man/scppdm-shard.5. */
#ifndef SCP_IO_SHARD_H
#define SCP_IO_SHARD_H

#include "comm/comm.h"
#include "data/dataset.h"

/** Read a whole shard into memory: rank 0 checks magic, version and checksums, every rank reads.
 *  SCP_ENOINPUT, SCP_EDATA. Collective. out: scp_dataset_fini. */
scp_status scp_shard_read(scp_comm *comm, const char *path, scp_dataset *out) SCP_MUST_USE;

#endif
