/* Tables as text: fields separated by tabs, one header line, UTF-8, no quoting. Not collective.
 *
 * Reading is strict: every line has as many fields as the header, names in the header are unique,
 * and the text is valid UTF-8; a byte order mark, CRLF line ends and empty lines at the end are
 * fine. Errors name file and line. */
#ifndef SCP_IO_TSV_H
#define SCP_IO_TSV_H

#include <stdint.h>

#include "base/status.h"

typedef struct scp_tsv scp_tsv;

/** Read a whole table, plain or gzip. SCP_ENOINPUT missing, SCP_EDATA malformed. *out:
 *  scp_tsv_destroy. */
scp_status scp_tsv_read(const char *path, scp_tsv **out) SCP_MUST_USE;
/** The same from text; `name` stands for the file in messages. */
scp_status scp_tsv_parse(const char *text, size_t len, const char *name,
                         scp_tsv **out) SCP_MUST_USE;
void scp_tsv_destroy(scp_tsv **t);

size_t scp_tsv_n_rows(const scp_tsv *t); /* the header not counted */
size_t scp_tsv_n_columns(const scp_tsv *t);
const char *scp_tsv_header(const scp_tsv *t, size_t column);

/** Index of a column by name, or -1. */
int64_t scp_tsv_find(const scp_tsv *t, const char *name);
/** The same where the column is required: SCP_EDATA lists the columns that exist. */
scp_status scp_tsv_column(const scp_tsv *t, const char *name, size_t *column) SCP_MUST_USE;

/** A field as it stands, borrowed from t. */
const char *scp_tsv_text(const scp_tsv *t, size_t row, size_t column);
/** A field as a finite real or an integer. SCP_EDATA names file, line and column. */
scp_status scp_tsv_real(const scp_tsv *t, size_t row, size_t column, double *out) SCP_MUST_USE;
scp_status scp_tsv_int(const scp_tsv *t, size_t row, size_t column, int64_t *out) SCP_MUST_USE;
/** Line of a row in the file, counted from 1, for messages of the caller. */
size_t scp_tsv_line(const scp_tsv *t, size_t row);

/* Writing: fields one after the other; a row ends by itself at the last column. */
typedef struct scp_tsv_writer scp_tsv_writer;

scp_status scp_tsv_writer_create(const char *const *columns, size_t n,
                                 scp_tsv_writer **out) SCP_MUST_USE;
/** Add the next field. A text with a tab or line break is SCP_EDATA. Reals are printed with the
 *  fewest digits that read back; NaN as an empty field. */
scp_status scp_tsv_add_text(scp_tsv_writer *w, const char *text) SCP_MUST_USE;
scp_status scp_tsv_add_real(scp_tsv_writer *w, double value) SCP_MUST_USE;
scp_status scp_tsv_add_int(scp_tsv_writer *w, int64_t value) SCP_MUST_USE;
/** Write the file atomically. SCP_EINTERNAL when the last row is incomplete. Destroys *w. */
scp_status scp_tsv_writer_commit(scp_tsv_writer **w, const char *path) SCP_MUST_USE;
void scp_tsv_writer_abort(scp_tsv_writer **w);

#endif
