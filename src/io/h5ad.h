/* AnnData on HDF5: reading in row blocks, writing. Layouts: on-disk specification of the AnnData
 * library, versions 0.7 (categories beside the frame) to 0.12 (nullable text). Not collective:
 * a reader or writer belongs to one rank, which opens the file on its own, read-only. */
#ifndef SCP_IO_H5AD_H
#define SCP_IO_H5AD_H

#include <stdint.h>

#include "base/status.h"
#include "io/pack.h"

typedef struct scp_h5ad scp_h5ad;

typedef enum scp_h5ad_kind { SCP_H5AD_CSR, SCP_H5AD_CSC, SCP_H5AD_DENSE } scp_h5ad_kind;

/* A text column, dictionary-encoded whatever its encoding on disk. */
typedef struct scp_h5ad_text {
    size_t n;      /* rows */
    int32_t *code; /* [n] index into label, -1 = missing */
    size_t n_labels;
    char **label; /* [n_labels] UTF-8 */
} scp_h5ad_text;

/* A block of rows in CSR form (a dense matrix is returned with its non-zero entries). Buffers are
 * reused from call to call; zero-initialise, fini frees. */
typedef struct scp_h5ad_rows {
    size_t n_rows;
    int64_t *indptr; /* [n_rows + 1], starts at 0 */
    int32_t *column; /* [nnz] */
    float *value;    /* [nnz] */
    size_t cap_rows, cap_nnz;
} scp_h5ad_rows;

/** Open and check the structure. SCP_ENOINPUT missing; SCP_EDATA damaged, truncated, not AnnData,
 * or a filter this HDF5 cannot read (named). *out: scp_h5ad_close. */
scp_status scp_h5ad_open(const char *path, scp_h5ad **out) SCP_MUST_USE;
void scp_h5ad_close(scp_h5ad **f);

const char *scp_h5ad_path(const scp_h5ad *f);
size_t scp_h5ad_n_obs(const scp_h5ad *f);
size_t scp_h5ad_n_vars(const scp_h5ad *f);
/** A file may come without X; select_matrix may then name a layer. */
bool scp_h5ad_has_matrix(const scp_h5ad *f);
scp_h5ad_kind scp_h5ad_matrix_kind(const scp_h5ad *f);

/** Use another matrix than X: "raw/X" (the variables are then those of raw/var, and n_vars
 * changes), "layers/counts". SCP_EDATA when there is none; the selection then stays. */
scp_status scp_h5ad_select_matrix(scp_h5ad *f, const char *name) SCP_MUST_USE;

/** Is there an obs column of this name? */
bool scp_h5ad_has_obs(const scp_h5ad *f, const char *column);

/** obs column (or the index, by its name) as text (numbers are printed shortest, booleans
 *  True/False). SCP_EDATA names file and column, and lists the columns that exist. Labels that no
 * row uses may be there. col: scp_h5ad_text_fini. */
scp_status scp_h5ad_obs_text(scp_h5ad *f, const char *column, scp_h5ad_text *col) SCP_MUST_USE;
/** obs column as numbers [n_obs]; missing = NaN (also the texts "", nan, NaN, NA, <NA>, None).
 *  *out owned by the caller. Text that is not a number is SCP_EDATA with file, column and row. */
scp_status scp_h5ad_obs_real(scp_h5ad *f, const char *column, double **out) SCP_MUST_USE;
void scp_h5ad_text_fini(scp_h5ad_text *col);

/** Names of the variables (the var index) [n_vars]; (*out)[i] and *out: scp_fs_list_free. */
scp_status scp_h5ad_var_names(scp_h5ad *f, char ***out) SCP_MUST_USE;
/** A var column as text. */
scp_status scp_h5ad_var_text(scp_h5ad *f, const char *column, scp_h5ad_text *col) SCP_MUST_USE;
/** The obs index [n_obs]. */
scp_status scp_h5ad_obs_names(scp_h5ad *f, char ***out) SCP_MUST_USE;

