/* Damaged inputs, many of them: bit flips, overwritten bytes and pages, swapped blocks, cut and
 * half-written files, of several layouts, through what scppdm_prep reads.
 *
 * Every damaged file meets the rehearsal first, as in the probe (io/h5_probe.h), then, when that
 * survives, the reading itself; each in a process of its own, so that a crash is a result. What may
 * come out: refused with a message that names the file, read as if nothing had happened, or read
 * with another content where the format keeps no checksum (labels, plain arrays, HDF5's own
 * structures). Not: a crash or an endless loop after a rehearsal that went well, a refusal without
 * the file's name, another content where only compressed chunks were hit.
 *
 * A damaged reference of a text in an attribute is refused by the reading itself, never by the
 * probe: HDF5 would follow it to memory that differs from process to process, so that the helper
 * may survive what the program does not. For the same reason the two processes find other bytes in
 * memory that nobody wrote.
 *
 * In the long form 10,000 files; the seed is fixed, $SCP_TEST_SEED gives other ones,
 * $SCP_TEST_FILES another number, $SCP_TEST_KIND one kind of damage only. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/sums.h"
#include "data/keys.h"
#include "data/mutate_damage.h"
#include "data/mutate_files.h"
#include "io/h5.h"
#include "io/h5_rehearse.h"
#include "io/h5ad_stream.h"
#include "tap.h"

enum { SHORT = 150, LONG = 10000, WORKERS = 2 };
enum { REFERENCES = 100 }; /* and as many files more with a damaged reference in an attribute */

typedef enum outcome {
    SAME,     /* the same content                                      */
    REFUSED,  /* bad data, the message names the file                  */
    PROBED,   /* the rehearsal did not survive: refused by the probe   */
    CHANGED,  /* other content                                         */
    NAMELESS, /* refused, but not as bad data or without the file name */
    UNSURE,   /* crashed the rehearsal here, but not that of the helper */
    INTERNAL, /* an error of ours                                      */
    CRASHED,
    HUNG,
    OUTCOMES
} outcome;
static const char *const outcome_name[OUTCOMES] = { "same",     "refused",  "probed",
                                                    "changed",  "nameless", "unsure",
                                                    "internal", "crashed",  "hung" };

/* What one damaged file came to; shared between processes. */
typedef struct record {
    uint8_t done, layout, kind, what, in_chunks, signal, by_sum;
    uint64_t hash;
    char message[160];
} record;

static mutate_subject all[MUTATE_LAYOUTS + 1];
static size_t n_all;
static record *results;
static uint64_t seed = 1;
static mutate_kind only = MUTATE_KINDS;
static size_t n_any; /* files with damage of any kind, the first ones */

/* ---- reading as scppdm_prep does ---- */

static const char *const columns[] = { "cell_line", "drug", "drugname_drugconc", "plate",
                                       "pass_filter" };

static scp_status hash_genes(scp_h5ad *f, scp_hasher *h)
{
    char **name = NULL;
    SCP_TRY(scp_h5ad_var_names(f, &name));
    for (size_t g = 0; g < scp_h5ad_n_vars(f); g++) scp_hasher_add(h, name[g], strlen(name[g]) + 1);
    scp_fs_list_free(name, scp_h5ad_n_vars(f));
    return SCP_OK;
}

static void hash_texts(scp_hasher *h, char *const *text, size_t n)
{
    for (size_t i = 0; i < n; i++) scp_hasher_add(h, text[i], strlen(text[i]) + 1);
}

static scp_status hash_keys(scp_h5ad *f, scp_hasher *h)
{
    scp_status st = SCP_OK;
    scp_keys_builder *b = NULL;
    scp_keys k = { 0 };
    const scp_obs_map map = scp_obs_map_preset(SCP_LAYOUT_TAHOE);
    SCP_GOTO(done, scp_keys_builder_create(&map, 1, &b));
    SCP_GOTO(done, scp_keys_add_file(b, f));
    SCP_GOTO(done, scp_keys_finish(b, &k));
    hash_texts(h, k.line, k.n_lines);
    hash_texts(h, k.drug, k.n_drugs);
    hash_texts(h, k.plate, k.n_plates);
    scp_hasher_add(h, k.key, k.n * sizeof *k.key);
    scp_hasher_add(h, k.cell_key[0], k.file_cells[0] * sizeof **k.cell_key);
done:
    scp_keys_fini(&k);
    scp_keys_builder_destroy(&b);
    return st;
}

/* Blocks come in any order: rows are hashed one by one, and their hashes summed. */
static scp_status hash_block(void *ctx, int thread, const size_t *row, scp_h5ad_rows *rows)
{
    uint64_t *sum = ctx;
    (void)thread;
    for (size_t i = 0; i < rows->n_rows; i++) {
        size_t at = (size_t)rows->indptr[i], n = (size_t)rows->indptr[i + 1] - at;
        uint64_t h = scp_hash_bytes(rows->column + at, n * sizeof *rows->column, row[i]);
        *sum += scp_hash_bytes(rows->value + at, n * sizeof *rows->value, h);
    }
    return SCP_OK;
}

