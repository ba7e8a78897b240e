/* Recomputing the checksums of a shard in bounded memory, see shard_check.h. */
#include "io/shard_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "io/h5.h"
#include "io/shard_format.h"

enum { BLOCK_BYTES = 64 << 20 };

static const char *const matrix_name[2] = { SCP_SHARD_X, SCP_SHARD_R_X };
static const char *const sums_name[2] = { SCP_SHARD_X_SUMS, SCP_SHARD_R_X_SUMS };

const char *scp_shard_matrix_name(scp_shard_matrix m)
{
    return matrix_name[m];
}

/* One rank's part of the work. */
typedef struct rows_job {
    hid_t file, dset;
    size_t rows, G, begin, end;
    uint64_t *sum;  /* [rows] as recomputed; 0 for rows of other ranks */
    uint64_t *want; /* [rows] as noted in the file                     */
} rows_job;

static scp_status open_matrix(rows_job *j, const char *path, scp_shard_matrix m)
{
    int rank;
    size_t dims[SCP_H5_MAX_RANK];
    SCP_TRY(scp_h5_open(path, &j->file));
    SCP_TRY(scp_h5_dataset_open(j->file, matrix_name[m], &j->dset));
    SCP_TRY(scp_h5_check_number(j->dset, false));
    SCP_TRY(scp_h5_extent(j->dset, &rank, dims));
    if (rank != 2 || dims[0] != j->rows || dims[1] != j->G)
        SCP_FAIL(SCP_EDATA, "%s: /%s is not of %zu x %zu values", path, matrix_name[m], j->rows,
                 j->G);
    if (!scp_h5_exists(j->file, sums_name[m]))
        SCP_FAIL(SCP_EDATA,
                 "%s: /%s is missing: the file is damaged, or of an earlier version; run "
                 "scppdm_prep again",
                 path, sums_name[m]);
    SCP_TRY(scp_alloc(j->rows, sizeof *j->sum, &j->sum));
    SCP_TRY(scp_alloc(j->rows, sizeof *j->want, &j->want));
    return scp_h5_read(j->file, sums_name[m], H5T_NATIVE_UINT64, 1, &j->rows, j->want);
}

/* Hash the rows of a block and look at its values. */
static void check_block(rows_job *j, const float *x, size_t first, size_t n, scp_shard_rows *out)
{
    for (size_t i = 0; i < n; i++) {
        const float *row = x + i * j->G;
        j->sum[first + i] = scp_hash_bytes(row, j->G * sizeof *row, 0);
        if (out->bad_sum == SIZE_MAX && j->sum[first + i] != j->want[first + i])
            out->bad_sum = first + i;
        for (size_t g = 0; g < j->G && out->bad_value == SIZE_MAX; g++)
            if (!isfinite(row[g])) {
                out->bad_value = first + i;
                out->bad_column = g;
            }
    }
}

static scp_status read_share(rows_job *j, scp_shard_rows *out)
{
    scp_status st = SCP_OK;
    float *x = NULL;
    size_t row = j->G * sizeof *x, block = row > 0 ? BLOCK_BYTES / row : 1;
    if (block == 0) block = 1;
    if (block > j->end - j->begin) block = j->end - j->begin;
    SCP_TRY(scp_alloc(block * j->G, sizeof *x, &x));
    for (size_t first = j->begin; first < j->end; first += block) {
        size_t n = j->end - first < block ? j->end - first : block;
        SCP_GOTO(done, scp_h5_read_slab(j->dset, H5T_NATIVE_FLOAT, first, n, x));
        check_block(j, x, first, n, out);
    }
done:
    free(x);
    return st;
}

static scp_status compare_digest(const rows_job *j, bool *agrees, uint64_t digest)
{
    char *want = NULL, text[SCP_SHARD_DIGEST];
    SCP_TRY(scp_h5_attr_text(j->dset, "xxh3", &want));
    *agrees = strcmp(want, scp_shard_digest_text(digest, text)) == 0;
    free(want);
    return SCP_OK;
}

scp_status scp_shard_check_rows(scp_comm *comm, const char *path, scp_shard_matrix m, size_t rows,
                                size_t G, scp_shard_rows *out)
{
    SCP_ARG(comm && path && out, "communicator, path and result are required");
    scp_status st = SCP_OK;
    rows_job j = { .file = H5I_INVALID_HID, .dset = H5I_INVALID_HID, .rows = rows, .G = G };
    *out = (scp_shard_rows){ .bad_sum = SIZE_MAX, .bad_value = SIZE_MAX, .bad_column = SIZE_MAX };
    scp_comm_share(comm, rows, &j.begin, &j.end);
    SCP_GOTO(done, scp_agree(comm, open_matrix(&j, path, m)));
    SCP_GOTO(done, scp_agree(comm, read_share(&j, out)));
    SCP_GOTO(done, scp_comm_allreduce(comm, j.sum, rows, SCP_COMM_I64, SCP_COMM_SUM));
    out->digest = scp_hash_bytes(j.sum, rows * sizeof *j.sum, 0);
    SCP_GOTO(done, scp_agree(comm, compare_digest(&j, &out->agrees, out->digest)));
    int64_t first[2] = { out->bad_sum == SIZE_MAX ? INT64_MAX : (int64_t)out->bad_sum,
                         out->bad_value == SIZE_MAX ? INT64_MAX : (int64_t)out->bad_value };
    const int64_t mine = first[1];
    SCP_GOTO(done, scp_comm_allreduce(comm, first, 2, SCP_COMM_I64, SCP_COMM_MIN));
    out->bad_sum = first[0] == INT64_MAX ? SIZE_MAX : (size_t)first[0];
    out->bad_value = first[1] == INT64_MAX ? SIZE_MAX : (size_t)first[1];
    if (first[1] != mine) out->bad_column = SIZE_MAX;
done:
    free(j.sum);
    free(j.want);
    if (j.dset >= 0) H5Dclose(j.dset);
    if (j.file >= 0) SCP_KEEP(st, scp_h5_close(&j.file));
    return st;
}

