/* Memory of the profiles of a report: ten times the conditions do not take ten times of it, and far
 * less than the matrices have. Each size is read by a process of its own. */
#include "report/profiles.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "eval/pred_file.h"
#include "tap.h"

enum { G = 1500, SMALL = 200, LARGE = 2000, BLOCK = 50 };

static float at(size_t row, size_t g, bool predicted)
{
    return (float)(1 + (row * 7 + g * 13) % 11) / 8 + (predicted ? 0.25f : 0);
}

/* Conditions of two lines, a drug each; controls of both lines behind them. */
static scp_status write_profiles(const char *path, size_t n, bool predicted)
{
    scp_pred_key *key = NULL;
    char(*drug)[32] = NULL, (*name)[32] = NULL, **gene = NULL;
    float *x = NULL;
    scp_pred_writer *w = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(n + 2, sizeof *key, &key));
    SCP_GOTO(done, scp_alloc(n, sizeof *drug, &drug));
    SCP_GOTO(done, scp_alloc(G, sizeof *name, &name));
    SCP_GOTO(done, scp_alloc(G, sizeof *gene, &gene));
    SCP_GOTO(done, scp_alloc(BLOCK * G, sizeof *x, &x));
    for (size_t g = 0; g < G; g++) {
        snprintf(name[g], sizeof name[g], "g%zu", g);
        gene[g] = name[g];
    }
    for (size_t i = 0; i < n + 2; i++) {
        key[i] = (scp_pred_key){ .line = i < n / 2 || i == n ? "a" : "b", .plate = "1" };
        if (i >= n) continue;
        snprintf(drug[i], sizeof drug[i], "drug %zu", i);
        key[i].drug = drug[i];
        key[i].dose = 1;
    }
    SCP_GOTO(done, scp_pred_writer_create(path, gene, G, key, n + 2, NULL, &w));
    for (size_t first = 0; first < n + 2; first += BLOCK) {
        const size_t m = n + 2 - first < BLOCK ? n + 2 - first : BLOCK;
        for (size_t i = 0; i < m * G; i++)
            x[i] = at(first + i / G, i % G, predicted && first + i / G < n);
        SCP_GOTO(done, scp_pred_writer_add(w, x, m));
    }
    SCP_GOTO(done, scp_pred_writer_commit(&w));
done:
    scp_pred_writer_abort(&w);
    free(key);
    free(drug);
    free(name);
    free(gene);
    free(x);
    return st;
}

/* The wrong values of all conditions; -1: it failed. */
static int read_all(const char *run, size_t n)
{
    scp_profiles p;
    double *lfc = NULL;
    size_t wrong = 0;
    scp_status st = scp_profiles_open(run, "uc", "m", &p);
    if (st == SCP_OK) st = scp_alloc(G, sizeof *lfc, &lfc);
    for (size_t i = 0; i < 2 * n && st == SCP_OK; i++) {
        st = scp_profiles_logfc(&p, i / 2, i % 2, 0.5, lfc);
        const size_t control = i / 2 < n / 2 ? n : n + 1;
        for (size_t g = 0; g < G && st == SCP_OK; g++)
            wrong += fabs(lfc[g] - log2((at(i / 2, g, i % 2) + 0.5) /
                                        (at(control, g, false) + 0.5))) > 1e-6;
    }
    wrong += st == SCP_OK && p.n != n;
    free(lfc);
    scp_profiles_close(&p);
    return st != SCP_OK ? -1 : (int)wrong;
}

/* Peak of a process that reads the profiles, in MiB; what it exits with. */
static double peak_of(const char *run, size_t n, int *code)
{
    struct rusage use = { 0 };
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) _exit(read_all(run, n) == 0 ? 0 : 1);
    *code = wait4(child, &status, 0, &use) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return (double)use.ru_maxrss / 1024;
}

static scp_status make_run(const char *run, size_t n)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(path, sizeof path, "%s/eval/uc", run));
    SCP_TRY(scp_fs_mkdirs(path));
    SCP_TRY(scp_str_format(path, sizeof path, "%s/eval/uc/real.h5ad", run));
    SCP_TRY(write_profiles(path, n, false));
    SCP_TRY(scp_str_format(path, sizeof path, "%s/eval/uc/pred_m.h5ad", run));
    return write_profiles(path, n, true);
}

/* Written by a process of its own, too: a peak that was reached before would hide that of
 * reading. */
static bool written(const char *run, size_t n)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) _exit(make_run(run, n) == SCP_OK ? 0 : 1);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
#ifdef __SANITIZE_ADDRESS__
    return tap_skip_all("freed memory stays with a sanitizer");
#endif
    static const size_t n[] = { SMALL, LARGE };
    double peak[2];
    for (int k = 0; k < 2; k++) {
        char run[SCP_PATH_MAX];
        int code;
        snprintf(run, sizeof run, "%s/%zu", tap_tmpdir(), n[k]);
        tap_ok(written(run, n[k]), "%zu conditions are written", n[k]);
        peak[k] = peak_of(run, n[k], &code);
        tap_ok(code == 0, "%zu conditions: every logFC of truth and prediction is right", n[k]);
    }
    const double matrices = 2.0 * (LARGE - SMALL) * G * sizeof(float) / (1 << 20);
    tap_ok(peak[1] - peak[0] < matrices / 4,
           "%d conditions more take %.1f MiB more, their matrices are %.1f", LARGE - SMALL,
           peak[1] - peak[0], matrices);
    return tap_done();
}
