/* JSON by jansson, see json.h. scp_json is only a name for json_t. */
#include "base/json.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/fs.h"

/* jansson takes no const for reads that do not change a value. */
static json_t *as_jansson(const scp_json *v)
{
    return (json_t *)(uintptr_t)v;
}

scp_status scp_json_parse(const char *text, size_t len, const char *name, scp_json **out)
{
    json_error_t why;
    SCP_ARG(text && name && out, "text, name and result are required");
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    *out = (scp_json *)root;
    if (!root) SCP_FAIL(SCP_EDATA, "%s:%d: not valid JSON: %s", name, why.line, why.text);
    return SCP_OK;
}

scp_status scp_json_load(const char *path, scp_json **out)
{
    char *text;
    size_t len;
    *out = NULL;
    SCP_TRY(scp_fs_read_text(path, &text, &len));
    scp_status st = scp_json_parse(text, len, path, out);
    free(text);
    return st;
}

void scp_json_destroy(scp_json **v)
{
    if (!v || !*v) return;
    json_decref((json_t *)*v);
    *v = NULL;
}

scp_json_kind scp_json_kind_of(const scp_json *v)
{
    if (!v) return SCP_JSON_NULL;
    switch (json_typeof(as_jansson(v))) {
    case JSON_OBJECT:
        return SCP_JSON_OBJECT;
    case JSON_ARRAY:
        return SCP_JSON_LIST;
    case JSON_STRING:
        return SCP_JSON_TEXT;
    case JSON_INTEGER:
        return SCP_JSON_INT;
    case JSON_REAL:
        return SCP_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return SCP_JSON_BOOL;
    case JSON_NULL:
        break;
    }
    return SCP_JSON_NULL;
}

size_t scp_json_count(const scp_json *v)
{
    const json_t *j = as_jansson(v);
    return json_is_array(j) ? json_array_size(j) : json_object_size(j);
}

const scp_json *scp_json_get(const scp_json *object, const char *key)
{
    return (const scp_json *)json_object_get(as_jansson(object), key);
}

const scp_json *scp_json_at(const scp_json *list, size_t i)
{
    return (const scp_json *)json_array_get(as_jansson(list), i);
}

bool scp_json_next(const scp_json *object, void **iter, const char **key, const scp_json **value)
{
    json_t *o = as_jansson(object);
    *iter = *iter ? json_object_iter_next(o, *iter) : json_object_iter(o);
    if (!*iter) return false;
    *key = json_object_iter_key(*iter);
    *value = (const scp_json *)json_object_iter_value(*iter);
    return true;
}

static scp_status wrong_kind(const scp_json *v, const char *what, const char *want)
{
    static const char *const names[] = { "null",   "true or false", "an integer", "a real",
                                         "a text", "a list",        "an object" };
    SCP_FAIL(SCP_EDATA, "%s should be %s and is %s", what, want,
             v ? names[scp_json_kind_of(v)] : "missing");
}

scp_status scp_json_as_int(const scp_json *v, const char *what, int64_t *out)
{
    if (scp_json_kind_of(v) != SCP_JSON_INT) return wrong_kind(v, what, "an integer");
    *out = json_integer_value(as_jansson(v));
    return SCP_OK;
}

scp_status scp_json_as_real(const scp_json *v, const char *what, double *out)
{
    scp_json_kind kind = scp_json_kind_of(v);
    if (kind != SCP_JSON_REAL && kind != SCP_JSON_INT) return wrong_kind(v, what, "a number");
    *out = json_number_value(as_jansson(v));
    return SCP_OK;
}

scp_status scp_json_as_bool(const scp_json *v, const char *what, bool *out)
{
    if (scp_json_kind_of(v) != SCP_JSON_BOOL) return wrong_kind(v, what, "true or false");
    *out = json_is_true(as_jansson(v));
    return SCP_OK;
}

scp_status scp_json_as_text(const scp_json *v, const char *what, const char **out)
{
    if (scp_json_kind_of(v) != SCP_JSON_TEXT) return wrong_kind(v, what, "a text");
    *out = json_string_value(as_jansson(v));
    return SCP_OK;
}
