/* Rows of a matrix by several threads: chunks are fetched as they are stored and inflated outside
 * HDF5, each chunk once; rows come to the caller in blocks, in no order.
 *
 * What it costs. CSR and dense: one pass over the chunks that hold wanted rows, some chunks of
 * memory per thread, 1 MiB of row starts. CSC is stored by columns, so every part of the rows needs
 * all chunks: one pass over the indices to count, then one over everything for each group of rows
 * whose entries (8 bytes each) fit into csc_bytes; and 16 bytes a row.
 *
 * Not collective: every rank streams its own part on a reader of its own. Nobody else in the
 * process may call HDF5 while a stream runs. */
#ifndef SCP_IO_H5AD_STREAM_H
#define SCP_IO_H5AD_STREAM_H

#include "io/h5ad.h"

typedef struct scp_h5ad_stream_options {
    size_t first, n;              /* rows [first, first + n)                                      */
    int threads;                  /* 1 .. SCP_TEAM_MAX; thread numbers are 0 .. threads - 1       */
    const int32_t *slot;          /* [n] or NULL (all rows are wanted); a row is wanted when its  */
    int32_t slot_begin, slot_end; /* slot is in [slot_begin, slot_end)                           */
    size_t csc_bytes; /* memory for the entries of a group of rows of a CSC; 0: 512 MiB */
} scp_h5ad_stream_options;

/** One block of whole rows, on thread `thread`, several at once. row [rows->n_rows] is the file's
 *  row of each row of the block: rising, not always consecutive. Unwanted rows may be among them.
 *  Entries as scp_h5ad_read_rows gives them. rows is lent: it may be changed, not kept. Must not
 *  call HDF5 or MPI. An error ends the stream and is what scp_h5ad_stream returns. */
typedef scp_status (*scp_h5ad_block_fn)(void *ctx, int thread, const size_t *row,
                                        scp_h5ad_rows *rows);

/** Hand every wanted row to fn exactly once (some may have been when an error ends it). SCP_EDATA
 *  names file and row for a bad entry of a wanted row; dataset, chunk and rows for a damaged chunk.
 *
 *  digest (may be NULL) becomes that of the stored bytes of rows [first, first + n), whether wanted
 *  or not: a sum modulo 2^64 over the chunks that begin in these rows, so the digest of a matrix is
 *  the sum of those of any parts that make it up, by any number of threads. */
scp_status scp_h5ad_stream(scp_h5ad *f, const scp_h5ad_stream_options *o, scp_h5ad_block_fn fn,
                           void *ctx, uint64_t *digest) SCP_MUST_USE;

/** Bytes that scp_h5ad_stream allocates at most for these options, known from metadata. */
size_t scp_h5ad_stream_memory(scp_h5ad *f, const scp_h5ad_stream_options *o);

/** *row: first row of part `part` of `parts` (0 .. parts; `parts` gives first + n) of the stored
 * values of rows [first, first + n): parts hold about equal numbers of them, and begin where a
 * chunk begins if they are large enough, so that hardly any chunk is inflated for two parts. An
 * error must end all ranks: others may have cut elsewhere. */
scp_status scp_h5ad_stream_cut(scp_h5ad *f, size_t first, size_t n, int part, int parts,
                               size_t *row) SCP_MUST_USE;

#endif
