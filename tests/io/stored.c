/* Files for tests, see stored.h. */
#include "config.h" /* _GNU_SOURCE for memmem */

#include "stored.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rng.h"

static scp_status properties(const stored *s, int rank, const size_t *dims, hid_t *dcpl)
{
    scp_status st = SCP_OK;
    hsize_t chunk[2];
    unsigned client[3] = { 4, 0x0105, (unsigned)H5Tget_size(s->type) };
    for (int d = 0; d < rank; d++) {
        chunk[d] = s->chunk[d] < dims[d] || (s->how & STORED_GROWS) ? s->chunk[d] : dims[d];
        client[2] *= (unsigned)chunk[d];
    }
    SCP_H5ID_GOTO(done, *dcpl, H5Pcreate(H5P_DATASET_CREATE));
    if (s->how & STORED_COMPACT) SCP_H5_GOTO(done, H5Pset_layout(*dcpl, H5D_COMPACT));
    if (s->chunk[0]) SCP_H5_GOTO(done, H5Pset_chunk(*dcpl, rank, chunk));
    if (s->how & STORED_FLETCHER) SCP_H5_GOTO(done, H5Pset_fletcher32(*dcpl));
    if (s->how & STORED_SHUFFLE) SCP_H5_GOTO(done, H5Pset_shuffle(*dcpl));
    if (s->how & STORED_DEFLATE) SCP_H5_GOTO(done, H5Pset_deflate(*dcpl, 4));
    if (s->how & STORED_LZF)
        SCP_H5_GOTO(done, H5Pset_filter(*dcpl, 32000, H5Z_FLAG_OPTIONAL, 3, client));
done:
    return st;
}

/* One chunk through shuffle and LZF literals; returns its stored bytes. */
static size_t encode(const uint8_t *raw, size_t bytes, size_t element, bool shuffle, uint8_t *out)
{
    size_t n = bytes / element, used = 0;
    for (size_t k = 0; k < bytes; k++) {
        if (k % 32 == 0) out[used++] = (uint8_t)((bytes - k < 32 ? bytes - k : 32) - 1);
        out[used++] = shuffle ? raw[k % n * element + k / n] : raw[k];
    }
    return used;
}

static scp_status write_lzf(hid_t dset, const stored *s, int rank, const size_t *dims,
                            const uint8_t *raw)
{
    scp_status st = SCP_OK;
    const size_t element = H5Tget_size(s->type);
    size_t width = rank > 1 ? dims[1] : 1, number = 0, chunk[2] = { s->chunk[0], 1 };
    if (rank > 1) chunk[1] = s->chunk[1];
    for (int d = 0; d < rank; d++)
        if (chunk[d] > dims[d] && !(s->how & STORED_GROWS)) chunk[d] = dims[d];
    size_t bytes = chunk[0] * chunk[1] * element;
    uint8_t *one = calloc(bytes, 1), *coded = calloc(bytes + bytes / 32 + 1, 1);
    for (size_t i = 0; i < dims[0]; i += chunk[0])
        for (size_t j = 0; j < width; j += chunk[1], number++) {
            bool masked = (s->how & STORED_PART_MASKED) && number % 2;
            hsize_t at[2] = { i, j };
            memset(one, 0, bytes);
            for (size_t r = i; r < dims[0] && r < i + chunk[0]; r++) {
                size_t n = width - j < chunk[1] ? width - j : chunk[1];
                memcpy(one + (r - i) * chunk[1] * element, raw + (r * width + j) * element,
                       n * element);
            }
            size_t used = encode(one, bytes, element, s->how & STORED_SHUFFLE, coded);
            SCP_H5_GOTO(done, H5Dwrite_chunk(dset, H5P_DEFAULT, masked ? 3 : 0, at,
                                             masked ? bytes : used, masked ? one : coded));
        }
done:
    free(one);
    free(coded);
    return st;
}

/* Values in the type of the file. */
static scp_status to_raw(hid_t type, const double *values, size_t n, uint8_t **raw)
{
    scp_status st = SCP_OK;
    size_t element = H5Tget_size(type);
    SCP_TRY(scp_alloc(n + 1, element > sizeof *values ? element : sizeof *values, raw));
    memcpy(*raw, values, n * sizeof *values);
    SCP_H5_GOTO(done, H5Tconvert(H5T_NATIVE_DOUBLE, type, n, *raw, NULL, H5P_DEFAULT));
done:
    return st;
}

