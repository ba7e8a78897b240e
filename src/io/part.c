/* The file of a part. */
#include "io/part.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "io/h5.h"

#define PART_MAGIC "scppdm-part"
enum { PART_VERSION = 2, HEAD = 9, TABLES = 9, DIGEST_TEXT = 17 };

static const char *const matrix_name[SCP_ROWS_MATRICES] = { "x", "r_x" };

/* One table: `count` is an offset of the number of entries, `data` of the pointer. */
static const struct part_table {
    const char *name;
    size_t count, data, size;
} tables[TABLES] = {
    { "gene", offsetof(scp_part, K), offsetof(scp_part, gene), 4 },
    { "slot_cells", offsetof(scp_part, slots), offsetof(scp_part, slot_cells), 8 },
    { "detected", offsetof(scp_part, K), offsetof(scp_part, detected), 8 },
    { "sum", offsetof(scp_part, K), offsetof(scp_part, sum), 8 },
    { "square", offsetof(scp_part, K), offsetof(scp_part, square), 8 },
    { "digest", offsetof(scp_part, n_files), offsetof(scp_part, digest), 8 },
    { "has_digest", offsetof(scp_part, n_files), offsetof(scp_part, has_digest), 1 },
    { "row_hash", offsetof(scp_part, rows[0]), offsetof(scp_part, row_hash[0]), 8 },
    { "r_row_hash", offsetof(scp_part, rows[1]), offsetof(scp_part, row_hash[1]), 8 },
};

static size_t count_of(const scp_part *p, const struct part_table *t)
{
    return *(const size_t *)((const char *)p + t->count);
}

static void **data_of(const scp_part *p, const struct part_table *t)
{
    return (void **)((char *)p + t->data);
}

static hid_t type_of(const struct part_table *t)
{
    return t->size == 8 ? H5T_NATIVE_INT64 : t->size == 4 ? H5T_NATIVE_INT32 : H5T_NATIVE_UINT8;
}

void scp_part_fini(scp_part *p)
{
    if (!p) return;
    for (int i = 0; i < TABLES; i++) free(*data_of(p, &tables[i]));
    *p = (scp_part){ 0 };
}

scp_status scp_part_alloc(scp_part *p)
{
    SCP_ARG(p, "a part is required");
    for (int i = 0; i < TABLES; i++)
        SCP_TRY(scp_alloc(count_of(p, &tables[i]), tables[i].size, data_of(p, &tables[i])));
    return SCP_OK;
}

static void get_head(const scp_part *p, int64_t head[HEAD])
{
    const int64_t from[HEAD] = { (int64_t)p->first,   (int64_t)p->end, (int64_t)p->rows[0],
                                 (int64_t)p->rows[1], (int64_t)p->K,   (int64_t)p->slots,
                                 (int64_t)p->n_files, p->train_cells,  p->empty_cells };
    memcpy(head, from, sizeof from);
}

static void set_head(scp_part *p, const int64_t head[HEAD])
{
    size_t *const to[] = { &p->first, &p->end,   &p->rows[0], &p->rows[1],
                           &p->K,     &p->slots, &p->n_files };
    for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) *to[i] = (size_t)head[i];
    p->train_cells = head[HEAD - 2];
    p->empty_cells = head[HEAD - 1];
}

/* Checksum of everything but the rows themselves, whose hashes are among the tables. */
static uint64_t digest_of(const scp_part *p)
{
    int64_t head[HEAD];
    get_head(p, head);
    uint64_t h = scp_hash_bytes(head, sizeof head, p->plan);
    for (int i = 0; i < TABLES; i++)
        h = scp_hash_bytes(*data_of(p, &tables[i]), count_of(p, &tables[i]) * tables[i].size, h);
    return h;
}

static const char *hex(uint64_t x, char text[DIGEST_TEXT])
{
    snprintf(text, DIGEST_TEXT, "%016" PRIx64, x);
    return text;
}

/* ---- writing ---- */