/** Rows [first, first + n) of the matrix. Within a row the columns come as the file has them,
 * neither sorted nor unique: entries of one column twice mean their sum, so callers add, they do
 * not assign. NaN, infinity (also a double beyond float) and columns out of range are SCP_EDATA
 * with file and row. CSC: the whole matrix is transposed once, on first use (8 bytes an entry);
 * io/h5ad_stream.h reads a large one in bounded memory. */
scp_status scp_h5ad_read_rows(scp_h5ad *f, size_t first, size_t n,
                              scp_h5ad_rows *rows) SCP_MUST_USE;
void scp_h5ad_rows_fini(scp_h5ad_rows *rows);

/** Row starts of rows [first, first + n) (CSR only): start [n + 1]. */
scp_status scp_h5ad_row_starts(scp_h5ad *f, size_t first, size_t n, int64_t *start) SCP_MUST_USE;
/** XXH3 of the starts of all rows (CSC: columns) as 64-bit numbers, in blocks; dense: 0. */
scp_status scp_h5ad_starts_digest(scp_h5ad *f, uint64_t *digest) SCP_MUST_USE;

/** Of a CSC matrix that was not read yet: entries of each column [n_vars], and up to `cap` values
 * from places spread over the file, *n of them. Costs no transposition. */
scp_status scp_h5ad_look_csc(scp_h5ad *f, int64_t *entries, size_t cap, float *value,
                             size_t *n) SCP_MUST_USE;

/* Writing: the file appears under its name only when scp_h5ad_writer_commit succeeds. */
typedef struct scp_h5ad_writer scp_h5ad_writer;

typedef struct scp_h5ad_write_options {
    bool csr;     /* X as CSR (int64 indptr; int64 indices when wide) instead of dense float32 */
    bool index64; /* CSR: int64 indices (Tahoe's plates) instead of int32 */
    int deflate;  /* 0..9 */
    bool shuffle;
    size_t chunk; /* elements per chunk of 1-D data; 0: 96077, as Tahoe's plates */
    int threads;  /* that compress X; 0: one. The file does not depend on it */
} scp_h5ad_write_options;

scp_status scp_h5ad_writer_create(const char *path, size_t n_obs, size_t n_vars,
                                  const scp_h5ad_write_options *opt,
                                  scp_h5ad_writer **out) SCP_MUST_USE;
/** Append rows to X, in order. Dense writers take them too (missing entries are 0). */
scp_status scp_h5ad_write_rows(scp_h5ad_writer *w, const scp_h5ad_rows *rows) SCP_MUST_USE;
/** Append dense rows [n, n_vars]. A CSR writer stores the non-zeros. */
scp_status scp_h5ad_write_dense(scp_h5ad_writer *w, const float *x, size_t n) SCP_MUST_USE;
/** Columns; group is "obs" or "var". Lengths are n_obs or n_vars. The index must be written once.
 */
scp_status scp_h5ad_write_index(scp_h5ad_writer *w, const char *group, const char *name,
                                const char *const *values) SCP_MUST_USE;
scp_status scp_h5ad_write_categorical(scp_h5ad_writer *w, const char *group, const char *name,
                                      const int32_t *codes, const char *const *labels,
                                      size_t n_labels) SCP_MUST_USE;
scp_status scp_h5ad_write_real(scp_h5ad_writer *w, const char *group, const char *name,
                               const double *values) SCP_MUST_USE;
scp_status scp_h5ad_write_int(scp_h5ad_writer *w, const char *group, const char *name,
                              const int64_t *values) SCP_MUST_USE;
/** Single precision column, and a plain text column (string-array): Tahoe's pcnt_mito and BARCODE.
 */
scp_status scp_h5ad_write_f32(scp_h5ad_writer *w, const char *group, const char *name,
                              const float *values) SCP_MUST_USE;
scp_status scp_h5ad_write_text(scp_h5ad_writer *w, const char *group, const char *name,
                               const char *const *values) SCP_MUST_USE;
/** A column that is written in pieces, for frames that do not fit memory. Several may be open at
 * once; they count as columns in the order of their begin. Appending to ... takes a piece of ... */
