/* A data frame of an AnnData file (obs, var, raw/var): its index and its columns, in the layouts of
 * all eras. Private to src/io.
 *
 *   0.8 and later  group; a categorical column is a group of codes and categories
 *   0.7            group; a categorical column is a dataset of codes whose attribute "categories"
 *                  points into __categories/
 *   0.5, 0.6       compound dataset; labels of a categorical member lie in /uns/<column>_categories
 */
#ifndef SCP_IO_H5AD_FRAME_H
#define SCP_IO_H5AD_FRAME_H

#include "io/h5.h"
#include "io/h5ad.h"
#include "io/h5ad_info.h"

typedef struct scp_frame {
    hid_t file; /* borrowed */
    char *path; /* e.g. "obs" */
    bool compound;
    char *index;   /* name of the index member */
    char **column; /* [n_columns], the index not included */
    size_t n_columns;
    size_t n; /* rows */
} scp_frame;

/** Open the frame at `path`. SCP_EDATA when it is not a frame. f: scp_frame_fini, also after an
 *  error. */
scp_status scp_frame_open(hid_t file, const char *path, scp_frame *f) SCP_MUST_USE;
void scp_frame_fini(scp_frame *f);

/** Is there a column (or an index) of this name? */
bool scp_frame_has(const scp_frame *f, const char *column);

/** Index values [n]; (*out)[i] and *out: scp_fs_list_free. */
scp_status scp_frame_index(const scp_frame *f, char ***out) SCP_MUST_USE;
/** A column as text or as numbers [n] (*out: free), as h5ad.h promises. */
scp_status scp_frame_text(const scp_frame *f, const char *column, scp_h5ad_text *out) SCP_MUST_USE;
scp_status scp_frame_real(const scp_frame *f, const char *column, double **out) SCP_MUST_USE;

/** What a column (or the index) is, and some of its labels: the first of a categorical, else those
 *  of the first rows. Fills all of *out but its name; the labels: scp_fs_list_free. */
scp_status scp_frame_look(const scp_frame *f, const char *column,
                          scp_h5ad_column_info *out) SCP_MUST_USE;

#endif
