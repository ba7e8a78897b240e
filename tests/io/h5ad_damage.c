/* Damaged .h5ad files: every cut is refused; a flipped byte in compressed data is found; a flipped
 * byte anywhere else never ends in a crash, a hang or an internal error. HDF5 keeps no checksum of
 * the rest: a letter of a label may change unseen, as in any reader of this format.
 *
 * What is left to HDF5 1.10 itself (it trusts the texts of attributes, for one) ends in a crash or
 * an endless loop for about 1 in 500 flipped bytes, which is what the probe is for
 * (tests/data/mutate.c); none of the 200 drawn here is one.
 *
 * Each damaged copy is read in a child process, so that a crash is a result and not the end. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/rng.h"
#include "io/h5.h"
#include "io/h5ad.h"
#include "tap.h"

enum { OBS = 60, VARS = 40, CUTS = 40, FLIPS = 200, CHUNK_FLIPS = 60, SECONDS = 20 };

/* How reading ended. */
enum outcome { SAME, REFUSED, CHANGED, INTERNAL, CRASHED, OUTCOMES };

static char good[SCP_PATH_MAX], copy[SCP_PATH_MAX], *bytes;
static size_t n_bytes;
static uint64_t want;

static scp_status write_good(void)
{
    const scp_h5ad_write_options opt = {
        .csr = true, .index64 = true, .deflate = 4, .shuffle = true, .chunk = 200
    };
    const char *const labels[] = { "DMSO_TF", "Trametinib", "γ-Oryzanol" };
    scp_h5ad_writer *w = NULL;
    scp_status st = SCP_OK;
    float x[OBS][VARS];
    char text[OBS][16];
    const char *names[OBS];
    int32_t codes[OBS];
    double dose[OBS];
    for (size_t i = 0; i < OBS; i++) {
        snprintf(text[i], sizeof text[i], "n%zu", i);
        names[i] = text[i];
        codes[i] = (int32_t)(i % 3);
        dose[i] = 0.05 * (double)(i % 7);
        for (size_t j = 0; j < VARS; j++) x[i][j] = (i * j) % 4 == 1 ? (float)(i + j) : 0;
    }
    SCP_TRY(scp_h5ad_writer_create(good, OBS, VARS, &opt, &w));
    SCP_GOTO(done, scp_h5ad_write_dense(w, x[0], OBS));
    SCP_GOTO(done, scp_h5ad_write_index(w, "obs", "cell", names));
    SCP_GOTO(done, scp_h5ad_write_index(w, "var", "gene", names));
    SCP_GOTO(done, scp_h5ad_write_categorical(w, "obs", "drug", codes, labels, 3));
    SCP_GOTO(done, scp_h5ad_write_real(w, "obs", "dose", dose));
    SCP_GOTO(done, scp_h5ad_writer_commit(&w));
done:
    scp_h5ad_writer_abort(&w);
    return st;
}

/* Everything that a program reads, in one hash. */
static scp_status read_names(scp_h5ad *f, bool obs, scp_hasher *h)
{
    char **names = NULL;
    size_t n = obs ? scp_h5ad_n_obs(f) : scp_h5ad_n_vars(f);
    if (obs)
        SCP_TRY(scp_h5ad_obs_names(f, &names));
    else
        SCP_TRY(scp_h5ad_var_names(f, &names));
    for (size_t i = 0; i < n; i++) scp_hasher_add(h, names[i], strlen(names[i]) + 1);
    scp_fs_list_free(names, n);
    return SCP_OK;
}

static scp_status read_columns(scp_h5ad *f, scp_hasher *h)
{
    scp_h5ad_text drug;
    double *dose = NULL;
    SCP_TRY(scp_h5ad_obs_text(f, "drug", &drug));
    scp_hasher_add(h, drug.code, drug.n * sizeof *drug.code);
    for (size_t i = 0; i < drug.n_labels; i++)
        scp_hasher_add(h, drug.label[i], strlen(drug.label[i]) + 1);
    scp_h5ad_text_fini(&drug);
    SCP_TRY(scp_h5ad_obs_real(f, "dose", &dose));
    scp_hasher_add(h, dose, scp_h5ad_n_obs(f) * sizeof *dose);
    free(dose);
    return SCP_OK;
}

static scp_status read_matrix(scp_h5ad *f, scp_hasher *h)
{
    scp_h5ad_rows rows = { 0 };
    scp_status st = SCP_OK;
    for (size_t first = 0; first < scp_h5ad_n_obs(f); first += 16) {
        size_t left = scp_h5ad_n_obs(f) - first, n = left < 16 ? left : 16;
        SCP_GOTO(done, scp_h5ad_read_rows(f, first, n, &rows));
        size_t nnz = (size_t)rows.indptr[n];
        scp_hasher_add(h, rows.indptr, (n + 1) * sizeof *rows.indptr);
        scp_hasher_add(h, rows.column, nnz * sizeof *rows.column);
        scp_hasher_add(h, rows.value, nnz * sizeof *rows.value);
    }
done:
    scp_h5ad_rows_fini(&rows);
    return st;
}

