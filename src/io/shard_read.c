/* Reading a shard: every rank reads the tables on its own, and its share of the rows of the
 * matrices into memory that the ranks of a node have together. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/h5.h"
#include "io/shard.h"
#include "io/shard_format.h"
#include "io/shard_seal.h"

/* Magic, version and sizes. */
static scp_status read_head(hid_t file, const char *path, scp_dataset *d)
{
    scp_status st = SCP_OK;
    char *magic = NULL;
    int64_t version = 0, sizes[SCP_SHARD_SIZES];
    if (!scp_h5_has_attr(file, "format"))
        SCP_FAIL(SCP_EDATA, "%s is not a shard file: scppdm_prep writes them", path);
    SCP_GOTO(done, scp_h5_attr_text(file, "format", &magic));
    if (strcmp(magic, SCP_SHARD_MAGIC) != 0)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s is a '%s' file, not a shard file", path, magic);
    SCP_GOTO(done, scp_h5_attr_i64(file, "version", 1, &version));
    if (version != SCP_SHARD_VERSION)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s has format version %lld, this program reads version %d: "
                      "run scppdm_prep again",
                      path, (long long)version, SCP_SHARD_VERSION);
    SCP_GOTO(done, scp_h5_attr_i64(file, "sizes", SCP_SHARD_SIZES, sizes));
    for (int i = 0; i < SCP_SHARD_SIZES; i++)
        if (sizes[i] < 0) SCP_FAIL_GOTO(done, SCP_EDATA, "%s: damaged sizes", path);
    scp_shard_set_sizes(d, sizes);
done:
    free(magic);
    return st;
}

static scp_status read_texts(hid_t file, const char *path, const scp_shard_table *t, size_t want,
                             void **data)
{
    size_t n = 0;
    char **text = NULL;
    SCP_TRY(scp_h5_read_texts(file, t->name, &text, &n));
    if (n != want) {
        scp_fs_list_free(text, n);
        SCP_FAIL(SCP_EDATA, "%s: /%s has %zu entries, %zu expected", path, t->name, n, want);
    }
    *data = text;
    return SCP_OK;
}

static scp_status read_table(hid_t file, const char *path, scp_dataset *d, const scp_shard_table *t)
{
    size_t n = scp_shard_count(d, t);
    void **data = scp_shard_data(d, t);
    if (t->type == SHARD_TEXT) return read_texts(file, path, t, n, data);
    const size_t dims[2] = { n, t->width };
    SCP_TRY(scp_alloc(n * t->width, scp_shard_type_size(t), data));
    return scp_h5_read(file, t->name, scp_shard_h5_type(t), t->width == 1 ? 1 : 2, dims, *data);
}

static scp_status check_digest(hid_t file, const char *path, const char *name, uint64_t have)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    char *want = NULL, text[SCP_SHARD_DIGEST];
    SCP_GOTO(done, scp_h5_dataset_open(file, name, &dset));
    SCP_GOTO(done, scp_h5_attr_text(dset, "xxh3", &want));
    if (strcmp(want, scp_shard_digest_text(have, text)) != 0)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s: the checksum of /%s is %s, but its content has %s: the file "
                      "is damaged, run scppdm_prep again",
                      path, name, want, text);
done:
    free(want);
    if (dset >= 0) H5Dclose(dset);
    return st;
}

/* ---- the matrices ---- */

/* One matrix on one rank. */
typedef struct matrix_job {
    const char *path, *name;
    size_t rows, G, begin, end; /* this rank reads rows [begin, end) */
    scp_node_block *block;
    uint64_t *sum; /* [rows] checksums of the rows; 0 for those of other ranks of the node */
} matrix_job;

/* Read a matrix of this shape: rows in stretches, so that they are hashed while they are warm. */
static scp_status read_rows(const matrix_job *j)
{
    enum { STRETCH_BYTES = 8 << 20 };
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID, dset = H5I_INVALID_HID;
    size_t dims[SCP_H5_MAX_RANK], row = j->G * sizeof(float), n;
    int rank;
    SCP_GOTO(done, scp_h5_open(j->path, &file));
    SCP_GOTO(done, scp_h5_dataset_open(file, j->name, &dset));
    SCP_GOTO(done, scp_h5_check_number(dset, false));
    SCP_GOTO(done, scp_h5_extent(dset, &rank, dims));
    if (rank != 2 || dims[0] != j->rows || dims[1] != j->G)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: /%s is not of %zu x %zu values", j->path, j->name,
                      j->rows, j->G);
    const size_t most = row > 0 && STRETCH_BYTES / row > 1 ? STRETCH_BYTES / row : 1;
    for (size_t first = j->begin; first < j->end; first += n) {
        float *x = (float *)j->block->base + first * j->G;
        n = j->end - first < most ? j->end - first : most;
        SCP_GOTO(done, scp_h5_read_slab(dset, H5T_NATIVE_FLOAT, first, n, x));
        for (size_t i = 0; i < n; i++) j->sum[first + i] = scp_hash_bytes(x + i * j->G, row, 0);
    }
done:
    if (dset >= 0) H5Dclose(dset);
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

static scp_status compare_rows(const matrix_job *j)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_open(j->path, &file));
    SCP_GOTO(done, check_digest(file, j->path, j->name,
                                scp_hash_bytes(j->sum, j->rows * sizeof *j->sum, 0)));
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

/* Collective over the ranks of a node; *x points into *block. The caller agrees on the status with
 * the other nodes. */
