/* A plain HDF5 file of named arrays and texts, written and read by one rank: side results that
 * other tools open (h5py, R, MATLAB). Names may contain "/": groups are made. Not collective. */
#ifndef SCP_IO_ARRAY_FILE_H
#define SCP_IO_ARRAY_FILE_H

#include <stdint.h>

#include "base/status.h"

typedef enum scp_array_type {
    SCP_ARRAY_F32,
    SCP_ARRAY_F64,
    SCP_ARRAY_I32,
    SCP_ARRAY_I64
} scp_array_type;

typedef struct scp_array_file scp_array_file;

/** Start a file; it appears under its name when commit succeeds. SCP_EIO. */
scp_status scp_array_file_create(const char *path, scp_array_file **out) SCP_MUST_USE;
/** Open for reading. SCP_ENOINPUT, SCP_EDATA. *out: scp_array_file_close. */
scp_status scp_array_file_open(const char *path, scp_array_file **out) SCP_MUST_USE;

/** Write a whole array of 0 to 3 dimensions, row-major. */
scp_status scp_array_file_put(scp_array_file *f, const char *name, scp_array_type type, int rank,
                              const size_t *dims, const void *data) SCP_MUST_USE;
/** Append n rows of `width` to a matrix that is created by the first call; deflated in chunks of
 *  rows. Only one matrix may be growing: another name starts the next one. */
scp_status scp_array_file_append(scp_array_file *f, const char *name, scp_array_type type, size_t n,
                                 size_t width, const void *rows) SCP_MUST_USE;
scp_status scp_array_file_put_text(scp_array_file *f, const char *name, const char *text)
    SCP_MUST_USE;
scp_status scp_array_file_put_texts(scp_array_file *f, const char *name, const char *const *text,
                                    size_t n) SCP_MUST_USE;

/** Read a whole array, converted to `type`. dims [3] gets the extents, 1 beyond the rank; *data
 *  owned by the caller (free). SCP_EDATA names file and array. */
scp_status scp_array_file_get(scp_array_file *f, const char *name, scp_array_type type,
                              size_t dims[3], void **data) SCP_MUST_USE;
/** (*out)[i] and *out: scp_fs_list_free. */
scp_status scp_array_file_get_texts(scp_array_file *f, const char *name, char ***out, size_t *n)
    SCP_MUST_USE;

/** Close, fsync, rename. Destroys *f in any case. */
scp_status scp_array_file_commit(scp_array_file **f) SCP_MUST_USE;
/** Close a file that was opened, or drop one that was not committed. NULL is fine. */
void scp_array_file_close(scp_array_file **f);

#endif
