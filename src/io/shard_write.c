/* Writing a shard: the wide matrices by all ranks through parallel HDF5, contiguous, so that every
 * rank's rows are one stretch of the file; the small tables by rank 0 alone, since variable-length
 * text has no parallel form. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/h5.h"
#include "io/shard.h"
#include "io/shard_format.h"

static const char *const matrix_name[2] = { SCP_SHARD_X, SCP_SHARD_R_X };
static const char *const sums_name[2] = { SCP_SHARD_X_SUMS, SCP_SHARD_R_X_SUMS };

struct scp_shard_writer {
    scp_comm *comm;
    char path[SCP_PATH_MAX], tmp[SCP_PATH_MAX];
    hid_t file; /* open for all ranks until the tables are put */
    hid_t dset[2];
    size_t G, rows[2];
    uint64_t *row_hash[2]; /* 0 for rows that other ranks put */
    bool unsynced;         /* rows were put since the last get */
};

/* The temporary's name carries the process id of rank 0. */
static scp_status share_tmp_name(scp_shard_writer *w)
{
    scp_status st = SCP_OK;
    if (scp_comm_rank(w->comm) == 0) st = scp_fs_tmp_name(w->tmp, sizeof w->tmp, w->path);
    SCP_TRY(scp_agree(w->comm, st));
    return scp_comm_bcast(w->comm, w->tmp, sizeof w->tmp, SCP_COMM_U8, 0);
}

static scp_status create_matrices(scp_shard_writer *w)
{
    for (int m = 0; m < 2; m++) {
        const size_t dims[2] = { w->rows[m], w->G };
        SCP_TRY(scp_h5_dataset_create(w->file, matrix_name[m], H5T_NATIVE_FLOAT, 2, dims, NULL,
                                      &w->dset[m]));
    }
    return SCP_OK;
}

scp_status scp_shard_create(scp_comm *comm, const char *path, size_t P, size_t R, size_t G,
                            scp_shard_writer **out)
{
    SCP_ARG(comm && path && out, "communicator, path and result are required");
    scp_status st = SCP_OK;
    scp_shard_writer *w = NULL;
    *out = NULL;
    st = scp_alloc(1, sizeof *w, &w);
    if (w) {
        *w = (scp_shard_writer){ .comm = comm,
                                 .file = H5I_INVALID_HID,
                                 .dset = { H5I_INVALID_HID, H5I_INVALID_HID },
                                 .G = G,
                                 .rows = { P, R } };
        SCP_KEEP(st, scp_str_format(w->path, sizeof w->path, "%s", path));
        for (int m = 0; m < 2; m++)
            SCP_KEEP(st, scp_alloc(w->rows[m], sizeof **w->row_hash, &w->row_hash[m]));
    }
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, share_tmp_name(w));
    SCP_GOTO(done, scp_h5_create_all(comm, w->tmp, &w->file));
    SCP_GOTO(done, scp_agree(comm, create_matrices(w)));
done:
    if (st != SCP_OK) scp_shard_abort(&w);
    *out = w;
    return st;
}

const char *scp_shard_writer_path(const scp_shard_writer *w)
{
    return w->tmp;
}

scp_status scp_shard_put(scp_shard_writer *w, scp_shard_matrix m, size_t first, size_t n,
                         const float *x)
{
    SCP_ARG(w && (x || n == 0), "writer and rows are required");
    for (size_t i = 0; i < n; i++)
        w->row_hash[m][first + i] = scp_hash_bytes(x + i * w->G, w->G * sizeof *x, 0);
    w->unsynced = true;
    return scp_h5_write_slab_all(w->comm, w->dset[m], H5T_NATIVE_FLOAT, first, n, x);
}

