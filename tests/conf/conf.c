/* The option table: defaults, YAML, one key, precedence, dump, and every kind of mistake. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "conf/cli.h"
#include "conf/option.h"
#include "tap.h"

typedef struct train {
    int64_t steps;
    double lr;
    bool amp;
    int optimizer;
    scp_int_list widths;
} train;

typedef struct settings {
    char *name, *note, *out;
    train train;
    scp_real_list sweep;
    scp_text_list genes;
} settings;

#define ROW(s, member) .offset = offsetof(s, member)
static const scp_option train_rows[] = {
    { .key = "train.steps",
      .alias = "steps",
      .type = SCP_OPT_INT,
      ROW(train, steps),
      .def = "100",
      .min = 1,
      .max = 1000,
      .help = "Length." },
    { .key = "train.optim.lr",
      .type = SCP_OPT_REAL,
      ROW(train, lr),
      .def = "1e-4",
      .min = 1e-8,
      .max = 0,
      .help = "Rate." },
    { .key = "train.amp", .alias = "amp", .type = SCP_OPT_BOOL, ROW(train, amp), .help = "Mixed." },
    { .key = "train.optim.kind",
      .type = SCP_OPT_ENUM,
      ROW(train, optimizer),
      .def = "adamw",
      .choices = "sgd|adam|adamw",
      .help = "Kind." },
    { .key = "train.widths",
      .type = SCP_OPT_INTS,
      ROW(train, widths),
      .def = "512,256",
      .min = 1,
      .max = 4096,
      .help = "Widths." },
    { 0 },
};
static const scp_option run_rows[] = {
    { .key = "name", .type = SCP_OPT_TEXT, ROW(settings, name), .def = "demo", .help = "Name." },
    { .key = "note", .type = SCP_OPT_TEXT, ROW(settings, note), .def = "", .help = "Note." },
    { .key = "out", .type = SCP_OPT_TEXT, ROW(settings, out), .help = "Folder." },
    { .key = "sweep", .type = SCP_OPT_REALS, ROW(settings, sweep), .help = "Sweep." },
    { .key = "genes", .type = SCP_OPT_TEXTS, ROW(settings, genes), .help = "Genes." },
    { 0 },
};
static const scp_option no_rows[] = { { 0 } };
static const scp_option_group groups[] = {
    { no_rows, 0, "Nothing" },
    { train_rows, offsetof(settings, train), "Training" },
    { run_rows, 0, "Run" },
    { 0 },
};

static scp_status load(settings *s, const char *yaml)
{
    return scp_conf_load_text(groups, s, yaml, strlen(yaml), "run.yaml");
}

static void defaults(settings *s)
{
    tap_st(scp_conf_defaults(groups, s), "defaults");
    tap_ok(s->train.steps == 100 && s->train.lr == 1e-4 && !s->train.amp && s->train.optimizer == 2,
           "numbers and choices");
    tap_ok(!strcmp(s->name, "demo") && !strcmp(s->note, "") && !s->out,
           "texts: given, empty, none");
    tap_ok(s->train.widths.n == 2 && s->train.widths.v[1] == 256 && s->sweep.n == 0, "lists");
    static const scp_option twice[] = { { .key = "a", .type = SCP_OPT_BOOL },
                                        { .key = "b", .alias = "a", .type = SCP_OPT_BOOL },
                                        { 0 } };
    static const scp_option wrong[] = {
        { .key = "a", .type = SCP_OPT_INT, .def = "5", .min = 6, .max = 7 }, { 0 }
    };
    int64_t room = 0;
    tap_fails(scp_conf_defaults((scp_option_group[]){ { twice, 0, NULL }, { 0 } }, &room),
              SCP_EINTERNAL, "two settings are called \"a\"", "a table with a name twice");
    tap_fails(scp_conf_defaults((scp_option_group[]){ { wrong, 0, NULL }, { 0 } }, &room),
              SCP_EINTERNAL, "an integer from 6 to 7", "a default out of range");
}

static void yaml_values(settings *s)
{
    tap_st(load(s, "# a comment\n"
                   "name: no\n"
                   "note: \"two\\nlines\"\n"
                   "out: null\n"
                   "train:\n"
                   "  steps: 7\n"
                   "  amp: Yes\n"
                   "  optim: {lr: 1e-3, kind: sgd}\n"
                   "  widths: [64, 32, 16]\n"
                   "sweep:\n  - 0.5\n  - 1\n"
                   "genes: [no, \"1\", 'a,b']\n"),
           "nested YAML");
    tap_text(s->name, "no", "`no` is a text where a text is due");
    tap_text(s->note, "two\nlines", "quoted text");
    tap_ok(!s->out, "null is no text");
    tap_ok(s->train.steps == 7 && s->train.amp && s->train.lr == 1e-3 && s->train.optimizer == 0,
           "1e-3 is a number, Yes is true");
    tap_ok(s->train.widths.n == 3 && s->train.widths.v[2] == 16, "flow list");
    tap_ok(s->sweep.n == 2 && s->sweep.v[0] == 0.5, "block list");
    tap_ok(s->genes.n == 3 && !strcmp(s->genes.v[0], "no") && !strcmp(s->genes.v[2], "a,b"),
           "texts in a list");
    tap_st(load(s, "train.steps: 8\ntrain: {amp: off}\n"), "dotted keys beside a map");
    tap_ok(s->train.steps == 8 && !s->train.amp, "and both count");
    tap_st(load(s, ""), "an empty file");
    tap_st(load(s, "# only a comment\n"), "a file with a comment only");
    tap_ok(s->train.steps == 8, "change nothing");
    tap_st(load(s, "genes: []\nsweep: 2.5\n"), "an empty list, and one value for a list");
    tap_ok(s->genes.n == 0 && s->sweep.n == 1 && s->sweep.v[0] == 2.5, "are lists of 0 and 1");
}

static void yaml_mistakes(settings *s)
{
    static const struct {
        const char *yaml, *part;
    } bad[] = {
        { "train:\n  stepz: 3\n",
          "run.yaml:2: \"train.stepz\" is not a setting; did you mean \"train.steps\"?" },
        { "trian:\n  amp: 1\n",
          "run.yaml:2: \"trian.amp\" is not a setting; did you mean \"train.amp\"?" },
        { "steps: 3\n", "run.yaml:1: \"steps\" is not a setting; did you mean \"train.steps\"?" },
        { "completely_else: 3\n", "run.yaml:1: \"completely_else\" is not a setting; --help" },
        { "name: a\n\nname: b\n", "run.yaml:3: \"name\" is given twice, first in line 1" },
        { "train: {amp: 1}\ntrain: {steps: 1}\n",
          "run.yaml:2: \"train\" is given twice, first in line 1" },
        { "train: {amp: 1}\ntrain.amp: 0\n", "run.yaml:2: \"train.amp\" is given twice" },
        { "train:\n  steps: 0\n",
          "run.yaml:2: train.steps should be an integer from 1 to 1000 and is \"0\"" },
        { "train:\n  steps: 1.5\n", "run.yaml:2: train.steps should be an integer" },
        { "train.steps:\n", "run.yaml:1: train.steps should be an integer" },
        { "train.optim.lr: 0\n", "should be a number of at least 1e-08 and is \"0\"" },
        { "train.optim.lr: fast\n", "should be a number of at least" },
        { "train.optim.kind: adamax\n", "should be one of sgd, adam, adamw and is \"adamax\"" },
        { "train.amp: maybe\n", "should be true or false and is \"maybe\"" },
        { "train.widths: [8, 0]\n", "should be a list of integers from 1 to 4096 and is \"0\"" },
        { "train.widths: [8, [9]]\n", "run.yaml:1: an item of train.widths is not a plain value" },
        { "name: [a]\n", "run.yaml:1: name should be a text and is \"a list\"" },
        { "name: {a: b}\n", "run.yaml:1: name is a single setting" },
        { "a: &x 1\nb: *x\n", "is not a setting" },
        { "name: &x n\nnote: *x\n", "run.yaml:2: YAML aliases" },
        { "- a\n- b\n", "run.yaml:1: settings are" },
        { "just text\n", "run.yaml:1: settings are" },
        { "name: a\n---\nname: b\n", "run.yaml:2: a second document" },
        { "name: \"open\n", "run.yaml:2: not valid YAML" },
        { "train:\n\tsteps: 1\n", "run.yaml:2: not valid YAML" },
        { "{a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}}}}}}}}}",
          "nested deeper than 16" },
        { "\xff\xfe\xff", "not valid YAML" },
    };
    int64_t steps = s->train.steps;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        tap_fails(load(s, bad[i].yaml), SCP_EUSAGE, bad[i].part, "%s", bad[i].part);
    tap_ok(s->train.steps == steps, "a refused value changes nothing");
    char *big = malloc(2 << 20);
    memset(big, '#', 2 << 20);
    tap_fails(scp_conf_load_text(groups, s, big, 2 << 20, "run.yaml"), SCP_EUSAGE, "at most",
              "a huge file");
    free(big);
    tap_fails(scp_conf_load(groups, s, "/nonexistent/x.yaml"), SCP_ENOINPUT, "x.yaml",
              "a missing file");
}

static void single_keys(settings *s)
{
    tap_st(scp_conf_set(groups, s, "train.widths", "[1, 2]", "--set"), "a list in brackets");
    tap_ok(s->train.widths.n == 2 && s->train.widths.v[1] == 2, "has its items");
    tap_st(scp_conf_set(groups, s, "genes", "TP53, EGFR", "--set"), "a list with commas");
    tap_ok(s->genes.n == 2 && !strcmp(s->genes.v[1], "EGFR"), "has its items");
    tap_st(scp_conf_set(groups, s, "genes", "", "--set"), "an empty list");
    tap_ok(s->genes.n == 0, "is empty");
    tap_st(scp_conf_set(groups, s, "steps", "9", "--set"), "by alias");
    tap_ok(s->train.steps == 9, "is set");
    tap_fails(scp_conf_set(groups, s, "stpes", "9", "--set"), SCP_EUSAGE,
              "--set: \"stpes\" is not a setting; did you mean \"train.steps\"?", "misspelt alias");
}

/* Dump, read into a fresh struct, dump again: equal text, and the values that could get lost. */
static void round_trip(settings *s)
{
    settings t = { 0 };
    scp_strbuf first = { 0 }, second = { 0 };
    tap_st(load(s, "name: \"yes\"\nnote: \"a: b # c \\\" \\\\ \\t \\u00b5 'q'\"\nout: \"~\"\n"
                   "train: {steps: 9, amp: false, optim: {lr: 1e-3, kind: sgd}}\n"
                   "genes: [\"\", null, \"1e5\", \"a, b\", \" x \"]\nsweep: [0.1, 3e-310, 1e22]\n"),
           "awkward values");
    tap_st(scp_conf_dump(groups, s, &first), "dump");
    tap_ok(strstr(first.text,
                  "train:\n  steps: 9\n  optim:\n    lr: 0.001\n    kind: sgd\n  amp: false\n") ==
               first.text,
           "keys of a map stand together");
    tap_st(scp_conf_defaults(groups, &t), "fresh settings");
    tap_st(scp_conf_load_text(groups, &t, first.text, first.len, "dump"), "the dump is read");
    tap_st(scp_conf_dump(groups, &t, &second), "and dumped again");
    tap_text(second.text, first.text, "to the same text");
    tap_text(t.note, "a: b # c \" \\ \t \xc2\xb5 'q'", "an awkward text survives");
    tap_text(t.out, "~", "the text ~ is not null");
    tap_ok(t.genes.n == 5 && !strcmp(t.genes.v[1], "null") && !strcmp(t.genes.v[4], " x "),
           "awkward items");
    tap_ok(t.sweep.v[0] == 0.1 && t.sweep.v[1] == 3e-310 && t.sweep.v[2] == 1e22, "exact reals");
    scp_conf_fini(groups, &t);
    tap_ok(!t.name && !t.genes.v && t.genes.n == 0, "fini nulls");
    scp_strbuf_fini(&first);
    scp_strbuf_fini(&second);
}

