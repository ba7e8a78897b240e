/* See score_read.h. CSV as in RFC 4180: fields in double quotes may hold commas and doubled quotes;
 * line breaks in fields are refused. */
#include "eval/score_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

enum { MOST_COLUMNS = 512 };

/* What makes the key of a row. */
enum { LABEL, LINE, PLATE, KEYS };
static const char *const key_column[KEYS] = { "perturbation", "cell_line", "plate" };
/* Columns that are no scores. */
static const char *const not_scores[] = { "drug", "dose_uM", "label_group_n", "effect",
                                          "effect_true" };

typedef struct reader {
    const char *path;
    size_t line;
    size_t n_fields;        /* of the header */
    int role[MOST_COLUMNS]; /* KEYS + index of a metric, a key, or -1 */
    size_t cap, cap_v;
} reader;

/* Cut the line at *at into fields, in place; *at moves to the next line. */
static scp_status cut_line(const reader *r, char **at, char **field, size_t *n)
{
    char *in = *at;
    *n = 0;
    for (bool more = true; more; in++) {
        if (*n == MOST_COLUMNS)
            SCP_FAIL(SCP_EDATA, "%s: line %zu has more than %d fields", r->path, r->line,
                     MOST_COLUMNS);
        char *out = field[(*n)++] = in;
        const bool quoted = *in == '"';
        bool closed = !quoted;
        for (in += quoted; *in && *in != '\n' && (quoted || *in != ','); in++) {
            closed = quoted && *in == '"' && *++in != '"';
            if (closed) break;
            *out++ = *in;
        }
        if (quoted && !closed)
            SCP_FAIL(SCP_EDATA, "%s: line %zu, field %zu: a quote that is not closed", r->path,
                     r->line, *n);
        if (!quoted && *in == '\n' && out > field[*n - 1] && out[-1] == '\r') out--;
        if (*in == '\r' && in[1] == '\n') in++;
        if (*in && *in != ',' && *in != '\n')
            SCP_FAIL(SCP_EDATA, "%s: line %zu, field %zu: text after the closing quote", r->path,
                     r->line, *n);
        more = *in == ',';
        const bool end = !*in;
        *out = '\0';
        if (end) break;
    }
    *at = in;
    return SCP_OK;
}

static bool is_score(const char *name)
{
    const size_t len = strlen(name);
    if (len > 5 && strcmp(name + len - 5, "_nan0") == 0) return false;
    for (size_t i = 0; i < sizeof not_scores / sizeof not_scores[0]; i++)
        if (strcmp(name, not_scores[i]) == 0) return false;
    return true;
}

static scp_status take_header(reader *r, char **field, size_t n, scp_score_rows *out)
{
    bool label = false;
    r->n_fields = n;
    SCP_TRY(scp_alloc(n, sizeof *out->name, &out->name));
    for (size_t i = 0; i < n; i++) {
        r->role[i] = -1;
        for (int k = 0; k < KEYS; k++)
            if (strcmp(field[i], key_column[k]) == 0) r->role[i] = k;
        label |= r->role[i] == LABEL;
        if (r->role[i] >= 0 || !is_score(field[i])) continue;
        r->role[i] = KEYS + (int)out->n_cols;
        SCP_TRY(scp_strdup(field[i], &out->name[out->n_cols++]));
    }
    if (!label || !out->n_cols)
        SCP_FAIL(
            SCP_EDATA,
            "%s: no column 'perturbation', or no metric: this is no results.csv of scppdm_eval "
            "or cell-eval",
            r->path);
    return SCP_OK;
}

static scp_status take_number(const reader *r, const char *text, const char *name, double *v)
{
    *v = NAN;
    if (!*text || strcmp(text, "NaN") == 0 || strcmp(text, "nan") == 0 || strcmp(text, "null") == 0)
        return SCP_OK;
    if (scp_parse_real(text, v) != SCP_OK) {
        scp_err_clear();
        SCP_FAIL(SCP_EDATA, "%s: line %zu, column %s: '%.40s' is not a number", r->path, r->line,
                 name, text);
    }
    return SCP_OK;
}

