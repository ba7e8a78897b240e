/* A table as HTML. Private to src/report. */
#ifndef SCP_REPORT_TABLE_HTML_H
#define SCP_REPORT_TABLE_HTML_H

#include "report/table.h"

/** scp_table_print in SCP_TABLE_HTML. */
scp_status scp_table_html(const scp_table *t, bool transpose, scp_strbuf *out) SCP_MUST_USE;

#endif
