/* What differs between two dumps of settings, see option.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/option.h"

enum { MAX_DEPTH = 8, MAX_SHOWN = 8, KEY_BYTES = 256 };

/* A walk over the lines of a dump: nested maps with two blanks a level. */
typedef struct dump_walk {
    const char *at;
    size_t end[MAX_DEPTH]; /* of the key's part at each level */
    char key[KEY_BYTES];
    const char *value;
    size_t len; /* of value */
} dump_walk;

/* Take over the key of a line at its level; false when it is not what scp_conf_dump writes. */
static bool take_key(dump_walk *w, const char *name, size_t len, size_t depth)
{
    size_t start = depth > 0 ? w->end[depth - 1] : 0;
    if (depth >= MAX_DEPTH || start + len + 2 > sizeof w->key) return false;
    if (start > 0) w->key[start++] = '.';
    memcpy(w->key + start, name, len);
    w->key[start + len] = '\0';
    w->end[depth] = start + len;
    return true;
}

/* The next key with a value; false at the end. */
static bool next_value(dump_walk *w)
{
    while (*w->at) {
        const char *line = w->at, *end = line + strcspn(line, "\n");
        size_t blanks = strspn(line, " ");
        const char *name = line + blanks, *colon = memchr(name, ':', (size_t)(end - name));
        w->at = *end ? end + 1 : end;
        if (!colon || !take_key(w, name, (size_t)(colon - name), blanks / 2)) continue;
        w->value = colon + 1 + strspn(colon + 1, " ");
        if (w->value >= end) continue; /* a map, whose keys follow */
        w->len = (size_t)(end - w->value);
        return true;
    }
    return false;
}

/* The value of a key in a dump, *len 0 when it is not there. */
static const char *find(const char *text, const char *key, size_t *len)
{
    dump_walk w = { .at = text };
    *len = 0;
    while (next_value(&w))
        if (strcmp(w.key, key) == 0) {
            *len = w.len;
            return w.value;
        }
    return NULL;
}

static scp_status show(scp_strbuf *out, const char *key, const char *old, size_t n_old,
                       const char *now, size_t n_now, size_t n)
{
    if (n > MAX_SHOWN) return SCP_OK;
    return scp_strbuf_addf(out, "%s%s was %.*s, is now %.*s", n > 1 ? "; " : "", key,
                           old ? (int)n_old : 7, old ? old : "not set", now ? (int)n_now : 7,
                           now ? now : "not set");
}

scp_status scp_conf_diff(const char *old, const char *before, const char *now, const char *prefix,
                         scp_strbuf *out, size_t *n)
{
    SCP_ARG(old && now && prefix && out, "texts and a buffer are required");
    size_t found = 0, len;
    const char *other;
    for (dump_walk w = { .at = old }; next_value(&w);) {
        if (strncmp(w.key, prefix, strlen(prefix)) != 0) continue;
        other = find(now, w.key, &len);
        if (!other || len != w.len || memcmp(other, w.value, len) != 0)
            SCP_TRY(show(out, w.key, w.value, w.len, other, len, ++found));
    }
    for (dump_walk w = { .at = now }; next_value(&w);) {
        if (strncmp(w.key, prefix, strlen(prefix)) != 0 || find(old, w.key, &len)) continue;
        other = find(before ? before : "", w.key, &len);
        if (!other || len != w.len || memcmp(other, w.value, len) != 0)
            SCP_TRY(show(out, w.key, other, len, w.value, w.len, ++found));
    }
    if (found > MAX_SHOWN) SCP_TRY(scp_strbuf_addf(out, "; and %zu more", found - MAX_SHOWN));
    if (n) *n = found;
    return SCP_OK;
}