static scp_status hash_rows(scp_h5ad *f, scp_hasher *h)
{
    const scp_h5ad_stream_options o = { .n = scp_h5ad_n_obs(f), .threads = 1 };
    uint64_t sum = 0;
    SCP_TRY(scp_h5ad_stream(f, &o, hash_block, &sum, NULL));
    scp_hasher_add(h, &sum, sizeof sum);
    return SCP_OK;
}

static scp_status read_all(const char *path, uint64_t *hash)
{
    scp_status st = SCP_OK;
    scp_h5ad *f = NULL;
    scp_hasher *h = scp_hasher_create();
    SCP_GOTO(done, scp_h5ad_open(path, &f));
    SCP_GOTO(done, scp_h5ad_select_matrix(f, "X"));
    SCP_GOTO(done, hash_genes(f, h));
    SCP_GOTO(done, hash_keys(f, h));
    SCP_GOTO(done, hash_rows(f, h));
    *hash = scp_hasher_value(h);
done:
    scp_h5ad_close(&f);
    scp_hasher_destroy(&h);
    return st;
}

/* ---- processes ---- */

/* Seconds that a process gets, of a processor and in all. Endless loops are found soon by the first
 * limit; on a loaded machine good reads may meet it too, so what it ends is judged by the
 * second. */
typedef struct patience {
    unsigned processor, all;
} patience;
static const patience brief = { 1, 60 }, ample = { 30, 1200 };

static void limit(patience p)
{
    const struct rlimit no_core = { 0, 0 }, cpu = { p.processor, p.processor };
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_CPU, &cpu);
    alarm(p.all);
#ifndef __SANITIZE_ADDRESS__
    const struct rlimit memory = { (rlim_t)4 << 30, (rlim_t)4 << 30 };
    setrlimit(RLIMIT_AS, &memory);
#endif
}

static void hear_nothing(void *ctx, const char *object)
{
    (void)ctx;
    (void)object;
}

static void rehearse(const char *path, record *r)
{
    const scp_probe_request request = {
        .path = path, .matrix = "X", .obs = columns, .n_obs = sizeof columns / sizeof columns[0]
    };
    scp_status st = scp_probe_rehearse(&request, hear_nothing, NULL);
    r->what = st == SCP_ENOMEM ? PROBED : SAME;
}

/* Does the message name the file? What concerns all files together names a reason. */
static bool names(const char *path)
{
    return strstr(scp_err_message(), path) || strncmp(scp_err_message(), "no cell ", 8) == 0;
}

static void judge(const char *path, record *r)
{
    scp_status st = read_all(path, &r->hash);
    snprintf(r->message, sizeof r->message, "%.120s", scp_err_message());
    const char *name = strstr(r->message, ".h5ad");
    if (name) memmove(r->message, name, strlen(name) + 1); /* after the folder */
    r->what = st == SCP_EINTERNAL                                 ? INTERNAL
              : st != SCP_OK && (st != SCP_EDATA || !names(path)) ? NAMELESS
              : st != SCP_OK                                      ? REFUSED
              : r->hash == all[r->layout].want                    ? SAME
                                                                  : CHANGED;
}

/* What memory holds that was allocated and not written. */
static void fill_memory(int byte)
{
    H5set_free_list_limits(0, 0, 0, 0, 0, 0); /* HDF5's own stock passes malloc by */
    H5garbage_collect();
    mallopt(M_PERTURB, byte);
}

typedef void child_fn(const char *path, record *r);

static void in_child_for(patience p, child_fn *fn, int byte, const char *path, record *r)
{
    int status = 0;
    r->what = CRASHED;
    pid_t child = fork();
    if (child == 0) {
        limit(p);
        fill_memory(byte);
        fn(path, r);
        _exit(0);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || WIFEXITED(status)) return;
    r->signal = (uint8_t)WTERMSIG(status);
    bool late = r->signal == SIGXCPU || r->signal == SIGALRM || r->signal == SIGKILL;
    r->what = late ? HUNG : CRASHED;
}

static void in_child(child_fn *fn, int byte, const char *path, record *r)
{
    in_child_for(brief, fn, byte, path, r);
    if (r->what == HUNG) in_child_for(ample, fn, byte, path, r);
}

/* A rehearsal died here; so it does in the helper, whose end the library turns into a message.
 * (Endless ones are not waited for: the helper allows them more time.) */
