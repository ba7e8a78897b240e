/* What an AnnData file holds: frames, columns, matrices and how they are stored, from metadata
 * alone. No value of a matrix is read, and of a column only some labels. Not collective. */
#ifndef SCP_IO_H5AD_INFO_H
#define SCP_IO_H5AD_INFO_H

#include "io/h5ad.h"

enum {
    SCP_INFO_ROWS = 1000, /* rows of a column that is not categorical that are looked at */
    SCP_INFO_LABELS = 8   /* labels that are kept as examples                            */
};

/* One array as it is stored. */
typedef struct scp_h5ad_array {
    char type[32]; /* "float32", "uint16", "big-endian int64", "boolean", "text" */
    size_t n;      /* elements                                                   */
    int rank;
    size_t chunk[2];   /* extents of a chunk; chunk[0] = 0: stored in one piece      */
    char filters[128]; /* "shuffle, deflate 4"; "" none                              */
    bool readable;     /* every filter can be undone here                            */
    uint64_t bytes;    /* in the file                                                */
} scp_h5ad_array;

/* X, raw/X or a layer. */
typedef struct scp_h5ad_matrix_info {
    char *name; /* as scp_h5ad_select_matrix takes it */
    scp_h5ad_kind kind;
    size_t n_rows, n_cols;
    scp_h5ad_array data, indices, indptr; /* dense: data only */
} scp_h5ad_matrix_info;

typedef struct scp_h5ad_column_info {
    char *name;
    char type[64]; /* "categorical of text, int8 codes", "nullable text", "float64" */
    bool categorical;
    size_t n_labels; /* categorical: labels; else: distinct values among the first rows      */
    bool more;       /* there may be others: not all rows were looked at                     */
    size_t n_shown;
    char **label; /* [n_shown] */
} scp_h5ad_column_info;

/* Zero-initialise, scp_h5ad_info_fini. */
typedef struct scp_h5ad_info {
    const char *era; /* which versions of the AnnData library write such files */
    uint64_t bytes;
    size_t n_obs, n_vars;
    char *obs_index, *var_index; /* names of the index columns             */
    char **gene;                 /* [n_genes] the first names of var       */
    size_t n_genes;
    size_t n_obs_columns, n_var_columns;
    scp_h5ad_column_info *obs, *var;
    size_t n_matrices;
    scp_h5ad_matrix_info *matrix; /* X first, then raw/X, then the layers */
} scp_h5ad_info;

/** Look at a file. SCP_ENOINPUT, SCP_EDATA as scp_h5ad_open, but a filter that cannot be undone is
 *  no error here. info: scp_h5ad_info_fini, also after an error. */
scp_status scp_h5ad_info_read(const char *path, scp_h5ad_info *info) SCP_MUST_USE;
void scp_h5ad_info_fini(scp_h5ad_info *info);

/** Up to `cap` stored values of a matrix, from places spread evenly over it: what kind of numbers
 * are they? *n values are written. SCP_EDATA damaged. */
scp_status scp_h5ad_info_sample(const char *path, const scp_h5ad_matrix_info *m, size_t cap,
                                double *value, size_t *n) SCP_MUST_USE;

/** The obs column of this name, or NULL. */
const scp_h5ad_column_info *scp_h5ad_info_obs(const scp_h5ad_info *info, const char *name);

#endif