static scp_status read_matrix(scp_comm *node, const char *path, const char *name, size_t rows,
                              size_t G, scp_node_block *block, float **x)
{
    scp_status st = SCP_OK;
    matrix_job j = {
        .path = path, .name = name, .rows = rows, .G = G, .end = rows, .block = block
    };
    SCP_TRY(scp_node_alloc(node, rows * G * sizeof(float), block));
    if (!block->shared && scp_comm_size(node) > 1 && rows > 0 && scp_comm_rank(node) == 0)
        scp_log(SCP_LOG_WARN,
                "/%s: the %d ranks of this node cannot share memory: each holds %.1f GB", name,
                scp_comm_size(node), (double)(rows * G) * sizeof(float) / 1e9);
    if (block->shared) scp_comm_share(node, rows, &j.begin, &j.end);
    st = scp_alloc(rows, sizeof *j.sum, &j.sum);
    if (st == SCP_OK) st = read_rows(&j);
    SCP_GOTO(done, scp_agree(node, st));
    if (block->shared)
        SCP_GOTO(done, scp_comm_allreduce(node, j.sum, rows, SCP_COMM_I64, SCP_COMM_SUM));
    st = compare_rows(&j);
    SCP_KEEP(st, scp_node_block_seal(block));
    SCP_GOTO(done, scp_agree(node, st));
    *x = block->base;
done:
    free(j.sum);
    return st;
}

static scp_status read_matrices(scp_comm *comm, const char *path, scp_dataset *d)
{
    scp_status st = SCP_OK;
    scp_comm *node = NULL;
    SCP_TRY(scp_comm_split_node(comm, &node));
    SCP_GOTO(done, read_matrix(node, path, SCP_SHARD_X, d->P, d->G, &d->x_block, &d->x));
    SCP_GOTO(done, read_matrix(node, path, SCP_SHARD_R_X, d->R, d->G, &d->r_x_block, &d->r_x));
done:
    scp_comm_destroy(&node);
    return st;
}

/* ---- the tables ---- */

/* Indices must point at what exists: no reader of the data set checks them again. */
static scp_status check_indices(const char *path, const scp_dataset *d)
{
    const struct {
        const char *name;
        const int32_t *v;
        size_t n, bound;
        int32_t least;
    } rule[] = {
        { "drug/parent", d->parent, d->n_drugs, d->n_parents, 0 },
        { "profile/line", d->p_line, d->P, d->n_lines, 0 },
        { "profile/drug", d->p_drug, d->P, d->n_drugs, -1 },
        { "profile/plate", d->p_plate, d->P, d->n_plates, 0 },
        { "replicate/profile", d->r_profile, d->R, d->P, 0 },
        { "pair/post", d->post, d->N, d->P, 0 },
        { "pair/pre", d->pre, d->N, d->P, 0 },
    };
    for (size_t r = 0; r < sizeof rule / sizeof rule[0]; r++)
        for (size_t i = 0; i < rule[r].n; i++)
            if (rule[r].v[i] < rule[r].least || (int64_t)rule[r].v[i] >= (int64_t)rule[r].bound)
                SCP_FAIL(SCP_EDATA, "%s: /%s[%zu] = %d points at nothing", path, rule[r].name, i,
                         rule[r].v[i]);
    for (size_t i = 0; i < d->N; i++)
        if (d->split[i] >= SCP_SPLIT_COUNT)
            SCP_FAIL(SCP_EDATA, "%s: /pair/split[%zu] = %d is no split", path, i, d->split[i]);
    return SCP_OK;
}

static scp_status read_hash(hid_t file, const char *path, scp_dataset *d)
{
    char *text = NULL, *end = NULL;
    SCP_TRY(scp_h5_attr_text(file, "hash", &text));
    d->hash = strtoull(text, &end, 16);
    bool good = end == text + SCP_SHARD_DIGEST - 1 && *end == '\0';
    free(text);
    if (!good) SCP_FAIL(SCP_EDATA, "%s: damaged attribute 'hash'", path);
    return SCP_OK;
}

static scp_status read_tables(const char *path, bool check, scp_dataset *d)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_open(path, &file));
    SCP_GOTO(done, read_head(file, path, d));
    for (int i = 0; i < SCP_SHARD_TABLES; i++) {
        const scp_shard_table *t = &scp_shard_tables[i];
        SCP_GOTO(done, read_table(file, path, d, t));
        if (check) SCP_GOTO(done, check_digest(file, path, t->name, scp_shard_digest(d, t)));
    }
    SCP_GOTO(done, check_indices(path, d));
    SCP_GOTO(done, read_hash(file, path, d));
    if (scp_h5_exists(file, "manifest"))
        SCP_GOTO(done, scp_h5_read_text(file, "manifest", &d->manifest));
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    if (st != SCP_OK) scp_dataset_fini(d);
    return st;
}

scp_status scp_shard_read(scp_comm *comm, const char *path, scp_dataset *out)
{
    SCP_ARG(comm && path && out, "communicator, path and result are required");
    *out = (scp_dataset){ 0 };
    scp_status st = scp_shard_seal_check(path);
    if (st == SCP_OK) st = read_tables(path, scp_comm_rank(comm) == 0, out);
    st = scp_agree(comm, st);
    if (st == SCP_OK) st = scp_agree(comm, read_matrices(comm, path, out));
    if (st != SCP_OK) scp_dataset_fini(out);
    return st;
}

scp_status scp_shard_read_tables(const char *path, scp_dataset *out)
{
    SCP_ARG(path && out, "path and result are required");
    *out = (scp_dataset){ 0 };
    SCP_TRY(scp_shard_seal_check(path));
    return read_tables(path, true, out);
}

scp_status scp_shard_writer_tables(const scp_shard_writer *w, scp_dataset *out)
{
    SCP_ARG(w && out, "writer and result are required");
    *out = (scp_dataset){ 0 };
    return read_tables(scp_shard_writer_path(w), true, out);
}
