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
 * In the long form 10,000 files; the seed is fixed, $SCP_TEST_SEED gives other ones. */
#include <errno.h>
#include <fcntl.h>
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
#include "data/mutate_files.h"
#include "io/h5.h"
#include "io/h5_rehearse.h"
#include "io/h5ad_stream.h"
#include "tap.h"

enum { SHORT = 150, LONG = 10000, WORKERS = 2, SECONDS = 1, MAX_RANGES = 4096, ANCHORS = 4096 };

typedef enum kind { BIT, BITS, BYTE, RUN, ZEROS, PAGE, SWAP, CUT, TAIL, KINDS } kind;
static const char *const kind_name[KINDS] = { "one bit",        "some bits",    "one byte",
                                              "random run",     "run of zeros", "page of zeros",
                                              "swapped blocks", "cut",          "tail of zeros" };

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
static const char *const outcome_name[OUTCOMES] = { "same",     "refused",  "probed",  "changed",
                                                    "nameless", "unsure",   "internal", "crashed", "hung" };

typedef struct range {
    size_t at, end;
} range;

/* One layout: the good file and where its bytes are of what sort. */
typedef struct subject {
    char good[SCP_PATH_MAX], *bytes;
    const char *name;
    size_t n;
    uint64_t want;           /* hash of its content                                 */
    range chunk[MAX_RANGES]; /* stored bytes of compressed chunks                   */
    size_t n_chunks;
    size_t anchor[ANCHORS]; /* where HDF5's structures begin, by their signatures  */
    size_t n_anchors;
} subject;

/* What one damaged file came to; shared between processes. */
typedef struct record {
    uint8_t done, layout, kind, what, in_chunks, signal, by_sum;
    uint64_t hash;
    char message[160];
} record;

static subject all[MUTATE_LAYOUTS + 1];
static size_t n_all;
static record *results;
static uint64_t seed = 1;

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

static void limit(void)
{
    const struct rlimit no_core = { 0, 0 }, cpu = { SECONDS, SECONDS };
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_CPU, &cpu);
    alarm(60);
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