#define PARSE(s, cli, ...) parse_words(s, cli, (char *[]){ "prog", __VA_ARGS__, NULL })
static scp_status parse_words(settings *s, scp_cli *cli, char **argv)
{
    int argc = 0;
    while (argv[argc]) argc++;
    free(cli->operands.v);
    scp_conf_fini(groups, s);
    *cli = (scp_cli){ .groups = groups, .settings = s, .takes_operands = true };
    return scp_cli_parse(cli, argc, argv);
}

static void command_line(settings *s)
{
    char file[SCP_PATH_MAX], later[SCP_PATH_MAX];
    scp_cli cli = { 0 };
    static const char first[] = "train: {steps: 2}\nname: file\nnote: file\n",
                      second[] = "name: later\n";
    snprintf(file, sizeof file, "%s/a.yaml", tap_tmpdir());
    snprintf(later, sizeof later, "%s/b.yaml", tap_tmpdir());
    tap_st(scp_fs_write_text(file, first, strlen(first)), "first file");
    tap_st(scp_fs_write_text(later, second, strlen(second)), "second file");
    tap_st(PARSE(s, &cli, "--steps=4", "x", "--set", "train.steps=3", "--config", file,
                 "--set=note=set", "--config", later, "--amp", "y", "-v", "-v", "-q", "--", "--z",
                 "-"),
           "all kinds together");
    tap_ok(s->train.steps == 4, "--key beats --set beats --config");
    tap_ok(!strcmp(s->note, "set") && !strcmp(s->name, "later"),
           "--set beats files, a later file an earlier");
    tap_ok(s->train.amp && s->train.lr == 1e-4, "a flag, and a default left alone");
    tap_ok(cli.operands.n == 4 && !strcmp(cli.operands.v[1], "y") &&
               !strcmp(cli.operands.v[2], "--z") && !strcmp(cli.operands.v[3], "-"),
           "operands, also after --");
    tap_ok(cli.verbosity == 1 && cli.action == SCP_CLI_RUN, "louder twice, quieter once");
    tap_st(PARSE(s, &cli, "--train.optim.lr", "2", "--amp", "--no-amp"), "value in the next word");
    tap_ok(s->train.lr == 2 && !s->train.amp, "and --no-");
    tap_ok(PARSE(s, &cli, "--bogus", "--help") == SCP_OK && cli.action == SCP_CLI_HELP,
           "--help wins");
    tap_ok(PARSE(s, &cli, "--print-config", "--steps=5") == SCP_OK && s->train.steps == 5 &&
               cli.action == SCP_CLI_PRINT_CONFIG,
           "--print-config reads the rest");
    static char *const bad[][3] = {
        { "--stepz=1", NULL,
          "command line: \"stepz\" is not a setting; did you mean \"train.steps\"?" },
        { "--confgi=x", NULL, "there is no option --confgi; did you mean --config?" },
        { "--steps", NULL, "--steps needs a value" },
        { "--steps=abc", NULL, "command line: train.steps should be" },
        { "--set", "novalue", "--set needs KEY=VALUE and is given \"novalue\"" },
        { "--no-steps", NULL, "\"no-steps\" is not a setting" },
        { "--no-amp=1", NULL, "takes no value" },
        { "--print-config=1", NULL, "--print-config takes no value" },
        { "-x", NULL, "there is no option -x" },
        { "--config", "/nonexistent/c.yaml", "c.yaml" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        scp_status st = PARSE(s, &cli, bad[i][0], bad[i][1]);
        tap_fails(st, strcmp(bad[i][0], "--config") == 0 ? SCP_ENOINPUT : SCP_EUSAGE, bad[i][2],
                  "%s", bad[i][0]);
    }
    free(cli.operands.v);
    char *words[] = { "prog", "stray" };
    cli = (scp_cli){ .groups = groups, .settings = s };
    tap_fails(scp_cli_parse(&cli, 2, words), SCP_EUSAGE, "unexpected argument \"stray\"",
              "no operands taken");
    free(cli.operands.v);
}

int main(void)
{
    settings s = { 0 };
    defaults(&s);
    yaml_values(&s);
    yaml_mistakes(&s);
    single_keys(&s);
    round_trip(&s);
    command_line(&s);
    scp_conf_fini(groups, &s);
    return tap_done();
}
