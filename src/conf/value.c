/* One value: from text by the row's type and range, and back to YAML. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/conf_impl.h"

static bool is_list(const scp_option *row)
{
    return row->type == SCP_OPT_INTS || row->type == SCP_OPT_REALS || row->type == SCP_OPT_TEXTS;
}

void scp_value_clear(const scp_option *row, void *field)
{
    switch (row->type) {
    case SCP_OPT_BOOL:
        *(bool *)field = false;
        break;
    case SCP_OPT_INT:
        *(int64_t *)field = 0;
        break;
    case SCP_OPT_REAL:
        *(double *)field = 0;
        break;
    case SCP_OPT_ENUM:
        *(int *)field = 0;
        break;
    case SCP_OPT_TEXT:
        free(*(char **)field);
        *(char **)field = NULL;
        break;
    case SCP_OPT_INTS:
        free(((scp_int_list *)field)->v);
        *(scp_int_list *)field = (scp_int_list){ 0 };
        break;
    case SCP_OPT_REALS:
        free(((scp_real_list *)field)->v);
        *(scp_real_list *)field = (scp_real_list){ 0 };
        break;
    case SCP_OPT_TEXTS: {
        scp_text_list *list = field;
        for (size_t i = 0; i < list->n; i++) free(list->v[i]);
        free(list->v);
        *list = (scp_text_list){ 0 };
    }
    }
}

static scp_status describe_range(const scp_option *row, scp_strbuf *out)
{
    char low[SCP_REAL_TEXT], high[SCP_REAL_TEXT];
    bool has_low = (row->min != 0 || row->max != 0) && isfinite(row->min);
    bool has_high = (row->min != 0 || row->max != 0) && isfinite(row->max) && row->max >= row->min;
    scp_print_real(row->min, low);
    scp_print_real(row->max, high);
    if (has_low && has_high) return scp_strbuf_addf(out, " from %s to %s", low, high);
    if (has_low) return scp_strbuf_addf(out, " of at least %s", low);
    if (has_high) return scp_strbuf_addf(out, " of at most %s", high);
    return SCP_OK;
}

scp_status scp_value_describe(const scp_option *row, scp_strbuf *out)
{
    static const char *const nouns[] = { [SCP_OPT_BOOL] = "true or false",
                                         [SCP_OPT_INT] = "an integer",
                                         [SCP_OPT_REAL] = "a number",
                                         [SCP_OPT_TEXT] = "a text",
                                         [SCP_OPT_ENUM] = "one of ",
                                         [SCP_OPT_INTS] = "a list of integers",
                                         [SCP_OPT_REALS] = "a list of numbers",
                                         [SCP_OPT_TEXTS] = "a list of texts" };
    SCP_TRY(scp_strbuf_addf(out, "%s", nouns[row->type]));
    if (row->type != SCP_OPT_ENUM) return describe_range(row, out);
    for (const char *c = row->choices; *c; c++)
        SCP_TRY(scp_strbuf_addn(out, *c == '|' ? ", " : c, *c == '|' ? 2 : 1));
    return SCP_OK;
}

const char *scp_value_placeholder(const scp_option *row)
{
    static const char *const words[] = { [SCP_OPT_BOOL] = "",
                                         [SCP_OPT_INT] = "N",
                                         [SCP_OPT_REAL] = "X",
                                         [SCP_OPT_TEXT] = "TEXT",
                                         [SCP_OPT_INTS] = "N,N...",
                                         [SCP_OPT_REALS] = "X,X...",
                                         [SCP_OPT_TEXTS] = "TEXT,TEXT..." };
    return row->type == SCP_OPT_ENUM ? row->choices : words[row->type];
}

static scp_status reject(const scp_option *row, const char *text, const char *where)
{
    scp_strbuf want = { 0 };
    scp_status st = scp_value_describe(row, &want);
    if (st == SCP_OK)
        st = scp_err_raise(SCP_EUSAGE, __FILE__, __LINE__, NULL,
                           "%s: %s should be %s and is \"%s\"", where, row->key, want.text, text);
    scp_strbuf_fini(&want);
    return st;
}

static bool in_range(const scp_option *row, double x)
{
    if (row->min == 0 && row->max == 0) return true;
    return x >= row->min && (row->max < row->min || x <= row->max);
}

static bool parse_bool(const char *text, bool *out)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i % 2;
            return true;
        }
    return false;
}

/* Index of text among "a|b|c", -1 when it is none of them. */
static int parse_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);
    int i = 0;
    for (const char *c = choices; c; i++) {
        const char *end = strchr(c, '|');
        if ((end ? (size_t)(end - c) : strlen(c)) == len && strncmp(c, text, len) == 0) return i;
        c = end ? end + 1 : NULL;
    }
    return -1;
}

static scp_status store_item(const scp_option *row, void *at, const char *text, const char *where)
{
    bool good = true;
    switch (row->type) {
    case SCP_OPT_BOOL:
        good = parse_bool(text, at);
        break;
    case SCP_OPT_INT:
    case SCP_OPT_INTS: {
        int64_t x = 0;
        good = scp_parse_int(text, &x) == SCP_OK && in_range(row, (double)x);
        if (good) *(int64_t *)at = x;
        break;
    }
    case SCP_OPT_REAL:
    case SCP_OPT_REALS: {
        double x = 0;
        good = scp_parse_real(text, &x) == SCP_OK && in_range(row, x);
        if (good) *(double *)at = x;
        break;
    }
    case SCP_OPT_ENUM: {
        int i = parse_choice(row->choices, text);
        good = i >= 0;
        if (good) *(int *)at = i;
        break;
    }
    case SCP_OPT_TEXT:
    case SCP_OPT_TEXTS: {
        char *copy;
        SCP_TRY(scp_strdup(text, &copy));
        free(*(char **)at);
        *(char **)at = copy;
    }
    }
    return good ? SCP_OK : reject(row, text, where);
}

