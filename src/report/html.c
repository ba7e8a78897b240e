/* Pieces of an HTML page, see html.h. */
#include "report/html.h"

#include <string.h>

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

scp_status scp_html_text(scp_strbuf *out, const char *text)
{
    for (; *text; text++) {
        size_t plain = strcspn(text, "&<>\"'");
        if (plain) SCP_TRY(scp_strbuf_addn(out, text, plain));
        text += plain;
        if (!*text) break;
        const char *e = entity(*text);
        SCP_TRY(scp_strbuf_addn(out, e, strlen(e)));
    }
    return SCP_OK;
}

scp_status scp_html_element(scp_strbuf *out, const char *tag, const char *text)
{
    SCP_TRY(scp_strbuf_addf(out, "<%s>", tag));
    SCP_TRY(scp_html_text(out, text));
    return scp_strbuf_addf(out, "</%s>\n", tag);
}

static const char style[] =
    ":root{color-scheme:light}"
    "body{font:15px/1.45 'DejaVu Sans',Verdana,'Helvetica Neue',Arial,sans-serif;color:#1a1a1a;"
    "background:#fff;max-width:72rem;margin:0 auto;padding:1.5rem}"
    "h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.25rem;margin:2.2rem 0 .6rem;"
    "border-bottom:1px solid #bbb;padding-bottom:.2rem}h3{font-size:1.05rem;margin:1.6rem 0 .4rem}"
    "p,ul{margin:.4rem 0}nav ul{columns:2;padding-left:1.2rem}a{color:#00538a}"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;font-weight:bold;padding:.2rem 0}"
    "th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}"
    "thead th{border-bottom:2px solid #333;vertical-align:bottom}"
    "th:first-child{text-align:left;font-weight:normal}thead th{font-weight:bold!important}"
    "td.ref,th.ref{color:#555;font-style:italic}"
    ".best{font-weight:bold}.second{text-decoration:underline}"
    ".ci{display:block;font-size:.75em;color:#555;font-weight:normal;text-decoration:none}"
    ".note{font-size:.85em;color:#444}.out{background:#f4f4f4;border-left:4px solid #999;"
    "padding:.4rem .8rem;margin:.8rem 0}"
    "figure{margin:1rem 0}figure svg{max-width:100%;height:auto;display:block}"
    "figcaption{font-size:.9em;color:#333;max-width:60rem}code{font-size:.92em}"
    "@media print{body{max-width:none;padding:0;font-size:10pt}nav{display:none}"
    "h2{break-before:auto}h2,h3,caption{break-after:avoid}figure,tr{break-inside:avoid}"
    ".scroll{overflow:visible}th,td{padding:.1rem .35rem;font-size:8pt}"
    "thead{display:table-header-group}a{color:inherit;text-decoration:none}"
    "@page{size:A4;margin:14mm}}";

scp_status scp_html_begin(scp_strbuf *out, const char *title)
{
    SCP_TRY(scp_strbuf_addf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                                 "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                                 "content=\"width=device-width, initial-scale=1\">\n"));
    SCP_TRY(scp_html_element(out, "title", title));
    return scp_strbuf_addf(out, "<style>%s</style>\n</head>\n<body>\n", style);
}

scp_status scp_html_end(scp_strbuf *out)
{
    return scp_strbuf_addf(out, "</body>\n</html>\n");
}
