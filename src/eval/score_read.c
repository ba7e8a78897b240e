/* See score_read.h. CSV as in RFC 4180: fields in double quotes may hold commas and doubled quotes;
 * line breaks in fields are refused. */
#include "eval/score_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

enum { MOST_COLUMNS = 512, KEY_BYTES = 1024 };

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
    char line_of_file[256]; /* cell line that the file's name says, or "" */
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
        out->has_line |= r->role[i] == LINE;
        out->has_plate |= r->role[i] == PLATE;
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
    out->own_line = out->has_line;
    if (out->own_line) r->line_of_file[0] = '\0';
    out->has_line |= r->line_of_file[0] != '\0';
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
    const char *key[KEYS] = { "", r->line_of_file, "" };
    char text[KEY_BYTES];
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
    SCP_TRY(scp_str_format(text, sizeof text, "%s\t%s\t%s", key[LABEL], key[LINE], key[PLATE]));
    SCP_TRY(scp_strdup(text, &out->key[out->n]));
    SCP_TRY(scp_str_format(text, sizeof text, "%s\t%s", key[LABEL], key[LINE]));
    scp_status st = scp_strdup(text, &out->label[out->n]);
    if (st != SCP_OK) free(out->key[out->n]);
    out->n += st == SCP_OK;
    return st;
}

/* "A549" of ".../A549_results.csv", "" of any other name. */
static void line_of_name(const char *path, char *line, size_t size)
{
    static const char tail[] = "_results.csv";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const size_t len = strlen(name), end = sizeof tail - 1;
    line[0] = '\0';
    if (len > end && len - end < size && strcmp(name + len - end, tail) == 0)
        snprintf(line, size, "%.*s", (int)(len - end), name);
}

