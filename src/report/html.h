/* Pieces of an HTML page. Not collective. */
#ifndef SCP_REPORT_HTML_H
#define SCP_REPORT_HTML_H

#include "base/str.h"

/** Append text with & < > " ' as entities: for content and for quoted attributes. */
scp_status scp_html_text(scp_strbuf *out, const char *text) SCP_MUST_USE;

/** Append "<tag>text</tag>", the text escaped. */
scp_status scp_html_element(scp_strbuf *out, const char *tag, const char *text) SCP_MUST_USE;

/** Append the head of a page up to <body>: title, style for screen and print. Nothing is loaded
 *  from anywhere. */
scp_status scp_html_begin(scp_strbuf *out, const char *title) SCP_MUST_USE;
scp_status scp_html_end(scp_strbuf *out) SCP_MUST_USE;

#endif
