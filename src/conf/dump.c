/* Settings as nested YAML. Keys of one map come together in the order of their first row. */
#include <string.h>

#include "conf/conf_impl.h"

/* Has an earlier row than `now` the same key up to and including `len` characters? */
static bool seen_before(const scp_option_group *groups, const scp_option *now, size_t len)
{
    for (scp_conf_walk w = { .group = groups }; scp_conf_next(&w) && w.row != now;)
        if (strncmp(w.row->key, now->key, len) == 0) return true;
    return false;
}

/* All rows whose key starts with the first `len` characters of `prefix`. */
static scp_status dump_map(const scp_option_group *groups, const void *settings, const char *prefix,
                           size_t len, int depth, scp_strbuf *out)
{
    for (scp_conf_walk w = { .group = groups }; scp_conf_next(&w);) {
        if (strncmp(w.row->key, prefix, len) != 0) continue;
        const char *name = w.row->key + len, *dot = strchr(name, '.');
        if (!dot) {
            SCP_TRY(scp_strbuf_addf(out, "%*s%s: ", 2 * depth, "", name));
            SCP_TRY(scp_value_print(w.row, scp_conf_field(w, settings), out));
            SCP_TRY(scp_strbuf_addn(out, "\n", 1));
            continue;
        }
        size_t below = (size_t)(dot + 1 - w.row->key);
        if (seen_before(groups, w.row, below)) continue;
        SCP_TRY(scp_strbuf_addf(out, "%*s%.*s:\n", 2 * depth, "", (int)(dot - name), name));
        SCP_TRY(dump_map(groups, settings, w.row->key, below, depth + 1, out));
    }
    return SCP_OK;
}

scp_status scp_conf_dump(const scp_option_group *groups, const void *settings, scp_strbuf *out)
{
    SCP_ARG(groups && settings && out, "all arguments are required");
    return dump_map(groups, settings, "", 0, 0, out);
}