static void ask_helper(const char *path, record *r)
{
    const scp_probe_request request = {
        .path = path, .matrix = "X", .obs = columns, .n_obs = sizeof columns / sizeof columns[0]
    };
    bool crashed = r->what == CRASHED;
    r->what = PROBED;
    if (!crashed || !getenv("SCPPDM_PROBE")) return;
    scp_status st = scp_probe_files(&request, 1, 1);
    if (st == SCP_EDATA && strstr(scp_err_message(), path)) return;
    r->what = st == SCP_OK ? UNSURE : NAMELESS;
    snprintf(r->message, sizeof r->message, "probe: %.120s",
             st == SCP_OK ? "it survived" : scp_err_message());
}

/* ---- damage ---- */

static bool put(int fd, const char *bytes, mutate_range r)
{
    return pwrite(fd, bytes + r.at, r.end - r.at, (off_t)r.at) == (ssize_t)(r.end - r.at);
}

/* One damaged file, from drawing to judgement; the copy is then as before. */
static bool try_one(const mutate_subject *s, const char *copy, int fd, char *work, size_t file,
                    record *r)
{
    mutate_damage d = { .bytes = work };
    mutate_draw(s, seed, file, file < n_any ? only : MUTATE_REFERENCE, &d);
    r->kind = (uint8_t)d.kind;
    r->in_chunks = mutate_only_chunks(s, &d);
    bool fine = put(fd, work, d.touched[0]) && put(fd, work, d.touched[1]) &&
                ftruncate(fd, (off_t)d.n) == 0;
    if (fine) in_child(rehearse, 0x01, copy, r);
    if (fine && (r->what == CRASHED || r->what == HUNG))
        ask_helper(copy, r);
    else if (fine && r->what == SAME)
        in_child(judge, 0x7e, copy, r);
    if (r->what == CHANGED) r->by_sum = scp_sums_check(copy) == SCP_EDATA;
    if (d.n != s->n) fine &= put(fd, s->bytes, (mutate_range){ d.n, s->n });
    for (int t = 0; t < 2; t++) {
        memcpy(work + d.touched[t].at, s->bytes + d.touched[t].at,
               d.touched[t].end - d.touched[t].at);
        fine &= put(fd, s->bytes, d.touched[t]);
    }
    r->done = fine;
    return fine;
}