scp_status scp_part_create(scp_comm *comm, const char *path, const size_t rows[SCP_ROWS_MATRICES],
                           size_t K, bool single_writer, scp_rows_file **out)
{
    const scp_rows_shape shape = { .name = { matrix_name[0], matrix_name[1] },
                                   .rows = { rows[0], rows[1] },
                                   .columns = K,
                                   .single_writer = single_writer };
    return scp_rows_file_create(comm, path, &shape, out);
}

static scp_status write_tables(hid_t file, const scp_part *p)
{
    char text[DIGEST_TEXT];
    int64_t head[HEAD];
    const int64_t version = PART_VERSION;
    for (int i = 0; i < TABLES; i++) {
        size_t n = count_of(p, &tables[i]);
        SCP_TRY(scp_h5_write(file, tables[i].name, type_of(&tables[i]), 1, &n, NULL,
                             *data_of(p, &tables[i])));
    }
    get_head(p, head);
    SCP_TRY(scp_h5_set_text(file, "format", PART_MAGIC));
    SCP_TRY(scp_h5_set_i64(file, "version", 0, &version));
    SCP_TRY(scp_h5_set_i64(file, "head", HEAD, head));
    SCP_TRY(scp_h5_set_text(file, "plan", hex(p->plan, text)));
    return scp_h5_set_text(file, "xxh3", hex(digest_of(p), text));
}

static scp_status add_tables(const scp_rows_file *w, const scp_part *p)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    scp_part full = *p; /* a view: with the hashes that the writer has */
    for (int m = 0; m < SCP_ROWS_MATRICES; m++)
        full.row_hash[m] = (uint64_t *)scp_rows_file_hashes(w, m);
    file = H5Fopen(scp_rows_file_tmp(w), H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0)
        return scp_h5_raise(__FILE__, __LINE__, "H5Fopen", H5I_INVALID_HID, scp_rows_file_tmp(w));
    st = write_tables(file, &full);
    SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

scp_status scp_part_commit(scp_comm *comm, scp_rows_file **w, const scp_part *p)
{
    SCP_ARG(comm && w && *w && p, "communicator, writer and tables are required");
    scp_status st = scp_rows_file_seal(*w);
    if (st == SCP_OK && scp_comm_rank(comm) == 0) st = add_tables(*w, p);
    SCP_GOTO(failed, scp_agree(comm, st));
    return scp_rows_file_commit(w);
failed:
    scp_rows_file_abort(w);
    return st;
}

/* ---- reading ---- */

static scp_status read_hex(hid_t file, const char *path, const char *name, uint64_t *out)
{
    char *text = NULL, *end = NULL;
    SCP_TRY(scp_h5_attr_text(file, name, &text));
    *out = strtoull(text, &end, 16);
    bool good = end == text + DIGEST_TEXT - 1 && *end == '\0';
    free(text);
    if (!good) SCP_FAIL(SCP_EDATA, "%s: damaged attribute '%s'", path, name);
    return SCP_OK;
}

static scp_status read_head(hid_t file, const char *path, scp_part *p)
{
    scp_status st = SCP_OK;
    char *magic = NULL;
    int64_t version = 0, head[HEAD];
    if (!scp_h5_has_attr(file, "format")) SCP_FAIL(SCP_EDATA, "%s is not a part of a run", path);
    SCP_GOTO(done, scp_h5_attr_text(file, "format", &magic));
    SCP_GOTO(done, scp_h5_attr_i64(file, "version", 1, &version));
    if (strcmp(magic, PART_MAGIC) != 0 || version != PART_VERSION)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s is a '%s' file of version %lld, not a part of a run",
                      path, magic, (long long)version);
    SCP_GOTO(done, scp_h5_attr_i64(file, "head", HEAD, head));
    for (int i = 0; i < HEAD; i++)
        if (head[i] < 0 || head[i] > INT64_MAX / 64)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: damaged sizes", path);
    set_head(p, head);
    SCP_GOTO(done, read_hex(file, path, "plan", &p->plan));
done:
    free(magic);
    return st;
}

