/* What every program does around its one library call: MPI, options, the end on success or failure.
 *
 *     int main(int argc, char **argv)
 *     {
 *         scp_eval_settings s = { 0 };
 *         scp_app app = { .name = "scppdm_eval", .brief = "score predictions on UC/UD splits",
 *                         .groups = groups, .settings = &s };
 *         if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
 *             app.status = scp_eval_run(app.comm, &s);
 *         return scp_app_end(&app);
 *     }
 *
 * stdout is the result, stderr the log. */
#ifndef SCP_APP_APP_H
#define SCP_APP_APP_H

#include "comm/comm.h"
#include "conf/option.h"

typedef struct scp_app {
    const char *name, *brief;         /* brief: a few words, no full stop                         */
    const char *description;          /* paragraphs for --help and the man page, or NULL          */
    const scp_option_group *groups;   /* ends with .rows = NULL; NULL: no settings                */
    void *settings;                   /* the program's zeroed settings struct                     */
    /** Settings file that lies under --config, see scp_cli.base; or NULL.                       */
    scp_status (*base)(const void *settings, char *path, size_t size);
    const char *operands;             /* e.g. "PLATE.h5ad...", or NULL: none are taken ...        */
    scp_text_list args;               /* ... out: they are here, borrowed from argv               */
    scp_comm *comm;                   /* out: the world                                           */
    scp_status status;                /* the program's result, set by main                        */
    int exit_code;                    /* of a program whose status is SCP_OK; rank 0's counts     */
} scp_app;

typedef enum scp_app_next { SCP_APP_RUN, SCP_APP_DONE } scp_app_next;

/** Start MPI (a world of one rank without a launcher), parse the command line, read --config files
 *  on rank 0, answer --help, --version, --print-config, --help-man and --completion once.
 *  @return SCP_APP_RUN when the program has work to do; otherwise go to scp_app_end. Collective. */
scp_app_next scp_app_begin(scp_app *app, int *argc, char ***argv);

/** Put a result on stdout, ending it with a newline; scp_app_end checks that it got there. Call on
 *  one rank. */
void scp_app_result(const char *text);

/** Free settings and arguments, flush stdout, report a failure once, end MPI. When a rank fails and
 *  the others do not arrive here within a few seconds, it prints "[rank host] message" with the
 *  chain and aborts the job. @return the exit code. Collective. */
int scp_app_end(scp_app *app);

#endif