static scp_status make_room(reader *r, scp_score_rows *out)
{
    size_t cap = r->cap;
    SCP_TRY(scp_grow(&out->key, &cap, out->n + 1, sizeof *out->key));
    SCP_TRY(scp_grow(&out->label, &r->cap, out->n + 1, sizeof *out->label));
    return scp_grow(&out->v, &r->cap_v, (out->n + 1) * out->n_cols, sizeof *out->v);
}

static scp_status take_row(reader *r, char **field, size_t n, scp_score_rows *out)
{
    const char *key[KEYS] = { "", "", "" };
    char text[1024];
    if (n != r->n_fields)
        SCP_FAIL(SCP_EDATA, "%s: line %zu has %zu fields, the header has %zu", r->path, r->line, n,
                 r->n_fields);
    SCP_TRY(make_room(r, out));
    double *v = out->v + out->n * out->n_cols;
    for (size_t i = 0; i < n; i++) {
        if (r->role[i] >= KEYS)
            SCP_TRY(take_number(r, field[i], out->name[r->role[i] - KEYS], &v[r->role[i] - KEYS]));
        else if (r->role[i] >= 0)
            key[r->role[i]] = field[i];
    }
    SCP_TRY(scp_str_format(text, sizeof text, "%s, %s, %s", key[LABEL], key[LINE], key[PLATE]));
    SCP_TRY(scp_strdup(text, &out->key[out->n]));
    SCP_TRY(scp_str_format(text, sizeof text, "%s, %s", key[LABEL], key[LINE]));
    scp_status st = scp_strdup(text, &out->label[out->n]);
    if (st != SCP_OK) free(out->key[out->n]);
    out->n += st == SCP_OK;
    return st;
}

scp_status scp_score_rows_read(const char *path, scp_score_rows *out)
{
    SCP_ARG(path && out, "a path and a result are required");
    reader r = { .path = path };
    char *text = NULL, **field = NULL;
    size_t len, n;
    scp_status st = SCP_OK;
    *out = (scp_score_rows){ 0 };
    SCP_TRY(scp_fs_read_text(path, &text, &len));
    if (strlen(text) != len)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s holds a zero byte: it is no text", path);
    SCP_GOTO(done, scp_alloc(MOST_COLUMNS, sizeof *field, &field));
    for (char *at = text; at < text + len && *at;) {
        r.line++;
        SCP_GOTO(done, cut_line(&r, &at, field, &n));
        if (r.line == 1)
            SCP_GOTO(done, take_header(&r, field, n, out));
        else if (n > 1 || *field[0])
            SCP_GOTO(done, take_row(&r, field, n, out));
    }
    if (!out->n) SCP_FAIL_GOTO(done, SCP_EDATA, "%s: there is no condition in it", path);
done:
    free(field);
    free(text);
    if (st != SCP_OK) scp_score_rows_fini(out);
    return st;
}

void scp_score_rows_fini(scp_score_rows *r)
{
    scp_fs_list_free(r->key, r->n);
    scp_fs_list_free(r->label, r->n);
    scp_fs_list_free(r->name, r->n_cols);
    free(r->v);
    *r = (scp_score_rows){ 0 };
}

/* ---- two files ---- */

typedef struct pairing {
    int64_t *row_b; /* [a->n] row of b, -1: none */
    size_t *col_b;  /* [a->n_cols] column of b */
    size_t *col_a;
    double *a, *b; /* [n, n_cols] */
} pairing;

static scp_status pair_rows(const scp_score_rows *a, const scp_score_rows *b, pairing *p,
                            scp_score_match *m)
{
    scp_names *names = NULL;
    scp_status st = SCP_OK;
    size_t index, seen = 0;
    SCP_GOTO(done, scp_alloc(a->n, sizeof *p->row_b, &p->row_b));
    SCP_GOTO(done, scp_names_create(&names));
    for (size_t i = 0; i < b->n; i++) {
        SCP_GOTO(done, scp_names_add(names, b->key[i], &index));
        if (index != seen++) SCP_FAIL_GOTO(done, SCP_EDATA, "condition %s occurs twice", b->key[i]);
    }
    for (size_t i = 0; i < a->n; i++) {
        p->row_b[i] = scp_names_find(names, a->key[i]);
        if (p->row_b[i] >= 0)
            m->n++;
        else
            m->only_a++;
    }
    m->only_b = b->n > m->n ? b->n - m->n : 0;
    if (!m->n)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "the two files share no condition: the first of one is %s, "
                      "of the other %s",
                      a->key[0], b->key[0]);
