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
#include "io/h5_chunk.h"
#include "io/h5ad_info.h"
#include "io/h5ad_matrix.h"
#include "io/h5ad_stream.h"
#include "io/shard_check.h"

/* Limits for a file of any size, and what every GiB of it adds. */
enum { CPU_SECONDS = 20, CPU_SECONDS_PER_GIB = 2 }; /* on one object */
enum { MEMORY_GIB = 4, MEMORY_GIB_PER_GIB = 2 };

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

static scp_status read_columns(const scp_probe_request *r, scp_h5ad *f, scp_probe_say *say,
                               void *ctx)
{
    char object[SCP_PATH_MAX];
    for (size_t i = 0; i < r->n_obs; i++) {
        scp_h5ad_text text;
        if (!r->obs[i] || (r->mode == SCP_PROBE_DESCRIBE && !scp_h5ad_has_obs(f, r->obs[i])))
            continue;
        snprintf(object, sizeof object, "obs/%s", r->obs[i]);
        say(ctx, object);
        SCP_TRY(scp_h5ad_obs_text(f, r->obs[i], &text));
        scp_h5ad_text_fini(&text);
    }
    return SCP_OK;
}

static scp_status look_up(hid_t dset, bool integer)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    scp_h5_chunks c;
    SCP_TRY(scp_h5_chunks_open(dset, integer, &lock, &c));
    SCP_TRY(scp_h5_chunks_look(&c));
    return SCP_OK;
}

static scp_status ignore_block(void *ctx, int thread, const size_t *row, scp_h5ad_rows *rows)
{
    (void)ctx;
    (void)thread;
    (void)row;
    (void)rows;
    return SCP_OK;
}

/* The index of every chunk of the matrix; the first and the last row; of a CSC, whose rows come
 * only with all of it, none. */
static scp_status read_matrix(scp_h5ad *f, scp_probe_say *say, void *ctx)
{
    scp_status st = SCP_OK;
    scp_matrix *m;
    size_t n = scp_h5ad_n_obs(f);
    const scp_h5ad_stream_options first = { .n = 1, .threads = 1 },
                                  last = { .first = n - 1, .n = 1, .threads = 1 };
    if (n == 0 || !scp_h5ad_has_matrix(f)) return SCP_OK;
    say(ctx, "the index of the chunks of the matrix");
    SCP_GOTO(done, scp_h5ad_matrix(f, &m));
    SCP_GOTO(done, look_up(m->data, false));
    if (m->kind != SCP_H5AD_DENSE) SCP_GOTO(done, look_up(m->indices, true));
    if (m->kind == SCP_H5AD_CSC) goto done;
    say(ctx, "rows of the matrix");
    SCP_GOTO(done, scp_h5ad_stream(f, &first, ignore_block, NULL, NULL));
    SCP_GOTO(done, scp_h5ad_stream(f, &last, ignore_block, NULL, NULL));
done:
    return st;
}

/* As --inspect: of all columns a little, some values of all matrices. */
static scp_status describe(const char *path, scp_probe_say *say, void *ctx)
{
    enum { VALUES = 1000 };
    scp_status st = SCP_OK;
    scp_h5ad_info info = { 0 };
    double value[VALUES];
    size_t n;
    say(ctx, "what the file holds");
    SCP_GOTO(done, scp_h5ad_info_read(path, &info));
    for (size_t i = 0; i < info.n_matrices; i++) {
        say(ctx, info.matrix[i].name);
        SCP_GOTO(done, scp_h5ad_info_sample(path, &info.matrix[i], VALUES, value, &n));
    }
done:
    scp_h5ad_info_fini(&info);
    return st;
}

scp_status scp_probe_rehearse(const scp_probe_request *r, scp_probe_say *say, void *ctx)
{
    SCP_ARG(r && r->path && say, "a file and a listener are required");
    scp_status st = SCP_OK;
    scp_h5ad *f = NULL;
    if (r->mode == SCP_PROBE_SHARD) return scp_shard_rehearse(r->path, say, ctx);
    if (r->mode == SCP_PROBE_DESCRIBE) SCP_GOTO(done, describe(r->path, say, ctx));
    say(ctx, "the frames obs and var and the structure of X");
    SCP_GOTO(done, scp_h5ad_open(r->path, &f));
    if (r->matrix && r->matrix[0]) {
        say(ctx, r->matrix);
        SCP_GOTO(done, scp_h5ad_select_matrix(f, r->matrix));
    }
    say(ctx, "the names of the genes");
    SCP_GOTO(done, read_genes(f, r->gene));
    SCP_GOTO(done, read_columns(r, f, say, ctx));
    SCP_GOTO(done, read_matrix(f, say, ctx));
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
static void announce(void *ctx, const char *object)
{
    const rlim_t *seconds = ctx;
    const struct rlimit cpu = { cpu_used() + *seconds, RLIM_INFINITY };
    setrlimit(RLIMIT_CPU, &cpu);
    dprintf(STDOUT_FILENO, "%s\n", object);
}

/* Memory: in proportion to the file, and at most what the machine has. The address sanitizer
 * reserves more than any limit. */
static void limit_memory(uint64_t file)
{
#ifndef __SANITIZE_ADDRESS__
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t most = ((uint64_t)MEMORY_GIB << 30) + MEMORY_GIB_PER_GIB * file;
    if (pages > 0 && page > 0 && (uint64_t)pages * (uint64_t)page < most)
        most = (uint64_t)pages * (uint64_t)page;
    const struct rlimit memory = { most, most };
    setrlimit(RLIMIT_AS, &memory);
#else
    (void)file;
#endif
}

int scp_probe_main(int argc, char **argv)
{
    if (argc < 5) {
        dprintf(STDERR_FILENO,
                "usage: scppdm_probe read|describe|shard FILE MATRIX GENE_COLUMN [OBS_COLUMN...]\n"
                "Reads what scppdm_prep will read of the file, and ends with an exit code; started "
                "by scppdm_prep.\n");
        return scp_status_exit_code(SCP_EUSAGE);
    }
    const scp_probe_request r = { .mode = strcmp(argv[1], "describe") == 0 ? SCP_PROBE_DESCRIBE
                                          : strcmp(argv[1], "shard") == 0  ? SCP_PROBE_SHARD
                                                                           : SCP_PROBE_READ,
                                  .path = argv[2],
                                  .matrix = argv[3],
                                  .gene = argv[4],
                                  .obs = (const char *const *)(argv + 5),
                                  .n_obs = (size_t)(argc - 5) };
    const struct rlimit no_core = { 0, 0 };
    int64_t file = 0;
    if (scp_fs_size(r.path, &file) != SCP_OK) scp_err_clear(); /* the reading will say it */
    rlim_t seconds = CPU_SECONDS + CPU_SECONDS_PER_GIB * (rlim_t)(file >> 30);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    limit_memory((uint64_t)file);
    return scp_status_exit_code(scp_probe_rehearse(&r, announce, &seconds));
}
