/* Begin and end of a program, see app.h. */
#include "app/app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "comm/watch.h"
#include "comm/world.h"
#include "conf/cli.h"

/* A rank that failed waits this long for the others: those that failed alike come at once, those
 * that are inside a collective never do. */
#define SECONDS_TO_MEET 3.0

/* Ranks that wait for each other longer than this have lost one, unless the program sets another
 * limit by an option of its own (--comm-timeout). */
#define SECONDS_TO_WAIT 14400.0

enum { REPORT_BYTES = 12288 };

static bool is_root(const scp_app *app)
{
    return !app->comm || scp_comm_rank(app->comm) == 0;
}

/* Rank 0 reads, all get the text: one open per file, and the same settings everywhere. A missing
 * optional file travels as an empty text. */
static scp_status read_shared(void *user, const char *path, bool optional, char **text, size_t *len)
{
    scp_app *app = user;
    void *bytes = NULL;
    scp_status st = SCP_OK;
    if (is_root(app)) {
        if (optional && !scp_fs_exists(path))
            st = scp_strdup("", text);
        else
            st = scp_fs_read_text(path, text, len);
        bytes = st == SCP_OK ? *text : NULL;
    }
    st = scp_agree(app->comm, st);
    if (st == SCP_OK) st = scp_comm_bcast_bytes(app->comm, &bytes, len, 0);
    if (st != SCP_OK) {
        free(bytes);
        bytes = NULL;
    }
    *text = bytes;
    return st;
}

static scp_status add_version(const scp_app *app, scp_strbuf *out)
{
    char mpi[256];
    scp_world_library(mpi, sizeof mpi);
    return scp_strbuf_addf(out, "%s %s (revision %s)\n%smpi:      %s\n", app->name, scp_version(),
                           scp_version_git(), scp_version_build(), mpi);
}

/* Answer what only asks for a text. */
static scp_status answer(const scp_app *app, scp_cli_action action)
{
    scp_status st = SCP_OK;
    scp_strbuf out = { 0 };
    const scp_conf_about about = { .name = app->name,
                                   .brief = app->brief,
                                   .description = app->description,
                                   .operands = app->operands,
                                   .groups = app->groups };
    switch (action) {
    case SCP_CLI_HELP:
        SCP_GOTO(done, scp_conf_help(&about, &out));
        break;
    case SCP_CLI_VERSION:
        SCP_GOTO(done, add_version(app, &out));
        break;
    case SCP_CLI_MAN:
        SCP_GOTO(done, scp_conf_man(&about, &out));
        break;
    case SCP_CLI_COMPLETION:
        SCP_GOTO(done, scp_conf_completion(&about, &out));
        break;
    case SCP_CLI_PRINT_CONFIG:
        if (app->groups) SCP_GOTO(done, scp_conf_dump(app->groups, app->settings, &out));
        break;
    case SCP_CLI_RUN:
        break;
    }
    if (is_root(app) && out.len > 0) fwrite(out.text, 1, out.len, stdout);
done:
    scp_strbuf_fini(&out);
    return st;
}

static scp_status begin(scp_app *app, int *argc, char ***argv, scp_app_next *next)
{
    SCP_TRY(scp_world_begin(argc, argv, &app->comm));
    if (scp_comm_size(app->comm) > 1) SCP_TRY(scp_world_watch(SECONDS_TO_WAIT, NULL));
    scp_cli cli = { .groups = app->groups,
                    .base = app->base,
                    .settings = app->settings,
                    .takes_operands = app->operands != NULL,
                    .reader = read_shared,
                    .user = app };
    scp_status st = scp_cli_parse(&cli, *argc, *argv);
    app->args = cli.operands;
    SCP_TRY(st);
    int level = SCP_LOG_INFO + cli.verbosity;
    scp_log_set_level(level < SCP_LOG_ERROR   ? SCP_LOG_ERROR
                      : level > SCP_LOG_DEBUG ? SCP_LOG_DEBUG
                                              : (scp_log_level)level);
    *next = cli.action == SCP_CLI_RUN ? SCP_APP_RUN : SCP_APP_DONE;
    return answer(app, cli.action);
}

void scp_app_result(const char *text)
{
    size_t len = strlen(text);
    fwrite(text, 1, len, stdout);
    if (!len || text[len - 1] != '\n') fwrite("\n", 1, 1, stdout);
}

