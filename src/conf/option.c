/* The table as a whole: look-up, defaults, one key from text, clean-up. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/conf_impl.h"

bool scp_conf_next(scp_conf_walk *w)
{
    const scp_option *next = w->row ? w->row + 1 : w->group->rows;
    while (next && !next->key) next = (++w->group)->rows; /* empty groups are skipped */
    w->row = next;
    return next != NULL;
}

scp_conf_walk scp_conf_find(const scp_option_group *groups, const char *key, bool by_alias)
{
    scp_conf_walk w = { .group = groups };
    while (scp_conf_next(&w)) {
        if (strcmp(w.row->key, key) == 0) break;
        if (by_alias && w.row->alias && strcmp(w.row->alias, key) == 0) break;
    }
    return w;
}

/* Spelling distance to a dotted name; its last part alone is a near miss. */
static size_t distance(const char *name, const char *key)
{
    const char *last = strrchr(name, '.');
    size_t whole = scp_str_distance(name, key);
    if (!last) return whole;
    size_t part = scp_str_distance(last + 1, key) + 1;
    return part < whole ? part : whole;
}

scp_status scp_conf_unknown(const scp_option_group *groups, const char *key, const char *where)
{
    const char *nearest = NULL;
    size_t least = strlen(key) / 3 > 2 ? strlen(key) / 3 : 2;
    for (scp_conf_walk w = { .group = groups }; scp_conf_next(&w);) {
        size_t d = distance(w.row->key, key);
        size_t by_alias = w.row->alias ? distance(w.row->alias, key) : SIZE_MAX;
        if (by_alias < d) d = by_alias;
        if (d > least || (nearest && d == least)) continue;
        nearest = w.row->key;
        least = d;
    }
    if (nearest)
        SCP_FAIL(SCP_EUSAGE, "%s: \"%s\" is not a setting; did you mean \"%s\"?", where, key,
                 nearest);
    SCP_FAIL(SCP_EUSAGE, "%s: \"%s\" is not a setting; --help lists all of them", where, key);
}

static scp_status check_unique(const scp_option_group *groups, scp_names *names)
{
    for (scp_conf_walk w = { .group = groups }; scp_conf_next(&w);)
        for (int i = 0; i < 2; i++) {
            const char *name = i == 0 ? w.row->key : w.row->alias;
            if (!name) continue;
            if (scp_names_find(names, name) >= 0)
                SCP_FAIL(SCP_EINTERNAL, "two settings are called \"%s\"", name);
            SCP_TRY(scp_names_add(names, name, NULL));
        }
    return SCP_OK;
}

scp_status scp_conf_defaults(const scp_option_group *groups, void *settings)
{
    scp_status st = SCP_OK;
    scp_names *names = NULL;
    SCP_ARG(groups && settings, "option groups and settings are required");
    SCP_GOTO(done, scp_names_create(&names));
    SCP_GOTO(done, check_unique(groups, names));
    for (scp_conf_walk w = { .group = groups }; scp_conf_next(&w);) {
        void *field = scp_conf_field(w, settings);
        scp_conf_value value = { .items = &w.row->def, .n = 1, .where = "default" };
        scp_value_clear(w.row, field);
        if (w.row->def && scp_value_store(w.row, field, &value) != SCP_OK) {
            st = scp_err_frame(SCP_EINTERNAL, __FILE__, __LINE__, "scp_conf_defaults");
            goto done;
        }
    }
done:
    scp_names_destroy(&names);
    return st;
}

scp_status scp_conf_set(const scp_option_group *groups, void *settings, const char *key,
                        const char *value, const char *where)
{
    SCP_ARG(groups && settings && key && value && where, "all arguments are required");
    scp_conf_walk w = scp_conf_find(groups, key, true);
    if (!w.row) return scp_conf_unknown(groups, key, where);
    scp_conf_value v = { .items = &value, .n = 1, .where = where };
    return scp_value_store(w.row, scp_conf_field(w, settings), &v);
}

void scp_conf_fini(const scp_option_group *groups, void *settings)
{
    for (scp_conf_walk w = { .group = groups }; scp_conf_next(&w);)
        scp_value_clear(w.row, scp_conf_field(w, settings));
}

const scp_conf_common scp_conf_commons[] = {
    { "--config=FILE", "--config", "Merge settings from a YAML file; may be given several times." },
    { "--set KEY=VALUE", "--set",
      "Change one setting after all files; may be given several times." },
    { "--print-config", "--print-config", "Print all settings as YAML and exit." },
    { "-v, --verbose", "--verbose", "Say more on standard error." },
    { "-q, --quiet", "--quiet", "Print warnings and errors only; twice: errors only." },
    { "-h, --help", "--help", "Print this text and exit." },
    { "--version", "--version", "Print version, build features and library versions and exit." },
    { "--help-man", "--help-man", "Print the manual page in roff and exit." },
    { "--completion", "--completion", "Print completion rules for bash and exit." },
    { 0 },
};
