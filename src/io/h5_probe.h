/* A look at input files in a process of their own, before this process opens them.
 *
 * The HDF5 library trusts much of what stands in a file's metadata: about one of 500 flipped bits
 * in an .h5ad ends it with a crash, an endless loop or a request for all memory, which no caller
 * can catch. So a helper program (scppdm_probe: beside the running program, else where it was
 * installed, or $SCPPDM_PROBE) makes the same calls first, with limits on memory and time; when it
 * does not survive, the file is refused with a message. What it refuses in an orderly way is left
 * to the reading proper, whose message says more. */
#ifndef SCP_IO_H5_PROBE_H
#define SCP_IO_H5_PROBE_H

#include "base/status.h"

typedef enum scp_probe_mode {
    SCP_PROBE_READ,     /* what scppdm_prep reads of an .h5ad                              */
    SCP_PROBE_DESCRIBE, /* what --inspect looks at, too; the columns named may be absent   */
    SCP_PROBE_SHARD     /* a shard: only the path counts                                   */
} scp_probe_mode;

/* What will be read of one file. All borrowed. */
typedef struct scp_probe_request {
    const char *path;
    scp_probe_mode mode;
    const char *matrix;     /* see scp_h5ad_select_matrix; NULL: the file's X, if it has one */
    const char *gene;       /* var column of the names; NULL or "": the index                */
    const char *const *obs; /* [n_obs] obs columns; a NULL among them is skipped             */
    size_t n_obs;
} scp_probe_request;

/** Rehearse the reading of n files, at most `jobs` at a time. Of an .h5ad: frames, the named
 *  columns, the structure of the matrix and the places of its chunks, some rows. Of a shard: its
 *  metadata, the first and last rows of its matrices. SCP_EDATA names the file and the object that
 *  the HDF5 library did not survive; SCP_ERETRY when the helper was stopped from outside; SCP_EIO
 *  when it cannot be started. Not collective. */
scp_status scp_probe_files(const scp_probe_request *request, size_t n, int jobs) SCP_MUST_USE;

/** One shard. */
scp_status scp_probe_shard(const char *path) SCP_MUST_USE;

/** The whole of the helper program: argv is MODE FILE MATRIX GENE COLUMN... (MODE: read, describe,
 *  shard; "" for none). Lowers the limits of the calling process. @return exit code of the status
 *  of the rehearsal. */
int scp_probe_main(int argc, char **argv);

#endif
