/* The helper's side of the probe: limits, then the calls that scppdm_prep will make. */
#include "io/h5_rehearse.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fs.h"
#include "io/h5ad.h"
#include "io/shard_check.h"

enum { CPU_SECONDS = 120 };            /* of one object */
#define FREE_BYTES ((uint64_t)4 << 30) /* memory for a file of any size */

static void hear_nothing(const char *object)
{
    (void)object;
}

static scp_status read_genes(scp_h5ad *f, const char *column)
{
    if (column && column[0]) {
        scp_h5ad_text text;
        SCP_TRY(scp_h5ad_var_text(f, column, &text));
        scp_h5ad_text_fini(&text);
        return SCP_OK;
    }
    char **name = NULL;
    SCP_TRY(scp_h5ad_var_names(f, &name));
    scp_fs_list_free(name, scp_h5ad_n_vars(f));
    return SCP_OK;
}

static scp_status read_columns(const scp_probe_request *r, scp_h5ad *f, void (*say)(const char *))
{
    char object[SCP_PATH_MAX];
    for (size_t i = 0; i < r->n_obs; i++) {
        scp_h5ad_text text;
        if (!r->obs[i]) continue;
        snprintf(object, sizeof object, "obs/%s", r->obs[i]);
        say(object);
        SCP_TRY(scp_h5ad_obs_text(f, r->obs[i], &text));
        scp_h5ad_text_fini(&text);
    }
    return SCP_OK;
}

/* The first and the last row; of a CSC, whose rows come only with all of it, none. */
static scp_status read_rows(scp_h5ad *f)
{
    scp_status st = SCP_OK;
    scp_h5ad_rows rows = { 0 };
    size_t n = scp_h5ad_n_obs(f);
    if (n == 0 || !scp_h5ad_has_matrix(f) || scp_h5ad_matrix_kind(f) == SCP_H5AD_CSC) return SCP_OK;
    SCP_GOTO(done, scp_h5ad_read_rows(f, 0, 1, &rows));
    SCP_GOTO(done, scp_h5ad_read_rows(f, n - 1, 1, &rows));
done:
    scp_h5ad_rows_fini(&rows);
    return st;
}

scp_status scp_h5ad_rehearse(const scp_probe_request *r, void (*say)(const char *object))
{
    SCP_ARG(r && r->path, "a file is required");
    scp_status st = SCP_OK;
    scp_h5ad *f = NULL;
    if (!say) say = hear_nothing;
    say("the frames obs and var, and the structure of X");
    SCP_GOTO(done, scp_h5ad_open(r->path, &f));
    if (r->matrix && r->matrix[0]) {
        say(r->matrix);
        SCP_GOTO(done, scp_h5ad_select_matrix(f, r->matrix));
    }
    say("the names of the genes");
    SCP_GOTO(done, read_genes(f, r->gene));
    SCP_GOTO(done, read_columns(r, f, say));
    say("rows of the matrix");
    SCP_GOTO(done, read_rows(f));
done:
    scp_h5ad_close(&f);
    return st;
}

/* ---- the program ---- */

/* Computing time of this process so far, rounded up. */
static rlim_t cpu_used(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0) return 0;
    return (rlim_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 2;
}

/* Tell the asking process what comes now, and wind up the clock for it. */
static void announce(const char *object)
{
    const struct rlimit cpu = { cpu_used() + CPU_SECONDS, RLIM_INFINITY };
    setrlimit(RLIMIT_CPU, &cpu);
    dprintf(STDOUT_FILENO, "%s\n", object);
}

/* Memory: what the machine has at most, and in proportion to the file. The address sanitizer
 * reserves more than any limit. */
static void set_limits(const char *path)
{
    const struct rlimit no_core = { 0, 0 };
    int64_t file = 0;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    if (scp_fs_size(path, &file) != SCP_OK) scp_err_clear();
    uint64_t most = FREE_BYTES + 2 * (uint64_t)file;
    if (pages > 0 && page > 0 && (uint64_t)pages * (uint64_t)page < most)
        most = (uint64_t)pages * (uint64_t)page;
    const struct rlimit memory = { most, most };
#ifndef __SANITIZE_ADDRESS__
    setrlimit(RLIMIT_AS, &memory);
#else
    (void)memory;
#endif
}

int scp_probe_main(int argc, char **argv)
{
    if (argc < 4) {
        dprintf(STDERR_FILENO,
                "usage: scppdm_probe FILE.h5ad MATRIX GENE_COLUMN [OBS_COLUMN...]\n"
                "Reads what scppdm_prep will read of the file, and ends with an exit code; started "
                "by scppdm_prep.\n");
        return scp_status_exit_code(SCP_EUSAGE);
    }
    const scp_probe_request r = { .path = argv[1],
                                  .matrix = argv[2],
                                  .gene = argv[3],
                                  .obs = (const char *const *)(argv + 4),
                                  .n_obs = (size_t)(argc - 4) };
    set_limits(r.path);
    if (strcmp(r.matrix, SCP_PROBE_SHARD) == 0)
        return scp_status_exit_code(scp_shard_rehearse(r.path, announce));
    return scp_status_exit_code(scp_h5ad_rehearse(&r, announce));
}