scp_status stored_write(hid_t loc, const char *name, const stored *s, int rank, const size_t *dims,
                        const double *values)
{
    scp_status st = SCP_OK;
    hid_t dcpl = H5I_INVALID_HID, space = H5I_INVALID_HID, dset = H5I_INVALID_HID;
    hsize_t ext[2] = { 1, 1 }, most[2];
    uint8_t *raw = NULL;
    for (int d = 0; d < rank; d++) ext[d] = most[d] = dims[d];
    if (s->how & STORED_GROWS) most[0] = H5S_UNLIMITED;
    if ((s->how & STORED_LZF) && H5Zfilter_avail(32000) > 0) H5Zunregister(32000);
    SCP_GOTO(done, properties(s, rank, dims, &dcpl));
    SCP_GOTO(done, to_raw(s->type, values, (size_t)(ext[0] * ext[1]), &raw));
    SCP_H5ID_GOTO(done, space, H5Screate_simple(rank, ext, most));
    SCP_H5IDAT_GOTO(done, loc, name, dset,
                    H5Dcreate2(loc, name, s->type, space, H5P_DEFAULT, dcpl, H5P_DEFAULT));
    if (s->how & STORED_LZF)
        SCP_GOTO(done, write_lzf(dset, s, rank, dims, raw));
    else if (ext[0] * ext[1] > 0)
        SCP_H5_GOTO(done, H5Dwrite(dset, s->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw));
done:
    free(raw);
    if (dset >= 0) H5Dclose(dset);
    if (space >= 0) H5Sclose(space);
    if (dcpl >= 0) H5Pclose(dcpl);
    SCP_H5_KEEP(st, H5Fflush(loc, H5F_SCOPE_GLOBAL)); /* while the filter has no name */
    SCP_KEEP(st, scp_h5_init());                      /* it is back */
    return st;
}

/* ---- AnnData files ---- */

static scp_status write_frame(hid_t file, const char *name, size_t n)
{
    scp_status st = SCP_OK;
    hid_t group = H5I_INVALID_HID, type = H5Tcopy(H5T_C_S1);
    SCP_GOTO(done, scp_h5_group_create(file, name, &group));
    SCP_GOTO(done, scp_h5_set_text(group, "encoding-type", "dataframe"));
    SCP_GOTO(done, scp_h5_set_text(group, "_index", "_index"));
    SCP_GOTO(done, scp_h5_set_texts(group, "column-order", NULL, 0));
    SCP_GOTO(done, scp_h5_dataset_create(group, "_index", type, 1, &n, NULL, NULL));
done:
    H5Tclose(type);
    if (group >= 0) H5Gclose(group);
    return st;
}

static scp_status write_sparse(hid_t file, const stored_matrix *m)
{
    scp_status st = SCP_OK;
    hid_t group = H5I_INVALID_HID;
    bool csr = strcmp(m->encoding, "csr_matrix") == 0;
    const int64_t shape[2] = { (int64_t)m->n_rows, (int64_t)m->n_cols };
    size_t n_starts = (csr ? m->n_rows : m->n_cols) + 1;
    SCP_GOTO(done, scp_h5_group_create(file, "X", &group));
    SCP_GOTO(done, scp_h5_set_text(group, "encoding-type", m->encoding));
    SCP_GOTO(done, scp_h5_set_i64(group, "shape", 2, shape));
    SCP_GOTO(done, stored_write(group, "data", &m->data_as, 1, &m->nnz, m->data));
    SCP_GOTO(done, stored_write(group, "indices", &m->indices_as, 1, &m->nnz, m->indices));
    SCP_GOTO(done, stored_write(group, "indptr", &m->indptr_as, 1, &n_starts, m->indptr));
done:
    if (group >= 0) H5Gclose(group);
    return st;
}