static void in_child(void (*fn)(const char *, record *), const char *path, record *r)
{
    int status = 0;
    r->what = CRASHED;
    pid_t child = fork();
    if (child == 0) {
        limit();
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

/* A file that is being damaged: the bytes to be, and what differs from the good ones. */
typedef struct damage {
    char *bytes;
    size_t n;
    range touched[2];
} damage;

static uint64_t draw(uint64_t file, uint32_t *i, uint64_t below)
{
    return below ? scp_rng_below(seed, SCP_RNG_SYNTH, 77, file, (*i)++, below) : 0;
}

/* Half of all places are near the structures of HDF5, which are few bytes of a file. */
static size_t place(const subject *s, uint64_t file, uint32_t *i)
{
    if (s->n_anchors == 0 || draw(file, i, 2)) return (size_t)draw(file, i, s->n);
    size_t at = s->anchor[draw(file, i, s->n_anchors)] + (size_t)draw(file, i, 400);
    return at < s->n ? at : s->n - 1;
}

static range span(const damage *d, size_t at, size_t n)
{
    return (range){ at, d->n - at < n ? d->n : at + n };
}

static void swap_blocks(damage *d, uint64_t file, uint32_t *i)
{
    size_t block = (size_t)512 << draw(file, i, 3), blocks = d->n / block;
    size_t a = (size_t)draw(file, i, blocks) * block, b = (size_t)draw(file, i, blocks) * block;
    for (size_t k = 0; k < block && blocks > 1; k++) {
        char keep = d->bytes[a + k];
        d->bytes[a + k] = d->bytes[b + k];
        d->bytes[b + k] = keep;
    }
    d->touched[0] = span(d, a, block);
    d->touched[1] = span(d, b, block);
}

static void spoil(const subject *s, damage *d, kind what, uint64_t file, uint32_t *i)
{
    size_t at = place(s, file, i), n = 1;
    char *b = d->bytes;
    switch (what) {
    case BIT:
        b[at] ^= (char)(1u << draw(file, i, 8));
        break;
    case BITS:
        n = 64;
        for (uint64_t k = draw(file, i, 6) + 2; k-- > 0;)
            b[at + draw(file, i, d->n - at < n ? d->n - at : n)] ^= (char)(1u << draw(file, i, 8));
        break;
    case BYTE:
        b[at] = (char)"\x00\xff\x7f\x80\x01"[draw(file, i, 5)];
        break;
    case RUN:
        n = (size_t)draw(file, i, 64) + 1;
        for (size_t k = at; k < at + n && k < d->n; k++) b[k] = (char)draw(file, i, 256);
        break;
    case ZEROS:
        n = (size_t)draw(file, i, 200) + 1;
        break;
    case PAGE:
        n = (size_t)512 << draw(file, i, 4);
        at -= at % 512;
        break;
    case SWAP:
        swap_blocks(d, file, i);
        return;
    case CUT:
        d->n = at;
        return;
    case TAIL:
        n = d->n - at;
        break;
    case KINDS:
        break;
    }
    d->touched[0] = span(d, at, n);
    if (what == ZEROS || what == PAGE || what == TAIL) memset(b + at, 0, d->touched[0].end - at);
}

/* Do all bytes that differ lie in compressed chunks? */
static bool only_chunks(const subject *s, const damage *d)
{
    if (d->n != s->n) return false;
    for (int t = 0; t < 2; t++)
        for (size_t k = d->touched[t].at; k < d->touched[t].end; k++) {
            bool inside = d->bytes[k] == s->bytes[k];
            for (size_t c = 0; c < s->n_chunks && !inside; c++)
                inside = k >= s->chunk[c].at && k < s->chunk[c].end;
            if (!inside) return false;
        }
    return true;
}

static bool put(int fd, const char *bytes, range r)
{
    return pwrite(fd, bytes + r.at, r.end - r.at, (off_t)r.at) == (ssize_t)(r.end - r.at);
}

/* One damaged file, from drawing to judgement; the copy is then as before. */
static bool try_one(const subject *s, const char *copy, int fd, char *work, size_t file, record *r)
{
    uint32_t i = 0;
    damage d = { .bytes = work, .n = s->n };
    r->kind = (uint8_t)draw(file, &i, KINDS);
    spoil(s, &d, (kind)r->kind, file, &i);
    r->in_chunks = only_chunks(s, &d);
    bool fine = put(fd, work, d.touched[0]) && put(fd, work, d.touched[1]) &&
                ftruncate(fd, (off_t)d.n) == 0;
    if (fine) in_child(rehearse, copy, r);
    if (fine && (r->what == CRASHED || r->what == HUNG))
        ask_helper(copy, r);
    else if (fine && r->what == SAME)
        in_child(judge, copy, r);
    if (r->what == CHANGED) r->by_sum = scp_sums_check(copy) == SCP_EDATA;
    if (d.n != s->n) fine &= put(fd, s->bytes, (range){ d.n, s->n });
    for (int t = 0; t < 2; t++) {
        memcpy(work + d.touched[t].at, s->bytes + d.touched[t].at,
               d.touched[t].end - d.touched[t].at);
        fine &= put(fd, s->bytes, d.touched[t]);
    }
    r->done = fine;
    return fine;
}

/* The checksum of the good file beside its copy. */
static bool put_sum(const subject *s, const char *copy)
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
static bool work(const subject *s, size_t worker, size_t n)
{
    char copy[SCP_PATH_MAX], *bytes = malloc(s->n);
    if (scp_str_format(copy, sizeof copy, "%s.%zu.h5ad", s->good, worker) != SCP_OK) return false;
    int fd = open(copy, O_RDWR | O_CREAT | O_TRUNC, 0600);
    bool fine = bytes && fd >= 0 && put(fd, s->bytes, (range){ 0, s->n }) && put_sum(s, copy);
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

/* Stored bytes of the compressed chunks of a dataset. */
static herr_t add_chunks(hid_t root, const char *name, const H5O_info_t *info, void *data)
{
    subject *s = data;
    hsize_t n = 0;
    if (info->type != H5O_TYPE_DATASET) return 0;
    hid_t dset = H5Dopen2(root, name, H5P_DEFAULT), dcpl = H5Dget_create_plist(dset);
    hid_t space = H5Dget_space(dset);
    if (H5Pget_layout(dcpl) == H5D_CHUNKED && H5Pget_nfilters(dcpl) > 0)
        H5Dget_num_chunks(dset, space, &n);
    for (hsize_t k = 0; k < n && s->n_chunks < MAX_RANGES; k++) {
        hsize_t offset[SCP_H5_MAX_RANK], size = 0;
        unsigned mask = 0;
        haddr_t at = 0;
        if (H5Dget_chunk_info(dset, space, k, offset, &mask, &at, &size) >= 0)
            s->chunk[s->n_chunks++] = (range){ (size_t)at, (size_t)(at + size) };
    }
    H5Sclose(space);
    H5Pclose(dcpl);
    H5Dclose(dset);
    return 0;
}

static void find_anchors(subject *s)
{
    static const char *const mark[] = { "\x89HDF", "TREE", "HEAP", "SNOD", "GCOL", "OHDR",
                                        "OCHK",    "FRHP", "FHDB", "BTHD", "BTLF", "FSHD" };
    for (size_t at = 0; at + 4 <= s->n; at += 4)
        for (size_t m = 0; m < sizeof mark / sizeof mark[0]; m++)
            if (memcmp(s->bytes + at, mark[m], 4) == 0 && s->n_anchors + 1 < ANCHORS) {
                s->anchor[s->n_anchors++] = at;
                if (at >= 400) s->anchor[s->n_anchors++] = at - 400; /* headers without a mark */
            }
}

static bool add_subject(const char *name, const char *path)
{
    subject *s = &all[n_all];
    hid_t file;
    s->name = name;
    snprintf(s->good, sizeof s->good, "%s", path);
    if (!tap_st(scp_fs_read_text(path, &s->bytes, &s->n), "%s: its bytes", name) ||
        !tap_st(read_all(path, &s->want), "%s: reads", name) ||
        !tap_st(scp_h5_open(path, &file), "%s: opens", name))
        return false;
    H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, add_chunks, s, H5O_INFO_BASIC);
    bool fine = tap_st(scp_h5_close(&file), "%s: closes", name);
    find_anchors(s);
    n_all++;
    return fine;
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
    for (size_t i = 0; i < n; i++) {
        const record *r = &results[i];
        count[r->what]++;
        missed += !r->done;
        by_sum += r->by_sum;
        in_chunks += r->in_chunks;
        silent += r->in_chunks && r->what == CHANGED;
        bool wrong = r->what >= NAMELESS || (r->in_chunks && r->what == CHANGED);
        if (wrong)
            tap_diag("file %zu, %s, %s: %s, signal %d: %s", i, all[r->layout].name,
                     kind_name[r->kind], outcome_name[r->what], r->signal, r->message);
    }
    table(n);
    tap_ok(missed == 0, "%zu damaged files were tried", n);
    tap_ok(count[CRASHED] == 0, "none crashes the reading after a rehearsal that went well");
    tap_ok(count[HUNG] == 0, "none makes it run without end");
    tap_ok(count[INTERNAL] == 0, "none is an internal error");
    tap_ok(count[NAMELESS] == 0, "every refusal is one of bad data and names the file");
    /* HDF5 reads beyond its memory for some references in attributes; what lies there differs from
     * process to process */
    tap_ok(count[UNSURE] <= n / 1000, "%zu crash one process but not another", count[UNSURE]);
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
    size_t n = how_many ? strtoul(how_many, NULL, 10) : tap_long() ? LONG : SHORT;
    if (given) seed = strtoull(given, NULL, 10);
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