done:
    scp_names_destroy(&names);
    return st;
}

static scp_status pair_columns(const scp_score_rows *a, const scp_score_rows *b, pairing *p,
                               scp_score_match *m)
{
    SCP_TRY(scp_alloc(a->n_cols, sizeof *p->col_a, &p->col_a));
    SCP_TRY(scp_alloc(a->n_cols, sizeof *p->col_b, &p->col_b));
    SCP_TRY(scp_alloc(a->n_cols, sizeof *m->name, &m->name));
    for (size_t i = 0; i < a->n_cols; i++)
        for (size_t k = 0; k < b->n_cols; k++) {
            if (strcmp(a->name[i], b->name[k]) != 0) continue;
            p->col_a[m->n_cols] = i;
            p->col_b[m->n_cols] = k;
            m->name[m->n_cols++] = a->name[i];
            break;
        }
    if (!m->n_cols) SCP_FAIL(SCP_EDATA, "the two files share no metric");
    return SCP_OK;
}

static bool is_per_label(const char *name)
{
    return strncmp(name, "discrimination_score", 20) == 0 || strncmp(name, "pds_", 4) == 0;
}

/* Values of both; those of a label in its first row only. */
static scp_status take_values(const scp_score_rows *a, const scp_score_rows *b, pairing *p,
                              scp_score_match *m)
{
    scp_names *labels = NULL;
    scp_status st = SCP_OK;
    size_t at = 0, known = 0, index;
    SCP_GOTO(done, scp_names_create(&labels));
    SCP_GOTO(done, scp_alloc(m->n * m->n_cols, sizeof *p->a, &p->a));
    SCP_GOTO(done, scp_alloc(m->n * m->n_cols, sizeof *p->b, &p->b));
    for (size_t i = 0; i < a->n; i++) {
        if (p->row_b[i] < 0) continue;
        SCP_GOTO(done, scp_names_add(labels, a->label[i], &index));
        const bool first = index == known;
        known += first;
        for (size_t c = 0; c < m->n_cols; c++, at++) {
            const bool use = first || !is_per_label(m->name[c]);
            p->a[at] = use ? a->v[i * a->n_cols + p->col_a[c]] : NAN;
            p->b[at] = b->v[(size_t)p->row_b[i] * b->n_cols + p->col_b[c]];
        }
    }
done:
    scp_names_destroy(&labels);
    return st;
}

scp_status scp_score_rows_compare(const scp_score_rows *a, const scp_score_rows *b,
                                  int64_t resamples, int64_t seed, scp_score_match *out)
{
    SCP_ARG(a && b && out, "two files and a result are required");
    pairing p = { 0 };
    scp_status st = SCP_OK;
    *out = (scp_score_match){ 0 };
    SCP_GOTO(done, pair_rows(a, b, &p, out));
    SCP_GOTO(done, pair_columns(a, b, &p, out));
    SCP_GOTO(done, take_values(a, b, &p, out));
    SCP_GOTO(done, scp_alloc(out->n_cols, sizeof *out->comparison, &out->comparison));
    SCP_GOTO(done, scp_compare(p.a, p.b, out->n, out->n_cols, resamples, seed, out->comparison));
done:
    free(p.row_b);
    free(p.col_a);
    free(p.col_b);
    free(p.a);
    free(p.b);
    if (st != SCP_OK) scp_score_match_fini(out);
    return st;
}

void scp_score_match_fini(scp_score_match *m)
{
    free(m->name);
    free(m->comparison);
    *m = (scp_score_match){ 0 };
}
