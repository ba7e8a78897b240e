/* Tables of tab-separated text: the whole file in one block, fields cut out in place. */
#include "io/tsv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/gz.h"

struct scp_tsv {
    char *name;   /* file, for messages                        */
    char *text;   /* fields, each NUL-terminated               */
    char **field; /* [(n_rows + 1) * n_columns], header first  */
    size_t n_rows, n_columns, cap;
};

static scp_status check_utf8(const scp_tsv *t, size_t len)
{
    size_t good = scp_str_utf8(t->text, len), line = 1;
    if (good == len) return SCP_OK;
    for (size_t i = 0; i < good; i++) line += t->text[i] == '\n';
    SCP_FAIL(SCP_EDATA, "%s:%zu: byte 0x%02x is not UTF-8 text", t->name, line,
             (unsigned char)t->text[good]);
}

/* Cut one line into fields; the header sets the number of columns. */
static scp_status take_line(scp_tsv *t, char *line, size_t number)
{
    size_t n = 1;
    for (const char *s = line; *s; s++) n += *s == '\t';
    if (number == 1) t->n_columns = n;
    if (n != t->n_columns)
        SCP_FAIL(SCP_EDATA, "%s:%zu: %zu fields, but the header has %zu", t->name, number, n,
                 t->n_columns);
    SCP_TRY(scp_grow(&t->field, &t->cap, number * t->n_columns, sizeof *t->field));
    (void)scp_str_split(line, '\t', t->field + (number - 1) * t->n_columns, t->n_columns);
    t->n_rows = number - 1;
    return SCP_OK;
}

static scp_status cut_lines(scp_tsv *t, size_t len)
{
    size_t number = 0;
    char *at = t->text, *end = t->text + len;
    if (len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3;
    while (end > at && (end[-1] == '\n' || end[-1] == '\r')) *--end = '\0';
    if (at == end) SCP_FAIL(SCP_EDATA, "%s: empty; a table begins with a header line", t->name);
    while (at <= end) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if (stop > at && stop[-1] == '\r') stop[-1] = '\0';
        *stop = '\0';
        SCP_TRY(take_line(t, at, ++number));
        at = stop + 1;
    }
    return SCP_OK;
}

static scp_status check_header(const scp_tsv *t)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if ((size_t)scp_tsv_find(t, t->field[i]) != i)
            SCP_FAIL(SCP_EDATA, "%s:1: column \"%s\" is there twice", t->name, t->field[i]);
    return SCP_OK;
}

/* Takes over `text` [len], also on failure. */
static scp_status take_text(char *text, size_t len, const char *name, scp_tsv **out)
{
    scp_status st = SCP_OK;
    scp_tsv *t = NULL;
    *out = NULL;
    SCP_GOTO(done, scp_alloc(1, sizeof *t, &t));
    t->text = text;
    text = NULL;
    SCP_GOTO(done, scp_strdup(name, &t->name));
    SCP_GOTO(done, check_utf8(t, len));
    SCP_GOTO(done, cut_lines(t, len));
    SCP_GOTO(done, check_header(t));
done:
    free(text);
    if (st != SCP_OK) scp_tsv_destroy(&t);
    *out = t;
    return st;
}

scp_status scp_tsv_read(const char *path, scp_tsv **out)
{
    char *text = NULL;
    size_t len = 0;
    SCP_TRY(scp_gz_read_text(path, &text, &len));
    SCP_TRY(take_text(text, len, path, out));
    return SCP_OK;
}

scp_status scp_tsv_parse(const char *text, size_t len, const char *name, scp_tsv **out)
{
    char *copy = NULL;
    SCP_TRY(scp_alloc(len + 1, 1, &copy));
    memcpy(copy, text, len);
    SCP_TRY(take_text(copy, len, name, out));
    return SCP_OK;
}

void scp_tsv_destroy(scp_tsv **t)
{
    if (!t || !*t) return;
    free((*t)->name);
    free((*t)->text);
    free((*t)->field);
    free(*t);
    *t = NULL;
}

size_t scp_tsv_n_rows(const scp_tsv *t)
{
    return t->n_rows;
}

size_t scp_tsv_n_columns(const scp_tsv *t)
{
    return t->n_columns;
}

const char *scp_tsv_header(const scp_tsv *t, size_t column)
{
    return t->field[column];
}

