/* Tables of figures as aligned text, Markdown and TSV. Cells are formatted once, then laid out. */
#include "report/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/table_html.h"

scp_status scp_table_init(scp_table *t, const char *title)
{
    SCP_ARG(t && title, "table and title are required");
    *t = (scp_table){ 0 };
    return scp_strdup(title, &t->title);
}

scp_status scp_table_add_column(scp_table *t, const char *title, double best, int digits)
{
    SCP_ARG(t && title && t->n_rows == 0, "columns come before rows");
    SCP_TRY(scp_grow(&t->col, &t->cap_cols, t->n_cols + 1, sizeof *t->col));
    SCP_TRY(scp_strdup(title, &t->col[t->n_cols].title));
    t->col[t->n_cols].best = best;
    t->col[t->n_cols++].digits = digits;
    return SCP_OK;
}

scp_status scp_table_add_row(scp_table *t, const char *label, const double *values, bool ranked)
{
    SCP_ARG(t && label && (values || t->n_cols == 0), "table, label and values are required");
    size_t label_room = t->cap_rows, value_room = t->cap_rows * t->n_cols, flag_room = t->cap_rows,
           low_room = value_room, high_room = value_room;
    SCP_TRY(scp_grow(&t->row, &label_room, t->n_rows + 1, sizeof *t->row));
    SCP_TRY(scp_grow(&t->value, &value_room, label_room * t->n_cols, sizeof *t->value));
    SCP_TRY(scp_grow(&t->low, &low_room, label_room * t->n_cols, sizeof *t->low));
    SCP_TRY(scp_grow(&t->high, &high_room, label_room * t->n_cols, sizeof *t->high));
    SCP_TRY(scp_grow(&t->unranked, &flag_room, label_room, sizeof *t->unranked));
    t->cap_rows = label_room;
    SCP_TRY(scp_strdup(label, &t->row[t->n_rows]));
    if (t->n_cols) memcpy(t->value + t->n_rows * t->n_cols, values, t->n_cols * sizeof *values);
    for (size_t c = 0; c < t->n_cols; c++)
        t->low[t->n_rows * t->n_cols + c] = t->high[t->n_rows * t->n_cols + c] = NAN;
    t->unranked[t->n_rows++] = !ranked;
    return SCP_OK;
}

scp_status scp_table_interval(scp_table *t, size_t column, double low, double high)
{
    SCP_ARG(t && t->n_rows && column < t->n_cols, "an interval belongs to a value that is there");
    t->low[(t->n_rows - 1) * t->n_cols + column] = low;
    t->high[(t->n_rows - 1) * t->n_cols + column] = high;
    return SCP_OK;
}

scp_status scp_table_note(scp_table *t, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return scp_strbuf_addf(&t->notes, "%s\n", text);
}

void scp_table_fini(scp_table *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n_cols; i++) free(t->col[i].title);
    for (size_t i = 0; i < t->n_rows; i++) free(t->row[i]);
    free(t->title);
    free(t->col);
    free(t->row);
    free(t->value);
    free(t->low);
    free(t->high);
    free(t->unranked);
    scp_strbuf_fini(&t->notes);
    *t = (scp_table){ 0 };
}

/* Distance of a value, as it is printed, from the best; NaN: does not compete. */
static double distance(const scp_table *t, size_t r, size_t c)
{
    double unit = pow(10, t->col[c].digits < 0 ? 0 : t->col[c].digits);
    double v = t->value[r * t->n_cols + c];
    return t->unranked[r] ? NAN : fabs(round(v * unit) - round(t->col[c].best * unit));
}

scp_table_mark scp_table_marked(const scp_table *t, size_t r, size_t c)
{
    double own = distance(t, r, c), least = INFINITY, next = INFINITY;
    size_t ranked = 0, at_least = 0;
    if (isnan(own)) return SCP_MARK_NONE;
    for (size_t i = 0; i < t->n_rows; i++) {
        ranked += !isnan(distance(t, i, c));
        least = fmin(least, distance(t, i, c));
    }
    for (size_t i = 0; i < t->n_rows; i++) {
        double d = distance(t, i, c);
        at_least += d == least;
        if (d > least) next = fmin(next, d);
    }
    if (ranked > 1 && at_least == ranked) return SCP_MARK_NONE;
    if (own == least) return SCP_MARK_BEST;
    return own == next && at_least == 1 ? SCP_MARK_SECOND : SCP_MARK_NONE;
}

static scp_status format_value(const scp_table *t, size_t r, size_t c, scp_table_format format,
                               scp_strbuf *out)
{
    double v = t->value[r * t->n_cols + c];
    char number[SCP_REAL_TEXT];
    if (format == SCP_TABLE_TSV) return scp_strbuf_addf(out, "%s", scp_print_real(v, number));
    if (isnan(v)) return scp_strbuf_addf(out, "-");
    static const char *const open[][3] = {
        [SCP_TABLE_TEXT] = { "", "", "" }, [SCP_TABLE_MARKDOWN] = { "", "**", "<u>" }
    };
    static const char *const close[][3] = {
        [SCP_TABLE_TEXT] = { "", "*", "" }, [SCP_TABLE_MARKDOWN] = { "", "**", "</u>" }
    };
    scp_table_mark mark = scp_table_marked(t, r, c);
    int digits = t->col[c].digits < 0 ? 0 : t->col[c].digits;
    return scp_strbuf_addf(out, "%s%.*f%s", open[format][mark], digits, v, close[format][mark]);
}

/* The table as a grid of texts: line 0 has the titles, field 0 the labels. */
typedef struct grid {
    size_t lines, fields;
    char **text;   /* [lines, fields] */
    size_t *width; /* [fields]        */
} grid;