/* Make what one rank wrote visible to the others: sync, barrier, sync [MPI 4.0, 14.6.1]. */
static scp_status sync_ranks(scp_shard_writer *w)
{
    scp_status st = SCP_OK;
    SCP_H5_GOTO(flushed, H5Fflush(w->file, H5F_SCOPE_GLOBAL));
flushed:
    SCP_TRY(scp_agree(w->comm, st));
    SCP_TRY(scp_comm_barrier(w->comm));
    SCP_H5_GOTO(done, H5Fflush(w->file, H5F_SCOPE_GLOBAL));
done:
    return scp_agree(w->comm, st);
}

scp_status scp_shard_get(scp_shard_writer *w, scp_shard_matrix m, size_t first, size_t n, float *x)
{
    SCP_ARG(w && (x || n == 0), "writer and room for the rows are required");
    if (w->unsynced) SCP_TRY(sync_ranks(w));
    w->unsynced = false;
    return scp_h5_read_slab_all(w->comm, w->dset[m], H5T_NATIVE_FLOAT, first, n, x);
}

static scp_status close_shared(scp_shard_writer *w)
{
    scp_status st = SCP_OK;
    for (int m = 0; m < 2; m++) {
        if (w->dset[m] >= 0) SCP_H5_KEEP(st, H5Dclose(w->dset[m]));
        w->dset[m] = H5I_INVALID_HID;
    }
    if (w->file >= 0) SCP_KEEP(st, scp_h5_close(&w->file));
    w->file = H5I_INVALID_HID;
    return st;
}

static scp_status set_digest(hid_t file, const char *name, uint64_t digest)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    char text[SCP_SHARD_DIGEST];
    SCP_GOTO(done, scp_h5_dataset_open(file, name, &dset));
    SCP_GOTO(done, scp_h5_set_text(dset, "xxh3", scp_shard_digest_text(digest, text)));
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    return st;
}

static scp_status write_table(hid_t file, const scp_dataset *d, const scp_shard_table *t,
                              uint64_t *digest)
{
    size_t n = scp_shard_count(d, t);
    void *data = *scp_shard_data(d, t);
    *digest = scp_shard_digest(d, t);
    if (t->type == SHARD_TEXT) {
        SCP_TRY(scp_h5_write_texts(file, t->name, (const char *const *)data, n, NULL));
    } else {
        const size_t dims[2] = { n, t->width };
        SCP_TRY(scp_h5_write(file, t->name, scp_shard_h5_type(t), t->width == 1 ? 1 : 2, dims, NULL,
                             data));
    }
    return set_digest(file, t->name, *digest);
}

/* All tables, checksums and root attributes. Rank 0, on the open file. */
static scp_status write_tables(const scp_shard_writer *w, hid_t file, const scp_dataset *d)
{
    int64_t sizes[SCP_SHARD_SIZES];
    uint64_t table[SCP_SHARD_TABLES], matrix[2];
    char text[SCP_SHARD_DIGEST];
    const int64_t version = SCP_SHARD_VERSION;
    scp_shard_get_sizes(d, sizes);
    for (int i = 0; i < SCP_SHARD_TABLES; i++)
        SCP_TRY(write_table(file, d, &scp_shard_tables[i], &table[i]));
    for (int m = 0; m < 2; m++) {
        matrix[m] = scp_hash_bytes(w->row_hash[m], w->rows[m] * sizeof **w->row_hash, 0);
        SCP_TRY(set_digest(file, matrix_name[m], matrix[m]));
        SCP_TRY(scp_h5_write(file, sums_name[m], H5T_NATIVE_UINT64, 1, &w->rows[m], NULL,
                             w->row_hash[m]));
    }
    SCP_TRY(scp_h5_set_text(file, "format", SCP_SHARD_MAGIC));
    SCP_TRY(scp_h5_set_i64(file, "version", 0, &version));
    SCP_TRY(scp_h5_set_i64(file, "sizes", SCP_SHARD_SIZES, sizes));
    uint64_t hash = scp_shard_content_hash(sizes, table, matrix);
    return scp_h5_set_text(file, "hash", scp_shard_digest_text(hash, text));
}