scp_status scp_score_rows_read(const char *path, scp_score_rows *out)
{
    SCP_ARG(path && out, "a path and a result are required");
    reader r = { .path = path };
    char *text = NULL, **field = NULL;
    line_of_name(path, r.line_of_file, sizeof r.line_of_file);
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

/* Rows of another file of the same columns behind those of out, which take them over. */
static scp_status append_rows(scp_score_rows *out, scp_score_rows *more, const char *path)
{
    const size_t n = out->n + more->n;
    size_t keys = out->n, labels = out->n, values = out->n * out->n_cols;
    bool same = out->n_cols == more->n_cols && out->has_line == more->has_line &&
                out->has_plate == more->has_plate;
    for (size_t c = 0; same && c < out->n_cols; c++)
        same = strcmp(out->name[c], more->name[c]) == 0;
    if (!same)
        SCP_FAIL(SCP_EDATA, "%s has other columns than the results of the lines before it", path);
    SCP_TRY(scp_grow(&out->key, &keys, n, sizeof *out->key));
    SCP_TRY(scp_grow(&out->label, &labels, n, sizeof *out->label));
    SCP_TRY(scp_grow(&out->v, &values, n * out->n_cols, sizeof *out->v));
    memcpy(out->key + out->n, more->key, more->n * sizeof *out->key);
    memcpy(out->label + out->n, more->label, more->n * sizeof *out->label);
    memcpy(out->v + out->n * out->n_cols, more->v, more->n * out->n_cols * sizeof *out->v);
    out->n = n;
    more->n = 0;
    return SCP_OK;
}

static bool is_result_file(const char *name)
{
    const size_t len = strlen(name);
    static const char *const others[] = { "agg_results.csv", "ceiling_results.csv" };
    for (size_t i = 0; i < 2; i++) {
        const size_t end = strlen(others[i]);
        if (len >= end && strcmp(name + len - end, others[i]) == 0) return false;
    }
    return true;
}

scp_status scp_score_rows_read_folder(const char *dir, scp_score_rows *out)
{
    char path[SCP_PATH_MAX], **name = NULL;
    size_t n = 0, files = 0;
    scp_score_rows one = { 0 };
    scp_status st = SCP_OK;
    *out = (scp_score_rows){ 0 };
    SCP_TRY(scp_fs_list(dir, "results.csv", &name, &n));
    for (size_t i = 0; i < n; i++) {
        if (!is_result_file(name[i])) continue;
        files++;
        SCP_GOTO(done, scp_fs_join(path, sizeof path, dir, name[i]));
        SCP_GOTO(done, scp_score_rows_read(path, out->n ? &one : out));
        if (files > 1 && (out->own_line || one.own_line))
            SCP_FAIL_GOTO(done, SCP_EDATA,
                          "%s holds results of several models, each with its column cell_line: "
                          "name one of them (%s/results.csv is the first model's)",
                          dir, dir);
        if (one.n) SCP_GOTO(done, append_rows(out, &one, path));
        scp_score_rows_fini(&one);
    }
    if (!out->n)
        SCP_FAIL_GOTO(done, SCP_ENOINPUT, "%s holds no results.csv and no LINE_results.csv", dir);
done:
    scp_score_rows_fini(&one);
    scp_fs_list_free(name, n);
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

/* ---- fewer keys ---- */

/* A key without its last parts; the plate is empty then, and the line. */
static scp_status cut_key(const char *key, bool line, bool plate, char *out, size_t size)
{
    const char *last = strrchr(key, '\t'), *middle = last;
    while (middle > key && *--middle != '\t') {}
    if (plate) return scp_str_format(out, size, "%s", key);
    if (line) return scp_str_format(out, size, "%.*s\t", (int)(last - key), key);
    return scp_str_format(out, size, "%.*s\t\t", (int)(middle - key), key);
}

/* Rows of one key averaged, NaN left out. */
static scp_status average(const scp_score_rows *r, const size_t *to, scp_score_rows *out)
{
    double *count = NULL;
    SCP_TRY(scp_alloc(out->n * r->n_cols, sizeof *count, &count));
    for (size_t i = 0; i < r->n; i++)
        for (size_t c = 0; c < r->n_cols; c++) {
            const double v = r->v[i * r->n_cols + c];
            if (isnan(v)) continue;
            out->v[to[i] * r->n_cols + c] += v;
            count[to[i] * r->n_cols + c]++;
        }
    for (size_t i = 0; i < out->n * r->n_cols; i++)
        out->v[i] = count[i] > 0 ? out->v[i] / count[i] : NAN;
    free(count);
    return SCP_OK;
}

/* The rows by fewer keys; lines are left out only where there is one. */
static scp_status reduce_keys(const scp_score_rows *r, bool line, bool plate, scp_score_rows *out)
{
    scp_names *names = NULL;
    size_t *to = NULL;
    scp_status st = SCP_OK;
    *out = (scp_score_rows){ .n_cols = r->n_cols, .has_line = line, .has_plate = plate };
    SCP_GOTO(done, scp_names_create(&names));
    SCP_GOTO(done, scp_alloc(r->n, sizeof *to, &to));
    SCP_GOTO(done, scp_alloc(r->n_cols, sizeof *out->name, &out->name));
    for (size_t c = 0; c < r->n_cols; c++) SCP_GOTO(done, scp_strdup(r->name[c], &out->name[c]));
    for (size_t i = 0; i < r->n; i++) {
        char key[KEY_BYTES];
        SCP_GOTO(done, cut_key(r->key[i], line, plate, key, sizeof key));
        SCP_GOTO(done, scp_names_add(names, key, &to[i]));
    }
    const size_t n = scp_names_count(names);
    SCP_GOTO(done, scp_alloc(n, sizeof *out->key, &out->key));
    SCP_GOTO(done, scp_alloc(n, sizeof *out->label, &out->label));
    SCP_GOTO(done, scp_alloc(n * r->n_cols, sizeof *out->v, &out->v));
    for (; out->n < n; out->n++) { /* both are there, or neither counts */
        SCP_GOTO(done, scp_strdup(scp_names_get(names, out->n), &out->key[out->n]));
        st = scp_strdup(out->key[out->n], &out->label[out->n]);
        if (st != SCP_OK) free(out->key[out->n]);
        if (st != SCP_OK) goto done;
    }
    st = average(r, to, out);
done:
    free(to);
    scp_names_destroy(&names);
    if (st != SCP_OK) scp_score_rows_fini(out);
    return st;
}

/* Has a file one cell line alone? Its labels end with it. */
static bool one_line(const scp_score_rows *r)
{
    const char *first = strrchr(r->label[0], '\t');
    for (size_t i = 1; i < r->n; i++)
        if (strcmp(strrchr(r->label[i], '\t'), first) != 0) return false;
    return true;
}

/* ---- two files ---- */

typedef struct pairing {
    int64_t *row_b; /* [a->n] row of b, -1: none */
    size_t *col_b;  /* [a->n_cols] column of b */
    size_t *col_a;
    double *a, *b; /* [n, n_cols] */
} pairing;

/* A key as a message shows it. */
static const char *show_key(const char *key, char text[KEY_BYTES])
{
    size_t n = 0;
    for (; *key && n + 2 < KEY_BYTES; key++) {
        text[n++] = *key == '\t' ? ',' : *key;
        if (*key == '\t') text[n++] = ' ';
    }
    text[n] = '\0';
    return text;
}

/* A key names one row: a second one would be averaged with it as if it were of another plate. */
static scp_status check_keys(const scp_score_rows *r, const char *which)
{
    scp_names *names = NULL;
    scp_status st = SCP_OK;
    size_t index;
    char text[KEY_BYTES];
    SCP_GOTO(done, scp_names_create(&names));
    for (size_t i = 0; i < r->n; i++) {
        SCP_GOTO(done, scp_names_add(names, r->key[i], &index));
        if (index != i)
            SCP_FAIL_GOTO(done, SCP_EDATA, "condition %s occurs twice in the %s of the two results",
                          show_key(r->key[i], text), which);
    }
done:
    scp_names_destroy(&names);
    return st;
}

static scp_status pair_rows(const scp_score_rows *a, const scp_score_rows *b, pairing *p,
                            scp_score_match *m)
{
    scp_names *names = NULL;
    scp_status st = SCP_OK;
    size_t index;
    SCP_GOTO(done, scp_alloc(a->n, sizeof *p->row_b, &p->row_b));
    SCP_GOTO(done, scp_names_create(&names));
    for (size_t i = 0; i < b->n; i++) SCP_GOTO(done, scp_names_add(names, b->key[i], &index));
    for (size_t i = 0; i < a->n; i++) {
        p->row_b[i] = scp_names_find(names, a->key[i]);
        if (p->row_b[i] >= 0)
            m->n++;
        else
            m->only_a++;
    }
    m->only_b = b->n > m->n ? b->n - m->n : 0;
    if (!m->n) {
        char first[2][KEY_BYTES];
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "the two files share no condition: the first of one is %s, "
                      "of the other %s",
                      show_key(a->key[0], first[0]), show_key(b->key[0], first[1]));
    }
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

static scp_status compare_rows(const scp_score_rows *a, const scp_score_rows *b, int64_t resamples,
                               int64_t seed, scp_score_match *out)
{
    pairing p = { 0 };
    scp_status st = SCP_OK;
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
    return st;
}

/* The names of metrics are a's, which outlives its reduced form. */
static void keep_names(const scp_score_rows *a, scp_score_match *m)
{
    for (size_t c = 0; c < m->n_cols; c++)
        for (size_t k = 0; k < a->n_cols; k++)
            if (strcmp(m->name[c], a->name[k]) == 0) {
                m->name[c] = a->name[k];
                break;
            }
}

scp_status scp_score_rows_compare(const scp_score_rows *a, const scp_score_rows *b,
                                  int64_t resamples, int64_t seed, scp_score_match *out)
{
    SCP_ARG(a && b && out, "two files and a result are required");
    const bool line = a->has_line && b->has_line, plate = a->has_plate && b->has_plate;
    const scp_score_rows *of[] = { a, b };
    scp_score_rows less[2] = { { 0 } };
    scp_status st = SCP_OK;
    *out = (scp_score_match){ 0 };
    SCP_TRY(check_keys(a, "first"));
    SCP_TRY(check_keys(b, "second"));
    for (int k = 0; k < 2; k++) {
        if (of[k]->has_line && !line && !one_line(of[k]))
            SCP_FAIL_GOTO(done, SCP_EDATA,
                          "one file has several cell lines, the other none: cell-eval pools them "
                          "unless it is given --celltype-col, and then writes LINE_results.csv");
        if (of[k]->has_line == line && of[k]->has_plate == plate) continue;
        SCP_GOTO(done, reduce_keys(of[k], line, plate, &less[k]));
        of[k] = &less[k];
    }
    SCP_GOTO(done, compare_rows(of[0], of[1], resamples, seed, out));
    keep_names(a, out);
done:
    scp_score_rows_fini(&less[0]);
    scp_score_rows_fini(&less[1]);
    if (st != SCP_OK) scp_score_match_fini(out);
    return st;
}

void scp_score_match_fini(scp_score_match *m)
{
    free(m->name);
    free(m->comparison);
    *m = (scp_score_match){ 0 };
}