static scp_status read_all(const char *path, uint64_t *hash)
{
    scp_status st = SCP_OK;
    scp_h5ad *f = NULL;
    scp_hasher *h = scp_hasher_create();
    SCP_GOTO(done, scp_h5ad_open(path, &f));
    SCP_GOTO(done, read_names(f, true, h));
    SCP_GOTO(done, read_names(f, false, h));
    SCP_GOTO(done, read_columns(f, h));
    SCP_GOTO(done, read_matrix(f, h));
    *hash = scp_hasher_value(h);
done:
    scp_h5ad_close(&f);
    scp_hasher_destroy(&h);
    return st;
}

static enum outcome read_copy(void)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        uint64_t hash = 0;
        const struct rlimit no_core = { 0, 0 };
        setrlimit(RLIMIT_CORE, &no_core);
        alarm(SECONDS);
        scp_status st = read_all(copy, &hash);
        _exit(st == SCP_EINTERNAL ? INTERNAL
              : st != SCP_OK      ? REFUSED
              : hash == want      ? SAME
                                  : CHANGED);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return CRASHED;
    return WEXITSTATUS(status) < OUTCOMES ? (enum outcome)WEXITSTATUS(status) : CRASHED;
}

static void write_copy(size_t n)
{
    FILE *f = fopen(copy, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) tap_ok(false, "cannot write %s", copy);
}

static void cut(size_t n, int count[OUTCOMES])
{
    write_copy(n);
    count[read_copy()]++;
}

static void flip(size_t at, unsigned bit, int count[OUTCOMES])
{
    bytes[at] ^= (char)(1u << bit);
    write_copy(n_bytes);
    enum outcome got = read_copy();
    bytes[at] ^= (char)(1u << bit);
    count[got]++;
    if (got >= INTERNAL)
        tap_diag("byte %zu, bit %u: %s", at, bit, got == CRASHED ? "crash" : "internal");
}

static void report(const char *what, const int count[OUTCOMES])
{
    tap_diag("%s: %d same, %d refused, %d changed, %d internal errors, %d crashes", what,
             count[SAME], count[REFUSED], count[CHANGED], count[INTERNAL], count[CRASHED]);
}

static void cuts(void)
{
    int count[OUTCOMES] = { 0 };
    for (size_t k = 0; k < CUTS; k++) cut(k * n_bytes / CUTS, count);
    cut(n_bytes - 1, count);
    report("cuts", count);
    tap_ok(count[REFUSED] == CUTS + 1, "a file cut anywhere is refused");
}

static void flips(void)
{
    int count[OUTCOMES] = { 0 };
    for (uint32_t k = 0; k < FLIPS; k++)
        flip((size_t)scp_rng_below(1, SCP_RNG_SYNTH, 1, 0, k, n_bytes), k % 8, count);
    report("flips anywhere", count);
    tap_ok(count[CRASHED] == 0 && count[INTERNAL] == 0,
           "no flipped byte ends in a crash or internal error");
    tap_ok(count[REFUSED] > 0, "some are refused");
}

/* Bytes of the compressed chunks of one dataset. */
static void chunk_flips(const char *name)
{
    int count[OUTCOMES] = { 0 };
    hid_t file, dset, space;
    hsize_t n = 0;
    if (!tap_st(scp_h5_open(good, &file), "opens") ||
        !tap_st(scp_h5_dataset_open(file, name, &dset), "%s", name))
        return;
    space = H5Dget_space(dset);
    tap_ok(H5Dget_num_chunks(dset, space, &n) >= 0 && n > 0, "%s has chunks", name);
    for (uint32_t k = 0; k < CHUNK_FLIPS && n > 0; k++) {
        hsize_t offset, size, at;
        unsigned filters;
        haddr_t where;
        if (H5Dget_chunk_info(dset, space, k % n, &offset, &filters, &where, &size) < 0) break;
        at = scp_rng_below(1, SCP_RNG_SYNTH, 2, 0, k, size);
        flip((size_t)(where + at), k % 8, count);
    }
    H5Sclose(space);
    H5Dclose(dset);
    tap_st(scp_h5_close(&file), "closed");
    report(name, count);
    tap_ok(count[REFUSED] + count[SAME] == CHUNK_FLIPS && count[REFUSED] > 0,
           "%s: a flipped byte in compressed data is refused or harmless", name);
}

int main(void)
{
    tap_st(scp_fs_join(good, sizeof good, tap_tmpdir(), "good.h5ad"), "name");
    tap_st(scp_fs_join(copy, sizeof copy, tap_tmpdir(), "copy.h5ad"), "name");
    tap_st(write_good(), "a good file");
    tap_st(read_all(good, &want), "reads");
    tap_st(scp_fs_read_text(good, &bytes, &n_bytes), "its bytes");
    cuts();
    flips();
    chunk_flips("X/data");
    chunk_flips("X/indices");
    chunk_flips("X/indptr");
    free(bytes);
    return tap_done();
}