scp_app_next scp_app_begin(scp_app *app, int *argc, char ***argv)
{
    scp_app_next next = SCP_APP_DONE;
    app->status = begin(app, argc, argv, &next);
    return app->status == SCP_OK ? next : SCP_APP_DONE;
}

/* "scppdm_x: error: [1 node07] message", then the chain or, for a usage error, where to look. */
static void compose(const scp_app *app, char *text, size_t size)
{
    char host[64] = "", who[96] = "";
    if (app->comm && scp_comm_size(app->comm) > 1) {
        if (gethostname(host, sizeof host) != 0) host[0] = '\0';
        host[sizeof host - 1] = '\0';
        snprintf(who, sizeof who, "[%d %s] ", scp_comm_rank(app->comm), host);
    }
    const char *message = scp_err_message();
    if (!*message) message = scp_status_text(app->status);
    if (app->status == SCP_EREQUEUE)
        snprintf(text, size, "%s: %s\n", app->name, message);
    else if (app->status == SCP_EUSAGE)
        snprintf(text, size, "%s: error: %s%s\nTry '%s --help'.\n", app->name, who, message,
                 app->name);
    else
        snprintf(text, size, "%s: error: %s%s\n%s", app->name, who, message, scp_err_chain());
}

static void print_own_failure(const scp_app *app)
{
    char text[REPORT_BYTES];
    compose(app, text, sizeof text);
    fputs(text, stderr);
    fflush(stderr);
}

/* Rank whose failure is the job's: the lowest that did not merely hear of another's; -1: none. */
static scp_status find_culprit(scp_app *app, int *culprit)
{
    int64_t none = scp_comm_size(app->comm), first[2] = { none, none };
    if (app->status != SCP_OK) first[1] = scp_comm_rank(app->comm);
    if (app->status != SCP_OK && app->status != SCP_EPEER) first[0] = first[1];
    SCP_TRY(scp_comm_allreduce(app->comm, first, 2, SCP_COMM_I64, SCP_COMM_MIN));
    *culprit = first[0] < none ? (int)first[0] : first[1] < none ? (int)first[1] : -1;
    return SCP_OK;
}

/* All ranks are here: rank 0 prints the culprit's report, and all take its exit code. */
static scp_status report_together(scp_app *app, int *exit_code)
{
    int culprit = -1;
    int64_t code = 0;
    char text[REPORT_BYTES] = "";
    *exit_code = 0;
    SCP_TRY(find_culprit(app, &culprit));
    if (culprit < 0) return SCP_OK;
    if (scp_comm_rank(app->comm) == culprit) {
        compose(app, text, sizeof text);
        code = scp_status_exit_code(app->status);
    }
    SCP_TRY(scp_comm_bcast(app->comm, &code, 1, SCP_COMM_I64, culprit));
    SCP_TRY(scp_comm_bcast(app->comm, text, sizeof text, SCP_COMM_U8, culprit));
    if (is_root(app)) fputs(text, stderr);
    *exit_code = (int)code;
    return SCP_OK;
}

static scp_status flush_output(void)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout))
        SCP_FAIL(SCP_EIO, "cannot write to standard output: %s",
                 errno ? strerror(errno) : "an earlier write failed");
    return SCP_OK;
}

int scp_app_end(scp_app *app)
{
    int code = 0;
    bool all_here = false;
    if (app->status == SCP_OK) app->status = flush_output();
    if (app->groups) scp_conf_fini(app->groups, app->settings);
    free(app->args.v);
    app->args = (scp_text_list){ 0 };
    if (!app->comm) { /* MPI did not start */
        print_own_failure(app);
        return scp_status_exit_code(app->status);
    }
    double patience = app->status == SCP_OK ? -1 : SECONDS_TO_MEET;
    scp_status failure = app->status, st = scp_world_meet(app->comm, patience, &all_here);
    if (st == SCP_OK && all_here) st = report_together(app, &code);
    const bool lost = scp_comm_is_lost(app->comm);
    if (st == SCP_OK && all_here) st = scp_world_end(&app->comm);
    if (st == SCP_OK && all_here && lost) scp_world_leave(code ? code : app->exit_code);
    if (st == SCP_OK && all_here) return code ? code : app->exit_code;
    app->status = failure != SCP_OK ? failure : st;
    print_own_failure(app);
    scp_world_abort(scp_status_exit_code(app->status));
}
