/* Completion for bash from the option table: names, choices after "=", files elsewhere. */
#include <string.h>

#include "conf/conf_impl.h"

/* One case per ENUM row: "--train.optimizer|--optimizer) words='adam sgd' ;;". */
static scp_status add_choices(scp_strbuf *out, const scp_option *row)
{
    SCP_TRY(scp_strbuf_addf(out, "    --%s", row->key));
    if (row->alias) SCP_TRY(scp_strbuf_addf(out, "|--%s", row->alias));
    SCP_TRY(scp_strbuf_addf(out, ") words='"));
    for (const char *c = row->choices; *c; c++)
        SCP_TRY(scp_strbuf_addn(out, *c == '|' ? " " : c, 1));
    return scp_strbuf_addf(out, "' ;;\n");
}

static scp_status add_names(scp_strbuf *out, const scp_option *row)
{
    const char *equals = row->type == SCP_OPT_BOOL ? "" : "=";
    const char *names[] = { row->key, row->alias };
    for (int i = 0; i < 2 && names[i]; i++) {
        SCP_TRY(scp_strbuf_addf(out, " --%s%s", names[i], equals));
        if (row->type == SCP_OPT_BOOL) SCP_TRY(scp_strbuf_addf(out, " --no-%s", names[i]));
    }
    return SCP_OK;
}

scp_status scp_conf_completion(const scp_conf_about *about, scp_strbuf *out)
{
    SCP_ARG(about && about->name && out, "a program and a buffer are required");
    SCP_TRY(scp_strbuf_addf(
        out,
        "# bash completion for %s\n_%s()\n{\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} before=$((COMP_CWORD - 1)) words=\n"
        "    if [[ $cur == '=' ]]; then cur=; fi\n"
        "    if [[ ${COMP_WORDS[before]} == '=' ]]; then before=$((before - 1)); fi\n"
        "    case ${COMP_WORDS[before]} in\n",
        about->name, about->name));
    for (scp_conf_walk w = { .group = about->groups }; about->groups && scp_conf_next(&w);)
        if (w.row->type == SCP_OPT_ENUM) SCP_TRY(add_choices(out, w.row));
    SCP_TRY(scp_strbuf_addf(out, "    esac\n"
                                 "    if [[ -z $words && $cur == -* ]]; then\n"
                                 "        words='"));
    for (const scp_conf_common *c = scp_conf_commons; c->flags; c++)
        SCP_TRY(scp_strbuf_addf(out, "%s%s", c == scp_conf_commons ? "" : " ", c->long_name));
    for (scp_conf_walk w = { .group = about->groups }; about->groups && scp_conf_next(&w);)
        SCP_TRY(add_names(out, w.row));
    return scp_strbuf_addf(out,
                           "'\n    fi\n"
                           "    if [[ -n $words ]]; then\n"
                           "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                           "        if [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace; fi\n"
                           "    else\n"
                           "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
                           "    fi\n}\ncomplete -F _%s %s\n",
                           about->name, about->name);
}