int64_t scp_tsv_find(const scp_tsv *t, const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (strcmp(t->field[i], name) == 0) return (int64_t)i;
    return -1;
}

scp_status scp_tsv_column(const scp_tsv *t, const char *name, size_t *column)
{
    scp_strbuf list = { 0 };
    scp_status st = SCP_OK;
    int64_t found = scp_tsv_find(t, name);
    *column = found < 0 ? 0 : (size_t)found;
    if (found >= 0) return SCP_OK;
    for (size_t i = 0; i < t->n_columns; i++)
        SCP_GOTO(done, scp_strbuf_addf(&list, "%s%s", i ? ", " : "", t->field[i]));
    SCP_FAIL_GOTO(done, SCP_EDATA, "%s: no column \"%s\"; there are: %s", t->name, name, list.text);
done:
    scp_strbuf_fini(&list);
    return st;
}

const char *scp_tsv_text(const scp_tsv *t, size_t row, size_t column)
{
    return t->field[(row + 1) * t->n_columns + column];
}

size_t scp_tsv_line(const scp_tsv *t, size_t row)
{
    (void)t;
    return row + 2;
}

static scp_status not_a(const scp_tsv *t, size_t row, size_t column, const char *what)
{
    SCP_FAIL(SCP_EDATA, "%s:%zu: column %s: \"%s\" is not %s", t->name, scp_tsv_line(t, row),
             scp_tsv_header(t, column), scp_tsv_text(t, row, column), what);
}

scp_status scp_tsv_real(const scp_tsv *t, size_t row, size_t column, double *out)
{
    if (scp_parse_real(scp_tsv_text(t, row, column), out) != SCP_OK)
        SCP_TRY(not_a(t, row, column, "a number"));
    return SCP_OK;
}

scp_status scp_tsv_int(const scp_tsv *t, size_t row, size_t column, int64_t *out)
{
    if (scp_parse_int(scp_tsv_text(t, row, column), out) != SCP_OK)
        SCP_TRY(not_a(t, row, column, "an integer"));
    return SCP_OK;
}

/* ---- writing ---- */

struct scp_tsv_writer {
    scp_strbuf text;
    size_t n_columns, next; /* column of the next field */
};

scp_status scp_tsv_writer_create(const char *const *columns, size_t n, scp_tsv_writer **out)
{
    scp_status st = SCP_OK;
    *out = NULL;
    SCP_ARG(n > 0, "a table has columns");
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    (*out)->n_columns = n;
    for (size_t i = 0; i < n; i++) SCP_GOTO(done, scp_tsv_add_text(*out, columns[i]));
done:
    if (st != SCP_OK) scp_tsv_writer_abort(out);
    return st;
}

scp_status scp_tsv_add_text(scp_tsv_writer *w, const char *text)
{
    if (strpbrk(text, "\t\r\n"))
        SCP_FAIL(SCP_EDATA, "\"%s\" holds a tab or line break and cannot stand in a table", text);
    w->next = (w->next + 1) % w->n_columns;
    SCP_TRY(scp_strbuf_addf(&w->text, "%s%c", text, w->next ? '\t' : '\n'));
    return SCP_OK;
}

scp_status scp_tsv_add_real(scp_tsv_writer *w, double value)
{
    char text[SCP_REAL_TEXT];
    SCP_TRY(scp_tsv_add_text(w, isnan(value) ? "" : scp_print_real(value, text)));
    return SCP_OK;
}

scp_status scp_tsv_add_int(scp_tsv_writer *w, int64_t value)
{
    char text[SCP_REAL_TEXT];
    SCP_TRY(scp_str_format(text, sizeof text, "%" PRId64, value));
    SCP_TRY(scp_tsv_add_text(w, text));
    return SCP_OK;
}

scp_status scp_tsv_writer_commit(scp_tsv_writer **w, const char *path)
{
    scp_status st = SCP_OK;
    if ((*w)->next != 0)
        SCP_FAIL_GOTO(done, SCP_EINTERNAL, "%s: the last row has %zu of %zu fields", path,
                      (*w)->next, (*w)->n_columns);
    SCP_GOTO(done, scp_fs_write_text(path, (*w)->text.text, (*w)->text.len));
done:
    scp_tsv_writer_abort(w);
    return st;
}

void scp_tsv_writer_abort(scp_tsv_writer **w)
{
    if (!w || !*w) return;
    scp_strbuf_fini(&(*w)->text);
    free(*w);
    *w = NULL;
}