/* Reopen the file on this rank alone and let `write` add to it. */
static scp_status reopen(const char *path, hid_t *file)
{
    SCP_TRY(scp_h5_init());
    *file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    if (*file < 0) return scp_h5_raise(__FILE__, __LINE__, "H5Fopen", H5I_INVALID_HID, path);
    return SCP_OK;
}

static scp_status add_tables(const scp_shard_writer *w, const scp_dataset *d)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    if (d->P != w->rows[0] || d->R != w->rows[1] || d->G != w->G)
        SCP_FAIL(SCP_EINTERNAL, "the tables do not fit the matrices of %s", w->path);
    SCP_GOTO(done, reopen(w->tmp, &file));
    SCP_GOTO(done, write_tables(w, file, d));
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

scp_status scp_shard_put_tables(scp_shard_writer *w, const scp_dataset *d)
{
    SCP_ARG(w && d, "writer and tables are required");
    scp_status st = SCP_OK;
    SCP_TRY(scp_agree(w->comm, close_shared(w)));
    for (int m = 0; m < 2; m++) /* disjoint rows: the sum is the union */
        SCP_TRY(
            scp_comm_allreduce(w->comm, w->row_hash[m], w->rows[m], SCP_COMM_I64, SCP_COMM_SUM));
    if (scp_comm_rank(w->comm) == 0) st = add_tables(w, d);
    return scp_agree(w->comm, st);
}

static scp_status add_manifest(const scp_shard_writer *w, const char *manifest)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    if (!manifest) manifest = "{}";
    SCP_GOTO(done, reopen(w->tmp, &file));
    SCP_GOTO(done, scp_h5_write_text(file, "manifest", manifest));
    SCP_GOTO(done, set_digest(file, "manifest", scp_hash_bytes(manifest, strlen(manifest), 0)));
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

scp_status scp_shard_finish(scp_shard_writer **w, const char *manifest)
{
    SCP_ARG(w && *w, "writer is required");
    scp_status st = SCP_OK;
    if (scp_comm_rank((*w)->comm) == 0) {
        st = add_manifest(*w, manifest);
        if (st == SCP_OK) st = scp_fs_commit((*w)->tmp, (*w)->path);
    }
    st = scp_agree((*w)->comm, st);
    scp_shard_abort(w); /* after a rename there is no temporary left to remove */
    return st;
}

void scp_shard_abort(scp_shard_writer **writer)
{
    if (!writer || !*writer) return;
    scp_shard_writer *w = *writer;
    (void)close_shared(w);
    if (w->tmp[0] != '\0' && scp_comm_rank(w->comm) == 0) scp_fs_remove(w->tmp);
    for (int m = 0; m < 2; m++) free(w->row_hash[m]);
    free(w);
    *writer = NULL;
}

scp_status scp_shard_write(scp_comm *comm, const char *path, const scp_dataset *d)
{
    SCP_ARG(comm && path && d, "communicator, path and data set are required");
    scp_status st = SCP_OK;
    scp_shard_writer *w = NULL;
    size_t begin, end;
    SCP_GOTO(done, scp_shard_create(comm, path, d->P, d->R, d->G, &w));
    scp_comm_share(comm, d->P, &begin, &end);
    SCP_GOTO(done, scp_shard_put(w, SCP_SHARD_PROFILES, begin, end - begin, d->x + begin * d->G));
    scp_comm_share(comm, d->R, &begin, &end);
    SCP_GOTO(done, scp_shard_put(w, SCP_SHARD_REPLICATES, begin, end - begin,
                                 d->R ? d->r_x + begin * d->G : NULL));
    SCP_GOTO(done, scp_shard_put_tables(w, d));
    SCP_GOTO(done, scp_shard_finish(&w, d->manifest));
done:
    scp_shard_abort(&w);
    return st;
}
