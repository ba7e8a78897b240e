/* Stored chunks, see h5_chunk.h. Opening is in h5_chunk_open.c. */
#include "io/h5_chunk.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "io/h5_lzf.h"
#include "io/h5_slab.h"

/* A stored byte of deflate stands for at most 1032 bytes; one of LZF for at most 88. No filter
 * makes a chunk longer by more than this. */
enum { MOST_RATIO = 1032, MOST_GROWTH = 16, LEAST = 4096 };

static size_t chunk_bytes(const scp_h5_chunks *c)
{
    return c->chunk[0] * c->chunk[1] * c->bytes;
}

static size_t most_stored(const scp_h5_chunks *c)
{
    return chunk_bytes(c) + chunk_bytes(c) / MOST_GROWTH + LEAST;
}

/* Rows of chunk i that lie in the dataset. */
static size_t rows_of(const scp_h5_chunks *c, size_t i)
{
    size_t left = c->dims[0] - i * c->chunk[0];
    return left < c->chunk[0] ? left : c->chunk[0];
}

static size_t chunk_number(const scp_h5_chunks *c, size_t i, size_t j)
{
    return i * c->count[1] + j;
}

static scp_status reserve(uint8_t **buf, size_t *cap, size_t need)
{
    if (*cap >= need) return SCP_OK;
    free(*buf);
    *buf = NULL;
    *cap = 0;
    SCP_TRY(scp_alloc(need, 1, buf));
    *cap = need;
    return SCP_OK;
}

size_t scp_h5_decoder_bytes(const scp_h5_chunks *c)
{
    size_t own = chunk_bytes(c), inflater = scp_inflater_bytes();
    return most_stored(c) + inflater + (c->packing != SCP_H5_PLAIN ? own : 0) +
           (c->shuffle ? own : 0);
}

void scp_h5_decoder_fini(scp_h5_decoder *d)
{
    free(d->stored);
    free(d->packed);
    free(d->shuffled);
    scp_inflater_destroy(&d->inflater);
    *d = (scp_h5_decoder){ 0 };
}

/* ---- fetching ---- */

static scp_status damaged(const scp_h5_chunks *c, size_t i, size_t j, const char *what)
{
    SCP_FAIL(SCP_EDATA, "%s: chunk %zu is damaged: %s", c->where, chunk_number(c, i, j), what);
}

/* HDF5 refused a chunk: its words, and which one. */
static scp_status refused(const scp_h5_chunks *c, size_t i, size_t j, const char *call)
{
    scp_err_copy err;
    scp_status st = scp_h5_raise(__FILE__, __LINE__, call, H5I_INVALID_HID, NULL);
    scp_err_save(&err);
    SCP_FAIL(st, "%s: chunk %zu cannot be read: %s", c->where, chunk_number(c, i, j), err.message);
}

/* Stored bytes of chunk (i, j) by the file's index. With the lock held. HDF5 1.10 fails for a chunk
 * without storage, later versions say 0; reading would give fill values, in silence over a damaged
 * index. */
static scp_status find_chunk(const scp_h5_chunks *c, size_t i, size_t j, size_t *stored)
{
    const hsize_t at[2] = { i * c->chunk[0], j * c->chunk[1] };
    hsize_t bytes = 0;
    if (H5Dget_chunk_storage_size(c->dset, at, &bytes) < 0 || bytes == 0) {
        H5Eclear2(H5E_DEFAULT);
        return damaged(c, i, j, "it is not in the file");
    }
    if (bytes > c->file_size || bytes > most_stored(c))
        return damaged(c, i, j, "it is said to be longer than it can be");
    *stored = (size_t)bytes;
    return SCP_OK;
}

/* With the lock held. */
static scp_status fetch_chunk(const scp_h5_chunks *c, size_t i, size_t j, scp_h5_decoder *d)
{
    const hsize_t at[2] = { i * c->chunk[0], j * c->chunk[1] };
    size_t bytes = 0;
    SCP_TRY(find_chunk(c, i, j, &bytes));
    SCP_TRY(reserve(&d->stored, &d->cap_stored, bytes));
    if (H5Dread_chunk(c->dset, H5P_DEFAULT, at, &d->mask, d->stored) < 0)
        return refused(c, i, j, "H5Dread_chunk");
    d->n_stored = bytes;
    return SCP_OK;
}

scp_status scp_h5_chunks_look(const scp_h5_chunks *c)
{
    scp_status st = SCP_OK;
    size_t n = c->store == SCP_H5_STORED_CHUNKS ? c->count[0] * c->count[1] : 0, bytes;
    pthread_mutex_lock(c->lock);
    for (size_t k = 0; k < n && st == SCP_OK; k++)
        st = find_chunk(c, k / c->count[1], k % c->count[1], &bytes);
    pthread_mutex_unlock(c->lock);
    return st;
}

static scp_status fetch_whole(const scp_h5_chunks *c, size_t i, scp_h5_decoder *d)
{
    size_t bytes = rows_of(c, i) * c->dims[1] * c->bytes, done = 0;
    uint64_t at = c->offset + i * chunk_bytes(c);
    if (at > c->file_size || bytes > c->file_size - at)
        SCP_FAIL(SCP_EDATA, "%s: the file ends before the data does", c->where);
    SCP_TRY(reserve(&d->stored, &d->cap_stored, bytes));
    while (done < bytes) {
        ssize_t got = pread(c->fd, d->stored + done, bytes - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0)
            SCP_FAIL(SCP_EIO, "%s: cannot read at byte %" PRIu64 ": %s", c->where, at + done,
                     got < 0 ? strerror(errno) : "the file ends");
        done += (size_t)got;
    }
    d->n_stored = bytes;
    return SCP_OK;
}

