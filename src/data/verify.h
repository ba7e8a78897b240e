/* Is a shard what scppdm_prep wrote, and are its splits free of leaks? Everything is recomputed
 * from the file: checksums of all tables and of all rows, ranges and order of what the tables say,
 * the proof of no leak, and the manifest's counts. Memory: the tables on rank 0 and 64 MiB a rank.
 */
#ifndef SCP_DATA_VERIFY_H
#define SCP_DATA_VERIFY_H

#include "comm/comm.h"

typedef struct scp_verify_request {
    const char *shard;
    const char *inputs; /* folder of the input files of the manifest, or NULL: not looked at */
    bool probe; /* read the metadata in another process first, see io/h5_probe.h           */
    void (*say)(void *ctx, const char *line); /* told of each check that held, on rank 0; or NULL */
    void *ctx;
} scp_verify_request;

/** Check everything, the rows of the matrices shared among the ranks. SCP_EDATA names the first
 *  table, row or number that is wrong, SCP_ENOINPUT a missing file. Collective. */
scp_status scp_verify_run(scp_comm *comm, const scp_verify_request *r) SCP_MUST_USE;

#endif
