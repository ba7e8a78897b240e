/* What the two halves of the AnnData writer share: matrices (h5ad_write.c), frames and the rest
 * (h5ad_write_frame.c). Private to src/io. */
#ifndef SCP_IO_H5AD_WRITER_H
#define SCP_IO_H5AD_WRITER_H

#include "base/str.h"
#include "io/h5.h"
#include "io/h5ad.h"

typedef struct scp_out_frame {
    const char *group;
    size_t n;
    scp_names *columns; /* in order of writing; the index is not one */
    bool has_index;
} scp_out_frame;

struct scp_h5ad_writer {
    char *path, *tmp;
    hid_t file;
    size_t n_obs, n_vars;
    scp_h5ad_write_options opt;
    scp_out_frame obs, var;
    hid_t data, indices; /* of X; dense: data only */
    size_t rows;         /* rows of X so far */
    int64_t *indptr;     /* [n_obs + 1] CSR */
    int32_t *column;     /* entries that do not fill a chunk yet */
    float *value;
    size_t pending, cap_column, cap_value;
    float *dense; /* rows being expanded or searched */
    size_t cap_dense;
};

/** Attributes encoding-type and encoding-version of an object. */
scp_status scp_out_encoding(hid_t object, const char *type, const char *version) SCP_MUST_USE;
/** Create a group with its encoding; group NULL: closed at once. */
scp_status scp_out_group(hid_t loc, const char *name, const char *type, const char *version,
                         hid_t *group) SCP_MUST_USE;
/** How 1-D arrays and dense matrices of this file are stored. */
scp_h5_layout scp_out_layout(const scp_h5ad_writer *w);
scp_h5_layout scp_out_dense_layout(const scp_h5ad_writer *w);
/** Write the attribute column-order; SCP_EINTERNAL without an index. */
scp_status scp_out_finish_frame(const scp_h5ad_writer *w, const scp_out_frame *frame) SCP_MUST_USE;

#endif
