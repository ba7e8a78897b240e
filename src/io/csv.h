/* Reading comma-separated tables [RFC 4180]: fields may stand in double quotes, a quote inside is
 * doubled. The result is a table of io/tsv.h. Not collective. */
#ifndef SCP_IO_CSV_H
#define SCP_IO_CSV_H

#include "io/tsv.h"

/** Read a whole table. Tabs and line breaks inside fields become blanks. SCP_ENOINPUT missing;
 *  SCP_EDATA with file and line: a quote that is not closed, text after a closing quote, and what
 *  scp_tsv_read refuses. *out: scp_tsv_destroy. */
scp_status scp_csv_read(const char *path, scp_tsv **out) SCP_MUST_USE;
/** The same from text; `name` stands for the file in messages. */
scp_status scp_csv_parse(const char *text, size_t len, const char *name,
                         scp_tsv **out) SCP_MUST_USE;

#endif
