/* The option table: one row per setting gives the default, the type and range check, YAML and
 * --set parsing, --help, --print-config, the man page and the completion file.
 *
 * A program owns a plain struct with its settings and a table of rows that point into it. Order of
 * precedence: defaults < --config FILE (repeatable) < --set KEY=VALUE < --KEY=VALUE.
 * Keys are dotted ("train.steps"); as a long option the same key is "--train.steps=100", and a row
 * may have an alias without dots ("--steps=100"). */
#ifndef SCP_CONF_OPTION_H
#define SCP_CONF_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef enum scp_opt_type {
    SCP_OPT_BOOL, /* bool                                       */
    SCP_OPT_INT,  /* int64_t                                    */
    SCP_OPT_REAL, /* double                                     */
    SCP_OPT_TEXT, /* char *, owned by the settings struct; NULL when def is NULL and none was set */
    SCP_OPT_ENUM, /* int: index into choices                    */
    SCP_OPT_INTS, /* scp_int_list: [1, 2, 3] or "1,2,3"         */
    SCP_OPT_REALS,/* scp_real_list                              */
    SCP_OPT_TEXTS /* scp_text_list: input files and the like    */
} scp_opt_type;

typedef struct scp_int_list { int64_t *v; size_t n; } scp_int_list;
typedef struct scp_real_list { double *v; size_t n; } scp_real_list;
typedef struct scp_text_list { char **v; size_t n; } scp_text_list;

typedef struct scp_option {
    const char *key;     /* dotted name; NULL ends a table                                        */
    const char *alias;   /* long option without dots, or NULL                                     */
    scp_opt_type type;
    size_t offset;       /* offsetof(struct, member)                                              */
    const char *def;     /* default as text, parsed like any value; NULL: 0, false, NULL, empty   */
    double min, max;     /* range of INT, REAL and list items; both 0: no range; max < min: no
                            upper end                                                             */
    const char *choices; /* ENUM: "a|b|c"                                                         */
    const char *unit;    /* e.g. "uM", "steps"; NULL when none                                    */
    const char *help;    /* one sentence                                                          */
    const char *source;  /* where the default comes from: "paper App. D", "scDiffusion"; or NULL  */
} scp_option;

/* A group of rows over one member of the settings struct, so that rooms describe their own settings
 * and programs compose them: offset of a row = base + row.offset. */
typedef struct scp_option_group {
    const scp_option *rows; /* NULL ends the list of groups */
    size_t base;            /* offsetof(program struct, member) */
    const char *title;      /* heading in --help                */
} scp_option_group;

/** Set every setting to its default. `settings` [zeroed struct, or one filled before] borrowed.
 *  A table with two rows of one name or a default out of range is SCP_EINTERNAL. */
scp_status scp_conf_defaults(const scp_option_group *groups, void *settings) SCP_MUST_USE;

/** Merge a YAML file: nested maps are flattened to dotted keys. Unknown or duplicate keys, bad
 *  types and values out of range are SCP_EUSAGE with file:line and "did you mean". */
scp_status scp_conf_load(const scp_option_group *groups, void *settings, const char *path)
    SCP_MUST_USE;

/** Merge YAML text; `name` stands for the file in messages. */
scp_status scp_conf_load_text(const scp_option_group *groups, void *settings, const char *text,
                              size_t len, const char *name) SCP_MUST_USE;

/** Set one key, or alias, from text; a list is "a,b,c" or "[a, b, c]". `where` names the source in
 *  messages ("--set"). */
scp_status scp_conf_set(const scp_option_group *groups, void *settings, const char *key,
                        const char *value, const char *where) SCP_MUST_USE;

/** All settings as YAML that scp_conf_load reads back to the same values. */
scp_status scp_conf_dump(const scp_option_group *groups, const void *settings, scp_strbuf *out)
    SCP_MUST_USE;

/** Compare two texts of scp_conf_dump: append "key was OLD, is now NEW" for every key below
 *  `prefix` ("": all) whose value differs, separated by "; ", at most eight of them and how many
 *  more there are. A key that `old` lacks had its value in `before` [a dump; may be NULL]: of a
 *  setting that came later, its default. *n [may be NULL] gets the number of differences. */
scp_status scp_conf_diff(const char *old, const char *before, const char *now, const char *prefix,
                         scp_strbuf *out, size_t *n) SCP_MUST_USE;

/** Free texts and lists of the struct and null them. */
void scp_conf_fini(const scp_option_group *groups, void *settings);

/* What a program says about itself in --help, on its man page and to the shell. */
typedef struct scp_conf_about {
    const char *name;        /* program                                              */
    const char *brief;       /* a few words, no full stop                            */
    const char *description; /* paragraphs separated by an empty line, or NULL       */
    const char *operands;    /* e.g. "PLATE.h5ad...", or NULL when there are none    */
    const scp_option_group *groups;
} scp_conf_about;

/** Text of --help: usage, then every group with type, range, default, unit and source. */
scp_status scp_conf_help(const scp_conf_about *about, scp_strbuf *out) SCP_MUST_USE;
/** Manual page, section 1, in roff with the man macros. */
scp_status scp_conf_man(const scp_conf_about *about, scp_strbuf *out) SCP_MUST_USE;
/** Completion for bash. */
scp_status scp_conf_completion(const scp_conf_about *about, scp_strbuf *out) SCP_MUST_USE;

#endif
