/* What the streams of the three kinds of matrix share. Private to src/io. */
#ifndef SCP_IO_H5AD_STREAM_IMPL_H
#define SCP_IO_H5AD_STREAM_IMPL_H

#include <stdatomic.h>

#include "base/team.h"
#include "io/h5ad_entries.h"
#include "io/h5ad_stream.h"

enum { SCP_STREAM_ROWS = 1024 }; /* rows of a block at most */

/* A thread's own. */
typedef struct scp_stream_thread {
    scp_entry_buffer entries; /* dense: its decoder and digest alone are used, and: */
    float *dense;
    size_t row[SCP_STREAM_ROWS];
    int64_t start[SCP_STREAM_ROWS + 1];
} scp_stream_thread;

typedef struct scp_stream {
    scp_matrix *m;
    const scp_h5ad_stream_options *o;
    scp_h5ad_block_fn fn;
    void *ctx;
    bool hash;
    pthread_mutex_t lock; /* of HDF5 */
    scp_entries entries;  /* CSR, CSC */
    scp_h5_chunks dense;
    scp_stream_thread *thread; /* [o->threads] */
    atomic_size_t next;        /* piece of work to be claimed */
    atomic_bool failed;        /* somebody did: all others end */
} scp_stream;

/** Is row first + i of the options wanted? Is any of [begin, end)? */
bool scp_stream_wanted(const scp_stream *s, size_t i);
bool scp_stream_any(const scp_stream *s, size_t begin, size_t end);

/** Do pieces [0, n) of work on all threads: one(ctx, thread, piece), claimed in rising order. An
 *  error ends it. */
typedef scp_status (*scp_stream_piece_fn)(void *ctx, int thread, size_t piece);
scp_status scp_stream_share(scp_stream *s, size_t n, scp_stream_piece_fn one,
                            void *ctx) SCP_MUST_USE;

/** Give a block to the caller's function: n rows numbered thread->row, starts thread->start [n + 1]
 *  (from any number on), entries from that start on. */
scp_status scp_stream_give(scp_stream *s, int thread, size_t n, int32_t *column,
                           float *value) SCP_MUST_USE;

/** Pass st on; a damaged chunk's message gets the rows [begin, end) of the file and the way out. */
scp_status scp_stream_damage(scp_status st, size_t begin, size_t end);

scp_status scp_stream_csr(scp_stream *s) SCP_MUST_USE;
scp_status scp_stream_csc(scp_stream *s) SCP_MUST_USE;
scp_status scp_stream_dense(scp_stream *s) SCP_MUST_USE;
/** Bytes at most, apart from the thread structures. */
size_t scp_stream_csr_bytes(const scp_stream *s);
size_t scp_stream_csc_bytes(const scp_stream *s);
size_t scp_stream_dense_bytes(const scp_stream *s);

#endif
