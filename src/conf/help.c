/* --help from the option table. */
#include <string.h>

#include "conf/conf_impl.h"

enum { WIDTH = 80, INDENT = 8 };

/* Paragraphs of `text`, filled to WIDTH and indented; an empty line separates paragraphs. */
static scp_status add_filled(scp_strbuf *out, const char *text, int indent)
{
    int column = 0;
    while (*text) {
        size_t gap = strspn(text, " \n");
        bool paragraph = gap >= 2 && strncmp(text + gap - 2, "\n\n", 2) == 0;
        text += gap;
        int word = (int)strcspn(text, " \n");
        if (word == 0) break;
        if (paragraph && column > 0) {
            SCP_TRY(scp_strbuf_addn(out, "\n\n", 2));
            column = 0;
        } else if (column > 0 && column + 1 + word > WIDTH) {
            SCP_TRY(scp_strbuf_addn(out, "\n", 1));
            column = 0;
        }
        int lead = column > 0 ? 1 : indent;
        SCP_TRY(scp_strbuf_addf(out, "%*s%.*s", lead, "", word, text));
        column += lead + word;
        text += word;
    }
    return scp_strbuf_addn(out, "\n", 1);
}

/* "--steps=N, --train.steps=N" or "--[no-]fresh". */
static scp_status add_names(scp_strbuf *out, const scp_option *row)
{
    bool flag = row->type == SCP_OPT_BOOL;
    const char *dashes = flag ? "--[no-]" : "--", *equals = flag ? "" : "=";
    const char *what = scp_value_placeholder(row);
    SCP_TRY(scp_strbuf_addf(out, "  "));
    if (row->alias) SCP_TRY(scp_strbuf_addf(out, "%s%s%s%s, ", dashes, row->alias, equals, what));
    return scp_strbuf_addf(out, "%s%s%s%s\n", dashes, row->key, equals, what);
}

static scp_status add_row(scp_strbuf *out, const scp_option *row)
{
    scp_status st = SCP_OK;
    scp_strbuf text = { 0 };
    SCP_TRY(add_names(out, row));
    SCP_GOTO(done, scp_strbuf_addf(&text, "%s (", row->help ? row->help : ""));
    if (row->type != SCP_OPT_BOOL && row->type != SCP_OPT_ENUM) {
        SCP_GOTO(done, scp_value_describe(row, &text));
        if (row->unit) SCP_GOTO(done, scp_strbuf_addf(&text, ", in %s", row->unit));
        SCP_GOTO(done, scp_strbuf_addf(&text, "; "));
    }
    const char *def = row->def ? row->def : row->type == SCP_OPT_BOOL ? "false" : "none";
    SCP_GOTO(done, scp_strbuf_addf(&text, "default %s", *def ? def : "empty"));
    if (row->source) SCP_GOTO(done, scp_strbuf_addf(&text, "; from %s", row->source));
    SCP_GOTO(done, scp_strbuf_addf(&text, ")"));
    SCP_GOTO(done, add_filled(out, text.text, INDENT));
done:
    scp_strbuf_fini(&text);
    return st;
}

scp_status scp_conf_help(const scp_conf_about *about, scp_strbuf *out)
{
    SCP_ARG(about && about->name && out, "a program and a buffer are required");
    SCP_TRY(scp_strbuf_addf(out, "Usage: %s [OPTION]...%s%s\n\n", about->name,
                            about->operands ? " " : "", about->operands ? about->operands : ""));
    SCP_TRY(scp_strbuf_addf(out, "%s: %s.\n", about->name, about->brief ? about->brief : ""));
    if (about->description) {
        SCP_TRY(scp_strbuf_addn(out, "\n", 1));
        SCP_TRY(add_filled(out, about->description, 0));
    }
    const scp_option_group *group = NULL;
    for (scp_conf_walk w = { .group = about->groups }; about->groups && scp_conf_next(&w);) {
        if (w.group != group)
            SCP_TRY(scp_strbuf_addf(out, "\n%s:\n", w.group->title ? w.group->title : "Settings"));
        group = w.group;
        SCP_TRY(add_row(out, w.row));
    }
    SCP_TRY(scp_strbuf_addf(out, "\nCommon options:\n"));
    for (const scp_conf_common *c = scp_conf_commons; c->flags; c++) {
        SCP_TRY(scp_strbuf_addf(out, "  %s\n", c->flags));
        SCP_TRY(add_filled(out, c->help, INDENT));
    }
    return scp_strbuf_addf(out, "\nSettings are taken in this order, the last one wins: default, "
                                "--config, --set, --KEY=VALUE.\n");
}
