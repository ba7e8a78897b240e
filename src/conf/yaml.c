/* YAML settings: libyaml's events, flattened to dotted keys and typed by the option table, so that
 * `no` stays a text where a text is due and 1e-4 is a number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/fs.h"
#include "base/mem.h"
#include "conf/conf_impl.h"

enum { MAX_DEPTH = 16, MAX_BYTES = 1 << 20, KEY_BYTES = 512, MAX_ITEMS = 100000 };

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; freed by the next step */
    const char *name;
    const scp_option_group *groups;
    void *settings;
    scp_names *seen; /* dotted keys so far      */
    size_t *lines;   /* and where they stand    */
    size_t lines_cap;
    char where[SCP_PATH_MAX + 32];
} reader;

static scp_status step(reader *r)
{
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event))
        SCP_FAIL(SCP_EUSAGE, "%s:%zu: not valid YAML: %s", r->name, r->parser.problem_mark.line + 1,
                 r->parser.problem ? r->parser.problem : "unknown error");
    snprintf(r->where, sizeof r->where, "%s:%zu", r->name, r->event.start_mark.line + 1);
    if (r->event.type == YAML_ALIAS_EVENT)
        SCP_FAIL(SCP_EUSAGE, "%s: YAML aliases are not read here, write the value out", r->where);
    return SCP_OK;
}

static const char *scalar(const reader *r)
{
    return (const char *)r->event.data.scalar.value;
}

static bool is_null(const reader *r)
{
    const char *s = scalar(r);
    return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (*s == '\0' || strcmp(s, "~") == 0 || strcmp(s, "null") == 0);
}

static scp_status remember(reader *r, const char *key)
{
    int64_t before = scp_names_find(r->seen, key);
    if (before >= 0)
        SCP_FAIL(SCP_EUSAGE, "%s: \"%s\" is given twice, first in line %zu", r->where, key,
                 r->lines[before]);
    size_t i;
    SCP_TRY(scp_names_add(r->seen, key, &i));
    SCP_TRY(scp_grow(&r->lines, &r->lines_cap, i + 1, sizeof *r->lines));
    r->lines[i] = r->event.start_mark.line + 1;
    return SCP_OK;
}

static scp_status store(reader *r, const char *key, const char *const *items, size_t n, bool list,
                        const char *where)
{
    scp_conf_walk w = scp_conf_find(r->groups, key, false);
    if (!w.row) return scp_conf_unknown(r->groups, key, where);
    scp_conf_value value = { .items = items, .n = n, .list = list, .where = where };
    return scp_value_store(w.row, scp_conf_field(w, r->settings), &value);
}

static scp_status read_list(reader *r, const char *key)
{
    scp_status st = SCP_OK;
    char **items = NULL, where[sizeof r->where];
    size_t n = 0, cap = 0;
    memcpy(where, r->where, sizeof where);
    SCP_GOTO(done, scp_grow(&items, &cap, 1, sizeof *items));
    for (;;) {
        SCP_GOTO(done, step(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) break;
        if (r->event.type != YAML_SCALAR_EVENT)
            SCP_FAIL_GOTO(done, SCP_EUSAGE, "%s: an item of %s is not a plain value", r->where,
                          key);
        if (n >= MAX_ITEMS)
            SCP_FAIL_GOTO(done, SCP_EUSAGE, "%s: %s has more than %d items", r->where, key,
                          MAX_ITEMS);
        SCP_GOTO(done, scp_grow(&items, &cap, n + 1, sizeof *items));
        SCP_GOTO(done, scp_strdup(scalar(r), &items[n]));
        n++;
    }
    SCP_GOTO(done, store(r, key, (const char *const *)items, n, true, where));
done:
    scp_fs_list_free(items, n);
    return st;
}

/* The inside of a map whose start has been read; `prefix` is "" or "train.". */
static scp_status read_map(reader *r, const char *prefix, int depth)
{
    if (depth > MAX_DEPTH)
        SCP_FAIL(SCP_EUSAGE, "%s: maps are nested deeper than %d", r->where, MAX_DEPTH);
    for (;;) {
        char key[KEY_BYTES];
        SCP_TRY(step(r));
        if (r->event.type == YAML_MAPPING_END_EVENT) return SCP_OK;
        if (r->event.type != YAML_SCALAR_EVENT)
            SCP_FAIL(SCP_EUSAGE, "%s: a key has to be a plain word", r->where);
        SCP_TRY(scp_str_format(key, sizeof key, "%s%s", prefix, scalar(r)));
        SCP_TRY(remember(r, key));
        SCP_TRY(step(r));
        if (r->event.type == YAML_SCALAR_EVENT) {
            const char *text = scalar(r);
            SCP_TRY(store(r, key, &text, is_null(r) ? 0 : 1, false, r->where));
        } else if (r->event.type == YAML_SEQUENCE_START_EVENT) {
            SCP_TRY(read_list(r, key));
        } else {
            if (scp_conf_find(r->groups, key, false).row)
                SCP_FAIL(SCP_EUSAGE, "%s: %s is a single setting and has no keys below it",
                         r->where, key);
            char below[KEY_BYTES];
            SCP_TRY(scp_str_format(below, sizeof below, "%s.", key));
            SCP_TRY(read_map(r, below, depth + 1));
        }
    }
}

static scp_status read_stream(reader *r)
{
    SCP_TRY(step(r)); /* stream start */
    SCP_TRY(step(r)); /* document start, or the end of an empty file */
    if (r->event.type == YAML_STREAM_END_EVENT) return SCP_OK;
    SCP_TRY(step(r));
    if (r->event.type == YAML_MAPPING_START_EVENT)
        SCP_TRY(read_map(r, "", 1));
    else if (!(r->event.type == YAML_SCALAR_EVENT && is_null(r)))
        SCP_FAIL(SCP_EUSAGE, "%s: settings are \"key: value\" lines", r->where);
    SCP_TRY(step(r)); /* document end */
    SCP_TRY(step(r));
    if (r->event.type != YAML_STREAM_END_EVENT)
        SCP_FAIL(SCP_EUSAGE, "%s: a second document; settings are one document", r->where);
    return SCP_OK;
}

scp_status scp_conf_load_text(const scp_option_group *groups, void *settings, const char *text,
                              size_t len, const char *name)
{
    scp_status st = SCP_OK;
    SCP_ARG(groups && settings && text && name, "all arguments are required");
    if (len > MAX_BYTES)
        SCP_FAIL(SCP_EUSAGE, "%s has %zu bytes, settings have at most %d", name, len, MAX_BYTES);
    reader r = { .name = name, .groups = groups, .settings = settings };
    if (!yaml_parser_initialize(&r.parser)) SCP_FAIL(SCP_ENOMEM, "cannot create a YAML parser");
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    SCP_GOTO(done, scp_names_create(&r.seen));
    SCP_GOTO(done, read_stream(&r));
done:
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    scp_names_destroy(&r.seen);
    free(r.lines);
    return st;
}

scp_status scp_conf_load(const scp_option_group *groups, void *settings, const char *path)
{
    char *text;
    size_t len;
    SCP_TRY(scp_fs_read_text(path, &text, &len));
    scp_status st = scp_conf_load_text(groups, settings, text, len, path);
    free(text);
    return st;
}
