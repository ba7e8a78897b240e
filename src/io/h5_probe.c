/* The asking side of the probe, see h5_probe.h. */
#include "io/h5_probe.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fs.h"
#include "base/mem.h"
#include "io/h5_rehearse.h"

#define HELPER "scppdm_probe"

/* $SCPPDM_PROBE, else beside the running program or in ../libexec of it, else where it was
 * installed. */
static scp_status find_helper(char *path, size_t size)
{
    const char *given = getenv("SCPPDM_PROBE");
    if (given && given[0]) {
        int len = snprintf(path, size, "%s", given);
        if (len > 0 && (size_t)len < size && scp_fs_exists(path)) return SCP_OK;
        SCP_FAIL(SCP_EIO, "SCPPDM_PROBE=%s: no such program", given);
    }
    if (scp_fs_from_program(path, size, HELPER)) return SCP_OK;
    if (scp_fs_from_program(path, size, "../libexec/scppdm/" HELPER)) return SCP_OK;
    if (scp_fs_join(path, size, SCP_HELPER_DIR, HELPER) == SCP_OK && scp_fs_exists(path))
        return SCP_OK;
    SCP_FAIL(SCP_EIO,
             "the program %s, which looks at inputs first, lies neither beside this program nor in "
             "%s: install it, name it in SCPPDM_PROBE, or trust the inputs with --no-probe",
             HELPER, SCP_HELPER_DIR);
}

/* What the end of the helper says about the file. `last` is the object that it began last. */
static scp_status verdict(const char *path, const scp_child_end *e)
{
    const char *what = e->last[0] ? e->last : "the file";
    if (e->signal == SIGXCPU)
        SCP_FAIL(SCP_EDATA,
                 "%s: the HDF5 library does not come to an end while reading %s: the file is "
                 "damaged; fetch it again and compare its checksum",
                 path, what);
    if (e->signal == SIGINT || e->signal == SIGTERM || e->signal == SIGHUP ||
        e->signal == SIGUSR1 || e->signal == SIGUSR2)
        SCP_FAIL(SCP_ERETRY, "%s: stopped by signal %d while looking at %s", path, e->signal, what);
    if (e->signal == SIGKILL)
        SCP_FAIL(SCP_EDATA,
                 "%s: killed while reading %s: the node has too little memory, or the file is "
                 "damaged; compare its checksum",
                 path, what);
    if (e->signal)
        SCP_FAIL(SCP_EDATA,
                 "%s: the HDF5 library crashes while reading %s (signal %d, %s): the file is "
                 "damaged; fetch it again and compare its checksum",
                 path, what, e->signal, strsignal(e->signal));
    if (e->exit_code == scp_status_exit_code(SCP_ENOMEM))
        SCP_FAIL(SCP_EDATA,
                 "%s: reading %s asks for more memory than a file of this size can need: the file "
                 "is damaged; fetch it again and compare its checksum",
                 path, what);
    if (e->exit_code == 0) return SCP_OK;
    for (int st = SCP_EUSAGE; st >= SCP_EIO; st--)
        if (e->exit_code == scp_status_exit_code((scp_status)st))
            return SCP_OK; /* see h5_probe.h */
    SCP_FAIL(SCP_EDATA,
             "%s: the HDF5 library ends the program while reading %s (exit code %d): the file is "
             "damaged; fetch it again and compare its checksum",
             path, what, e->exit_code);
}

/* HELPER MODE FILE MATRIX GENE COLUMN...; texts are borrowed, the list is the caller's. */
static scp_status arguments(char *helper, const scp_probe_request *r, char ***out)
{
    static char none[] = "", *const mode[] = { "read", "describe", "shard" };
    size_t n = 0;
    SCP_TRY(scp_alloc(r->n_obs + 6, sizeof **out, out));
    char **v = *out;
    v[n++] = helper;
    v[n++] = mode[r->mode];
    v[n++] = (char *)r->path;
    v[n++] = r->matrix ? (char *)r->matrix : none;
    v[n++] = r->gene ? (char *)r->gene : none;
    for (size_t i = 0; i < r->n_obs; i++)
        if (r->obs[i]) v[n++] = (char *)r->obs[i];
    return SCP_OK;
}

scp_status scp_probe_files(const scp_probe_request *request, size_t n, int jobs)
{
    SCP_ARG(request && jobs >= 1, "requests and a positive number of jobs are required");
    scp_status st = SCP_OK;
    char helper[SCP_PATH_MAX], ***argv = NULL;
    scp_child_end *end = NULL;
    SCP_TRY(find_helper(helper, sizeof helper));
    SCP_GOTO(done, scp_alloc(n, sizeof *argv, &argv));
    SCP_GOTO(done, scp_alloc(n, sizeof *end, &end));
    for (size_t i = 0; i < n; i++) SCP_GOTO(done, arguments(helper, &request[i], &argv[i]));
    SCP_GOTO(done, scp_children_run((char *const *const *)argv, n, jobs, end));
    for (size_t i = 0; i < n; i++) SCP_GOTO(done, verdict(request[i].path, &end[i]));
done:
    for (size_t i = 0; argv && i < n; i++) free(argv[i]);
    free(argv);
    free(end);
    return st;
}

scp_status scp_probe_shard(const char *path)
{
    SCP_ARG(path, "a path is required");
    const scp_probe_request r = { .path = path, .mode = SCP_PROBE_SHARD };
    return scp_probe_files(&r, 1, 1);
}