/* With the lock held. */
static scp_status fetch_converted(const scp_h5_chunks *c, size_t i, scp_h5_decoder *d)
{
    size_t rows = rows_of(c, i), bytes = rows * c->dims[1] * c->bytes;
    SCP_TRY(reserve(&d->stored, &d->cap_stored, bytes));
    SCP_TRY(scp_h5_read_slab(c->dset, c->integer ? H5T_NATIVE_INT32 : H5T_NATIVE_FLOAT,
                             i * c->chunk[0], rows, d->stored));
    d->n_stored = bytes;
    return SCP_OK;
}

scp_status scp_h5_chunk_fetch(const scp_h5_chunks *c, size_t i, size_t j, scp_h5_decoder *d)
{
    scp_status st;
    d->n_stored = 0;
    d->mask = 0;
    if (c->store == SCP_H5_STORED_WHOLE) {
        SCP_TRY(fetch_whole(c, i, d));
        return SCP_OK;
    }
    pthread_mutex_lock(c->lock);
    if (c->store == SCP_H5_STORED_CHUNKS)
        st = fetch_chunk(c, i, j, d);
    else
        st = fetch_converted(c, i, d);
    pthread_mutex_unlock(c->lock);
    return st == SCP_OK ? st : scp_err_frame(st, __FILE__, __LINE__, "scp_h5_chunk_fetch");
}

uint64_t scp_h5_chunk_digest(const scp_h5_chunks *c, size_t i, size_t j, const scp_h5_decoder *d)
{
    const uint64_t place[2] = { chunk_number(c, i, j), d->mask };
    return scp_hash_bytes(d->stored, d->n_stored, scp_hash_bytes(place, sizeof place, c->seed));
}

/* ---- undoing filters ---- */

static scp_status unpack(const scp_h5_chunks *c, size_t i, size_t j, scp_h5_decoder *d)
{
    size_t bytes = chunk_bytes(c);
    bool fine;
    if (bytes / MOST_RATIO > d->n_stored)
        return damaged(c, i, j, "fewer bytes are stored than it can have been packed to");
    SCP_TRY(reserve(&d->packed, &d->cap_packed, bytes));
    if (c->packing == SCP_H5_DEFLATED) {
        if (!d->inflater) SCP_TRY(scp_inflater_create(&d->inflater));
        fine = scp_inflate(d->inflater, c->integer, d->stored, d->n_stored, d->packed, bytes);
    } else {
        fine = scp_h5_lzf_decode(d->stored, d->n_stored, d->packed, bytes) == bytes;
    }
    return fine ? SCP_OK : damaged(c, i, j, "it does not unpack to its length and checksum");
}

/* Byte b of element k is at in[b * n + k]. */
#define UNSHUFFLE(NAME, TYPE)                                                                      \
    static void NAME(const uint8_t *in, size_t n, TYPE *out)                                       \
    {                                                                                              \
        for (size_t k = 0; k < n; k++) {                                                           \
            TYPE x = 0;                                                                            \
            for (size_t b = 0; b < sizeof(TYPE); b++) x |= (TYPE)((TYPE)in[b * n + k] << 8 * b);   \
            out[k] = x;                                                                            \
        }                                                                                          \
    }
UNSHUFFLE(unshuffle_2, uint16_t)
UNSHUFFLE(unshuffle_4, uint32_t)
UNSHUFFLE(unshuffle_8, uint64_t)

static void unshuffle(const uint8_t *in, size_t n, size_t bytes, uint8_t *out)
{
    if (bytes == 8)
        unshuffle_8(in, n, (uint64_t *)out);
    else if (bytes == 4)
        unshuffle_4(in, n, (uint32_t *)out);
    else if (bytes == 2)
        unshuffle_2(in, n, (uint16_t *)out);
    else
        for (size_t k = 0; k < n; k++)
            for (size_t b = 0; b < bytes; b++) out[k * bytes + b] = in[b * n + k];
}

scp_status scp_h5_chunk_decode(const scp_h5_chunks *c, size_t i, size_t j, scp_h5_decoder *d,
                               const void **elements)
{
    size_t bytes = d->n_stored;
    const uint8_t *at;
    if (c->store != SCP_H5_STORED_CHUNKS) {
        *elements = d->stored;
        return SCP_OK;
    }
    at = d->stored;
    if (c->packing != SCP_H5_PLAIN && !(d->mask & c->packing_bit)) {
        SCP_TRY(unpack(c, i, j, d));
        at = d->packed;
        bytes = chunk_bytes(c);
    }
    if (bytes != chunk_bytes(c)) return damaged(c, i, j, "its length is not that of a chunk");
    if (c->shuffle && !(d->mask & c->shuffle_bit)) {
        SCP_TRY(reserve(&d->shuffled, &d->cap_shuffled, bytes));
        unshuffle(at, bytes / c->bytes, c->bytes, d->shuffled);
        at = d->shuffled;
    }
    *elements = at;
    return SCP_OK;
}
