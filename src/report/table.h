/* A table of figures: aligned text, Markdown, TSV, HTML. Rows are models, columns metrics; a column
 * may have a best value, and the rows nearest to it are marked. Not collective.
 *
 * Marks go by the figures as they are printed, so that what reads alike is marked alike: every row
 * at the least distance is a best one, and when there is one alone, every row at the next distance
 * is a second one. A column in which all ranked rows are equal has no marks. */
#ifndef SCP_REPORT_TABLE_H
#define SCP_REPORT_TABLE_H

#include <stddef.h>

#include "base/str.h"

typedef struct scp_table_column {
    char *title;
    double best; /* NaN: no row is marked */
    int digits;  /* after the point; < 0: integer */
} scp_table_column;

typedef struct scp_table {
    char *title;
    size_t n_cols, n_rows, cap_cols, cap_rows;
    scp_table_column *col; /* [n_cols] */
    char **row;            /* [n_rows] labels */
    double *value;         /* [n_rows, n_cols]; NaN prints as "-" */
    double *low, *high;    /* [n_rows, n_cols] interval of a value; NaN: none */
    bool *unranked;        /* [n_rows] reference rows, never marked */
    scp_strbuf notes;      /* lines below the table */
} scp_table;

/** Start with columns, then add rows. Zero-initialise before; fini frees. */
scp_status scp_table_init(scp_table *t, const char *title) SCP_MUST_USE;
scp_status scp_table_add_column(scp_table *t, const char *title, double best,
                                int digits) SCP_MUST_USE;
/** values [n_cols]. `ranked` false: a reference row (an oracle, a ceiling) that is never best. */
scp_status scp_table_add_row(scp_table *t, const char *label, const double *values,
                             bool ranked) SCP_MUST_USE;
/** Confidence interval of a value of the last row added; printed in HTML. */
scp_status scp_table_interval(scp_table *t, size_t column, double low, double high) SCP_MUST_USE;
scp_status scp_table_note(scp_table *t, const char *fmt, ...) SCP_PRINTF(2, 3) SCP_MUST_USE;
void scp_table_fini(scp_table *t);

typedef enum scp_table_mark { SCP_MARK_NONE, SCP_MARK_BEST, SCP_MARK_SECOND } scp_table_mark;

/** How a value is marked. */
scp_table_mark scp_table_marked(const scp_table *t, size_t row, size_t column);

typedef enum scp_table_format {
    SCP_TABLE_TEXT,     /* aligned; the best of a column has a '*' */
    SCP_TABLE_MARKDOWN, /* the best of a column is bold, the second underlined (HTML's <u>) */
    SCP_TABLE_TSV,      /* full precision, no marks, notes as '#' lines */
    SCP_TABLE_HTML      /* <table>: best bold, second underlined, intervals below the values */
} scp_table_format;

/** Append the table to out. `transpose`: metrics down, models across (the paper's layout). */
scp_status scp_table_print(const scp_table *t, scp_table_format format, bool transpose,
                           scp_strbuf *out) SCP_MUST_USE;

#endif
