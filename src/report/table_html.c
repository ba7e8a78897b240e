/* A table as HTML: reference rows in italics, intervals below the values. */
#include "report/table_html.h"

#include <math.h>
#include <string.h>

#include "report/html.h"

static scp_status add_header(scp_strbuf *out, const char *tag, const char *text, bool reference)
{
    SCP_TRY(scp_strbuf_addf(out, "<th scope=\"%s\"%s>", tag, reference ? " class=\"ref\"" : ""));
    SCP_TRY(scp_html_text(out, text));
    return scp_strbuf_addf(out, "</th>");
}

static scp_status add_value(const scp_table *t, size_t r, size_t c, scp_strbuf *out)
{
    static const char *const name[] = {
        [SCP_MARK_NONE] = NULL, [SCP_MARK_BEST] = "best", [SCP_MARK_SECOND] = "second"
    };
    size_t at = r * t->n_cols + c;
    int digits = t->col[c].digits < 0 ? 0 : t->col[c].digits;
    const char *mark = name[scp_table_marked(t, r, c)];
    SCP_TRY(scp_strbuf_addf(out, "<td%s>", t->unranked[r] ? " class=\"ref\"" : ""));
    if (isnan(t->value[at])) return scp_strbuf_addf(out, "\xe2\x80\x93</td>");
    if (mark) SCP_TRY(scp_strbuf_addf(out, "<span class=\"%s\">", mark));
    SCP_TRY(scp_strbuf_addf(out, "%.*f%s", digits, t->value[at], mark ? "</span>" : ""));
    if (!isnan(t->low[at]))
        SCP_TRY(scp_strbuf_addf(out, "<span class=\"ci\">%.*f to %.*f</span>", digits, t->low[at],
                                digits, t->high[at]));
    return scp_strbuf_addf(out, "</td>");
}

static scp_status add_head(const scp_table *t, bool transpose, scp_strbuf *out)
{
    size_t n = transpose ? t->n_rows : t->n_cols;
    SCP_TRY(scp_strbuf_addf(out, "<thead><tr>"));
    SCP_TRY(add_header(out, "col", t->title, false));
    for (size_t i = 0; i < n; i++)
        SCP_TRY(add_header(out, "col", transpose ? t->row[i] : t->col[i].title,
                           transpose && t->unranked[i]));
    return scp_strbuf_addf(out, "</tr></thead>\n<tbody>\n");
}

static scp_status add_line(const scp_table *t, bool transpose, size_t line, scp_strbuf *out)
{
    size_t n = transpose ? t->n_rows : t->n_cols;
    SCP_TRY(scp_strbuf_addf(out, "<tr>"));
    SCP_TRY(add_header(out, "row", transpose ? t->col[line].title : t->row[line],
                       !transpose && t->unranked[line]));
    for (size_t i = 0; i < n; i++)
        SCP_TRY(add_value(t, transpose ? i : line, transpose ? line : i, out));
    return scp_strbuf_addf(out, "</tr>\n");
}

static scp_status add_notes(const scp_table *t, scp_strbuf *out)
{
    for (const char *at = t->notes.text, *end; at && *at; at = end + 1) {
        char line[1024];
        end = strchr(at, '\n');
        SCP_TRY(scp_str_format(line, sizeof line, "%.*s", (int)(end - at), at));
        SCP_TRY(scp_strbuf_addf(out, "<p class=\"note\">"));
        SCP_TRY(scp_html_text(out, line));
        SCP_TRY(scp_strbuf_addf(out, "</p>\n"));
    }
    return SCP_OK;
}

scp_status scp_table_html(const scp_table *t, bool transpose, scp_strbuf *out)
{
    size_t lines = transpose ? t->n_cols : t->n_rows;
    SCP_TRY(scp_strbuf_addf(out, "<div class=\"scroll\"><table>\n"));
    SCP_TRY(add_head(t, transpose, out));
    for (size_t i = 0; i < lines; i++) SCP_TRY(add_line(t, transpose, i, out));
    SCP_TRY(scp_strbuf_addf(out, "</tbody></table></div>\n"));
    return add_notes(t, out);
}