scp_status scp_shard_check_manifest(const char *path, const char *manifest)
{
    SCP_ARG(path, "a path is required");
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID, dset = H5I_INVALID_HID;
    char *want = NULL, text[SCP_SHARD_DIGEST];
    if (!manifest) SCP_FAIL(SCP_EDATA, "%s has no manifest", path);
    SCP_GOTO(done, scp_h5_open(path, &file));
    SCP_GOTO(done, scp_h5_dataset_open(file, "manifest", &dset));
    SCP_GOTO(done, scp_h5_attr_text(dset, "xxh3", &want));
    scp_shard_digest_text(scp_hash_bytes(manifest, strlen(manifest), 0), text);
    if (strcmp(want, text) != 0)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s: the checksum of /manifest is %s, but its content has %s: the file is "
                      "damaged, run scppdm_prep again",
                      path, want, text);
done:
    free(want);
    if (dset >= 0) H5Dclose(dset);
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

uint64_t scp_shard_hash(const scp_dataset *tables, const uint64_t matrix[2])
{
    int64_t sizes[SCP_SHARD_SIZES];
    uint64_t digest[SCP_SHARD_TABLES];
    scp_shard_get_sizes(tables, sizes);
    for (int i = 0; i < SCP_SHARD_TABLES; i++)
        digest[i] = scp_shard_digest(tables, &scp_shard_tables[i]);
    return scp_shard_content_hash(sizes, digest, matrix);
}

bool scp_shard_table_text(const scp_dataset *d, size_t i, char *buf, size_t size)
{
    static const char *const kind[] = { [SHARD_TEXT] = "texts",
                                        [SHARD_U8] = "bytes",
                                        [SHARD_I32] = "32-bit integers",
                                        [SHARD_I64] = "64-bit integers",
                                        [SHARD_F64] = "reals" };
    if (i >= SCP_SHARD_TABLES) return false;
    const scp_shard_table *t = &scp_shard_tables[i];
    snprintf(buf, size, "%s: %zu %s, xxh3 %016" PRIx64, t->name, scp_shard_count(d, t) * t->width,
             kind[t->type], scp_shard_digest(d, t));
    return true;
}

/* First and last row of a matrix, and what belongs to it. */
static scp_status rehearse_matrix(const char *path, scp_shard_matrix m, const scp_dataset *d)
{
    scp_status st = SCP_OK;
    rows_job j = { .file = H5I_INVALID_HID,
                   .dset = H5I_INVALID_HID,
                   .rows = m == SCP_SHARD_PROFILES ? d->P : d->R,
                   .G = d->G };
    scp_shard_rows out = { .bad_sum = SIZE_MAX, .bad_value = SIZE_MAX };
    SCP_GOTO(done, open_matrix(&j, path, m));
    SCP_GOTO(done, compare_digest(&j, &out.agrees, 0));
    for (int last = 0; last < 2 && j.rows > 0; last++) {
        j.begin = last ? j.rows - 1 : 0;
        j.end = j.begin + 1;
        SCP_GOTO(done, read_share(&j, &out));
    }
done:
    free(j.sum);
    free(j.want);
    if (j.dset >= 0) H5Dclose(j.dset);
    if (j.file >= 0) SCP_KEEP(st, scp_h5_close(&j.file));
    return st;
}

scp_status scp_shard_rehearse(const char *path, scp_probe_say *say, void *ctx)
{
    SCP_ARG(path && say, "a path and a listener are required");
    scp_dataset d = { 0 };
    say(ctx, "the tables of the shard");
    SCP_TRY(scp_shard_read_tables(path, &d));
    scp_status st = SCP_OK;
    for (int m = 0; m < 2; m++) {
        say(ctx, matrix_name[m]);
        SCP_GOTO(done, rehearse_matrix(path, (scp_shard_matrix)m, &d));
    }
    say(ctx, "the manifest");
    SCP_GOTO(done, scp_shard_check_manifest(path, d.manifest));
done:
    scp_dataset_fini(&d);
    return st;
}