/* The three list structs have the same shape: a pointer and a count; all items are 8 bytes wide. */
static scp_status store_list(const scp_option *row, void *field, const scp_conf_value *value)
{
    _Static_assert(sizeof(int64_t) == sizeof(double) && sizeof(double) == sizeof(char *),
                   "list items of one width");
    scp_status st = SCP_OK;
    scp_text_list list = { 0 };
    SCP_TRY(scp_alloc(value->n, sizeof *list.v, &list.v));
    list.n = value->n;
    for (size_t i = 0; i < value->n; i++)
        SCP_GOTO(fail, store_item(row, &list.v[i], value->items[i], value->where));
    scp_value_clear(row, field);
    memcpy(field, &list, sizeof list);
    return SCP_OK;
fail:
    scp_value_clear(row, &list);
    return st;
}

/* "a,b,c" or "[a, b, c]" as a list. */
static scp_status store_split(const scp_option *row, void *field, const char *text,
                              const char *where)
{
    scp_status st = SCP_OK;
    char *copy, **items = NULL;
    SCP_TRY(scp_strdup(text, &copy));
    char *body = scp_str_trim(copy);
    size_t len = strlen(body);
    if (len >= 2 && body[0] == '[' && body[len - 1] == ']') {
        body[len - 1] = '\0';
        body = scp_str_trim(body + 1);
    }
    SCP_GOTO(done, scp_alloc(strlen(body) + 1, sizeof *items, &items));
    size_t n = *body ? scp_str_split(body, ',', items, strlen(body) + 1) : 0;
    for (size_t i = 0; i < n; i++) items[i] = scp_str_trim(items[i]);
    scp_conf_value list = {
        .items = (const char *const *)items, .n = n, .list = true, .where = where
    };
    SCP_GOTO(done, store_list(row, field, &list));
done:
    free(items);
    free(copy);
    return st;
}

scp_status scp_value_store(const scp_option *row, void *field, const scp_conf_value *value)
{
    if (is_list(row) && value->list) return store_list(row, field, value);
    if (value->list) return reject(row, "a list", value->where);
    if (value->n == 0 && (row->type == SCP_OPT_TEXT || is_list(row))) {
        scp_value_clear(row, field);
        return SCP_OK;
    }
    if (value->n == 0) return reject(row, "", value->where);
    if (is_list(row)) return store_split(row, field, value->items[0], value->where);
    return store_item(row, field, value->items[0], value->where);
}

/* Texts that other YAML readers would take for something else are quoted, too. */
static scp_status print_text(const char *s, scp_strbuf *out)
{
    static const char *const words[] = {
        "true", "false", "yes", "no", "on", "off", "null", "y", "n"
    };
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    bool plain = *s && s[strspn(s, safe)] == '\0' && strchr(safe, *s) < strchr(safe, '0');
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(s, words[i]) == 0) plain = false;
    if (plain) return scp_strbuf_addf(out, "%s", s);
    SCP_TRY(scp_strbuf_addn(out, "\"", 1));
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            SCP_TRY(scp_strbuf_addf(out, "\\%c", c));
        else if (c < 0x20 || c == 0x7f)
            SCP_TRY(scp_strbuf_addf(out, "\\x%02x", c));
        else
            SCP_TRY(scp_strbuf_addn(out, s, 1));
    }
    return scp_strbuf_addn(out, "\"", 1);
}

static scp_status print_item(const scp_option *row, const void *at, scp_strbuf *out)
{
    char number[SCP_REAL_TEXT];
    switch (row->type) {
    case SCP_OPT_BOOL:
        return scp_strbuf_addf(out, "%s", *(const bool *)at ? "true" : "false");
    case SCP_OPT_INT:
    case SCP_OPT_INTS:
        return scp_strbuf_addf(out, "%" PRId64, *(const int64_t *)at);
    case SCP_OPT_REAL:
    case SCP_OPT_REALS:
        return scp_strbuf_addf(out, "%s", scp_print_real(*(const double *)at, number));
    case SCP_OPT_ENUM: {
        const char *c = row->choices;
        for (int i = 0; i < *(const int *)at; i++) c = strchr(c, '|') + 1;
        return scp_strbuf_addn(out, c, strcspn(c, "|"));
    }
    case SCP_OPT_TEXT:
    case SCP_OPT_TEXTS:
        break;
    }
    const char *text = *(char *const *)at;
    return text ? print_text(text, out) : scp_strbuf_addn(out, "~", 1);
}

scp_status scp_value_print(const scp_option *row, const void *field, scp_strbuf *out)
{
    if (!is_list(row)) return print_item(row, field, out);
    scp_text_list list; /* any of the three lists, see store_list */
    memcpy(&list, field, sizeof list);
    SCP_TRY(scp_strbuf_addn(out, "[", 1));
    for (size_t i = 0; i < list.n; i++) {
        if (i > 0) SCP_TRY(scp_strbuf_addn(out, ", ", 2));
        SCP_TRY(print_item(row, &list.v[i], out));
    }
    return scp_strbuf_addn(out, "]", 1);
}
