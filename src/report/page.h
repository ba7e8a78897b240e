/* The page under construction: headings, paragraphs, tables and figures in order, with the files
 * behind them in the folder of the report. Rank 0 only; not collective. */
#ifndef SCP_REPORT_PAGE_H
#define SCP_REPORT_PAGE_H

#include "report/table.h"

/* A figure: its data as a table of tabs, and the body of a gnuplot script that reads it. */
typedef struct scp_figure {
    char name[96];      /* stem of its files: letters, digits and '_' */
    int width, height;  /* pixels at 1:1 */
    scp_strbuf caption; /* plain text */
    scp_strbuf data;    /* NAME.tsv; empty: the script needs none, or data of another figure */
    scp_strbuf script;  /* after the terminal and the common settings */
} scp_figure;

/** Start a figure; name is prefix and stem, with every other character made '_'. */
scp_status scp_figure_init(scp_figure *f, const char *prefix, const char *stem, int width,
                           int height) SCP_MUST_USE;
void scp_figure_fini(scp_figure *f);

/** Append a text as a single-quoted gnuplot string, in which nothing is expanded; control
 *  characters become blanks. */
scp_status scp_gnuplot_text(scp_strbuf *out, const char *text) SCP_MUST_USE;

/** The same for the label of a tic, which gnuplot reads as a format: '%' is doubled. */
scp_status scp_gnuplot_tic(scp_strbuf *out, const char *text) SCP_MUST_USE;

/** Text for a field of a table: control characters become blanks. */
scp_status scp_tsv_field(scp_strbuf *out, const char *text) SCP_MUST_USE;

typedef struct scp_page scp_page;

/** Begin a page in a folder, which is made. SCP_EIO. *out: scp_page_finish or destroy. */
scp_status scp_page_create(const char *dir, const char *title, scp_page **out) SCP_MUST_USE;
void scp_page_destroy(scp_page **p);
const char *scp_page_dir(const scp_page *p);

/** A heading; level 2 goes into the contents. */
scp_status scp_page_heading(scp_page *p, int level, const char *text) SCP_MUST_USE;
/** A paragraph of plain text. */
scp_status scp_page_paragraph(scp_page *p, const char *fmt, ...) SCP_PRINTF(2, 3) SCP_MUST_USE;
/** Markup as it stands. */
scp_status scp_page_markup(scp_page *p, const char *html) SCP_MUST_USE;
/** A table, and <dir>/<file>.tsv. */
scp_status scp_page_table(scp_page *p, const scp_table *t, bool transpose,
                          const char *file) SCP_MUST_USE;
/** A figure: its files are written now, drawn by finish. */
scp_status scp_page_figure(scp_page *p, const scp_figure *f) SCP_MUST_USE;
/** What is not on the page, and why. */
scp_status scp_page_missing(scp_page *p, const char *what, const char *fmt, ...)
    SCP_PRINTF(3, 4) SCP_MUST_USE;

/** Draw the figures (gnuplot NULL: do not), put the page together and write <dir>/index.html.
 *  Without the program the page says what to install; a script that fails is named on the page and
 *  in the log. *drawn: figures that were. Destroys *p in any case. */
scp_status scp_page_finish(scp_page **p, const char *gnuplot, int jobs, size_t *drawn) SCP_MUST_USE;

#endif
