/* What the parts of the AnnData writer share: life (h5ad_write.c), X (h5ad_write_x.c), frames
 * (h5ad_write_column.c) and the rest (h5ad_write_frame.c). Private to src/io. */
#ifndef SCP_IO_H5AD_WRITER_H
#define SCP_IO_H5AD_WRITER_H

#include "base/str.h"
#include "io/h5.h"
#include "io/h5_out.h"
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
    scp_h5_out *data, *indices, *indptr; /* of X; dense: data only */
    size_t rows;                         /* rows of X so far */
    int64_t entries, stored;             /* CSR: by the row starts, in data and indices */
    int64_t *wide;                       /* scratch: columns, row starts */
    size_t cap_wide;
    float *dense; /* a row being expanded or searched */
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
/** Start X and, when all rows are there, end it; drop it unfinished. */
scp_status scp_out_open_x(scp_h5ad_writer *w) SCP_MUST_USE;
scp_status scp_out_finish_x(scp_h5ad_writer *w) SCP_MUST_USE;
void scp_out_drop_x(scp_h5ad_writer *w);
/** The frame `group`, and "group/name" as a new path [size]; the name must be usable and new. */
scp_status scp_out_place(scp_h5ad_writer *w, const char *group, const char *name,
                         scp_out_frame **frame, char *path, size_t size) SCP_MUST_USE;
/** An array of texts with its encoding. */
scp_status scp_out_strings(hid_t loc, const char *name, const char *const *values,
                           size_t n) SCP_MUST_USE;
/** Write the attribute column-order; SCP_EINTERNAL without an index. */
scp_status scp_out_finish_frame(const scp_h5ad_writer *w, const scp_out_frame *frame) SCP_MUST_USE;

#endif
