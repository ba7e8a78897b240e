/* The input files of a shard against its manifest: sizes, and checksums of the stored matrices. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/team.h"
#include "data/verify_manifest.h"
#include "io/h5_probe.h"
#include "io/h5ad_stream.h"

/* One input, as the manifest has it; texts are borrowed from there. */
typedef struct input {
    const char *shard;
    const char *matrix;
    char file[SCP_PATH_MAX];
    int64_t bytes;
    const char *stored; /* 16 hexadecimal digits, or NULL */
} input;

static scp_status parse_input(const scp_json *noted, input *in)
{
    const scp_json *stored = scp_json_get(noted, "stored_xxh3");
    char what[SCP_PATH_MAX + 64];
    snprintf(what, sizeof what, "the size of %s in the manifest", in->file);
    SCP_TRY(scp_json_as_int(scp_json_get(noted, "bytes"), what, &in->bytes));
    snprintf(what, sizeof what, "the checksum of %s in the manifest", in->file);
    in->stored = NULL;
    return stored ? scp_json_as_text(stored, what, &in->stored) : SCP_OK;
}

static scp_status check_size(const input *in, bool probe)
{
    int64_t bytes;
    SCP_TRY(scp_fs_size(in->file, &bytes));
    if (bytes != in->bytes)
        SCP_FAIL(SCP_EDATA, "%s has %" PRId64 " bytes; the input of %s had %" PRId64, in->file,
                 bytes, in->shard, in->bytes);
    const scp_probe_request r = { .path = in->file, .matrix = in->matrix };
    return probe && in->stored ? scp_probe_files(&r, 1, 1) : SCP_OK;
}

/* Rows are hashed as they are stored; none is wanted. */
static scp_status no_rows(void *ctx, int thread, const size_t *row, scp_h5ad_rows *rows)
{
    (void)ctx, (void)thread, (void)row, (void)rows;
    return SCP_OK;
}

/* This rank's part of the digest. */
static scp_status stored_digest(const scp_comm *comm, const input *in, uint64_t *digest)
{
    scp_status st = SCP_OK;
    scp_h5ad *f = NULL;
    int32_t *slot = NULL;
    *digest = 0;
    SCP_GOTO(done, scp_h5ad_open(in->file, &f));
    SCP_GOTO(done, scp_h5ad_select_matrix(f, in->matrix));
    const int rank = scp_comm_rank(comm), size = scp_comm_size(comm);
    uint64_t starts = 0;
    size_t rows = scp_h5ad_n_obs(f), begin, end;
    SCP_GOTO(done, scp_h5ad_stream_cut(f, 0, rows, rank, size, &begin));
    SCP_GOTO(done, scp_h5ad_stream_cut(f, 0, rows, rank + 1, size, &end));
    SCP_GOTO(done, scp_alloc(end - begin, sizeof *slot, &slot));
    const scp_h5ad_stream_options o = { .first = begin,
                                        .n = end - begin,
                                        .threads = scp_team_default(),
                                        .slot = slot,
                                        .slot_begin = 1, /* every slot is 0 */
                                        .slot_end = 2 };
    SCP_GOTO(done, scp_h5ad_stream(f, &o, no_rows, NULL, digest));
    SCP_GOTO(done, scp_h5ad_starts_digest(f, &starts));
    if (rank == 0) *digest += starts; /* once */
done:
    free(slot);
    scp_h5ad_close(&f);
    return st;
}

