/* The shard file: everything that training and scoring need of a screen, in one HDF5 file.
 * Format, version and checksums: doc/man/scppdm-shard.5.
 *
 * Writing: every rank puts its rows of the two wide matrices, then rank 0 adds the tables, then the
 * manifest is stored and the file gets its name. Until then it has a temporary name, which abort
 * removes: a file under the final name is whole. The content, and so the hash, depends on neither
 * the number of ranks nor the time. */
#ifndef SCP_IO_SHARD_H
#define SCP_IO_SHARD_H

#include "comm/comm.h"
#include "io/dataset.h"

/** Read a whole shard into memory. Every rank has the tables; the two matrices are there once a
 *  node, read by its ranks together and read-only afterwards (comm/node.h). Checksums are
 *  recomputed: of all bytes but the rows by every rank before HDF5 looks at the file, of the tables
 *  by rank 0, of every row by the rank that reads it. SCP_ENOINPUT,
 *  SCP_EDATA. Collective. out: scp_dataset_fini. */
scp_status scp_shard_read(scp_comm *comm, const char *path, scp_dataset *out) SCP_MUST_USE;

/** Everything but the wide matrices (x and r_x stay NULL), checked. Not collective. */
scp_status scp_shard_read_tables(const char *path, scp_dataset *out) SCP_MUST_USE;

/** Write a data set that every rank holds. Collective. */
scp_status scp_shard_write(scp_comm *comm, const char *path, const scp_dataset *d) SCP_MUST_USE;

typedef struct scp_shard_writer scp_shard_writer;
typedef enum scp_shard_matrix { SCP_SHARD_PROFILES, SCP_SHARD_REPLICATES } scp_shard_matrix;

typedef struct scp_shard_size {
    size_t P, R, G;     /* profiles, sub-bulks, genes                                      */
    bool single_writer; /* rank 0 alone touches the file: for file systems without MPI-IO  */
} scp_shard_size;

/** Begin a shard under a temporary name beside `path`. SCP_EIO when the folder cannot be written.
 *  Collective. *out: scp_shard_finish or abort. */
scp_status scp_shard_create(scp_comm *comm, const char *path, const scp_shard_size *size,
                            scp_shard_writer **out) SCP_MUST_USE;

/** Write rows [first, first + n) of a matrix, x [n, G]; every rank its own range, n may be 0.
 *  Collective. */
scp_status scp_shard_put(scp_shard_writer *w, scp_shard_matrix m, size_t first, size_t n,
                         const float *x) SCP_MUST_USE;

/** Add the tables of `d` (all but x, r_x, manifest and hash; used on rank 0) and the checksums. No
 *  put afterwards. Collective. */
scp_status scp_shard_put_tables(scp_shard_writer *w, const scp_dataset *d) SCP_MUST_USE;

/** Name of the temporary. Borrowed. Not collective. */
const char *scp_shard_writer_path(const scp_shard_writer *w);
/** Read the tables back from it, checked, once they are put. Not collective. */
scp_status scp_shard_writer_tables(const scp_shard_writer *w, scp_dataset *out) SCP_MUST_USE;

/** Store the manifest (JSON text, used on rank 0), seal, fsync, rename. Destroys *w in any case; on
 *  failure nothing is left behind. Collective. */
scp_status scp_shard_finish(scp_shard_writer **w, const char *manifest) SCP_MUST_USE;

/** Close and remove the temporary. NULL is fine. Collective: call it on all ranks after an agreed
 *  error. */
void scp_shard_abort(scp_shard_writer **w);

#endif
