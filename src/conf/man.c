/* Manual page from the option table, in roff with the man macros. */
#include <ctype.h>
#include <string.h>

#include "base/version.h"
#include "conf/conf_impl.h"

/* Text with what roff would interpret escaped; newlines within a paragraph become blanks. */
static scp_status add(scp_strbuf *out, const char *s)
{
    for (bool line_start = true; *s; s++) {
        if (line_start && (*s == '.' || *s == '\'')) SCP_TRY(scp_strbuf_addn(out, "\\&", 2));
        line_start = false;
        if (s[0] == '\n' && s[1] == '\n') {
            SCP_TRY(scp_strbuf_addn(out, "\n.PP\n", 5));
            s++;
            line_start = true;
        } else if (*s == '\\') {
            SCP_TRY(scp_strbuf_addn(out, "\\e", 2));
        } else if (*s == '-') {
            SCP_TRY(scp_strbuf_addn(out, "\\-", 2));
        } else {
            SCP_TRY(scp_strbuf_addn(out, *s == '\n' ? " " : s, 1));
        }
    }
    return SCP_OK;
}

/* A line of pieces in turn fixed roff and escaped text: macro, text, macro, text ..., NULL. */
static scp_status add_line(scp_strbuf *out, const char *const *pieces)
{
    for (int i = 0; pieces[i]; i++)
        SCP_TRY(i % 2 == 0 ? scp_strbuf_addf(out, "%s", pieces[i]) : add(out, pieces[i]));
    return scp_strbuf_addn(out, "\n", 1);
}
#define LINE(...) SCP_TRY(add_line(out, (const char *const[]){ __VA_ARGS__, NULL }))

static scp_status add_header(scp_strbuf *out, const scp_conf_about *about)
{
    SCP_TRY(scp_strbuf_addf(out, ".TH "));
    for (const char *s = about->name; *s; s++)
        SCP_TRY(scp_strbuf_addf(out, "%c", toupper((unsigned char)*s)));
    SCP_TRY(scp_strbuf_addf(out, " 1 \"\" \"scppdm %s\" \"scPPDM manual\"\n", scp_version()));
    LINE(".SH NAME\n", about->name, " \\- ", about->brief ? about->brief : "");
    LINE(".SH SYNOPSIS\n.B ", about->name, "\n.RI [ OPTION ].\\|.\\|.");
    if (about->operands) LINE(".I ", about->operands);
    if (about->description) LINE(".SH DESCRIPTION\n", about->description);
    return SCP_OK;
}

static scp_status add_row(scp_strbuf *out, const scp_option *row)
{
    bool flag = row->type == SCP_OPT_BOOL;
    const char *what = scp_value_placeholder(row), *dashes = flag ? "--[no-]" : "--";
    const char *equals = flag ? "" : "=";
    SCP_TRY(scp_strbuf_addf(out, ".TP\n"));
    if (row->alias)
        LINE("\\fB", dashes, "", row->alias, "\\fR", equals, "\\fI", what, "\\fR, \\fB", dashes, "",
             row->key, "\\fR", equals, "\\fI", what, "\\fR");
    else
        LINE("\\fB", dashes, "", row->key, "\\fR", equals, "\\fI", what, "\\fR");
    LINE("", row->help ? row->help : "");
    scp_strbuf want = { 0 };
    scp_status st = scp_value_describe(row, &want);
    if (st == SCP_OK) {
        const char *def = row->def ? row->def : flag ? "false" : "none";
        st = add_line(out,
                      (const char *const[]){ "It is ", want.text, "", row->unit ? " in " : "", "",
                                             row->unit ? row->unit : "", "; the default is ",
                                             *def ? def : "empty", "", row->source ? " (" : "", "",
                                             row->source ? row->source : "", "",
                                             row->source ? ")" : "", ".", NULL });
    }
    scp_strbuf_fini(&want);
    return st;
}

static scp_status add_footer(scp_strbuf *out)
{
    static const struct {
        scp_status st;
        const char *text;
    } codes[] = {
        { SCP_OK, "All is done." },
        { SCP_EUSAGE, "The command line or a settings file is wrong." },
        { SCP_EDATA, "An input has bad content." },
        { SCP_ENOINPUT, "An input is missing." },
        { SCP_EINTERNAL, "The program or the machine failed." },
        { SCP_ENOMEM, "Memory is exhausted." },
        { SCP_EIO, "The system refused a read or a write." },
        { SCP_ERETRY, "A passing fault; the same command may succeed later." },
        { SCP_EREQUEUE,
          "Stopped on request with a checkpoint; run the same command again to go on." },
    };
    SCP_TRY(scp_strbuf_addf(out, ".SH EXIT STATUS\n"));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        SCP_TRY(scp_strbuf_addf(out, ".TP\n.B %d\n%s\n", scp_status_exit_code(codes[i].st),
                                codes[i].text));
    return scp_strbuf_addf(out, ".SH NOTES\nSettings are taken in this order, the last one wins: "
                                "default, \\-\\-config, \\-\\-set, \\-\\-KEY=VALUE.\n");
}

scp_status scp_conf_man(const scp_conf_about *about, scp_strbuf *out)
{
    SCP_ARG(about && about->name && out, "a program and a buffer are required");
    SCP_TRY(add_header(out, about));
    SCP_TRY(scp_strbuf_addf(out, ".SH OPTIONS\n"));
    const scp_option_group *group = NULL;
    for (scp_conf_walk w = { .group = about->groups }; about->groups && scp_conf_next(&w);) {
        if (w.group != group) LINE(".SS ", w.group->title ? w.group->title : "Settings");
        group = w.group;
        SCP_TRY(add_row(out, w.row));
    }
    LINE(".SS ", "Common options");
    for (const scp_conf_common *c = scp_conf_commons; c->flags; c++)
        LINE(".TP\n.B ", c->flags, "\n", c->help);
    return add_footer(out);
}
