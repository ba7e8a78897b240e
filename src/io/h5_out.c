/* Writing a dataset in packed chunks, see h5_out.h. As many chunks as there are threads are
 * gathered and packed together; HDF5 itself is called by the caller's thread alone. */
#include "io/h5_out.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/team.h"

struct scp_h5_out {
    hid_t dset;
    scp_pack_format format;
    bool grows;
    int rank, threads;
    size_t total;    /* entries of dimension 0 in the end; grows: those written so far */
    size_t entry;    /* bytes of an entry of dimension 0 */
    size_t chunk;    /* entries of a chunk; 0: the dataset is empty */
    size_t written;  /* entries in whole chunks that are in the file */
    size_t pending;  /* entries in raw */
    uint8_t *raw;    /* [threads, chunk] entries */
    uint8_t *packed; /* [threads, bound] */
    size_t *size;    /* [threads] bytes packed */
    size_t bound;
    scp_packer **packer; /* [threads] */
};

static scp_status make_room(scp_h5_out *o)
{
    size_t n = (size_t)o->threads;
    SCP_TRY(scp_alloc(n, sizeof *o->packer, &o->packer));
    for (size_t t = 0; t < n; t++) SCP_TRY(scp_packer_create(&o->format, &o->packer[t]));
    o->bound = scp_packer_bound(o->packer[0], o->chunk * o->entry);
    SCP_TRY(scp_alloc(n * o->chunk, o->entry, &o->raw));
    SCP_TRY(scp_alloc(n, o->bound, &o->packed));
    SCP_TRY(scp_alloc(n, sizeof *o->size, &o->size));
    return SCP_OK;
}

scp_status scp_h5_out_create(hid_t loc, const char *name, hid_t type, int rank, const size_t *dims,
                             const scp_h5_layout *layout, int threads, scp_h5_out **out)
{
    scp_status st = SCP_OK;
    scp_h5_out *o = NULL;
    scp_h5_layout whole = *layout;
    SCP_ARG(rank == 1 || rank == 2, "%s: 1 or 2 dimensions, not %d", name, rank);
    SCP_ARG(layout->chunk[0] > 0 && threads >= 1, "%s: chunks and a thread are required", name);
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *o, &o));
    size_t row = rank == 2 ? dims[1] : 1, width = H5Tget_size(type);
    whole.chunk[1] = row;
    o->format = (scp_pack_format){ layout->deflate, layout->shuffle, width, layout->sparse };
    o->grows = layout->grows;
    o->rank = rank;
    o->total = dims[0];
    o->entry = row * width;
    o->chunk = !o->grows && layout->chunk[0] > dims[0] ? dims[0] : layout->chunk[0];
    if (o->entry == 0) o->chunk = 0;
    size_t chunks = o->chunk ? (dims[0] + o->chunk - 1) / o->chunk : 1;
    o->threads = !o->grows && chunks < (size_t)threads ? (chunks ? (int)chunks : 1) : threads;
    SCP_GOTO(done, scp_h5_dataset_create(loc, name, type, rank, dims, &whole, &o->dset));
    if (o->chunk > 0) SCP_GOTO(done, make_room(o));
done:
    if (st != SCP_OK) scp_h5_out_drop(&o);
    *out = o;
    return st;
}

hid_t scp_h5_out_dataset(const scp_h5_out *o)
{
    return o->dset;
}

/* Let the dataset have n entries at least. */
static scp_status extend(scp_h5_out *o, size_t n)
{
    scp_status st = SCP_OK;
    int rank;
    size_t dims[SCP_H5_MAX_RANK];
    if (!o->grows || n <= o->total) return SCP_OK;
    SCP_TRY(scp_h5_extent(o->dset, &rank, dims));
    hsize_t grown[SCP_H5_MAX_RANK] = { n, dims[1], dims[2] };
    SCP_H5AT_GOTO(done, o->dset, NULL, H5Dset_extent(o->dset, grown));
    o->total = n;
done:
    return st;
}

