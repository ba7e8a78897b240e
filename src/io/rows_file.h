/* A new HDF5 file of float matrices whose rows all ranks hold: written by all of them through
 * MPI-IO, or, where the file system has no working MPI-IO, by rank 0 alone to which the others send
 * their rows. The content is the same. Matrices are stored contiguously, so that the rows of a rank
 * are one stretch of the file.
 *
 * Order of calls: create; put, by all ranks, as often as needed; seal; then rank 0 may open the
 * temporary and add tables; commit. Until the commit the file has a temporary name beside its own,
 * which abort removes. */
#ifndef SCP_IO_ROWS_FILE_H
#define SCP_IO_ROWS_FILE_H

#include <stdint.h>

#include "comm/comm.h"

enum { SCP_ROWS_MATRICES = 2 };

typedef struct scp_rows_file scp_rows_file;

typedef struct scp_rows_shape {
    const char *name[SCP_ROWS_MATRICES]; /* of the datasets                          */
    size_t rows[SCP_ROWS_MATRICES];
    size_t columns;     /* of both                                  */
    bool single_writer; /* rank 0 alone touches the file            */
} scp_rows_shape;

/** Begin a file under a temporary name beside `path`, and claim the room for its rows. SCP_EIO when
 *  the folder cannot be written, or has no room. Collective. *out: scp_rows_file_commit or abort.
 */
scp_status scp_rows_file_create(scp_comm *comm, const char *path, const scp_rows_shape *shape,
                                scp_rows_file **out) SCP_MUST_USE;

/** Write rows [first, first + n) of matrix m, x [n, columns]; every rank its own range, n may be 0.
 *  Collective. */
scp_status scp_rows_file_put(scp_rows_file *w, int m, size_t first, size_t n,
                             const float *x) SCP_MUST_USE;

/** End of the rows. Collective. */
scp_status scp_rows_file_seal(scp_rows_file *w) SCP_MUST_USE;

/** XXH3 of every row of matrix m [rows], on every rank, once sealed. Borrowed. Not collective. */
const uint64_t *scp_rows_file_hashes(const scp_rows_file *w, int m);

/** Name of the temporary. Borrowed. Not collective. */
const char *scp_rows_file_tmp(const scp_rows_file *w);

/** fsync, rename to its name (rank 0). Destroys *w in any case; on failure nothing is left.
 *  Collective. */
scp_status scp_rows_file_commit(scp_rows_file **w) SCP_MUST_USE;

/** Close and remove the temporary. NULL is fine. Collective: on all ranks after an agreed error. */
void scp_rows_file_abort(scp_rows_file **w);

/** Bytes that put needs beside its rows on a rank. */
size_t scp_rows_file_buffer(const scp_comm *comm, const scp_rows_shape *shape);

#endif