static scp_status check_input(scp_comm *comm, const input *in, bool probe)
{
    uint64_t digest;
    char text[17];
    const bool root = scp_comm_rank(comm) == 0;
    SCP_TRY(scp_agree(comm, root ? check_size(in, probe) : SCP_OK));
    if (!in->stored) return SCP_OK;
    SCP_TRY(scp_agree(comm, stored_digest(comm, in, &digest)));
    SCP_TRY(scp_comm_allreduce(comm, &digest, 1, SCP_COMM_I64, SCP_COMM_SUM));
    snprintf(text, sizeof text, "%016" PRIx64, digest);
    if (strcmp(text, in->stored) != 0)
        SCP_FAIL(
            SCP_EDATA,
            "%s: the stored matrix has checksum %s; the input of %s had %s: it is another file, or "
            "damaged",
            in->file, text, in->shard, in->stored);
    return SCP_OK;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Is the file, under whatever name, in the folder or below it? */
static bool lies_in(const char *file, const char *folder)
{
    char *a = realpath(file, NULL), *b = realpath(folder, NULL);
    size_t n = b ? strlen(b) : 0;
    if (n > 0 && b[n - 1] == '/') n--; /* the root */
    bool in = a && b && strncmp(a, b, n) == 0 && a[n] == '/';
    free(a);
    free(b);
    return in;
}

/* Where an input is now: at its recorded path if that is in the folder, at that path below the
 * folder, or under its base name in the folder, if no other input has the same. */
static scp_status find_input(const scp_json *inputs, const char *name, const char *folder,
                             input *in)
{
    void *iter = NULL;
    const char *other;
    const scp_json *value;
    if (lies_in(name, folder)) return scp_str_format(in->file, sizeof in->file, "%s", name);
    SCP_TRY(scp_fs_join(in->file, sizeof in->file, folder, name + strspn(name, "/")));
    if (scp_fs_exists(in->file)) return SCP_OK;
    while (scp_json_next(inputs, &iter, &other, &value))
        if (strcmp(other, name) != 0 && strcmp(base_name(other), base_name(name)) == 0)
            SCP_FAIL(
                SCP_EDATA,
                "%s: inputs %s and %s have the same name: put them at these paths below %s, or "
                "name a folder that they still lie in",
                in->shard, name, other, folder);
    return scp_fs_join(in->file, sizeof in->file, folder, base_name(name));
}

/* The same walk on every rank, over the same text. What is found is rank 0's affair: a file system
 * may look different elsewhere. */
static scp_status check_all(scp_comm *comm, const scp_json *m, const char *folder, bool probe,
                            input *in, size_t *n)
{
    void *iter = NULL;
    const char *name;
    const scp_json *value, *settings = scp_json_get(m, "settings"),
                           *inputs = scp_json_get(m, "inputs");
    SCP_TRY(scp_json_as_text(scp_json_get(settings, "matrix"), "manifest settings/matrix",
                             &in->matrix));
    while (scp_json_next(inputs, &iter, &name, &value)) {
        scp_status st = scp_comm_rank(comm) == 0 ? find_input(inputs, name, folder, in) : SCP_OK;
        SCP_TRY(scp_agree(comm, st));
        SCP_TRY(scp_comm_bcast(comm, in->file, sizeof in->file, SCP_COMM_U8, 0));
        SCP_TRY(parse_input(value, in));
        SCP_TRY(check_input(comm, in, probe));
        (*n)++;
    }
    return SCP_OK;
}

scp_status scp_verify_inputs(scp_comm *comm, const char *path, const char *manifest,
                             const char *folder, bool probe, size_t *n)
{
    SCP_ARG(comm && path && folder && n, "communicator, paths and result are required");
    scp_status st = SCP_OK;
    const bool root = scp_comm_rank(comm) == 0;
    scp_json *m = NULL;
    input in = { .shard = path };
    void *text = root ? (void *)manifest : NULL; /* lent: bcast_bytes only reads root's */
    size_t len = root ? strlen(manifest) : 0;
    *n = 0;
    SCP_TRY(scp_comm_bcast_bytes(comm, &text, &len, 0));
    SCP_GOTO(done, scp_agree(comm, scp_json_parse(text, len, path, &m)));
    SCP_GOTO(done, check_all(comm, m, folder, probe, &in, n));
done:
    scp_json_destroy(&m);
    if (!root) free(text);
    return st;
}
