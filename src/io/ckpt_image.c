/* See ckpt_image.h. */
#include "io/ckpt_image.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* Places are given to callers as arrays of numbers. */
enum { ALIGN = 64 };

void scp_ckpt_image_fini(scp_ckpt_image *m)
{
    scp_h5_memory_fini(&m->memory);
    scp_names_destroy(&m->names);
    free(m->entry);
    *m = (scp_ckpt_image){ 0 };
}

void *scp_ckpt_image_place(const scp_ckpt_image *m, size_t index, const char *name,
                           scp_ckpt_type t, size_t n)
{
    if (!m->length || index >= scp_names_count(m->names)) return NULL;
    const scp_ckpt_entry *e = &m->entry[index];
    const bool same =
        e->type == t && e->n == n && strcmp(scp_names_get(m->names, index), name) == 0;
    return same ? e->v : NULL;
}

/* ---- the layout ---- */

static size_t bytes_of(const scp_ckpt_entry *e)
{
    return e->n * scp_ckpt_type_size(e->type);
}

/* About what the file will have, so that its memory grows once. */
static size_t about(const scp_ckpt_image *m)
{
    enum { HEAD_BYTES = 1 << 20, ENTRY_BYTES = 2048 }; /* HDF5's own, of the file and of an entry */
    size_t bytes = HEAD_BYTES;
    for (size_t i = 0; i < scp_names_count(m->names); i++)
        bytes += bytes_of(&m->entry[i]) + ENTRY_BYTES;
    return bytes;
}

/* A dataset whose place in the file is *at; of an empty one, which has none, 0. */
static scp_status add_dataset(hid_t file, const char *name, hid_t type, int rank,
                              const size_t *dims, const void *v, size_t *at)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    *at = 0;
    SCP_GOTO(done, scp_h5_dataset_create(file, name, type, rank, dims, NULL, &dset));
    if (dims[0] > 0) {
        SCP_GOTO(done, scp_h5_write_slab(dset, type, 0, dims[0], v));
        *at = (size_t)H5Dget_offset(dset);
    }
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    return st;
}

/* Put every entry into the file and let go of it, so that both are never there whole. at [entries]:
 * their places. */
static scp_status add_entries(scp_ckpt_image *m, hid_t file, size_t *at)
{
    for (size_t i = 0; i < scp_names_count(m->names); i++) {
        scp_ckpt_entry *e = &m->entry[i];
        SCP_TRY(add_dataset(file, scp_names_get(m->names, i), scp_ckpt_file_type(e->type), 1, &e->n,
                            e->v, &at[i]));
        free(e->v);
        e->v = NULL;
        m->rows += e->n > 0;
    }
    return SCP_OK;
}

static int by_place(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return x[0] < y[0] ? -1 : x[0] > y[0];
}

/* From places in the file to places in memory, and the rows but for their hashes. */
static void settle(scp_ckpt_image *m, const size_t *at, size_t table)
{
    size_t row = 0;
    m->row = (int64_t(*)[SCP_CKPT_ROW])(m->memory.bytes + table);
    for (size_t i = 0; i < scp_names_count(m->names); i++) {
        scp_ckpt_entry *e = &m->entry[i];
        e->v = m->memory.bytes + at[i];
        if (e->n == 0) continue;
        m->row[row][0] = (int64_t)at[i];
        m->row[row++][1] = (int64_t)bytes_of(e);
    }
    qsort(m->row, m->rows, sizeof *m->row, by_place);
}

static scp_status lay_out(scp_ckpt_image *m, const char *path, size_t *at)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    char *bytes = NULL;
    size_t table = 0, length = 0;
    int64_t *none = NULL;
    SCP_GOTO(done, scp_h5_memory_reserve(&m->memory, about(m)));
    SCP_GOTO(done, scp_h5_image_create(path, SCP_CKPT_HEAD, ALIGN, &m->memory, &file));
    SCP_GOTO(done, add_entries(m, file, at));
    const size_t dims[2] = { m->rows, SCP_CKPT_ROW };
    SCP_GOTO(done, scp_alloc(m->rows * SCP_CKPT_ROW, sizeof *none, &none));
    SCP_GOTO(done,
             add_dataset(file, scp_ckpt_checksums, H5T_STD_I64LE, 2, dims, none, &table));
    SCP_GOTO(done, scp_h5_image(file, &bytes, &length));
    settle(m, at, table);
    m->length = length;
done:
    free(none);
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

scp_status scp_ckpt_image_make(scp_ckpt_image *m, const char *path, scp_names **names,
                               scp_ckpt_entry **entry)
{
    size_t *at = NULL, n = scp_names_count(*names);
    scp_names_destroy(&m->names);
    free(m->entry);
    m->names = *names;
    m->entry = *entry;
    *names = NULL;
    *entry = NULL;
    m->length = m->rows = 0;
    if (m->memory.size < about(m)) scp_h5_memory_fini(&m->memory); /* what it holds is not wanted */
    scp_status st = scp_alloc(n, sizeof *at, &at);
    if (st == SCP_OK) st = lay_out(m, path, at);
    free(at);
    if (st != SCP_OK) {
        for (size_t i = 0; i < n && !m->length; i++) free(m->entry[i].v);
        scp_ckpt_image_fini(m);
    }
    return st;
}

/* ---- the checksums ---- */

scp_status scp_ckpt_image_seal(scp_ckpt_image *m)
{
    char *const bytes = m->memory.bytes;
    scp_ckpt_seal seal = { .format = SCP_CKPT_FORMAT,
                           .length = (int64_t)m->length,
                           .table = m->rows ? (int64_t)((char *)m->row - bytes) : SCP_CKPT_HEAD,
                           .parts = (int64_t)m->rows };
    scp_hasher *h = scp_hasher_create();
    if (!h) SCP_FAIL(SCP_ENOMEM, "no memory for a checksum");
    for (size_t i = 0; i < m->rows; i++)
        m->row[i][2] = (int64_t)scp_hash_bytes(bytes + m->row[i][0], (size_t)m->row[i][1], 0);
    size_t at = SCP_CKPT_HEAD;
    scp_hasher_add(h, bytes, scp_ckpt_print_head(bytes, &seal));
    for (size_t i = 0; i < m->rows; i++) {
        scp_hasher_add(h, bytes + at, (size_t)m->row[i][0] - at);
        at = (size_t)(m->row[i][0] + m->row[i][1]);
    }
    scp_hasher_add(h, bytes + at, m->length - at);
    seal.hash = scp_hasher_value(h);
    scp_ckpt_print_head(bytes, &seal);
    scp_hasher_destroy(&h);
    return SCP_OK;
}
