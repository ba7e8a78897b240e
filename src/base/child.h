/* Helper programs as child processes: started without a copy of this process (safe under MPI and
 * with threads), several at a time, each told apart by how it ended. */
#ifndef SCP_BASE_CHILD_H
#define SCP_BASE_CHILD_H

#include "base/status.h"

enum { SCP_CHILD_LINE = 512 };

/* How a child ended. */
typedef struct scp_child_end {
    int signal;                /* that ended it; 0: it ended by itself         */
    int exit_code;             /* when signal is 0                             */
    char last[SCP_CHILD_LINE]; /* last line of its standard output, cut; or "" */
} scp_child_end;

/** Run n programs, at most `jobs` (>= 1) at a time, and wait for all of them. argv[i] is a
 *  NULL-terminated list that begins with the path of the program. Their standard input and error
 *  are /dev/null; MALLOC_PERTURB_ is set for them, so that reading freed memory shows.
 *  SCP_EIO names a program that cannot be started. end: [n]. Not collective. */
scp_status scp_children_run(char *const *const *argv, size_t n, int jobs, scp_child_end *end)
    SCP_MUST_USE;

#endif