/* Characters, not bytes, so that a label in UTF-8 keeps the columns straight. */
static size_t text_width(const char *s)
{
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static void grid_fini(grid *g)
{
    for (size_t i = 0; g->text && i < g->lines * g->fields; i++) free(g->text[i]);
    free(g->text);
    free(g->width);
}

static scp_status fill_cell(const scp_table *t, size_t line, size_t field, bool transpose,
                            scp_table_format format, scp_strbuf *out)
{
    size_t r = transpose ? field : line, c = transpose ? line : field;
    if (r == 0 && c == 0) return scp_strbuf_addf(out, "%s", t->title);
    if (r == 0) return scp_strbuf_addf(out, "%s", t->col[c - 1].title);
    if (c == 0) return scp_strbuf_addf(out, "%s", t->row[r - 1]);
    return format_value(t, r - 1, c - 1, format, out);
}

static scp_status grid_init(grid *g, const scp_table *t, scp_table_format format, bool transpose)
{
    *g = (grid){ .lines = 1 + (transpose ? t->n_cols : t->n_rows),
                 .fields = 1 + (transpose ? t->n_rows : t->n_cols) };
    SCP_TRY(scp_alloc(g->lines * g->fields, sizeof *g->text, &g->text));
    SCP_TRY(scp_alloc(g->fields, sizeof *g->width, &g->width));
    for (size_t i = 0; i < g->lines * g->fields; i++) {
        scp_strbuf cell = { 0 };
        scp_status st = fill_cell(t, i / g->fields, i % g->fields, transpose, format, &cell);
        g->text[i] = cell.text;
        SCP_TRY(st);
        size_t width = text_width(g->text[i]), *widest = &g->width[i % g->fields];
        if (width > *widest) *widest = width;
    }
    return SCP_OK;
}

/* Labels to the left, figures to the right. */
static scp_status add_padded(scp_strbuf *out, const char *text, size_t width, bool left)
{
    int gap = (int)(width - text_width(text));
    return left ? scp_strbuf_addf(out, "%s%*s", text, gap, "")
                : scp_strbuf_addf(out, "%*s%s", gap, "", text);
}

static scp_status add_text_line(const grid *g, size_t line, scp_strbuf *out)
{
    for (size_t f = 0; f < g->fields; f++) {
        SCP_TRY(scp_strbuf_addf(out, "%s", f ? "  " : ""));
        SCP_TRY(add_padded(out, g->text[line * g->fields + f], g->width[f], f == 0));
    }
    return scp_strbuf_addn(out, "\n", 1);
}

static scp_status add_rule(const grid *g, scp_table_format format, scp_strbuf *out)
{
    size_t total = g->width[0];
    if (format == SCP_TABLE_MARKDOWN) {
        SCP_TRY(scp_strbuf_addf(out, "|"));
        for (size_t f = 0; f < g->fields; f++)
            SCP_TRY(scp_strbuf_addf(out, f ? " ---: |" : " --- |"));
    } else {
        for (size_t f = 1; f < g->fields; f++) total += 2 + g->width[f];
        for (size_t i = 0; i < total; i++) SCP_TRY(scp_strbuf_addn(out, "-", 1));
    }
    return scp_strbuf_addn(out, "\n", 1);
}

static scp_status add_markdown_line(const grid *g, size_t line, scp_strbuf *out)
{
    SCP_TRY(scp_strbuf_addf(out, "|"));
    for (size_t f = 0; f < g->fields; f++) {
        SCP_TRY(scp_strbuf_addn(out, " ", 1));
        SCP_TRY(add_padded(out, g->text[line * g->fields + f], g->width[f], f == 0));
        SCP_TRY(scp_strbuf_addf(out, " |"));
    }
    return scp_strbuf_addn(out, "\n", 1);
}

static scp_status add_tsv_line(const grid *g, size_t line, scp_strbuf *out)
{
    for (size_t f = 0; f < g->fields; f++)
        SCP_TRY(scp_strbuf_addf(out, "%s%s", f ? "\t" : "", g->text[line * g->fields + f]));
    return scp_strbuf_addn(out, "\n", 1);
}

static scp_status add_notes(const scp_table *t, scp_table_format format, scp_strbuf *out)
{
    const char *lead = format == SCP_TABLE_TSV ? "# " : "";
    if (format == SCP_TABLE_MARKDOWN && t->notes.len) SCP_TRY(scp_strbuf_addn(out, "\n", 1));
    for (const char *at = t->notes.text, *end; at && *at; at = end + 1) {
        end = strchr(at, '\n');
        SCP_TRY(scp_strbuf_addf(out, "%s%.*s\n", lead, (int)(end - at), at));
    }
    return SCP_OK;
}

scp_status scp_table_print(const scp_table *t, scp_table_format format, bool transpose,
                           scp_strbuf *out)
{
    static scp_status (*const add_line[])(const grid *, size_t, scp_strbuf *) = {
        [SCP_TABLE_TEXT] = add_text_line,
        [SCP_TABLE_MARKDOWN] = add_markdown_line,
        [SCP_TABLE_TSV] = add_tsv_line,
    };
    SCP_ARG(t && out, "table and buffer are required");
    if (format == SCP_TABLE_HTML) return scp_table_html(t, transpose, out);
    grid g = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, grid_init(&g, t, format, transpose));
    for (size_t line = 0; line < g.lines; line++) {
        SCP_GOTO(done, add_line[format](&g, line, out));
        if (line == 0 && format != SCP_TABLE_TSV) SCP_GOTO(done, add_rule(&g, format, out));
    }
    SCP_GOTO(done, add_notes(t, format, out));
done:
    grid_fini(&g);
    return st;
}
