/* Reading a shard: every rank reads the whole file on its own; rank 0 recomputes the checksums. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "io/h5.h"
#include "io/shard.h"
#include "io/shard_format.h"

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

static scp_status read_matrix(hid_t file, const char *path, const char *name, size_t rows, size_t G,
                              bool check, float **x)
{
    scp_status st = SCP_OK;
    const size_t dims[2] = { rows, G };
    uint64_t *hash = NULL;
    SCP_TRY(scp_alloc(rows * G, sizeof **x, x));
    SCP_TRY(scp_h5_read(file, name, H5T_NATIVE_FLOAT, 2, dims, *x));
    if (!check) return SCP_OK;
    SCP_TRY(scp_alloc(rows, sizeof *hash, &hash));
    for (size_t i = 0; i < rows; i++) hash[i] = scp_hash_bytes(*x + i * G, G * sizeof **x, 0);
    st = check_digest(file, path, name, scp_hash_bytes(hash, rows * sizeof *hash, 0));
    free(hash);
    return st;
}

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

static scp_status load(const char *path, bool matrices, bool check, scp_dataset *d)
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
    if (!matrices) goto done;
    SCP_GOTO(done, read_matrix(file, path, SCP_SHARD_X, d->P, d->G, check, &d->x));
    SCP_GOTO(done, read_matrix(file, path, SCP_SHARD_R_X, d->R, d->G, check, &d->r_x));
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    if (st != SCP_OK) scp_dataset_fini(d);
    return st;
}

scp_status scp_shard_read(scp_comm *comm, const char *path, scp_dataset *out)
{
    SCP_ARG(comm && path && out, "communicator, path and result are required");
    *out = (scp_dataset){ 0 };
    scp_status st = scp_agree(comm, load(path, true, scp_comm_rank(comm) == 0, out));
    if (st != SCP_OK) scp_dataset_fini(out);
    return st;
}

scp_status scp_shard_read_tables(const char *path, scp_dataset *out)
{
    SCP_ARG(path && out, "path and result are required");
    *out = (scp_dataset){ 0 };
    return load(path, false, true, out);
}
