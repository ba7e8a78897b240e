/* What the files of src/conf share. Private. */
#ifndef SCP_CONF_CONF_IMPL_H
#define SCP_CONF_CONF_IMPL_H

#include "conf/option.h"

/* A walk over the rows of all groups: start with {groups, NULL}. */
typedef struct scp_conf_walk {
    const scp_option_group *group;
    const scp_option *row;
} scp_conf_walk;

/** Next row; false at the end. w->group is the group of w->row. */
bool scp_conf_next(scp_conf_walk *w);

/** Row by key, or also by alias. w->row NULL when there is none. */
scp_conf_walk scp_conf_find(const scp_option_group *groups, const char *key, bool by_alias);

/** The member of the settings that a row describes. */
static inline void *scp_conf_field(scp_conf_walk w, const void *settings)
{
    return (char *)(uintptr_t)settings + w.group->base + w.row->offset;
}

/** SCP_EUSAGE "where: key is not a setting; did you mean ...?". */
scp_status scp_conf_unknown(const scp_option_group *groups, const char *key, const char *where);

/* A value before it has a type: a scalar, a list of scalars, or nothing (`key:` in YAML). */
typedef struct scp_conf_value {
    const char *const *items;
    size_t n;
    bool list;
    const char *where; /* for messages: "run.yaml:12" */
} scp_conf_value;

/** Parse by the row's type, check the range, store into *field; on an error *field is unchanged. */
scp_status scp_value_store(const scp_option *row, void *field, const scp_conf_value *value)
    SCP_MUST_USE;
/** Zero of the type; frees what was there. */
void scp_value_clear(const scp_option *row, void *field);
/** As YAML: 1, 0.5, true, name, "quoted text", [1, 2], ~. */
scp_status scp_value_print(const scp_option *row, const void *field, scp_strbuf *out) SCP_MUST_USE;
/** What a value should be: "an integer from 1 to 100", "one of adam, sgd". */
scp_status scp_value_describe(const scp_option *row, scp_strbuf *out) SCP_MUST_USE;
/** Place holder in --help: N, X, TEXT, a|b|c, N,... */
const char *scp_value_placeholder(const scp_option *row);

/* Options of every program, which have no row. */
typedef struct scp_conf_common {
    const char *flags;    /* as shown: "-h, --help"     */
    const char *long_name; /* "--help"                  */
    const char *help;
} scp_conf_common;
extern const scp_conf_common scp_conf_commons[]; /* ends with NULL flags */

#endif