/* The checksum of the good file beside its copy. */
static bool put_sum(const mutate_subject *s, const char *copy)
{
    char hex[SCP_SHA256_HEX], path[SCP_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s.sha256", copy);
    return scp_sha256_file(s->good, hex) == SCP_OK &&
           scp_fs_write_text(path, hex, strlen(hex)) == SCP_OK;
}

/* Subjects take turns; the plate, a hundred times as large as the others, comes every fourth. */
static size_t subject_of(size_t file)
{
    size_t which = file % n_all;
    return which < MUTATE_LAYOUTS || file / n_all % 4 == 0 ? which : file / n_all % MUTATE_LAYOUTS;
}

/* Every WORKERS-th file of a subject. */
static bool work(const mutate_subject *s, size_t worker, size_t n)
{
    char copy[SCP_PATH_MAX], *bytes = malloc(s->n);
    if (scp_str_format(copy, sizeof copy, "%s.%zu.h5ad", s->good, worker) != SCP_OK) return false;
    int fd = open(copy, O_RDWR | O_CREAT | O_TRUNC, 0600);
    bool fine =
        bytes && fd >= 0 && put(fd, s->bytes, (mutate_range){ 0, s->n }) && put_sum(s, copy);
    if (fine) memcpy(bytes, s->bytes, s->n);
    size_t which = (size_t)(s - all);
    for (size_t file = worker; file < n && fine; file += WORKERS) {
        if (subject_of(file) != which) continue;
        results[file].layout = (uint8_t)which;
        fine = try_one(s, copy, fd, bytes, file, &results[file]);
    }
    if (fd >= 0) close(fd);
    free(bytes);
    return fine;
}

static void run(size_t n)
{
    pid_t pid[WORKERS];
    fflush(stdout);
    for (size_t w = 0; w < WORKERS; w++) {
        pid[w] = fork();
        if (pid[w] != 0) continue;
        bool fine = true;
        for (size_t s = 0; s < n_all; s++) fine &= work(&all[s], w, n);
        _exit(fine ? 0 : 1);
    }
    for (size_t w = 0; w < WORKERS; w++) {
        int status = -1;
        tap_ok(pid[w] > 0 && waitpid(pid[w], &status, 0) == pid[w] && status == 0,
               "worker %zu damaged its files", w);
    }
}

/* ---- subjects ---- */

static bool add_subject(const char *name, const char *path)
{
    mutate_subject *s = &all[n_all];
    if (!tap_st(mutate_subject_load(s, name, path), "%s: its structure", name) ||
        !tap_st(read_all(path, &s->want), "%s: reads", name))
        return false;
    tap_ok(s->n_refs > 0, "%s: %zu texts in attributes", name, s->n_refs);
    n_all++;
    return true;
}

static void add_subjects(void)
{
    char path[SCP_PATH_MAX + 64];
    const char *plate = tap_data("tahoe/plate_layout_synthetic_320.h5ad");
    for (int i = 0; i < MUTATE_LAYOUTS; i++) {
        snprintf(path, sizeof path, "%s/good%d", tap_tmpdir(), i);
        if (tap_st(mutate_write((mutate_layout)i, path), "%s: written",
                   mutate_layout_name((mutate_layout)i)))
            add_subject(mutate_layout_name((mutate_layout)i), path);
    }
    if (!plate || !tap_long()) {
        tap_skip(plate ? "SCP_TEST_LONG is not set" : "no data", "a plate in Tahoe's layout");
        return;
    }
    char *bytes = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/plate", tap_tmpdir());
    tap_st(scp_fs_read_text(plate, &bytes, &n), "a plate in Tahoe's layout");
    tap_st(scp_fs_write_text(path, bytes, n), "a copy of it");
    free(bytes);
    add_subject("Tahoe plate", path);
}

/* ---- verdict ---- */

static void table(size_t n)
{
    for (size_t s = 0; s < n_all; s++) {
        size_t count[OUTCOMES] = { 0 };
        char line[256] = "";
        for (size_t i = 0; i < n; i++) count[results[i].what] += results[i].layout == s;
        for (int o = 0; o < OUTCOMES; o++)
            snprintf(line + strlen(line), sizeof line - strlen(line), "%s%zu %s", o ? ", " : "",
                     count[o], outcome_name[o]);
        tap_diag("%s: %s", all[s].name, line);
    }
}

static void check(size_t n)
{
    size_t count[OUTCOMES] = { 0 }, in_chunks = 0, silent = 0, missed = 0, by_sum = 0;
    size_t refs = 0, refs_probed = 0;
    for (size_t i = 0; i < n; i++) {
        const record *r = &results[i];
        count[r->what]++;
        missed += !r->done;
        by_sum += r->by_sum;
        in_chunks += r->in_chunks;
        refs += r->kind == MUTATE_REFERENCE;
        refs_probed += r->kind == MUTATE_REFERENCE && r->what == PROBED;
        silent += r->in_chunks && r->what == CHANGED;
        bool wrong = r->what >= NAMELESS || (r->in_chunks && r->what == CHANGED);
        if (wrong)
            tap_diag("file %zu, %s, %s: %s, signal %d: %s", i, all[r->layout].name,
                     mutate_kind_name((mutate_kind)r->kind), outcome_name[r->what], r->signal,
                     r->message);
    }
    table(n);
    tap_ok(missed == 0, "%zu damaged files were tried", n);
    tap_ok(count[CRASHED] == 0, "none crashes the reading after a rehearsal that went well");
    tap_ok(count[HUNG] == 0, "none makes it run without end");
    tap_ok(count[INTERNAL] == 0, "none is an internal error");
    tap_ok(count[NAMELESS] == 0, "every refusal is one of bad data and names the file");
    tap_ok(count[UNSURE] == 0, "none crashes one process but not another");
    tap_ok(refs > 0 && refs_probed == 0,
           "of %zu damaged references in attributes, none is left to the probe", refs);
    tap_ok(silent == 0 && in_chunks > 0,
           "of %zu with damage in compressed chunks only, none reads as another content",
           in_chunks);
    tap_ok(count[REFUSED] > n / 4, "%zu are refused, %zu by the probe",
           count[REFUSED] + count[PROBED], count[PROBED]);
    tap_ok(
        by_sum == count[CHANGED],
        "%zu read as another content (labels, plain arrays): a checksum beside the file finds each",
        count[CHANGED]);
}

int main(void)
{
    const char *given = getenv("SCP_TEST_SEED"), *how_many = getenv("SCP_TEST_FILES");
    n_any = how_many ? strtoul(how_many, NULL, 10) : tap_long() ? LONG : SHORT;
    size_t n = n_any + REFERENCES;
    const char *kind = getenv("SCP_TEST_KIND");
    if (given) seed = strtoull(given, NULL, 10);
    if (kind) only = (mutate_kind)strtoul(kind, NULL, 10);
    results =
        mmap(NULL, n * sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!tap_ok(results != MAP_FAILED, "memory")) return tap_done();
    const char *build = getenv("top_builddir");
    char helper[SCP_PATH_MAX];
    if (scp_fs_join(helper, sizeof helper, build ? build : ".", "scppdm_probe") == SCP_OK &&
        scp_fs_exists(helper))
        setenv("SCPPDM_PROBE", helper, 0);
    add_subjects();
    run(n);
    check(n);
    for (size_t i = 0; i < n_all; i++) free(all[i].bytes);
    return tap_done();
}