scp_status stored_file(const char *path, const stored_matrix *m)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    const size_t dims[2] = { m->n_rows, m->n_cols };
    SCP_GOTO(done, scp_h5_create_after(path, m->user_bytes, &file));
    SCP_GOTO(done, scp_h5_set_text(file, "encoding-type", "anndata"));
    SCP_GOTO(done, write_frame(file, "obs", m->n_rows));
    SCP_GOTO(done, write_frame(file, "var", m->n_cols));
    if (strcmp(m->encoding, "array") == 0)
        SCP_GOTO(done, stored_write(file, "X", &m->data_as, 2, dims, m->data));
    else
        SCP_GOTO(done, write_sparse(file, m));
done:
    SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

static size_t draw(size_t below)
{
    static uint64_t turn;
    return scp_rng_below(7, SCP_RNG_SHUFFLE, turn++, 0, 0, below);
}

stored_entries stored_entries_make(size_t n_major, size_t n_minor, size_t mean, size_t longest)
{
    stored_entries e = { .n = n_major };
    size_t most = n_major * 2 * mean + longest;
    e.indptr = calloc(n_major + 1, sizeof *e.indptr);
    e.indices = calloc(most + 1, sizeof *e.indices);
    e.data = calloc(most + 1, sizeof *e.data);
    for (size_t i = 0; i < n_major; i++) {
        size_t n = i % 7 == 0 || i + 2 >= n_major ? 0 : draw(2 * mean);
        if (i == n_major / 2) n = longest;
        for (size_t k = 0; k < n; k++, e.nnz++) {
            e.indices[e.nnz] = (double)draw(n_minor);
            e.data[e.nnz] = (double)(1 + draw(100));
        }
        e.indptr[i + 1] = (double)e.nnz;
    }
    return e;
}

void stored_entries_fini(stored_entries *e)
{
    free(e->data);
    free(e->indices);
    free(e->indptr);
}

stored_matrix stored_sparse(const char *encoding, const stored_entries *e, size_t n_rows,
                            size_t n_cols)
{
    return (stored_matrix){ .encoding = encoding,
                            .n_rows = n_rows,
                            .n_cols = n_cols,
                            .nnz = e->nnz,
                            .data = e->data,
                            .indices = e->indices,
                            .indptr = e->indptr,
                            .data_as = { H5T_IEEE_F32LE, { 5000 }, STORED_DEFLATE },
                            .indices_as = { H5T_STD_I64LE, { 5000 }, STORED_DEFLATE },
                            .indptr_as = { H5T_STD_I64LE, { 100 }, STORED_DEFLATE } };
}

/* ---- damage ---- */

static void locate(const char *path, const char *dataset, size_t number, haddr_t *address,
                   hsize_t *bytes)
{
    hid_t file = H5I_INVALID_HID;
    hsize_t at[2];
    unsigned mask = 0;
    *address = *bytes = 0;
    if (scp_h5_open(path, &file) != SCP_OK) return;
    hid_t dset = H5Dopen2(file, dataset, H5P_DEFAULT), space = H5Dget_space(dset);
    if (H5Dget_chunk_info(dset, space, number, at, &mask, address, bytes) < 0) *address = 0;
    H5Sclose(space);
    H5Dclose(dset);
    if (scp_h5_close(&file) != SCP_OK) *address = 0;
}

uint64_t stored_offset(const char *path, const char *dataset, size_t number)
{
    haddr_t address;
    hsize_t bytes;
    locate(path, dataset, number, &address, &bytes);
    return address;
}

uint64_t stored_length(const char *path, const char *dataset, size_t number)
{
    haddr_t address;
    hsize_t bytes;
    locate(path, dataset, number, &address, &bytes);
    return bytes;
}

bool stored_patch(const char *path, uint64_t offset, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY);
    bool done = fd >= 0 && pwrite(fd, bytes, n, (off_t)offset) == (ssize_t)n;
    return (fd < 0 || close(fd) == 0) && done;
}

bool stored_patch_at(const char *path, const void *find, size_t n_find, long delta,
                     const void *bytes, size_t n)
{
    char *text = NULL, *at = NULL;
    size_t length = 0;
    bool done = false;
    if (scp_fs_read_text(path, &text, &length) == SCP_OK) at = memmem(text, length, find, n_find);
    if (at) done = stored_patch(path, (uint64_t)(at - text + delta), bytes, n);
    free(text);
    return done;
}
