/* Command line, see cli.h. argv is walked once per layer of precedence: files, --set, --key. */
#include "conf/cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "conf/conf_impl.h"

typedef enum kind { OPERAND, CONFIG, SET, KEY, PRINT_CONFIG, LOUDER, QUIETER } kind;

/* One argument; `value` is the text after "=" or the next word. */
typedef struct walk {
    int argc, at;
    char **argv;
    bool only_operands; /* after "--" */
    kind kind;
    char name[256];
    const char *value;
} walk;

static scp_status take_value(walk *w, const char *inside)
{
    w->value = inside;
    if (inside) return SCP_OK;
    if (w->at >= w->argc) SCP_FAIL(SCP_EUSAGE, "--%s needs a value", w->name);
    w->value = w->argv[w->at++];
    return SCP_OK;
}

static scp_status no_value(const walk *w, const char *inside)
{
    if (inside) SCP_FAIL(SCP_EUSAGE, "--%s takes no value", w->name);
    return SCP_OK;
}

static scp_status read_key(walk *w, const scp_option_group *groups, const char *inside)
{
    w->kind = KEY;
    const scp_option *row = groups ? scp_conf_find(groups, w->name, true).row : NULL;
    if (row && row->type != SCP_OPT_BOOL) return take_value(w, inside);
    if (row) {
        w->value = inside ? inside : "true";
        return SCP_OK;
    }
    if (groups && strncmp(w->name, "no-", 3) == 0) {
        row = scp_conf_find(groups, w->name + 3, true).row;
        if (row && row->type == SCP_OPT_BOOL) {
            SCP_TRY(no_value(w, inside));
            memmove(w->name, w->name + 3, strlen(w->name + 3) + 1);
            w->value = "false";
            return SCP_OK;
        }
    }
    for (const scp_conf_common *c = scp_conf_commons; c->flags; c++)
        if (scp_str_distance(c->long_name + 2, w->name) <= (strlen(w->name) < 6 ? 1 : 2))
            SCP_FAIL(SCP_EUSAGE, "there is no option --%s; did you mean %s?", w->name,
                     c->long_name);
    if (!groups) SCP_FAIL(SCP_EUSAGE, "there is no option --%s", w->name);
    return scp_conf_unknown(groups, w->name, "command line");
}

static scp_status read_long(walk *w, const scp_option_group *groups, const char *text)
{
    static const struct {
        const char *name;
        kind kind;
        bool has_value;
    } common[] = { { "config", CONFIG, true },
                   { "set", SET, true },
                   { "print-config", PRINT_CONFIG, false },
                   { "verbose", LOUDER, false },
                   { "quiet", QUIETER, false } };
    const char *equals = strchr(text, '='), *inside = equals ? equals + 1 : NULL;
    SCP_TRY(scp_str_format(w->name, sizeof w->name, "%.*s",
                           (int)(equals ? (size_t)(equals - text) : strlen(text)), text));
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        if (strcmp(w->name, common[i].name) != 0) continue;
        w->kind = common[i].kind;
        return common[i].has_value ? take_value(w, inside) : no_value(w, inside);
    }
    return read_key(w, groups, inside);
}

/* Advance; *more is false at the end. Words of short options are one letter: -v, -q. */
static scp_status next(walk *w, const scp_option_group *groups, bool *more)
{
    *more = w->at < w->argc;
    if (!*more) return SCP_OK;
    const char *word = w->argv[w->at++];
    if (w->only_operands || word[0] != '-' || word[1] == '\0') {
        w->kind = OPERAND;
        w->value = word;
        return SCP_OK;
    }
    if (strcmp(word, "--") == 0) {
        w->only_operands = true;
        return next(w, groups, more);
    }
    if (word[1] == '-') return read_long(w, groups, word + 2);
    if (strcmp(word, "-v") != 0 && strcmp(word, "-q") != 0)
        SCP_FAIL(SCP_EUSAGE, "there is no option %s; settings are given as --KEY=VALUE", word);
    w->kind = word[1] == 'v' ? LOUDER : QUIETER;
    return SCP_OK;
}

static scp_status read_file(void *user, const char *path, bool optional, char **text, size_t *len)
{
    (void)user;
    if (optional && !scp_fs_exists(path)) return SCP_OK;
    return scp_fs_read_text(path, text, len);
}

