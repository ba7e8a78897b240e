/* The command line: --key=value, --key value, --flag and --no-flag for every row of the option
 * table and its aliases, the options of every program, and operands. */
#ifndef SCP_CONF_CLI_H
#define SCP_CONF_CLI_H

#include "conf/option.h"

typedef enum scp_cli_action {
    SCP_CLI_RUN,
    SCP_CLI_HELP,
    SCP_CLI_VERSION,
    SCP_CLI_MAN,
    SCP_CLI_COMPLETION,
    SCP_CLI_PRINT_CONFIG
} scp_cli_action;

/** Reads the text of a settings file: from the disk, or something that asks one rank only. A
 * missing `optional` file gives *text NULL. *text owned by the caller. */
typedef scp_status (*scp_cli_reader)(void *user, const char *path, bool optional, char **text,
                                     size_t *len);

typedef struct scp_cli {
    const scp_option_group *groups; /* in                                                         */
    void *settings;                 /* in: zeroed; filled in the order of option.h                */
    bool takes_operands;            /* in                                                         */
    scp_cli_reader reader;          /* in: NULL reads the file                                    */
    void *user;                     /* in: first argument of reader                               */
    /** in, optional: a YAML file between the defaults and --config that settings name (a run
     * folder's own); called with the settings of the line and its --config files. An empty path:
     * none; a missing file is fine. */
    scp_status (*base)(const void *settings, char *path, size_t size);
    scp_cli_action action;  /* out                                                        */
    int verbosity;          /* out: number of -v less the number of -q                    */
    scp_text_list operands; /* out: free(v); the texts are borrowed from argv             */
} scp_cli;

/** Parse argv [argc] (argv[0] is the program). Wrong or unknown arguments are SCP_EUSAGE. With
 *  SCP_CLI_HELP, VERSION, MAN and COMPLETION nothing else has been read. */
scp_status scp_cli_parse(scp_cli *cli, int argc, char **argv) SCP_MUST_USE;

#endif