/* Tables must have the extents of the head before memory is asked for. */
static scp_status check_extents(hid_t file, const char *path, const scp_part *p)
{
    scp_status st = SCP_OK;
    for (int i = 0; i < TABLES; i++) {
        hid_t dset = H5I_INVALID_HID;
        int rank = 0;
        size_t dims[SCP_H5_MAX_RANK];
        SCP_TRY(scp_h5_dataset_open(file, tables[i].name, &dset));
        st = scp_h5_extent(dset, &rank, dims);
        H5Dclose(dset);
        SCP_TRY(st);
        if (rank != 1 || dims[0] != count_of(p, &tables[i]))
            SCP_FAIL(SCP_EDATA, "%s: /%s does not have the announced size", path, tables[i].name);
    }
    return SCP_OK;
}

scp_status scp_part_read(const char *path, scp_part *out)
{
    SCP_ARG(path && out, "path and result are required");
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    uint64_t want = 0;
    *out = (scp_part){ 0 };
    SCP_GOTO(done, scp_h5_open(path, &file));
    SCP_GOTO(done, read_head(file, path, out));
    SCP_GOTO(done, check_extents(file, path, out));
    SCP_GOTO(done, scp_part_alloc(out));
    for (int i = 0; i < TABLES; i++) {
        size_t n = count_of(out, &tables[i]);
        SCP_GOTO(done, scp_h5_read(file, tables[i].name, type_of(&tables[i]), 1, &n,
                                   *data_of(out, &tables[i])));
    }
    SCP_GOTO(done, read_hex(file, path, "xxh3", &want));
    if (want != digest_of(out))
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: the checksum of its tables does not hold", path);
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    if (st != SCP_OK) scp_part_fini(out);
    return st;
}

struct scp_part_reader {
    const scp_part *part;
    const char *path;
    hid_t file, dset[SCP_ROWS_MATRICES];
};

scp_status scp_part_open(const char *path, const scp_part *p, scp_part_reader **out)
{
    SCP_ARG(path && p && out, "path, tables and result are required");
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    scp_part_reader *r = *out;
    *r = (scp_part_reader){ .part = p,
                            .path = path,
                            .file = H5I_INVALID_HID,
                            .dset = { H5I_INVALID_HID, H5I_INVALID_HID } };
    SCP_GOTO(done, scp_h5_open(path, &r->file));
    for (int m = 0; m < SCP_ROWS_MATRICES; m++) {
        int rank = 0;
        size_t dims[SCP_H5_MAX_RANK];
        SCP_GOTO(done, scp_h5_dataset_open(r->file, matrix_name[m], &r->dset[m]));
        SCP_GOTO(done, scp_h5_extent(r->dset[m], &rank, dims));
        if (rank != 2 || dims[0] != p->rows[m] || dims[1] != p->K)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: /%s does not have the announced size", path,
                          matrix_name[m]);
    }
done:
    if (st != SCP_OK) scp_part_close(out);
    return st;
}

scp_status scp_part_rows(scp_part_reader *r, int m, size_t first, size_t n, float *x)
{
    SCP_ARG(r && x, "a part and room for rows are required");
    size_t K = r->part->K;
    SCP_TRY(scp_h5_read_slab(r->dset[m], H5T_NATIVE_FLOAT, first, n, x));
    for (size_t i = 0; i < n; i++)
        if (scp_hash_bytes(x + i * K, K * sizeof *x, 0) != r->part->row_hash[m][first + i])
            SCP_FAIL(SCP_EDATA, "%s: the checksum of row %zu of /%s does not hold", r->path,
                     first + i, matrix_name[m]);
    return SCP_OK;
}

void scp_part_close(scp_part_reader **r)
{
    if (!r || !*r) return;
    for (int m = 0; m < SCP_ROWS_MATRICES; m++)
        if ((*r)->dset[m] >= 0) H5Dclose((*r)->dset[m]);
    if ((*r)->file >= 0) H5Fclose((*r)->file);
    free(*r);
    *r = NULL;
}