static scp_status load(scp_cli *cli, const char *path, bool optional)
{
    char *text = NULL;
    size_t len = 0;
    if (!cli->groups) SCP_FAIL(SCP_EUSAGE, "this program has no settings to read from %s", path);
    SCP_TRY((cli->reader ? cli->reader : read_file)(cli->user, path, optional, &text, &len));
    if (!text) return SCP_OK;
    scp_status st = scp_conf_load_text(cli->groups, cli->settings, text, len, path);
    free(text);
    return st;
}

static scp_status set(scp_cli *cli, const char *text)
{
    char key[256];
    const char *equals = strchr(text, '=');
    if (!equals) SCP_FAIL(SCP_EUSAGE, "--set needs KEY=VALUE and is given \"%s\"", text);
    if (!cli->groups) SCP_FAIL(SCP_EUSAGE, "this program has no settings: --set %s", text);
    SCP_TRY(scp_str_format(key, sizeof key, "%.*s", (int)(equals - text), text));
    return scp_conf_set(cli->groups, cli->settings, key, equals + 1, "--set");
}

/* What one argument does in the first pass, which sees the whole line. */
static scp_status first_pass(scp_cli *cli, const walk *w)
{
    switch (w->kind) {
    case OPERAND:
        if (!cli->takes_operands) SCP_FAIL(SCP_EUSAGE, "unexpected argument \"%s\"", w->value);
        cli->operands.v[cli->operands.n++] = (char *)(uintptr_t)w->value;
        return SCP_OK;
    case CONFIG:
        return load(cli, w->value, false);
    case PRINT_CONFIG:
        cli->action = SCP_CLI_PRINT_CONFIG;
        return SCP_OK;
    case LOUDER:
        cli->verbosity++;
        return SCP_OK;
    case QUIETER:
        cli->verbosity--;
        return SCP_OK;
    case SET:
    case KEY:
        break;
    }
    return SCP_OK;
}

static scp_cli_action find_action(int argc, char **argv)
{
    static const struct {
        const char *word;
        scp_cli_action action;
    } table[] = { { "-h", SCP_CLI_HELP },
                  { "--help", SCP_CLI_HELP },
                  { "--version", SCP_CLI_VERSION },
                  { "--help-man", SCP_CLI_MAN },
                  { "--completion", SCP_CLI_COMPLETION } };
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        for (size_t k = 0; k < sizeof table / sizeof table[0]; k++)
            if (strcmp(argv[i], table[k].word) == 0) return table[k].action;
    return SCP_CLI_RUN;
}

/* Walk the whole line; `layer` says which settings are applied: CONFIG (and all else that is no
 * setting), SET or KEY. */
static scp_status run_pass(scp_cli *cli, int argc, char **argv, kind layer)
{
    walk w = { .argc = argc, .at = 1, .argv = argv };
    for (bool more;;) {
        SCP_TRY(next(&w, cli->groups, &more));
        if (!more) return SCP_OK;
        if (layer == CONFIG)
            SCP_TRY(first_pass(cli, &w));
        else if (layer == SET && w.kind == SET)
            SCP_TRY(set(cli, w.value));
        else if (layer == KEY && w.kind == KEY)
            SCP_TRY(scp_conf_set(cli->groups, cli->settings, w.name, w.value, "command line"));
    }
}

/* The file that lies under the others. Everything is applied once to learn its name, then
 * undone. */
static scp_status load_base(scp_cli *cli, int argc, char **argv)
{
    char path[SCP_PATH_MAX] = "";
    SCP_TRY(run_pass(cli, argc, argv, CONFIG));
    SCP_TRY(run_pass(cli, argc, argv, SET));
    SCP_TRY(run_pass(cli, argc, argv, KEY));
    SCP_TRY(cli->base(cli->settings, path, sizeof path));
    SCP_TRY(scp_conf_defaults(cli->groups, cli->settings));
    cli->operands.n = 0;
    cli->verbosity = 0;
    return path[0] ? load(cli, path, true) : SCP_OK;
}

scp_status scp_cli_parse(scp_cli *cli, int argc, char **argv)
{
    SCP_ARG(cli && (cli->settings || !cli->groups), "settings are required");
    cli->action = find_action(argc, argv);
    if (cli->action != SCP_CLI_RUN) return SCP_OK;
    if (cli->groups) SCP_TRY(scp_conf_defaults(cli->groups, cli->settings));
    SCP_TRY(scp_alloc((size_t)argc, sizeof *cli->operands.v, &cli->operands.v));
    if (cli->groups && cli->base) SCP_TRY(load_base(cli, argc, argv));
    SCP_TRY(run_pass(cli, argc, argv, CONFIG));
    SCP_TRY(run_pass(cli, argc, argv, SET));
    return run_pass(cli, argc, argv, KEY);
}