/* Put the next chunk of `entries` entries (fewer than a chunk: the last one) into the file. */
static scp_status put_chunk(scp_h5_out *o, size_t entries, const void *bytes, size_t n)
{
    scp_status st = SCP_OK;
    const hsize_t at[SCP_H5_MAX_RANK] = { o->written };
    SCP_TRY(extend(o, o->written + entries));
    SCP_ARG(o->written + entries <= o->total, "%zu entries on top of %zu, the dataset has %zu",
            entries, o->written, o->total);
    SCP_H5AT_GOTO(done, o->dset, NULL, H5Dwrite_chunk(o->dset, H5P_DEFAULT, 0, at, n, bytes));
    o->written += entries;
done:
    return st;
}

static scp_status pack_one(void *ctx, int thread)
{
    scp_h5_out *o = ctx;
    size_t t = (size_t)thread, n = o->chunk * o->entry;
    return scp_packer_run(o->packer[t], o->raw + t * n, n, o->packed + t * o->bound, &o->size[t]);
}

/* Pack and write what is pending; a last chunk that is not full is filled up with zeros. */
static scp_status flush(scp_h5_out *o)
{
    size_t chunks = (o->pending + o->chunk - 1) / o->chunk, bytes = o->pending * o->entry;
    if (chunks == 0) return SCP_OK;
    memset(o->raw + bytes, 0, chunks * o->chunk * o->entry - bytes);
    SCP_TRY(scp_team_run((int)chunks, pack_one, o));
    for (size_t t = 0; t < chunks; t++) {
        size_t n = o->pending < o->chunk ? o->pending : o->chunk;
        SCP_TRY(put_chunk(o, n, o->packed + t * o->bound, o->size[t]));
        o->pending -= n;
    }
    return SCP_OK;
}

scp_status scp_h5_out_append(scp_h5_out *o, size_t n, const void *data)
{
    const uint8_t *from = data;
    size_t room = (size_t)o->threads * o->chunk;
    if (n == 0 || o->entry == 0) return SCP_OK;
    SCP_ARG(o->grows || n <= o->total - o->written - o->pending,
            "%zu entries on top of %zu, the dataset has %zu", n, o->written + o->pending, o->total);
    while (n > 0) {
        size_t some = n < room - o->pending ? n : room - o->pending;
        memcpy(o->raw + o->pending * o->entry, from, some * o->entry);
        o->pending += some;
        from += some * o->entry;
        n -= some;
        if (o->pending == room) SCP_TRY(flush(o));
    }
    return SCP_OK;
}

scp_status scp_h5_out_packed(scp_h5_out *o, const void *bytes, size_t n)
{
    SCP_ARG(o->chunk > 0 && o->pending == 0, "a packed chunk after %zu entries of another",
            o->pending);
    return put_chunk(o, o->chunk, bytes, n);
}

void scp_h5_out_drop(scp_h5_out **op)
{
    scp_h5_out *o = op ? *op : NULL;
    if (!o) return;
    if (o->dset >= 0) H5Dclose(o->dset);
    for (int t = 0; o->packer && t < o->threads; t++) scp_packer_destroy(&o->packer[t]);
    free(o->packer);
    free(o->raw);
    free(o->packed);
    free(o->size);
    free(o);
    *op = NULL;
}

scp_status scp_h5_out_close(scp_h5_out **op)
{
    scp_status st = SCP_OK;
    scp_h5_out *o = *op;
    if (o->chunk > 0) SCP_GOTO(done, flush(o));
    if (o->entry > 0 && o->written != o->total)
        SCP_FAIL_GOTO(done, SCP_EINTERNAL, "%zu of %zu entries were written", o->written, o->total);
    hid_t dset = o->dset;
    o->dset = H5I_INVALID_HID;
    SCP_H5_GOTO(done, H5Dclose(dset));
done:
    scp_h5_out_drop(op);
    return st;
}
