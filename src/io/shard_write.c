/* Writing a shard: the wide matrices by all ranks (io/rows_file.h); the small tables by rank 0
 * alone, since variable-length text has no parallel form. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "io/h5.h"
#include "io/rows_file.h"
#include "io/shard.h"
#include "io/shard_format.h"
#include "io/shard_seal.h"

static const char *const matrix_name[2] = { SCP_SHARD_X, SCP_SHARD_R_X };
static const char *const sums_name[2] = { SCP_SHARD_X_SUMS, SCP_SHARD_R_X_SUMS };

struct scp_shard_writer {
    scp_comm *comm;
    scp_rows_shape shape;
    scp_rows_file *rows;
};

scp_status scp_shard_create(scp_comm *comm, const char *path, const scp_shard_size *size,
                            scp_shard_writer **out)
{
    SCP_ARG(comm && path && size && out, "communicator, path, sizes and result are required");
    scp_status st = SCP_OK;
    scp_shard_writer *w = NULL;
    *out = NULL;
    SCP_GOTO(done, scp_agree(comm, scp_alloc(1, sizeof *w, &w)));
    *w = (scp_shard_writer){ .comm = comm,
                             .shape = { .name = { SCP_SHARD_X, SCP_SHARD_R_X },
                                        .rows = { size->P, size->R },
                                        .columns = size->G,
                                        .single_writer = size->single_writer } };
    SCP_GOTO(done, scp_rows_file_create(comm, path, &w->shape, &w->rows));
done:
    if (st != SCP_OK) {
        free(w);
        w = NULL;
    }
    *out = w;
    return st;
}

const char *scp_shard_writer_path(const scp_shard_writer *w)
{
    return scp_rows_file_tmp(w->rows);
}

scp_status scp_shard_put(scp_shard_writer *w, scp_shard_matrix m, size_t first, size_t n,
                         const float *x)
{
    SCP_ARG(w, "writer is required");
    return scp_rows_file_put(w->rows, (int)m, first, n, x);
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
        const uint64_t *hash = scp_rows_file_hashes(w->rows, m);
        matrix[m] = scp_hash_bytes(hash, w->shape.rows[m] * sizeof *hash, 0);
        SCP_TRY(set_digest(file, matrix_name[m], matrix[m]));
        SCP_TRY(scp_h5_write(file, sums_name[m], H5T_NATIVE_UINT64, 1, &w->shape.rows[m], NULL,
                             hash));
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

/* A data set made by hand may come without counts of cells: it gets zeros. `view` is not owned. */
static scp_status with_counts(const scp_dataset *d, scp_dataset *view, int64_t **zeros)
{
    *view = *d;
    if (d->gene_cells) return SCP_OK;
    SCP_TRY(scp_alloc(d->G, sizeof **zeros, zeros));
    view->gene_cells = *zeros;
    return SCP_OK;
}

static scp_status add_tables(const scp_shard_writer *w, const scp_dataset *d)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    scp_dataset view;
    int64_t *zeros = NULL;
    if (d->P != w->shape.rows[0] || d->R != w->shape.rows[1] || d->G != w->shape.columns)
        SCP_FAIL(SCP_EINTERNAL, "the tables do not fit the matrices of %s",
                 scp_shard_writer_path(w));
    SCP_GOTO(done, reopen(scp_shard_writer_path(w), &file));
    SCP_GOTO(done, with_counts(d, &view, &zeros));
    SCP_GOTO(done, write_tables(w, file, &view));
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    free(zeros);
    return st;
}

scp_status scp_shard_put_tables(scp_shard_writer *w, const scp_dataset *d)
{
    SCP_ARG(w && d, "writer and tables are required");
    scp_status st = SCP_OK;
    SCP_TRY(scp_rows_file_seal(w->rows));
    if (scp_comm_rank(w->comm) == 0) st = add_tables(w, d);
    return scp_agree(w->comm, st);
}

static scp_status add_manifest(const scp_shard_writer *w, const char *manifest)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    if (!manifest) manifest = "{}";
    SCP_GOTO(done, reopen(scp_shard_writer_path(w), &file));
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
    if (scp_comm_rank((*w)->comm) == 0) st = add_manifest(*w, manifest);
    if (scp_comm_rank((*w)->comm) == 0 && st == SCP_OK)
        st = scp_shard_seal_add(scp_shard_writer_path(*w));
    SCP_GOTO(done, scp_agree((*w)->comm, st));
    SCP_GOTO(done, scp_rows_file_commit(&(*w)->rows));
done:
    scp_shard_abort(w);
    return st;
}

void scp_shard_abort(scp_shard_writer **w)
{
    if (!w || !*w) return;
    scp_rows_file_abort(&(*w)->rows);
    free(*w);
    *w = NULL;
}

scp_status scp_shard_write(scp_comm *comm, const char *path, const scp_dataset *d)
{
    SCP_ARG(comm && path && d, "communicator, path and data set are required");
    scp_status st = SCP_OK;
    scp_shard_writer *w = NULL;
    const scp_shard_size size = { .P = d->P, .R = d->R, .G = d->G };
    size_t begin, end;
    SCP_GOTO(done, scp_shard_create(comm, path, &size, &w));
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
