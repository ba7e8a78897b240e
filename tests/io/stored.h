/* Files for tests of reading: numbers stored in every way that HDF5 and h5py have. */
#ifndef SCP_TESTS_IO_STORED_H
#define SCP_TESTS_IO_STORED_H

#include "io/h5.h"

enum {
    STORED_DEFLATE = 1,
    STORED_SHUFFLE = 2,
    STORED_LZF = 4, /* as streams of literals */
    STORED_FLETCHER = 8,
    STORED_COMPACT = 16,
    STORED_GROWS = 32,      /* dimension 0 is unlimited                                 */
    STORED_PART_MASKED = 64 /* with LZF: every other chunk is stored without any filter */
};

typedef struct stored {
    hid_t type;
    size_t chunk[2]; /* 0: not chunked */
    unsigned how;
} stored;

/** Write values [product of dims] as a dataset of 1 or 2 dimensions below loc. */
scp_status stored_write(hid_t loc, const char *name, const stored *s, int rank, const size_t *dims,
                        const double *values) SCP_MUST_USE;

/* An AnnData file: its frames have indices without text. */
typedef struct stored_matrix {
    const char *encoding; /* csr_matrix, csc_matrix, array */
    size_t n_rows, n_cols;
    size_t nnz;
    const double *data, *indices, *indptr; /* dense: data only */
    stored data_as, indices_as, indptr_as;
    size_t user_bytes; /* of a user block in front */
} stored_matrix;

scp_status stored_file(const char *path, const stored_matrix *m) SCP_MUST_USE;

/* Entries of a matrix by rows (or columns): some empty, one `longest`, columns in any order and
 * with repetitions. */
typedef struct stored_entries {
    size_t n, nnz;
    double *data, *indices, *indptr;
} stored_entries;

/** About `mean` entries in each of n_major rows or columns; stored_entries_fini. The same ones in
 *  every run. */
stored_entries stored_entries_make(size_t n_major, size_t n_minor, size_t mean, size_t longest);
void stored_entries_fini(stored_entries *e);

/** A matrix of them, to be changed before it is written; borrows e. Stored as Tahoe's plates, in
 *  small chunks. */
stored_matrix stored_sparse(const char *encoding, const stored_entries *e, size_t n_rows,
                            size_t n_cols);

/** Offset in the file, and stored bytes, of chunk `number` (in HDF5's order) of a dataset. */
uint64_t stored_offset(const char *path, const char *dataset, size_t number);
uint64_t stored_length(const char *path, const char *dataset, size_t number);

/** Replace bytes of a file; returns false when that fails. */
bool stored_patch(const char *path, uint64_t offset, const void *bytes, size_t n);
/** The same at the first place behind which the given bytes lie; delta bytes from it. */
bool stored_patch_at(const char *path, const void *find, size_t n_find, long delta,
                     const void *bytes, size_t n);

#endif
