/* The entries of a sparse matrix, data and indices together, in runs: what CSR and CSC streams
 * load. Private to src/io. */
#ifndef SCP_IO_H5AD_ENTRIES_H
#define SCP_IO_H5AD_ENTRIES_H

#include "io/h5_chunk.h"
#include "io/h5ad_matrix.h"

/* Run k is entries [k * run, (k + 1) * run): whole chunks of both datasets where their lengths have
 * a common multiple of reasonable size; where not, the chunks at the ends of a run belong to two.
 */
typedef struct scp_entries {
    scp_h5_chunks data, indices;
    size_t n, run;
    size_t limit; /* indices are below it */
} scp_entries;

/* A thread's entries. Zero-initialise; scp_entry_buffer_fini frees. */
typedef struct scp_entry_buffer {
    scp_h5_decoder decoder;
    int32_t *index; /* [end - begin] of what was loaded last; room for a run */
    float *value;
    bool good_index, good_value; /* all indices in range, all values finite */
    bool hash;                   /* add to digest the chunks that begin in what is loaded */
    uint64_t digest;
} scp_entry_buffer;

/** Not to be called while others hold the lock, which is borrowed. */
scp_status scp_entries_open(const scp_matrix *m, pthread_mutex_t *lock,
                            scp_entries *e) SCP_MUST_USE;
/** Bytes that a buffer allocates at most. */
size_t scp_entry_buffer_bytes(const scp_entries *e);
void scp_entry_buffer_fini(scp_entry_buffer *b);

/** Load entries [begin, end), at most one run; without values when `values` is false. Bad entries
 *  only clear good_index or good_value. SCP_EDATA for a damaged chunk. */
scp_status scp_entries_load(const scp_entries *e, size_t begin, size_t end, bool values,
                            scp_entry_buffer *b) SCP_MUST_USE;
/** Add the chunks that begin in [begin, end) to the digest without undoing them. */
scp_status scp_entries_hash(const scp_entries *e, size_t begin, size_t end,
                            scp_entry_buffer *b) SCP_MUST_USE;

#endif