typedef enum scp_h5ad_column_kind {
    SCP_H5AD_INT,      /* int64_t */
    SCP_H5AD_REAL,     /* double */
    SCP_H5AD_F32,      /* float */
    SCP_H5AD_TEXT,     /* const char * */
    SCP_H5AD_INDEX,    /* const char *: the index of the frame, not a column */
    SCP_H5AD_CATEGORY, /* int32_t, see begin_categorical */
} scp_h5ad_column_kind;
typedef struct scp_h5ad_column scp_h5ad_column;
/** *out: scp_h5ad_column_end, or scp_h5ad_column_drop before the writer ends. */
scp_status scp_h5ad_column_begin(scp_h5ad_writer *w, const char *group, const char *name,
                                 scp_h5ad_column_kind kind, scp_h5ad_column **out) SCP_MUST_USE;
scp_status scp_h5ad_column_begin_categorical(scp_h5ad_writer *w, const char *group,
                                             const char *name, const char *const *labels,
                                             size_t n_labels, scp_h5ad_column **out) SCP_MUST_USE;
scp_status scp_h5ad_column_append(scp_h5ad_column *c, size_t n, const void *values) SCP_MUST_USE;
/** SCP_EINTERNAL when rows are missing. Destroys *c in any case. */
scp_status scp_h5ad_column_end(scp_h5ad_column **c) SCP_MUST_USE;
/** NULL is fine. */
void scp_h5ad_column_drop(scp_h5ad_column **c);

/** X of a CSR writer in chunks that others have packed (io/pack.h), instead of write_rows: how the
 *  chunks of its two arrays are made; */
typedef enum scp_h5ad_part { SCP_H5AD_VALUES, SCP_H5AD_COLUMNS } scp_h5ad_part;
scp_pack_format scp_h5ad_pack_format(const scp_h5ad_write_options *opt, scp_h5ad_part part);
/** elements of a chunk, float for values and int64_t or int32_t (index64) for columns; */
size_t scp_h5ad_pack_chunk(const scp_h5ad_write_options *opt);
/** the next whole chunk of one of them; */
scp_status scp_h5ad_write_packed(scp_h5ad_writer *w, scp_h5ad_part part, const void *bytes,
                                 size_t n) SCP_MUST_USE;
/** entries that fill no chunk, after the last whole one; */
scp_status scp_h5ad_write_entries(scp_h5ad_writer *w, const int32_t *column, const float *value,
                                  size_t n) SCP_MUST_USE;
/** and the next n rows by their numbers of entries. */
scp_status scp_h5ad_write_lengths(scp_h5ad_writer *w, const int32_t *length, size_t n) SCP_MUST_USE;
/** A named dense matrix [n_obs, n_vars] under layers/, at once or, when it does not fit memory, by
 *  rows. */
scp_status scp_h5ad_write_layer(scp_h5ad_writer *w, const char *name, const float *x) SCP_MUST_USE;
typedef struct scp_h5_out scp_h5ad_layer;
/** *out: scp_h5ad_layer_end, or scp_h5ad_layer_drop before the writer ends. */
scp_status scp_h5ad_layer_begin(scp_h5ad_writer *w, const char *name,
                                scp_h5ad_layer **out) SCP_MUST_USE;
scp_status scp_h5ad_layer_append(scp_h5ad_layer *layer, const float *x, size_t n) SCP_MUST_USE;
/** SCP_EINTERNAL when rows are missing. Destroys *layer in any case. */
scp_status scp_h5ad_layer_end(scp_h5ad_layer **layer) SCP_MUST_USE;
/** NULL is fine. */
void scp_h5ad_layer_drop(scp_h5ad_layer **layer);
/** A text under uns/ (e.g. the configuration). */
scp_status scp_h5ad_write_uns_text(scp_h5ad_writer *w, const char *name,
                                   const char *text) SCP_MUST_USE;
/** Check that everything was written, close, fsync, rename. Destroys w in any case. */
scp_status scp_h5ad_writer_commit(scp_h5ad_writer **w) SCP_MUST_USE;
/** Drop the temporary. NULL is fine. */
void scp_h5ad_writer_abort(scp_h5ad_writer **w);

#endif
